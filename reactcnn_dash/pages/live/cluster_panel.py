"""The cluster panel: method, parameter, graph, table and the selected cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_ag_grid as dag
import dash_cytoscape as cyto
from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import OVERVIEW
from reactcnn_dash.pages.elements import (
    aria,
    attributes,
    choice,
    icon,
    method_choice,
    parameter_rows,
)
from reactcnn_dash.pages.glossary import explained
from reactcnn_dash.pages.live import cluster_payload as graphs
from reactcnn_dash.pages.live.deviation_panel import deviation_section

if TYPE_CHECKING:
    from dash.development.base_component import Component

_CORRELATION = {
    "type": "rightAligned",
    "valueFormatter": {"function": "d3.format('.3f')(params.value)"},
}


def _table() -> dag.AgGrid:
    return dag.AgGrid(
        id=ids.CLUSTER_TABLE,
        className="ag-theme-quartz table cluster-table",
        columnDefs=[
            {
                "field": "cluster",
                "headerName": "Cluster",
                "cellRenderer": "ClusterName",
                "flex": 1.2,
            },
            {"field": "size", "headerName": "Filters", "type": "rightAligned", "flex": 1},
            {
                "field": "mean",
                "cellClass": ["ag-right-aligned-cell", "of-few"],
                "headerName": "Mean r",
                **_CORRELATION,
                "flex": 1,
                "tooltipField": "meanInterval",
            },
            {
                "field": "lowest",
                "cellClass": ["ag-right-aligned-cell", "of-few"],
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
        defaultColDef={"sortable": True, "resizable": False, "suppressMovable": True},
        rowData=[],
        style={"height": "var(--table-height)", "width": "100%"},
        getRowId="params.data.id",
        dashGridOptions={
            "animateRows": False,
            "tooltipShowDelay": 300,
            "rowHeight": 26,
            "headerHeight": 28,
            "suppressCellFocus": False,
            "rowSelection": {
                "mode": "singleRow",
                "checkboxes": False,
                "enableClickSelection": True,
            },
        },
        dangerously_allow_code=False,
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
    return html.Section(
        id=ids.PANEL,
        className="panel",
        **aria("Clusters"),
        children=[
            html.Div(
                id=ids.PANEL_HINT,
                className="hint",
                children=[
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
                ],
            ),
            deviation_section(),
            html.Div(
                className="panel-body",
                children=[
                    html.Div(
                        className="panel-head",
                        children=[
                            html.H2(id=ids.PANEL_TITLE),
                            html.Div(id=ids.ODD_IN_SHORT, className="odd-in-short"),
                            html.Button(
                                icon("close"),
                                id=ids.PANEL_CLOSE,
                                className="tool",
                                title="Close the clusters (Escape)",
                                **aria("Close the clusters"),
                            ),
                        ],
                    ),
                    html.Div(
                        id=ids.SUBSET,
                        hidden=True,
                        children=choice(
                            ids.SUBSET_SWITCH,
                            "Images behind the clusters",
                            {"": "Whole run", "these": "These images"},
                            fullWidth=True,
                        ),
                    ),
                    method_choice(ids.METHOD, OVERVIEW, fullWidth=True),
                    *parameter_rows(ids.PARAMETER, "parameter"),
                    html.P(id=ids.PARAMETER_CAPTION, className="small"),
                    html.Div(id=ids.BESIDE, className="beside", hidden=True),
                    html.Div(
                        className="graph-frame",
                        children=[
                            html.Div(id=ids.GRAPH_PLACE, className="later"),
                            html.Div(id=ids.GRAPH_CAPTION, className="graph-caption"),
                            html.Button(
                                "Back to auto",
                                id=ids.PARAMETER_AUTO,
                                className="text-button parameter-auto",
                                title="The parameter that suits the layer",
                                hidden=True,
                            ),
                            html.Button(
                                "Fit",
                                id=ids.GRAPH_FIT,
                                className="text-button graph-fit",
                                title="All of the graph: as large as fits",
                            ),
                        ],
                    ),
                    html.P(
                        id=ids.CLUSTER_SUMMARY,
                        className="small",
                        **attributes({"aria-live": "polite"}),
                    ),
                    html.Div(id=ids.TABLE_PLACE, className="later"),
                    html.Div(id=ids.SELECTION, className="selection"),
                ],
            ),
        ],
    )
