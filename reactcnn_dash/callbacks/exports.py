"""Taking a run, a graph or the view out as a file: the browser asks the routes of `downloads`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash import ids
from reactcnn_dash.callbacks.view import connect

if TYPE_CHECKING:
    from dash import Dash

CONTROLS: Final = (
    ("exportNpz", ids.EXPORT_NPZ, "n_clicks"),
    ("exportParquet", ids.EXPORT_PARQUET, "n_clicks"),
    ("exportGraphml", ids.EXPORT_GRAPHML, "n_clicks"),
    ("exportGraphPng", ids.EXPORT_GRAPH_PNG, "n_clicks"),
    ("exportViewPng", ids.EXPORT_VIEW_PNG, "n_clicks"),
)
"""Clientside function, component and property of each item."""


def register(app: Dash) -> None:
    """Connect each item with its clientside function."""
    connect(app, CONTROLS)
