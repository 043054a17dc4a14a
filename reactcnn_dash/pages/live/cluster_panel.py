"""The cluster panel: method, parameter, graph, table and the selected cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_cytoscape as cyto
from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import OVERVIEW
from reactcnn_dash.pages.elements import (
    LIVE,
    box,
    choice,
    method_choice,
    parameter_rows,
    section,
    text_button,
    tool_button,
)
from reactcnn_dash.pages.glossary import explained
from reactcnn_dash.pages.live import cluster_payload as graphs
from reactcnn_dash.pages.live.deviation_panel import deviation_section
from reactcnn_dash.pages.table import table

if TYPE_CHECKING:
    import dash_ag_grid as dag
    from dash.development.base_component import Component

_CORRELATION = {
    "type": "rightAligned",
    "cellClass": ["ag-right-aligned-cell", "of-few"],
    "valueFormatter": {"function": "d3.format('.3f')(params.value)"},
}


def _table() -> dag.AgGrid:
    return table(
        ids.CLUSTER_TABLE,
        "cluster-table",
        [
            {
                "field": "cluster",
                "headerName": "Cluster",
                "cellRenderer": "ClusterName",
                "flex": 1.2,
            },
            {"field": "size", "headerName": "Filters", "type": "rightAligned", "flex": 1},
            {
                "field": "mean",
                "headerName": "Mean r",
                **_CORRELATION,
                "flex": 1,
                "tooltipField": "meanInterval",
            },
            {
                "field": "lowest",
                "headerName": "Lowest r",
                **_CORRELATION,
                "flex": 1.1,
                "tooltipField": "lowestInterval",
            },
            {
                "field": "together",
                "headerName": "Together",
                "headerTooltip": "Filters that are in one cluster of the whole run, too",
                "type": "rightAligned",
                "valueFormatter": {"function": "params.value + ' of ' + params.data.size"},
                "flex": 1.2,
                # Shown beside the whole run only, by assets/live/subset.mjs.
                "hide": True,
            },
        ],
        each={"sortable": True, "resizable": False, "suppressMovable": True},
        height="var(--table-height)",
        row_height=26,
    )


def _graph() -> cyto.Cytoscape:
    return cyto.Cytoscape(
        id=ids.GRAPH,
        elements=[],
        stylesheet=graphs.STYLESHEET,
        layout={"name": "preset"},
        autoRefreshLayout=False,
        clearOnUnhover=True,
        responsive=True,
        minZoom=0.02,
        maxZoom=4,
        boxSelectionEnabled=False,
        style={"width": "100%", "height": "100%"},
    )


def graph_and_table() -> dict[str, Component]:
    """Return what the panel shows once a layer is open, by the place that it fills.

    Both bring large libraries, which nobody waits for before.
    """
    return {ids.GRAPH_PLACE: _graph(), ids.TABLE_PLACE: _table()}


def cluster_panel() -> html.Section:
    """Return the panel: a hint, or what stands out, until a layer is open; then its clusters."""
    return section("Clusters", "panel", _hint(), deviation_section(), _body(), id=ids.PANEL)


def _hint() -> html.Div:
    return box(
        "hint",
        html.H2("Which filters do the same work?"),
        html.P(
            explained(
                "Click a layer's name, or any filter of it, to see its filters as a "
                "graph: filters whose GAP rises and falls together form clusters."
            )
        ),
        html.P(
            "Then click a node or a row of the table: every filter of that cluster "
            "turns red in the grid."
        ),
        html.H2("Where did it go wrong?", className="section"),
        html.P(
            [
                *explained("Deviation"),
                " (D) colours each filter by how far it is from what is usual, "
                "and names the layers and filters that stand out.",
            ]
        ),
    )


def _body() -> html.Div:
    subsets = {"": "Whole run", "these": "These images"}
    return box(
        "panel-body",
        box(
            "panel-head",
            html.H2(id=ids.PANEL_TITLE),
            html.Div(id=ids.ODD_IN_SHORT, className="odd-in-short"),
            tool_button(ids.PANEL_CLOSE, "close", "Close the clusters", "Escape"),
        ),
        html.Div(
            choice(ids.SUBSET_SWITCH, "Images behind the clusters", subsets, fullWidth=True),
            id=ids.SUBSET,
            hidden=True,
        ),
        method_choice(ids.METHOD, OVERVIEW, fullWidth=True),
        *parameter_rows(ids.PARAMETER, "parameter"),
        html.P(id=ids.PARAMETER_CAPTION, className="small"),
        html.Div(id=ids.BESIDE, className="beside", hidden=True),
        box(
            "graph-frame",
            html.Div(id=ids.GRAPH_PLACE, className="later"),
            html.Div(id=ids.GRAPH_CAPTION, className="graph-caption"),
            text_button(
                ids.PARAMETER_AUTO,
                "Back to auto",
                "The parameter that suits the layer",
                "parameter-auto",
                hidden=True,
            ),
            text_button(ids.GRAPH_FIT, "Fit", "All of the graph: as large as fits", "graph-fit"),
        ),
        html.P(id=ids.CLUSTER_SUMMARY, className="small", **LIVE),
        html.Div(id=ids.TABLE_PLACE, className="later"),
        html.Div(id=ids.SELECTION, className="selection"),
    )
