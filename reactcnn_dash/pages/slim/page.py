"""The slim page: what it is made of."""

from __future__ import annotations

from typing import Final

from reactcnn_dash import ids
from reactcnn_dash.pages.page import Control, Page
from reactcnn_dash.pages.slim.help import HELP
from reactcnn_dash.pages.slim.layout import content
from reactcnn_dash.pages.slim.routes import routes

CONTROLS: Final = (
    Control("slimRun", ids.SLIM_RUN, "value"),
    Control("slimAgainst", ids.SLIM_AGAINST, "value"),
    Control("slimBudget", ids.SLIM_BUDGET, "value"),
    Control("slimShare", ids.SLIM_SHARE, "value"),
    Control("slimMethod", ids.SLIM_METHOD, "value"),
    Control("slimCalibration", ids.SLIM_CALIBRATION, "value"),
    Control("slimEvaluation", ids.SLIM_EVALUATION, "value"),
    Control("slimTry", ids.SLIM_TRY, "n_clicks"),
    Control("slimCancel", ids.SLIM_CANCEL, "n_clicks"),
)

PAGE: Final = Page(
    name="Slim",
    path="/slim/",
    folder="slim",
    content=content,
    help=HELP,
    routes=routes,
    controls=CONTROLS,
)
