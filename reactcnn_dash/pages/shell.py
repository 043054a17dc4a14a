"""What every page has around it: the header with the way to the other pages, and the theme."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages.elements import aria, attributes, icon

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page as the header names it: its address, and the folder of its assets."""

    name: str
    path: str
    folder: str


LIVE: Final = PageLink("Live", "/", "live")
RUNS: Final = PageLink("Runs", "/runs/", "runs")
COMPARE: Final = PageLink("Compare", "/compare/", "compare")
REDUNDANCY: Final = PageLink("Redundancy", "/redundancy/", "redundancy")
FILTER: Final = PageLink("Filter", "/filter/", "filter")
LISTED: Final = (LIVE, RUNS, COMPARE, REDUNDANCY)
"""The pages of the header."""
PAGES: Final = (*LISTED, FILTER)
"""All pages; a filter's is reached from wherever the filter is named."""


def header(current: PageLink, *middle: Any) -> html.Header:
    """Return the header of a page, with what the page itself puts in its middle."""
    return html.Header(
        className="header",
        children=[
            html.A([html.Span(className="logo"), "ReactCNN"], href=LIVE.path, className="brand"),
            html.Nav(
                className="pages",
                **aria("Pages"),
                children=[_link(page, current) for page in LISTED],
            ),
            *middle,
            html.Span(className="spacer"),
            *(() if current is LIVE else (_picture(),)),
            html.Button("How to read this", id=ids.HELP_BUTTON, className="text-button"),
            html.Button(
                [icon("sun"), icon("moon")],
                id=ids.COLOUR_SCHEME,
                className="tool scheme",
                title="Switch between light and dark",
                **aria("Switch between light and dark"),
            ),
        ],
    )


def shell(children: Sequence[Any]) -> Any:
    """Return a page of HTML and Mantine's components, in the theme of all pages."""
    return dmc.MantineProvider(
        defaultColorScheme="auto",
        theme={
            "primaryColor": "blue",
            "fontFamily": "inherit",
            "fontSizes": {"xs": "12px", "sm": "13px"},
            "defaultRadius": "sm",
        },
        children=frame(children),
    )


def frame(children: Sequence[Any]) -> html.Div:
    """Return a page of HTML alone."""
    return html.Div(
        [
            html.Div(id=ids.FAILURE, hidden=True),
            *children,
            dialog(ids.HELP, "How to read this page", html.Div(id=ids.HELP_BODY)),
        ]
    )


def dialog(id_: str, title: str, content: Any) -> html.Dialog:
    """Return a dialog that assets/base/boot.mjs opens and closes."""
    return html.Dialog(
        id=id_,
        **aria(title),
        children=html.Div(
            className="dialog",
            children=[
                html.Div(
                    className="dialog-head",
                    children=[
                        html.H2(title),
                        html.Button(
                            icon("close"),
                            className="tool",
                            title="Close (Escape)",
                            **aria("Close"),
                            **attributes({"data-closes": "true"}),
                        ),
                    ],
                ),
                html.Div(content, className="dialog-body"),
            ],
        ),
    )


def _picture() -> html.Button:
    # The live page draws a picture of its own, with all that its panels hold.
    return html.Button(
        "PNG",
        id=ids.PAGE_PICTURE,
        className="text-button",
        title="This page as a picture",
        **aria("Save this page as a picture"),
    )


def _link(page: PageLink, current: PageLink) -> html.A:
    here = attributes({"aria-current": "page"}) if page is current else {}
    return html.A(page.name, href=page.path, className="page-link", **here)
