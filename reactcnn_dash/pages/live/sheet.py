"""The sheet of all maps of the open layer, in the room that the grid leaves empty."""

from __future__ import annotations

from typing import Final

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import aria, attributes, icon

_ORDERS: Final = {"number": "by number", "gap": "by GAP", "cluster": "by cluster"}


def sheet() -> html.Section:
    """Return the sheet, which assets/live/sheet.mjs fills and places."""
    return html.Section(
        id=ids.SHEET,
        className="sheet",
        hidden=True,
        **aria("All maps of the open layer"),
        children=[
            html.Div(
                className="sheet-head",
                children=[
                    html.Button(id=ids.SHEET_TITLE, className="sheet-title"),
                    html.Span(className="spacer"),
                    html.Select(
                        id=ids.SHEET_ORDER,
                        className="sheet-order",
                        **aria("Order of the maps"),
                        children=[html.Option(words, value=key) for key, words in _ORDERS.items()],
                    ),
                    html.Button(id=ids.SHEET_SIZE, className="text-button"),
                    html.Button(
                        icon("close"),
                        id=ids.SHEET_CLOSE,
                        className="tool",
                        title="Put the maps away (A)",
                        **aria("Put the maps away"),
                    ),
                ],
            ),
            html.Div(
                id=ids.SHEET_MAPS,
                className="sheet-maps",
                tabIndex=0,
                role="group",
                **aria("Maps: arrows walk through them, Enter pins one"),
                children=[
                    html.Canvas(id=ids.SHEET_PICTURE, className="pixelated"),
                    html.Div(id=ids.SHEET_RINGS, className="sheet-rings"),
                    html.Div(id=ids.SHEET_NOTE, className="sheet-note"),
                ],
            ),
            html.Span(
                id=ids.SHEET_SPOKEN,
                className="off-screen",
                **attributes({"aria-live": "polite"}),
            ),
        ],
    )
