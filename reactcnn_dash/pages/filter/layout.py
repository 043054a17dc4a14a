"""The filter page's skeleton: the places that assets/filter/*.js draw into."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import aria, empty, notice, pick, tool_button
from reactcnn_dash.pages.page import Content


def _toolbar() -> html.Div:
    return html.Div(
        className="toolbar filter-toolbar",
        children=[
            html.Div(
                [
                    tool_button(ids.FILTER_PREVIOUS, "previous", "Previous filter", "←"),
                    tool_button(ids.FILTER_NEXT, "next", "Next filter", "→"),
                ],
                className="group",
            ),
            pick(
                ids.FILTER_LAYER,
                "Layer",
                nothing="No such layer",
                className="filter-layer",
                maxDropdownHeight=420,
            ),
            html.Label(
                title="Go to a filter: type its number and press Enter",
                children=[
                    html.Span("Filter", className="off-screen"),
                    dcc.Input(
                        id=ids.FILTER_NUMBER,
                        type="number",
                        min=0,
                        step=1,
                        debounce=True,
                        className="filter-number",
                        autoComplete="off",
                    ),
                ],
            ),
            html.Span(id=ids.FILTER_OF, className="counts"),
            html.Button(
                "Copy address",
                id=ids.FILTER_COPY,
                className="text-button",
                title="Copy the filter's address (C)",
            ),
            html.A(
                "Live, pinned",
                id=ids.FILTER_LIVE,
                href="/",
                className="text-button link-button",
                title="This filter on the live page, pinned (L)",
            ),
            html.Span(className="spacer"),
            html.Span(id=ids.FILTER_RUN, className="counts filter-run"),
        ],
    )


def _card(title: str, id_: str, *, more: Any = None) -> html.Section:
    head = [html.H2(title), *([more] if more is not None else [])]
    return html.Section(
        className="sheet",
        **aria(title),
        children=[
            html.Div(head, className="sheet-head"),
            html.Div(id=id_, className="sheet-body"),
        ],
    )


def _body() -> html.Div:
    overlay = html.Button(
        "Maps on",
        id=ids.FILTER_OVERLAY,
        className="text-button",
        title="Images with or without the feature map (O)",
    )
    return html.Div(
        id=ids.FILTER_BODY,
        className="filter-body",
        hidden=True,
        children=[
            html.Div(id=ids.FILTER_HEAD, className="filter-head"),
            html.Div(
                className="filter-columns",
                children=[
                    html.Div(
                        className="filter-column first",
                        children=[
                            _card("Driven most by", ids.FILTER_TOPS, more=overlay),
                            _card("Kernel", ids.FILTER_KERNEL),
                        ],
                    ),
                    html.Div(
                        className="filter-column second",
                        children=[
                            _card("Values by class", ids.FILTER_CLASSES),
                            _card("Across checkpoints", ids.FILTER_HISTORY),
                        ],
                    ),
                    html.Div(
                        className="filter-column third",
                        children=[
                            _card("Nearest filters", ids.FILTER_NEAREST),
                            _card("Clusters", ids.FILTER_CLUSTERS),
                        ],
                    ),
                ],
            ),
        ],
    )


def content() -> Content:
    """Return what stands on the filter page."""
    return Content(look="filter-page", body=[_toolbar(), notice(), empty(), _body()])
