"""The menu that takes a run, a layer's graph or the view out of the page."""

from __future__ import annotations

from typing import Final

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages import mantine as dmc

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


def export_menu() -> dmc.Menu:
    """Return the button with its menu."""
    entries: list[dmc.MenuLabel | dmc.MenuItem] = []
    for heading, items in ITEMS:
        entries.append(dmc.MenuLabel(heading))
        entries.extend(
            dmc.MenuItem([html.Div(name), html.Div(content, className="menu-more")], id=id_)
            for id_, name, content in items
        )
    return dmc.Menu(
        position="bottom-start",
        width=270,
        shadow="md",
        children=[
            dmc.MenuTarget(
                html.Button(
                    "Export",
                    id=ids.EXPORT,
                    className="text-button menu-button",
                    title="Take the run, its clusters or this view out as a file",
                )
            ),
            dmc.MenuDropdown(entries),
        ],
    )
