"""The page's skeleton: Dash components and the places that assets/*.js draw into."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_cytoscape as cyto
import dash_mantine_components as dmc
from dash import dcc, html

from reactcnn_dash import graphs, ids
from reactcnn_dash.analysis import METHODS
from reactcnn_dash.guide import guide

POLL_MS = 400
"""Milliseconds between two looks at the store."""


def _attributes(values: dict[str, str]) -> dict[str, Any]:
    """Return attributes whose names are no Python names; Dash's types know none of them."""
    return dict(values)


def _aria(label: str) -> dict[str, Any]:
    return _attributes({"aria-label": label})


def _icon(name: str) -> html.Span:
    return html.Span(className=f"icon icon-{name}", **_attributes({"aria-hidden": "true"}))


def _button(id_: str, icon: str, label: str, shortcut: str) -> html.Button:
    return html.Button(
        _icon(icon),
        id=id_,
        className="tool",
        title=f"{label} ({shortcut})",
        **_aria(label),
    )


def _header() -> html.Header:
    return html.Header(
        className="header",
        children=[
            html.A([html.Span(className="logo"), "ReactCNN"], href="/", className="brand"),
            dmc.Select(
                id=ids.RUN_SELECT,
                placeholder="No run yet",
                searchable=True,
                allowDeselect=False,
                size="xs",
                className="run-select",
                maxDropdownHeight=420,
                nothingFoundMessage="No such run",
                **_aria("Run"),
            ),
            html.Span(id=ids.RUN_STATE, className="state", role="status"),
            html.Span(id=ids.RUN_COUNTS, className="counts"),
            html.Span(className="spacer"),
            html.Button("How to read this", id=ids.HELP_BUTTON, className="text-button"),
            dmc.ColorSchemeToggle(
                id=ids.COLOUR_SCHEME,
                lightIcon=_icon("sun"),
                darkIcon=_icon("moon"),
                variant="subtle",
                color="gray",
                size="md",
                **_aria("Switch between light and dark"),
            ),
        ],
    )


def _time() -> html.Div:
    return html.Div(
        className="group",
        role="group",
        **_aria("Time"),
        children=[
            _button(ids.FIRST, "first", "First image", "Home"),
            _button(ids.PREVIOUS, "previous", "Previous image", "←"),
            _button(ids.PLAY, "pause", "Follow live or pause", "Space"),
            _button(ids.NEXT, "next", "Next image", "→"),
            _button(ids.LAST, "last", "Newest image", "End"),
            html.Label(
                title="Go to an image: type its number and press Enter",
                children=[
                    html.Span("Go to image", className="off-screen"),
                    dcc.Input(
                        id=ids.ORDINAL,
                        type="number",
                        min=0,
                        step=1,
                        debounce=True,
                        className="ordinal",
                        autoComplete="off",
                    ),
                ],
            ),
            html.Button(
                [_icon("wrong"), "Next misclassified"],
                id=ids.MISCLASSIFIED,
                className="tool wide",
                title="Next misclassified image (M)",
            ),
        ],
    )


def _toolbar() -> html.Div:
    return html.Div(
        className="toolbar",
        children=[
            _time(),
            html.Span(className="spacer"),
            dmc.SegmentedControl(
                id=ids.SCALE,
                data=[
                    {"value": "layer", "label": "Per layer"},
                    {"value": "network", "label": "Whole network"},
                ],
                value="layer",
                size="xs",
                **_aria("Colour scale"),
            ),
            html.Div(id=ids.LEGEND, className="legend", **_aria("Colour legend")),
        ],
    )


def _image_panel() -> html.Aside:
    return html.Aside(
        className="side",
        **_aria("Current image"),
        children=[
            html.Div(
                className="picture",
                children=html.Canvas(
                    id=ids.IMAGE, width="32", height="32", role="img", className="pixelated"
                ),
            ),
            html.Div(
                id=ids.IMAGE_CAPTION, className="caption", **_attributes({"aria-live": "polite"})
            ),
            html.Label(
                ["Filter's feature map over the image"],
                className="small-label",
                id="overlay-label",
            ),
            dmc.Slider(
                id=ids.OVERLAY,
                min=0,
                max=100,
                step=5,
                value=70,
                size="sm",
                updatemode="drag",
                className="overlay",
                label=None,
                thumbLabel="Strength of the feature map over the image",
            ),
            html.H2("Class probabilities", className="section"),
            html.Div(id=ids.PROBABILITIES, className="probabilities", role="list"),
        ],
    )


def _centre() -> html.Main:
    return html.Main(
        className="centre",
        children=[
            _toolbar(),
            html.Div(id=ids.NOTICE, className="notice", role="alert", hidden=True),
            html.Div(id=ids.EMPTY, className="empty", hidden=True),
            html.Div(id=ids.GRID, className="grid", **_aria("Filters by layer")),
        ],
    )


