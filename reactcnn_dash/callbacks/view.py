"""Controls whose effect stays in the browser: time, colour scale, overlay."""

from __future__ import annotations

from typing import Final

from dash import ClientsideFunction, Dash, Input

from reactcnn_dash import ids

CONTROLS: Final = (
    ("first", ids.FIRST, "n_clicks"),
    ("previous", ids.PREVIOUS, "n_clicks"),
    ("play", ids.PLAY, "n_clicks"),
    ("next", ids.NEXT, "n_clicks"),
    ("last", ids.LAST, "n_clicks"),
    ("goTo", ids.ORDINAL, "value"),
    ("nextMisclassified", ids.MISCLASSIFIED, "n_clicks"),
    ("chooseScale", ids.SCALE, "value"),
    ("overlay", ids.OVERLAY, "value"),
    ("closePanel", ids.PANEL_CLOSE, "n_clicks"),
)
"""Clientside function, component and property of each control."""


def register(app: Dash) -> None:
    """Connect each control with its clientside function."""
    for function, component, prop in CONTROLS:
        app.clientside_callback(
            ClientsideFunction("reactcnn", function),
            Input(component, prop),
            prevent_initial_call=True,
        )
    app.clientside_callback(ClientsideFunction("reactcnn", "view"), Input(ids.VIEW, "data"))
