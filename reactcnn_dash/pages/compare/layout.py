"""The compare page: Dash components, and the places that assets/compare/*.js draw into."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.compare.payload import KINDS
from reactcnn_dash.pages.compare.toolbar import toolbar
from reactcnn_dash.pages.elements import (
    aria,
    attributes,
    choice,
    empty,
    notice,
    progress,
    tool_button,
)
from reactcnn_dash.pages.page import Content


def _tabs() -> html.Div:
    return html.Div(
        className="tab-row",
        children=[
            choice(
                ids.COMPARE_TAB,
                "What is shown",
                {
                    "images": "Changed images",
                    "filters": "Filters",
                    "flow": "Cluster flow",
                    "classes": "By class",
                },
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
                    choice(
                        ids.COMPARE_KIND,
                        "Kind of change",
                        {str(kind): name for kind, name in KINDS.items()},
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
            html.Div(id=ids.COMPARE_FILTERS_PLACE, className="later"),
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


def _classes() -> html.Section:
    return html.Section(
        id=ids.COMPARE_CLASSES,
        className="view-tab tab-classes by-class",
        **aria("What was taken for what in both runs"),
    )


def _overview() -> html.Div:
    return html.Div(
        className="compare-body",
        children=[
            html.Div(
                className="compare-left",
                children=[
                    html.Div(id=ids.COMPARE_LAYERS_PLACE, className="later"),
                    html.Div(id=ids.COMPARE_MATRIX, className="matrix"),
                ],
            ),
            html.Div(
                className="compare-right",
                children=[_tabs(), _images(), _filters(), _flow(), _classes()],
            ),
        ],
    )


def _pair() -> html.Div:
    return html.Div(
        id=ids.COMPARE_PAIR,
        className="body pair",
        hidden=True,
        children=[
            html.Section(
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
                            **aria("No image yet"),
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
            html.Div(
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
                            choice(
                                ids.COMPARE_SHOWN,
                                "What the grid shows",
                                {"a": "A", "b": "B", "difference": "B − A"},
                                value="difference",
                            ),
                            choice(
                                ids.SCALE,
                                "Colour scale",
                                {"layer": "Per layer", "network": "Whole network"},
                            ),
                            html.Div(
                                id=ids.LEGEND,
                                className="legend",
                                role="group",
                                **aria("Colour legend"),
                            ),
                        ],
                    ),
                    html.Div(
                        id=ids.GRID, className="grid", role="group", **aria("Filters by layer")
                    ),
                ],
            ),
        ],
    )


def content() -> Content:
    """Return what stands on the compare page."""
    modes = {"runs": "Two runs", "experiment": "An experiment"}
    return Content(
        look="compare",
        head=[choice(ids.COMPARE_MODE, "What is compared", modes)],
        body=[
            toolbar(),
            notice(),
            progress(ids.COMPARE_PROGRESS),
            empty(),
            html.Div(id=ids.COMPARE_HEAD, className="compare-head", hidden=True),
            _overview(),
            _pair(),
            html.Section(
                id=ids.COMPARE_CURVES,
                className="curves",
                hidden=True,
                **aria("Figures against the epoch"),
            ),
        ],
    )
