"""Searching in a run: everything stays in the browser, which asks the routes of `searching`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash import ids
from reactcnn_dash.callbacks.view import connect

if TYPE_CHECKING:
    from dash import Dash

CONTROLS: Final = (
    ("toggleSearch", ids.SEARCH_BUTTON, "n_clicks"),
    ("closeSearch", ids.SEARCH_CLOSE, "n_clicks"),
    ("searchLabel", ids.SEARCH_LABEL, "value"),
    ("searchPrediction", ids.SEARCH_PREDICTION, "value"),
    ("searchWrong", ids.SEARCH_WRONG, "n_clicks"),
    ("searchFirst", ids.SEARCH_FIRST, "value"),
    ("searchLast", ids.SEARCH_LAST, "value"),
    ("searchOrder", ids.SEARCH_ORDER, "value"),
    ("previousResult", ids.SEARCH_PREVIOUS, "n_clicks"),
    ("nextResult", ids.SEARCH_NEXT, "n_clicks"),
    ("clustersOfThese", ids.SEARCH_CLUSTERS, "n_clicks"),
)
"""Clientside function, component and property of each control."""


def register(app: Dash) -> None:
    """Connect each control with its clientside function."""
    connect(app, CONTROLS)
