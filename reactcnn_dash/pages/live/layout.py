"""The live page's skeleton: Dash components and the places that assets/live/*.mjs draw into."""

from __future__ import annotations

from typing import Any, Final

from dash import dcc, html

from reactcnn_dash import ids
from reactcnn_dash.pages import mantine as dmc
from reactcnn_dash.pages.elements import (
    LIVE,
    aria,
    attributes,
    box,
    choice,
    dialog,
    empty,
    grid,
    group,
    icon,
    legend,
    notice,
    pick,
    picture,
    scale_choice,
    section,
    tool_button,
    typed,
)
from reactcnn_dash.pages.live.cluster_panel import cluster_panel
from reactcnn_dash.pages.live.export_menu import export_menu
from reactcnn_dash.pages.live.navigator import navigator
from reactcnn_dash.pages.live.search_panel import search_panel
from reactcnn_dash.pages.live.sheet import sheet
from reactcnn_dash.pages.live.tour import tour
from reactcnn_dash.pages.live.what_if_panel import what_if_button, what_if_panel
from reactcnn_dash.pages.page import Content

POLL_MS = 400
"""Milliseconds between two looks at the store."""
MODES: Final = {"gap": "GAP", "deviation": "Deviation"}
"""What the colours of the grid can show."""
AGAINST: Final = {"run": "All images", "class": "Predicted class"}
"""The images behind a deviation: all, or those of the predicted class."""


def _head() -> tuple[Any, ...]:
    return (
        pick(
            ids.RUN_SELECT,
            "Run",
            nothing="No such run",
            placeholder="No run yet",
            className="run-select",
            maxDropdownHeight=420,
        ),
        html.Span(id=ids.RUN_STATE, className="state", role="status"),
        html.Span(id=ids.RUN_COUNTS, className="counts"),
        export_menu(),
    )


def _time() -> html.Div:
    return group(
        tool_button(ids.FIRST, "first", "First image", "Home"),
        tool_button(ids.PREVIOUS, "previous", "Previous image", "←"),
        tool_button(ids.PLAY, "pause", "Follow live or pause", "Space"),
        tool_button(ids.NEXT, "next", "Next image", "→"),
        tool_button(ids.LAST, "last", "Newest image", "End"),
        typed(
            ids.ORDINAL,
            "Go to image",
            "ordinal",
            title="Go to an image: type its number and press Enter",
            step="any",
        ),
        html.Button(
            [icon("wrong"), html.Span("Next misclassified", className="label")],
            id=ids.MISCLASSIFIED,
            className="tool wide of-labels",
            title="Next misclassified image (M)",
            **aria("Next misclassified"),
        ),
        html.Button(
            [icon("odd"), html.Span("Next odd", className="label")],
            id=ids.NEXT_ODD,
            className="tool wide",
            title="Next odd image: one that stands out from what is usual for the run (O)",
            **aria("Next odd image"),
        ),
        tool_button(ids.SEARCH_BUTTON, "search", "Search in this run", "/"),
        html.Button(
            html.Span("By class", className="label"),
            id=ids.BY_CLASS_BUTTON,
            className="tool wide",
            title="What was taken for what, and how many of each class are right (B)",
            **attributes({"aria-haspopup": "dialog"}),
        ),
        what_if_button(),
        role="group",
        **aria("Time"),
    )


def _toolbar() -> html.Div:
    return box("toolbar", _time(), html.Div(id=ids.SLIDER, className="slider"), _colours())


def _colours() -> html.Div:
    """Return what the colours of the grid say: the mode, its one choice, and the legend."""
    return group(
        html.Div(
            choice(ids.MODE, "What the colours show", MODES),
            title="GAP, or how far it deviates from what is usual (D)",
        ),
        box("of-gap", scale_choice()),
        box("of-deviation of-classes", choice(ids.AGAINST, "Deviation against", AGAINST)),
        legend(),
        look="colours",
    )


def _image_panel() -> html.Section:
    return section(
        "Current image",
        "side",
        picture(ids.IMAGE),
        html.Div(id=ids.IMAGE_CAPTION, className="caption", **LIVE),
        html.Label(
            ["Filter's feature map over the image"], className="small-label", id="overlay-label"
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
        html.Div(id=ids.GRAD_CAM, className="grad-cam", role="group", **aria("Grad-CAM")),
        html.H2("Class probabilities", id=ids.ANSWERS_TITLE, className="section"),
        html.Div(id=ids.PROBABILITIES, className="probabilities", role="list"),
    )


def _centre() -> html.Div:
    return box(
        "centre",
        _toolbar(),
        notice(),
        empty(),
        grid(),
        sheet(),
        navigator(),
        what_if_panel(),
        search_panel(),
    )


def content() -> Content:
    """Return what stands on the live page."""
    stores = (ids.REQUEST, ids.FRAME, ids.RUNS_VERSION, ids.CLUSTER_REQUEST, ids.CLUSTERS)
    return Content(
        head=_head(),
        body=[box("body", _image_panel(), _centre(), cluster_panel()), tour()],
        around=[
            dialog(ids.BY_CLASS, "By class", html.Div(id=ids.BY_CLASS_BODY, className="by-class")),
            dcc.Interval(id=ids.TICK, interval=POLL_MS),
            *(dcc.Store(id=one) for one in stores),
        ],
    )
