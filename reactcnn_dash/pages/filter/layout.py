"""The filter page's skeleton: the places that assets/filter/*.mjs draw into."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import (
    box,
    empty,
    group,
    notice,
    pick,
    section,
    spacer,
    text_button,
    tool_button,
    typed,
)
from reactcnn_dash.pages.page import Content


def _toolbar() -> html.Div:
    return box(
        "toolbar filter-toolbar",
        group(
            tool_button(ids.FILTER_PREVIOUS, "previous", "Previous filter", "←"),
            tool_button(ids.FILTER_NEXT, "next", "Next filter", "→"),
        ),
        pick(
            ids.FILTER_LAYER,
            "Layer",
            nothing="No such layer",
            className="filter-layer",
            maxDropdownHeight=420,
        ),
        typed(
            ids.FILTER_NUMBER,
            "Filter",
            "filter-number",
            title="Go to a filter: type its number and press Enter",
            min=0,
            step=1,
        ),
        html.Span(id=ids.FILTER_OF, className="counts"),
        text_button(ids.FILTER_COPY, "Copy address", "Copy the filter's address (C)"),
        html.A(
            "Live, pinned",
            id=ids.FILTER_LIVE,
            href="/",
            className="text-button link-button",
            title="This filter on the live page, pinned (L)",
        ),
        spacer(),
        html.Span(id=ids.FILTER_RUN, className="counts filter-run"),
    )


def _card(title: str, id_: str, *more: html.Button) -> html.Section:
    return section(
        title,
        "sheet",
        box("sheet-head", html.H2(title), *more),
        html.Div(id=id_, className="sheet-body"),
    )


def _body() -> html.Div:
    overlay = text_button(
        ids.FILTER_OVERLAY, "Maps on", "Images with or without the feature map (O)"
    )
    return box(
        "filter-body",
        html.Div(id=ids.FILTER_HEAD, className="filter-head"),
        box(
            "filter-columns",
            box(
                "filter-column first",
                _card("Driven most by", ids.FILTER_TOPS, overlay),
                _card("Kernel", ids.FILTER_KERNEL),
            ),
            box(
                "filter-column second",
                _card("Values by class", ids.FILTER_CLASSES),
                _card("Across checkpoints", ids.FILTER_HISTORY),
            ),
            box(
                "filter-column third",
                _card("Nearest filters", ids.FILTER_NEAREST),
                _card("Clusters", ids.FILTER_CLUSTERS),
            ),
        ),
        id=ids.FILTER_BODY,
        hidden=True,
    )


def content() -> Content:
    """Return what stands on the filter page."""
    return Content(look="filter-page", body=[_toolbar(), notice(), empty(), _body()])
