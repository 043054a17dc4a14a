"""The menu that takes a run, a layer's graph or the view out of the page."""

from __future__ import annotations

from typing import Final

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import aria, attributes, box

ITEMS: Final = (
    (
        "This run",
        (
            (
                ids.EXPORT_REPORT,
                "Report (one HTML file)",
                "To send: images, clusters, odd, redundant",
            ),
            (ids.EXPORT_NPZ, "Arrays (.npz)", "GAP, labels, predictions, correlations, clusters"),
            (ids.EXPORT_PARQUET, "Tables (Parquet, zipped)", "GAP by filter address, and images"),
        ),
    ),
    (
        "The open layer",
        (
            (ids.EXPORT_GRAPHML, "Cluster graph (GraphML)", "Filters, clusters, r of each edge"),
            (ids.EXPORT_GRAPH_PNG, "Cluster graph (PNG)", "The picture in the panel"),
        ),
    ),
    ("The page", ((ids.EXPORT_VIEW_PNG, "This view (PNG)", "Image, grid, map and clusters"),)),
)
"""Heading, then id, name and content of each item."""


def export_menu() -> html.Div:
    """Return the button with its menu, which assets/base/menu.mjs opens."""
    entries: list[html.Div | html.Button] = []
    for heading, items in ITEMS:
        entries.append(html.Div(heading, className="menu-heading", role="presentation"))
        entries.extend(
            html.Button(
                [html.Div(name), html.Div(content, className="menu-more")],
                id=id_,
                className="menu-item",
                role="menuitem",
                tabIndex=-1,
            )
            for id_, name, content in items
        )
    closed = attributes({"aria-haspopup": "menu", "aria-expanded": "false"})
    return box(
        "menu",
        html.Button(
            "Export",
            className="text-button menu-button",
            title="Take the run, its clusters or this view out as a file",
            **closed,
        ),
        html.Div(entries, className="menu-items", role="menu", hidden=True, **aria("Export")),
    )
