"""The sheet of all maps of the open layer, in the room that the grid leaves empty."""

from __future__ import annotations

from typing import Final

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import LIVE, aria, box, section, spacer, tool_button

ORDERS: Final = {"number": "by number", "gap": "by GAP", "cluster": "by cluster"}
"""How the maps of a layer can stand."""


def sheet() -> html.Section:
    """Return the sheet, which assets/live/sheet.mjs fills and places."""
    return section(
        "All maps of the open layer",
        "sheet",
        box(
            "sheet-head",
            html.Button(id=ids.SHEET_TITLE, className="sheet-title"),
            spacer(),
            html.Select(
                [html.Option(words, value=key) for key, words in ORDERS.items()],
                id=ids.SHEET_ORDER,
                className="sheet-order",
                **aria("Order of the maps"),
            ),
            html.Button(id=ids.SHEET_SIZE, className="text-button"),
            tool_button(ids.SHEET_CLOSE, "close", "Put the maps away", "A"),
        ),
        box(
            "sheet-maps",
            html.Canvas(id=ids.SHEET_PICTURE, className="pixelated"),
            html.Div(id=ids.SHEET_RINGS, className="sheet-rings"),
            html.Div(id=ids.SHEET_NOTE, className="sheet-note"),
            id=ids.SHEET_MAPS,
            tabIndex=0,
            role="group",
            **aria("Maps: arrows walk through them, Enter pins one"),
        ),
        html.Span(id=ids.SHEET_SPOKEN, className="off-screen", **LIVE),
        id=ids.SHEET,
        hidden=True,
    )
