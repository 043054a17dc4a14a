"""What if filters are switched off: the place below the grid that assets/live/what-if* fill."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import attributes, section


def what_if_button() -> html.Button:
    """Return the button that opens the panel."""
    return html.Button(
        html.Span("What if", className="label"),
        id=ids.WHAT_IF_BUTTON,
        className="tool wide",
        title="What if filters are switched off? (W)",
        **attributes({"aria-expanded": "false", "aria-controls": ids.WHAT_IF}),
    )


def what_if_panel() -> html.Section:
    """Return the panel, closed until somebody asks."""
    return section("What if filters are switched off", "what-if", id=ids.WHAT_IF, hidden=True)
