"""The compare page: what it is made of."""

from __future__ import annotations

from typing import Final

from reactcnn_dash import ids
from reactcnn_dash.analysis import METHODS
from reactcnn_dash.pages.compare.help import HELP
from reactcnn_dash.pages.compare.layout import content
from reactcnn_dash.pages.compare.routes import routes
from reactcnn_dash.pages.compare.tables import tables
from reactcnn_dash.pages.page import Control, Page

CONTROLS: Final = (
    Control("compareMode", ids.COMPARE_MODE, "value"),
    Control("compareA", ids.COMPARE_A, "value"),
    Control("compareB", ids.COMPARE_B, "value"),
    Control("compareReport", ids.COMPARE_REPORT, "n_clicks"),
    Control("compareSwap", ids.COMPARE_SWAP, "n_clicks"),
    Control("compareExperiment", ids.COMPARE_EXPERIMENT, "value"),
    Control("compareAgainst", ids.COMPARE_AGAINST, "value"),
    Control("compareMethod", ids.COMPARE_METHOD, "value"),
    *(Control("compareParameter", f"{ids.COMPARE_PARAMETER}-{key}", "value") for key in METHODS),
    Control("compareLayerRow", ids.COMPARE_LAYERS, "selectedRows"),
    Control("compareTab", ids.COMPARE_TAB, "value"),
    Control("compareKind", ids.COMPARE_KIND, "value"),
    Control("compareBack", ids.COMPARE_PAIR_BACK, "n_clicks"),
    Control("comparePrevious", ids.COMPARE_PAIR_PREVIOUS, "n_clicks"),
    Control("compareNext", ids.COMPARE_PAIR_NEXT, "n_clicks"),
    Control("compareShown", ids.COMPARE_SHOWN, "value"),
    Control("compareScale", ids.SCALE, "value"),
)

PAGE: Final = Page(
    name="Compare",
    path="/compare/",
    folder="compare",
    content=content,
    help=HELP,
    routes=routes,
    controls=CONTROLS,
    later=tables,
)
