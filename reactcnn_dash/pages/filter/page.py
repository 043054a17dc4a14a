"""The filter page: what it is made of."""

from __future__ import annotations

from typing import Final

from reactcnn_dash import ids
from reactcnn_dash.pages.filter.help import HELP
from reactcnn_dash.pages.filter.layout import content
from reactcnn_dash.pages.filter.routes import routes
from reactcnn_dash.pages.page import Control, Page

CONTROLS: Final = (
    Control("filterPrevious", ids.FILTER_PREVIOUS, "n_clicks"),
    Control("filterNext", ids.FILTER_NEXT, "n_clicks"),
    Control("filterLayer", ids.FILTER_LAYER, "value"),
    Control("filterNumber", ids.FILTER_NUMBER, "value"),
    Control("filterCopy", ids.FILTER_COPY, "n_clicks"),
    Control("filterOverlay", ids.FILTER_OVERLAY, "n_clicks"),
)

PAGE: Final = Page(
    name="Filter",
    path="/filter/",
    folder="filter",
    content=content,
    help=HELP,
    routes=routes,
    controls=CONTROLS,
    listed=False,
)
