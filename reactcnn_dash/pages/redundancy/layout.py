"""The redundancy page: Dash components, and the places that assets/redundancy/*.js draw into."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import REDUNDANT
from reactcnn_dash.pages.elements import (
    aria,
    attributes,
    empty,
    notice,
    parameter_slider,
    pick_run,
    progress,
)
from reactcnn_dash.pages.page import Content


def _toolbar() -> html.Div:
    return html.Div(
        className="toolbar redundancy-toolbar",
        children=[
            html.Span("Redundant from", className="small"),
            html.Span(id=ids.REDUNDANCY_VALUE, className="symbol"),
            html.Div(
                className="redundancy-slider",
                title=REDUNDANT.help,
                children=parameter_slider(ids.REDUNDANCY_THRESHOLD, REDUNDANT, label=None),
            ),
            html.Span(className="spacer"),
            html.A(
                "Slim it",
                id=ids.REDUNDANCY_SLIM,
                className="text-button export-link",
                title="Make a smaller network of it, and measure it",
                hidden=True,
            ),
            html.A(
                "JSON",
                id=ids.REDUNDANCY_EXPORT,
                className="text-button export-link",
                title="Every cluster with its addresses and evidence, for a script",
                hidden=True,
                **aria("Download the report as JSON"),
            ),
            html.Button(
                "Print",
                id=ids.REDUNDANCY_PRINT,
                className="text-button",
                title="All layers with their clusters on paper, or as PDF",
                hidden=True,
            ),
        ],
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
            html.P(
                id=ids.REDUNDANCY_SUMMARY,
                className="redundancy-summary",
                hidden=True,
                **attributes({"aria-live": "polite"}),
            ),
            _body(),
        ],
        around=[html.Article(id=ids.REDUNDANCY_PAPER, className="paper")],
    )


def _body() -> html.Div:
    return html.Div(
        id=ids.REDUNDANCY_BODY,
        className="redundancy-body",
        hidden=True,
        children=[
            html.Div(
                className="redundancy-left",
                children=[
                    html.Div(id=ids.REDUNDANCY_LAYERS, className="redundancy-layers"),
                    html.Section(
                        id=ids.REDUNDANCY_HOLDING,
                        className="holding",
                        hidden=True,
                        **aria("Does it hold?"),
                    ),
                ],
            ),
            html.Section(
                id=ids.REDUNDANCY_LAYER,
                className="redundancy-layer",
                **aria("Clusters of the layer"),
            ),
        ],
    )
