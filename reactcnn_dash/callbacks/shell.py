"""What works alike on every page: the notice of a callback that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash import ids
from reactcnn_dash.callbacks.view import connect

if TYPE_CHECKING:
    from dash import Dash


def register(app: Dash) -> None:
    """Show what ``app.report`` says."""
    connect(app, [("failure", ids.FAILURE, "children")])