def _parameter(id_: str, method: str) -> html.Div:
    options = METHODS[method]
    return html.Div(
        id=f"{id_}-row",
        className="parameter",
        children=[
            html.Span(id=f"{id_}-value", className="symbol"),
            dmc.Slider(
                id=id_,
                min=options.minimum,
                max=options.maximum,
                step=options.step,
                value=options.default,
                size="sm",
                updatemode="mouseup",
                className="parameter-slider",
                thumbLabel=f"{options.label}: {options.symbol}",
            ),
        ],
    )


_CORRELATION = {
    "type": "rightAligned",
    "valueFormatter": {"function": "d3.format('.3f')(params.value)"},
}


def _table() -> dag.AgGrid:
    return dag.AgGrid(
        id=ids.CLUSTER_TABLE,
        className="ag-theme-quartz cluster-table",
        columnDefs=[
            {
                "field": "cluster",
                "headerName": "Cluster",
                "cellRenderer": "ClusterName",
                "flex": 1.2,
            },
            {"field": "size", "headerName": "Filters", "type": "rightAligned", "flex": 1},
            {"field": "mean", "headerName": "Mean r", **_CORRELATION, "flex": 1},
            {"field": "lowest", "headerName": "Lowest r", **_CORRELATION, "flex": 1.1},
        ],
        defaultColDef={"sortable": True, "resizable": False, "suppressMovable": True},
        rowData=[],
        style={"height": "var(--table-height)", "width": "100%"},
        getRowId="params.data.id",
        dashGridOptions={
            "animateRows": False,
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


def _panel() -> html.Aside:
    return html.Aside(
        id=ids.PANEL,
        className="panel",
        **_attributes(
            {
                "aria-label": "Clusters",
                "data-louvain-help": METHODS["louvain"].help,
                "data-cpm-help": METHODS["leiden-cpm"].help,
            }
        ),
        children=[
            html.Div(
                id=ids.PANEL_HINT,
                className="hint",
                children=[
                    html.H2("Which filters do the same work?"),
                    html.P(
                        "Click a layer's name, or any filter of it, to see its filters as a graph: "
                        "filters whose GAP rises and falls together form clusters."
                    ),
                    html.P(
                        "Then click a node or a row of the table: every filter of that cluster "
                        "turns red in the grid."
                    ),
                ],
            ),
            html.Div(
                className="panel-body",
                children=[
                    html.Div(
                        className="panel-head",
                        children=[
                            html.H2(id=ids.PANEL_TITLE),
                            html.Button(
                                _icon("close"),
                                id=ids.PANEL_CLOSE,
                                className="tool",
                                title="Close the clusters (Escape)",
                                **_aria("Close the clusters"),
                            ),
                        ],
                    ),
                    dmc.SegmentedControl(
                        id=ids.METHOD,
                        data=[{"value": k, "label": m.label} for k, m in METHODS.items()],
                        value="louvain",
                        size="xs",
                        fullWidth=True,
                        **_aria("Clustering method"),
                    ),
                    _parameter(ids.PARAMETER_LOUVAIN, "louvain"),
                    _parameter(ids.PARAMETER_CPM, "leiden-cpm"),
                    html.P(id=ids.PARAMETER_CAPTION, className="small"),
                    html.Div(
                        className="graph-frame",
                        children=[
                            cyto.Cytoscape(
                                id=ids.GRAPH,
                                elements=[],
                                stylesheet=graphs.STYLESHEET,
                                layout={"name": "preset"},
                                autoRefreshLayout=False,
                                clearOnUnhover=True,
                                responsive=True,
                                minZoom=0.1,
                                maxZoom=4,
                                boxSelectionEnabled=False,
                                style={"width": "100%", "height": "100%"},
                            ),
                            html.Div(id=ids.GRAPH_CAPTION, className="graph-caption"),
                        ],
                    ),
                    html.P(
                        id=ids.CLUSTER_SUMMARY,
                        className="small",
                        **_attributes({"aria-live": "polite"}),
                    ),
                    _table(),
                    html.Div(
                        id=ids.SELECTION,
                        className="selection",
                        children=html.P(
                            "Click a node or a row: its cluster turns red in the grid.",
                            className="small",
                        ),
                    ),
                ],
            ),
        ],
    )


def page() -> Any:
    """Return the layout of the live page."""
    return dmc.MantineProvider(
        defaultColorScheme="auto",
        theme={"primaryColor": "blue", "fontFamily": "inherit", "defaultRadius": "sm"},
        children=[
            dcc.Interval(id=ids.TICK, interval=POLL_MS),
            dcc.Store(id=ids.REQUEST),
            dcc.Store(id=ids.FRAME),
            dcc.Store(id=ids.VIEW),
            dcc.Store(id=ids.RUNS_VERSION),
            dcc.Store(id=ids.CLUSTER_REQUEST),
            dcc.Store(id=ids.CLUSTERS),
            html.Div(
                id="app",
                className="app",
                children=[
                    _header(),
                    html.Div(className="body", children=[_image_panel(), _centre(), _panel()]),
                ],
            ),
            html.Div(id=ids.TIP, className="tip", role="tooltip", hidden=True),
            dmc.Modal(
                id=ids.HELP,
                title="How to read this page",
                size="lg",
                children=guide(),
            ),
        ],
    )
