"""The compare page: Dash components, and the places that assets/compare/*.mjs draw into."""

from __future__ import annotations

from typing import Final

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.compare.payload import KINDS
from reactcnn_dash.pages.compare.toolbar import toolbar
from reactcnn_dash.pages.elements import (
    LIVE,
    box,
    choice,
    empty,
    grid,
    legend,
    notice,
    picture,
    progress,
    scale_choice,
    section,
    spacer,
    text_button,
    tool_button,
)
from reactcnn_dash.pages.page import Content

TABS: Final = {
    "images": "Changed images",
    "filters": "Filters",
    "flow": "Cluster flow",
    "classes": "By class",
}
SHOWN: Final = {"a": "A", "b": "B", "difference": "B − A"}
"""What the grid of an open image can show."""


def _tabs() -> html.Div:
    return box(
        "tab-row",
        choice(ids.COMPARE_TAB, "What is shown", TABS),
        html.H2(id=ids.COMPARE_LAYER, className="tab-layer"),
    )


def _images() -> html.Section:
    return section(
        "Images whose prediction changed",
        "view-tab tab-images",
        box(
            "tab-tools",
            choice(ids.COMPARE_KIND, "Kind of change", KINDS),
            html.Div(id=ids.COMPARE_PAGES, className="group pages-of"),
        ),
        html.Div(id=ids.COMPARE_CHANGED, className="changed", role="list"),
    )


def _filters() -> html.Section:
    return section(
        "Filters of the layer",
        "view-tab tab-filters",
        html.P(id=ids.COMPARE_FILTERS_CAPTION, className="small"),
        html.Div(id=ids.COMPARE_FILTERS_PLACE, className="later"),
    )


def _flow() -> html.Section:
    return section(
        "Clusters of the layer in both runs",
        "view-tab tab-flow",
        html.P(id=ids.COMPARE_FLOW_CAPTION, className="small", **LIVE),
        box(
            "flow-body",
            html.Div(id=ids.COMPARE_FLOW, className="flow"),
            html.Div(id=ids.COMPARE_FLOW_GRID, className="grid flow-grid"),
        ),
    )


def _classes() -> html.Section:
    return section(
        "What was taken for what in both runs",
        "view-tab tab-classes by-class",
        id=ids.COMPARE_CLASSES,
    )


def _overview() -> html.Div:
    return box(
        "compare-body",
        box(
            "compare-left",
            html.Div(id=ids.COMPARE_LAYERS_PLACE, className="later"),
            html.Div(id=ids.COMPARE_MATRIX, className="matrix"),
        ),
        box("compare-right", _tabs(), _images(), _filters(), _flow(), _classes()),
    )


def _pair() -> html.Div:
    back = "Back to the comparison"
    return box(
        "body pair",
        section(
            "The image in both runs",
            "side",
            picture(ids.COMPARE_IMAGE),
            html.Div(id=ids.COMPARE_IMAGE_CAPTION, className="caption", **LIVE),
            html.H2("Class probabilities", className="section"),
            html.Div(id=ids.COMPARE_PROBABILITIES, role="list"),
        ),
        box(
            "centre",
            box(
                "toolbar",
                text_button(ids.COMPARE_PAIR_BACK, back, f"{back} (Escape)"),
                tool_button(ids.COMPARE_PAIR_PREVIOUS, "previous", "Previous changed image", "←"),
                tool_button(ids.COMPARE_PAIR_NEXT, "next", "Next changed image", "→"),
                html.Span(id=ids.COMPARE_PAIR_PLACE, className="counts"),
                spacer(),
                choice(
                    ids.COMPARE_SHOWN,
                    "What the grid shows",
                    SHOWN,
                    value="difference",
                ),
                scale_choice(),
                legend(),
            ),
            grid(),
        ),
        id=ids.COMPARE_PAIR,
        hidden=True,
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
            section("Figures against the epoch", "curves", id=ids.COMPARE_CURVES, hidden=True),
        ],
    )
