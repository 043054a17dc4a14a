"""The redundancy page: its controls act in the browser, which asks `redundancy.routes` itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash import ids
from reactcnn_dash.callbacks.view import connect

if TYPE_CHECKING:
    from dash import Dash

CONTROLS: Final = (
    ("redundancyRun", ids.REDUNDANCY_RUN, "value"),
    ("redundancyThreshold", ids.REDUNDANCY_THRESHOLD, "value"),
    ("redundancyPrint", ids.REDUNDANCY_PRINT, "n_clicks"),
)
"""Clientside function, component and property of each control."""


def register(app: Dash) -> None:
    """Connect each control with its clientside function."""
    connect(app, CONTROLS)
