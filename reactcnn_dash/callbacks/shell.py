"""What works alike on every page: the notice of a callback that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash import ids
from reactcnn_dash.pages.page import Control, connect

if TYPE_CHECKING:
    from dash import Dash


def register(app: Dash) -> None:
    """Show what ``app.tell_failure`` says."""
    connect(app, [Control("failure", ids.FAILURE, "children")])
