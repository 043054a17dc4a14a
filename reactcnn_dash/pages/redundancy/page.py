"""The redundancy page: what it is made of."""

from __future__ import annotations

from typing import Final

from reactcnn_dash import ids
from reactcnn_dash.pages.page import Control, Page
from reactcnn_dash.pages.redundancy.help import HELP
from reactcnn_dash.pages.redundancy.layout import content
from reactcnn_dash.pages.redundancy.routes import routes

CONTROLS: Final = (
    Control("redundancyRun", ids.REDUNDANCY_RUN, "value"),
    Control("redundancyThreshold", ids.REDUNDANCY_THRESHOLD, "value"),
    Control("redundancyPrint", ids.REDUNDANCY_PRINT, "n_clicks"),
)

PAGE: Final = Page(
    name="Redundancy",
    path="/redundancy/",
    folder="redundancy",
    content=content,
    help=HELP,
    routes=routes,
    controls=CONTROLS,
)
