"""The slim page: Dash components, and the places that assets/slim/*.mjs draw into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages import mantine as dmc
from reactcnn_dash.pages.elements import (
    LIVE,
    box,
    choice,
    empty,
    notice,
    options,
    pick,
    pick_run,
    section,
    small,
    spacer,
)
from reactcnn_dash.pages.page import Content
from reactcnn_dash.vocabulary import SLIM_BUDGETS, SLIM_METHODS, SLIM_SHARES

if TYPE_CHECKING:
    from typing import Any

AGAINST: Final = {**SLIM_BUDGETS, "speed": "Images a second"}
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
    return box(
        "slim-body",
        box(
            "slim-left",
            _curve(),
            _trial(),
            section("Networks", "slim-card slim-networks", id=ids.SLIM_NETWORKS),
        ),
        html.Aside(
            section("The network", "slim-card slim-point", id=ids.SLIM_POINT),
            className="slim-right",
        ),
        id=ids.SLIM_BODY,
        hidden=True,
    )


def _curve() -> html.Section:
    return section(
        "What it costs to be smaller",
        "slim-card slim-curve-card",
        box(
            "slim-card-head",
            html.H2(id=ids.SLIM_TITLE),
            spacer(),
            choice(ids.SLIM_AGAINST, "Against", AGAINST),
        ),
        html.Div(id=ids.SLIM_CURVE, className="slim-curve"),
        html.Div(id=ids.SLIM_LEGEND, className="slim-legend"),
    )


def _labelled(words: str, control: Any) -> html.Div:
    return box("slim-field", small(words), control)


def _trial() -> html.Section:
    method = pick(
        ids.SLIM_METHOD,
        "How the filters that stay are chosen",
        nothing="No such method",
        data=options(SLIM_METHODS),
        value=next(iter(SLIM_METHODS)),
    )
    calibration = pick(ids.SLIM_CALIBRATION, "Images to slim with", nothing="No such run")
    evaluation = pick(ids.SLIM_EVALUATION, "Images to measure with", nothing="No such run")
    return section(
        "Try it",
        "slim-card slim-trial",
        box(
            "slim-card-head",
            html.H2("Try it"),
            spacer(),
            choice(ids.SLIM_BUDGET, "Budget", SLIM_BUDGETS),
        ),
        box(
            "slim-budget",
            small("May stay"),
            dmc.Slider(
                id=ids.SLIM_SHARE,
                min=SLIM_SHARES[0],
                max=SLIM_SHARES[-1],
                step=1,
                value=25,
                size="sm",
                label=None,
                updatemode="drag",
                className="slim-slider",
                thumbLabel="Share that may stay, in per cent",
            ),
            html.Strong(id=ids.SLIM_SHARE_VALUE, className="symbol"),
        ),
        html.Div(id=ids.SLIM_PREDICTED, className="slim-predicted", **LIVE),
        box(
            "slim-fields",
            _labelled("Filters stay", method),
            _labelled("Slimmed with", calibration),
            _labelled("Measured with", evaluation),
        ),
        box(
            "slim-go",
            html.Button("Try it", id=ids.SLIM_TRY, className="slim-try"),
            html.Button("Cancel", id=ids.SLIM_CANCEL, className="text-button", hidden=True),
            html.Div(id=ids.SLIM_PROGRESS, className="slim-progress"),
        ),
        html.Div(id=ids.SLIM_RECIPE, className="slim-recipe"),
    )
