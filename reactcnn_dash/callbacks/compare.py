"""The compare page: its controls act in the browser, which asks `comparison_routes` by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash import ids
from reactcnn_dash.callbacks.view import connect

if TYPE_CHECKING:
    from dash import Dash

CONTROLS: Final = (
    ("compareMode", ids.COMPARE_MODE, "value"),
    ("compareA", ids.COMPARE_A, "value"),
    ("compareB", ids.COMPARE_B, "value"),
    ("compareSwap", ids.COMPARE_SWAP, "n_clicks"),
    ("compareExperiment", ids.COMPARE_EXPERIMENT, "value"),
    ("compareAgainst", ids.COMPARE_AGAINST, "value"),
    ("compareMethod", ids.COMPARE_METHOD, "value"),
    ("compareLouvain", ids.COMPARE_LOUVAIN, "value"),
    ("compareCpm", ids.COMPARE_CPM, "value"),
    ("compareLayerRow", ids.COMPARE_LAYERS, "selectedRows"),
    ("compareTab", ids.COMPARE_TAB, "value"),
    ("compareKind", ids.COMPARE_KIND, "value"),
    ("compareBack", ids.COMPARE_PAIR_BACK, "n_clicks"),
    ("comparePrevious", ids.COMPARE_PAIR_PREVIOUS, "n_clicks"),
    ("compareNext", ids.COMPARE_PAIR_NEXT, "n_clicks"),
    ("compareShown", ids.COMPARE_SHOWN, "value"),
    ("compareScale", ids.SCALE, "value"),
)
"""Clientside function, component and property of each control."""


def register(app: Dash) -> None:
    """Connect each control with its clientside function."""
    connect(app, CONTROLS)
