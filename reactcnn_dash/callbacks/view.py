"""Controls whose effect stays in the browser: time, colours, overlay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import ClientsideFunction, Dash, Input

from reactcnn_dash import ids

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTROLS: Final = (
    ("first", ids.FIRST, "n_clicks"),
    ("previous", ids.PREVIOUS, "n_clicks"),
    ("play", ids.PLAY, "n_clicks"),
    ("next", ids.NEXT, "n_clicks"),
    ("last", ids.LAST, "n_clicks"),
    ("goTo", ids.ORDINAL, "value"),
    ("nextMisclassified", ids.MISCLASSIFIED, "n_clicks"),
    ("nextOdd", ids.NEXT_ODD, "n_clicks"),
    ("chooseMode", ids.MODE, "value"),
    ("chooseScale", ids.SCALE, "value"),
    ("chooseAgainst", ids.AGAINST, "value"),
    ("chooseRate", ids.ODD_RATE, "value"),
    ("overlay", ids.OVERLAY, "value"),
    ("closePanel", ids.PANEL_CLOSE, "n_clicks"),
)
"""Clientside function, component and property of each control."""


def connect(app: Dash, controls: Iterable[tuple[str, str, str]]) -> None:
    """Let controls call clientside functions, which only act.

    Args:
        app: the page's app.
        controls: clientside function, component and property of each.
    """
    for function, component, prop in controls:
        app.clientside_callback(
            ClientsideFunction("reactcnn", function),
            Input(component, prop),
            prevent_initial_call=True,
        )


def register(app: Dash) -> None:
    """Connect each control with its clientside function."""
    connect(app, CONTROLS)
