"""The slim page: Dash components, and the places that assets/slim/*.mjs draw into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages import mantine as dmc
from reactcnn_dash.pages.elements import aria, attributes, choice, empty, notice, pick, pick_run
from reactcnn_dash.pages.page import Content
from reactcnn_dash.results.slimming.trial import METHODS

if TYPE_CHECKING:
    from typing import Any

AGAINST: Final = {
    "parameters": "Parameters",
    "work": "Multiply-adds",
    "speed": "Images a second",
}
"""What the curve stands over."""


def content() -> Content:
    """Return what stands on the slim page."""
    return Content(
        look="slim",
        head=[pick_run(ids.SLIM_RUN, "run-select slim-select")],
        body=[notice(), empty(), _body()],
        around=[html.Div(id=ids.SLIM_END, hidden=True)],
    )


def _body() -> html.Div:
    return html.Div(
        id=ids.SLIM_BODY,
        className="slim-body",
        hidden=True,
        children=[
            html.Div(className="slim-left", children=[_curve(), _trial(), _networks()]),
            html.Aside(
                className="slim-right",
                children=html.Section(
                    id=ids.SLIM_POINT, className="slim-card slim-point", **aria("The network")
                ),
            ),
        ],
    )


def _curve() -> html.Section:
    return html.Section(
        className="slim-card slim-curve-card",
        **aria("What it costs to be smaller"),
        children=[
            html.Div(
                className="slim-card-head",
                children=[
                    html.H2(id=ids.SLIM_TITLE),
                    html.Span(className="spacer"),
                    choice(ids.SLIM_AGAINST, "Against", AGAINST),
                ],
            ),
            html.Div(id=ids.SLIM_CURVE, className="slim-curve"),
            html.Div(id=ids.SLIM_LEGEND, className="slim-legend"),
        ],
    )


def _networks() -> html.Section:
    return html.Section(
        id=ids.SLIM_NETWORKS, className="slim-card slim-networks", **aria("Networks")
    )


def _labelled(words: str, control: Any) -> html.Div:
    return html.Div(className="slim-field", children=[html.Span(words, className="small"), control])


def _trial() -> html.Section:
    return html.Section(
        className="slim-card slim-trial",
        **aria("Try it"),
        children=[
            html.Div(
                className="slim-card-head",
                children=[
                    html.H2("Try it"),
                    html.Span(className="spacer"),
                    choice(
                        ids.SLIM_BUDGET,
                        "Budget",
                        {"parameters": "Parameters", "multiply-adds": "Multiply-adds"},
                    ),
                ],
            ),
            html.Div(
                className="slim-budget",
                children=[
                    html.Span("May stay", className="small"),
                    dmc.Slider(
                        id=ids.SLIM_SHARE,
                        min=2,
                        max=98,
                        step=1,
                        value=25,
                        size="sm",
                        label=None,
                        updatemode="drag",
                        className="slim-slider",
                        thumbLabel="Share that may stay, in per cent",
                    ),
                    html.Strong(id=ids.SLIM_SHARE_VALUE, className="symbol"),
                ],
            ),
            html.Div(
                id=ids.SLIM_PREDICTED,
                className="slim-predicted",
                **attributes({"aria-live": "polite"}),
            ),
            html.Div(
                className="slim-fields",
                children=[
                    _labelled(
                        "Filters stay",
                        pick(
                            ids.SLIM_METHOD,
                            "How the filters that stay are chosen",
                            nothing="No such method",
                            data=[{"value": k, "label": label} for k, label in METHODS.items()],
                            value=next(iter(METHODS)),
                        ),
                    ),
                    _labelled(
                        "Slimmed with",
                        pick(ids.SLIM_CALIBRATION, "Images to slim with", nothing="No such run"),
                    ),
                    _labelled(
                        "Measured with",
                        pick(ids.SLIM_EVALUATION, "Images to measure with", nothing="No such run"),
                    ),
                ],
            ),
            html.Div(
                className="slim-go",
                children=[
                    html.Button("Try it", id=ids.SLIM_TRY, className="slim-try"),
                    html.Button("Cancel", id=ids.SLIM_CANCEL, className="text-button", hidden=True),
                    html.Div(id=ids.SLIM_PROGRESS, className="slim-progress"),
                ],
            ),
            html.Div(id=ids.SLIM_RECIPE, className="slim-recipe"),
        ],
    )
