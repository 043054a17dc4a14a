"""The redundancy page: Dash components, and the places that assets/redundancy/*.mjs draw into."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import REDUNDANT
from reactcnn_dash.pages.elements import (
    LIVE,
    box,
    empty,
    json_link,
    notice,
    parameter_slider,
    pick_run,
    progress,
    section,
    small,
    spacer,
    text_button,
)
from reactcnn_dash.pages.page import Content


def _toolbar() -> html.Div:
    return box(
        "toolbar redundancy-toolbar",
        small("Redundant from"),
        html.Span(id=ids.REDUNDANCY_VALUE, className="symbol"),
        box(
            "redundancy-slider",
            parameter_slider(ids.REDUNDANCY_THRESHOLD, REDUNDANT, label=None),
            title=REDUNDANT.help,
        ),
        spacer(),
        html.A(
            "Slim it",
            id=ids.REDUNDANCY_SLIM,
            className="text-button export-link",
            title="Make a smaller network of it, and measure it",
            hidden=True,
        ),
        json_link(
            ids.REDUNDANCY_EXPORT,
            "Every cluster with its addresses and evidence, for a script",
            "Download the report as JSON",
        ),
        text_button(
            ids.REDUNDANCY_PRINT,
            "Print",
            "All layers with their clusters on paper, or as PDF",
            hidden=True,
        ),
    )


def content() -> Content:
    """Return what stands on the redundancy page."""
    return Content(
        look="redundancy",
        head=[pick_run(ids.REDUNDANCY_RUN, "run-select redundancy-select")],
        body=[
            _toolbar(),
            notice(),
            progress(ids.REDUNDANCY_PROGRESS),
            empty(),
            html.P(id=ids.REDUNDANCY_SUMMARY, className="redundancy-summary", hidden=True, **LIVE),
            _body(),
        ],
        around=[html.Article(id=ids.REDUNDANCY_PAPER, className="paper")],
    )


def _body() -> html.Div:
    return box(
        "redundancy-body",
        box(
            "redundancy-left",
            html.Div(id=ids.REDUNDANCY_LAYERS, className="redundancy-layers"),
            section("Does it hold?", "stability", id=ids.REDUNDANCY_STABILITY, hidden=True),
        ),
        section("Clusters of the layer", "redundancy-layer", id=ids.REDUNDANCY_LAYER),
        id=ids.REDUNDANCY_BODY,
        hidden=True,
    )
