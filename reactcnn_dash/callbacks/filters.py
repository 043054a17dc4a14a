"""The filter page: its controls act in the browser, which asks `filters.routes` by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash import ids
from reactcnn_dash.callbacks.view import connect

if TYPE_CHECKING:
    from dash import Dash

CONTROLS: Final = (
    ("filterPrevious", ids.FILTER_PREVIOUS, "n_clicks"),
    ("filterNext", ids.FILTER_NEXT, "n_clicks"),
    ("filterLayer", ids.FILTER_LAYER, "value"),
    ("filterNumber", ids.FILTER_NUMBER, "value"),
    ("filterCopy", ids.FILTER_COPY, "n_clicks"),
    ("filterOverlay", ids.FILTER_OVERLAY, "n_clicks"),
)
"""Clientside function, component and property of each control."""


def register(app: Dash) -> None:
    """Connect each control with its clientside function."""
    connect(app, CONTROLS)
