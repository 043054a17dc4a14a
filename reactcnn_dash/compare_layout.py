"""The compare page: Dash components, and the places that assets/compare/*.js draw into."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import DEFAULT_METHOD, METHODS
from reactcnn_dash.compare_guide import guide
from reactcnn_dash.compare_tables import filter_table, layer_table
from reactcnn_dash.elements import aria, attributes, tool_button
from reactcnn_dash.shell import COMPARE, header, shell


def _badge(side: str) -> html.Span:
    return html.Span(side.upper(), className=f"side-badge side-{side}")


def _run_select(id_: str, label: str) -> dmc.Select:
    return dmc.Select(
        id=id_,
        placeholder="Pick a run",
        searchable=True,
        allowDeselect=False,
        size="xs",
        className="compare-select",
        limit=200,
        maxDropdownHeight=420,
        nothingFoundMessage="No such run",
        **aria(label),
    )


def _parameter(id_: str, method: str) -> html.Div:
    options = METHODS[method]
    return html.Div(
        className="compare-parameter",
        id=f"{id_}-row",
        title=options.help,
        children=[
            dmc.Slider(
                id=id_,
                min=options.minimum,
                max=options.maximum,
                step=options.step,
                value=options.default,
                size="sm",
                label=None,
                updatemode="mouseup",
                className="parameter-slider",
                thumbLabel=f"{options.label}: {options.symbol}",
            ),
            html.Span(id=f"{id_}-value", className="symbol"),
        ],
    )


def _toolbar() -> html.Div:
    return html.Div(
        className="toolbar compare-toolbar",
        children=[
            html.Div(
                className="group only-runs",
                role="group",
                **aria("Runs"),
                children=[
                    _badge("a"),
                    _run_select(ids.COMPARE_A, "Run A"),
                    tool_button(ids.COMPARE_SWAP, "swap", "Swap A and B", "S"),
                    _badge("b"),
                    _run_select(ids.COMPARE_B, "Run B"),
                ],
            ),
            html.Div(
                className="group only-experiment",
                children=[
                    dmc.Select(
                        id=ids.COMPARE_EXPERIMENT,
                        placeholder="Pick an experiment",
                        searchable=True,
                        allowDeselect=False,
                        size="xs",
                        className="compare-select",
                        nothingFoundMessage="No such experiment",
                        **aria("Experiment"),
                    ),
                    html.Span("each epoch against", className="small"),
                    dmc.SegmentedControl(
                        id=ids.COMPARE_AGAINST,
                        data=[
                            {"value": "last", "label": "the last"},
                            {"value": "previous", "label": "the one before"},
                            {"value": "first", "label": "the first"},
                        ],
                        value="last",
                        size="xs",
                        **aria("Compared with"),
                    ),
                ],
            ),
            html.Span(className="spacer"),
            html.Div(
                className="group compare-method",
                children=[
                    html.Span("Clusters", className="small"),
                    dmc.SegmentedControl(
                        id=ids.COMPARE_METHOD,
                        data=[{"value": k, "label": m.label} for k, m in METHODS.items()],
                        value=DEFAULT_METHOD,
                        size="xs",
                        **aria("Clustering method"),
                    ),
                    _parameter(ids.COMPARE_LOUVAIN, "louvain"),
                    _parameter(ids.COMPARE_CPM, "leiden-cpm"),
                ],
            ),
            html.A(
                "JSON",
                id=ids.COMPARE_EXPORT,
                className="text-button only-runs export-link",
                title="Everything on this page as one JSON file",
                hidden=True,
                **aria("Download the comparison as JSON"),
            ),
        ],
    )


def _tabs() -> html.Div:
    return html.Div(
        className="tab-row",
        children=[
            dmc.SegmentedControl(
                id=ids.COMPARE_TAB,
                data=[
                    {"value": "images", "label": "Changed images"},
                    {"value": "filters", "label": "Filters"},
                    {"value": "flow", "label": "Cluster flow"},
                ],
                value="images",
                size="xs",
                **aria("What is shown"),
            ),
            html.H2(id=ids.COMPARE_LAYER, className="tab-layer"),
        ],
    )


def _images() -> html.Section:
    return html.Section(
        className="view-tab tab-images",
        **aria("Images whose prediction changed"),
        children=[
            html.Div(
                className="tab-tools",
                children=[
                    dmc.SegmentedControl(
                        id=ids.COMPARE_KIND,
                        data=[
                            {"value": "all", "label": "All"},
                            {"value": "corrected", "label": "Corrected"},
                            {"value": "broken", "label": "Broken"},
                            {"value": "between", "label": "Between wrong ones"},
                        ],
                        value="all",
                        size="xs",
                        **aria("Kind of change"),
                    ),
                    html.Div(id=ids.COMPARE_PAGES, className="group pages-of"),
                ],
            ),
            html.Div(id=ids.COMPARE_CHANGED, className="changed", role="list"),
        ],
    )


def _filters() -> html.Section:
    return html.Section(
        className="view-tab tab-filters",
        **aria("Filters of the layer"),
        children=[
            html.P(id=ids.COMPARE_FILTERS_CAPTION, className="small"),
            filter_table(),
        ],
    )


def _flow() -> html.Section:
    return html.Section(
        className="view-tab tab-flow",
        **aria("Clusters of the layer in both runs"),
        children=[
            html.P(
                id=ids.COMPARE_FLOW_CAPTION,
                className="small",
                **attributes({"aria-live": "polite"}),
            ),
            html.Div(
                className="flow-body",
                children=[
                    html.Div(id=ids.COMPARE_FLOW, className="flow"),
                    html.Div(id=ids.COMPARE_FLOW_GRID, className="grid flow-grid"),
                ],
            ),
        ],
    )


def _overview() -> html.Div:
    return html.Div(
        className="compare-body",
        children=[
            html.Div(
                className="compare-left",
                children=[
                    layer_table(),
                    html.Div(id=ids.COMPARE_MATRIX, className="matrix"),
                ],
            ),
            html.Main(
                className="compare-right", children=[_tabs(), _images(), _filters(), _flow()]
            ),
        ],
    )


def _pair() -> html.Div:
    return html.Div(
        id=ids.COMPARE_PAIR,
        className="body pair",
        hidden=True,
        children=[
            html.Aside(
                className="side",
                **aria("The image in both runs"),
                children=[
                    html.Div(
                        className="picture",
                        children=html.Canvas(
                            id=ids.COMPARE_IMAGE,
                            width="32",
                            height="32",
                            role="img",
                            className="pixelated",
                        ),
                    ),
                    html.Div(
                        id=ids.COMPARE_IMAGE_CAPTION,
                        className="caption",
                        **attributes({"aria-live": "polite"}),
                    ),
                    html.H2("Class probabilities", className="section"),
                    html.Div(id=ids.COMPARE_PROBABILITIES, role="list"),
                ],
            ),
            html.Main(
                className="centre",
                children=[
                    html.Div(
                        className="toolbar",
                        children=[
                            html.Button(
                                "Back to the comparison",
                                id=ids.COMPARE_PAIR_BACK,
                                className="text-button",
                                title="Back to the comparison (Escape)",
                            ),
                            tool_button(
                                ids.COMPARE_PAIR_PREVIOUS, "previous", "Previous changed image", "←"
                            ),
                            tool_button(ids.COMPARE_PAIR_NEXT, "next", "Next changed image", "→"),
                            html.Span(id=ids.COMPARE_PAIR_PLACE, className="counts"),
                            html.Span(className="spacer"),
                            dmc.SegmentedControl(
                                id=ids.COMPARE_SHOWN,
                                data=[
                                    {"value": "a", "label": "A"},
                                    {"value": "b", "label": "B"},
                                    {"value": "difference", "label": "B − A"},
                                ],
                                value="difference",
                                size="xs",
                                **aria("What the grid shows"),
                            ),
                            dmc.SegmentedControl(
                                id=ids.SCALE,
                                data=[
                                    {"value": "layer", "label": "Per layer"},
                                    {"value": "network", "label": "Whole network"},
                                ],
                                value="layer",
                                size="xs",
                                **aria("Colour scale"),
                            ),
                            html.Div(id=ids.LEGEND, className="legend", **aria("Colour legend")),
                        ],
                    ),
                    html.Div(id=ids.GRID, className="grid", **aria("Filters by layer")),
                ],
            ),
        ],
    )


def page() -> Any:
    """Return the layout of the compare page."""
    return shell(
        [
            html.Div(
                id="app",
                className="app compare",
                children=[
                    header(
                        COMPARE,
                        dmc.SegmentedControl(
                            id=ids.COMPARE_MODE,
                            data=[
                                {"value": "runs", "label": "Two runs"},
                                {"value": "experiment", "label": "An experiment"},
                            ],
                            value="runs",
                            size="xs",
                            **aria("What is compared"),
                        ),
                    ),
                    _toolbar(),
                    html.Div(id=ids.NOTICE, className="notice", role="alert", hidden=True),
                    html.Div(
                        id=ids.COMPARE_PROGRESS,
                        className="compare-progress",
                        role="status",
                        hidden=True,
                    ),
                    html.Div(id=ids.EMPTY, className="empty", hidden=True),
                    html.Div(id=ids.COMPARE_HEAD, className="compare-head", hidden=True),
                    _overview(),
                    _pair(),
                    html.Main(
                        id=ids.COMPARE_CURVES,
                        className="curves",
                        hidden=True,
                        **aria("Figures against the epoch"),
                    ),
                ],
            ),
            html.Div(id=ids.TIP, className="tip", role="tooltip", hidden=True),
        ],
        guide(),
    )
