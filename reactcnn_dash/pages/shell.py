"""What every page has around it: the header with the way to the other pages, and the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.access import READ_ONLY
from reactcnn_dash.pages import mantine as dmc
from reactcnn_dash.pages.elements import aria, attributes, box, dialog, icon, spacer, text_button

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from reactcnn_dash.pages.page import Page


def document(page: Page, pages: Sequence[Page], *, read_only: bool = False) -> Any:
    """Return all that stands on a page, in the theme of all pages.

    Args:
        page: the page.
        pages: all pages, of which the header names some.
        read_only: whether the header says that nothing can be changed.
    """
    content = page.content()
    parts = [
        html.Div(id=ids.FAILURE, hidden=True),
        box(
            f"app {content.look}".strip(),
            _header(page, pages, content.head, read_only),
            html.Main([html.H1(page.name, className="off-screen"), *content.body]),
            id=ids.APP,
        ),
        *content.around,
        html.Div(id=ids.TIP, className="tip", role="tooltip", hidden=True),
        html.Div(id=ids.EXPLANATION, className="explanation", role="tooltip", hidden=True),
        dialog(ids.HELP, "How to read this page", html.Div(id=ids.HELP_BODY)),
    ]
    if page.plain:
        return html.Div(parts)
    return dmc.MantineProvider(
        parts,
        defaultColorScheme="auto",
        theme={
            "primaryColor": "blue",
            "fontFamily": "inherit",
            "fontSizes": {"xs": "12px", "sm": "13px"},
            "defaultRadius": "sm",
        },
    )


def help_of(page: Page) -> dict[str, Component]:
    """Return what "How to read this" shows, put in place when it is first opened."""
    return {ids.HELP_BODY: html.Div(page.help.body())}


def _header(
    page: Page, pages: Sequence[Page], middle: Sequence[Any], read_only: bool
) -> html.Header:
    title = "Switch between light and dark"
    return html.Header(
        [
            html.A([html.Span(className="logo"), "ReactCNN"], href="/", className="brand"),
            html.Nav(
                [_link(other, page) for other in pages if other.listed],
                className="pages",
                **aria("Pages"),
            ),
            *middle,
            spacer(),
            *([html.Span("read-only", className="counts", title=READ_ONLY)] if read_only else []),
            *(() if page.own_picture else (_picture(),)),
            html.Button("How to read this", id=ids.HELP_BUTTON, className="text-button"),
            html.Button(
                [icon("sun"), icon("moon")],
                id=ids.COLOUR_SCHEME,
                className="tool scheme",
                title=title,
                **aria(title),
            ),
        ],
        className="header",
    )


def _picture() -> html.Button:
    label = aria("PNG: save this page as a picture")
    return text_button(ids.PAGE_PICTURE, "PNG", "This page as a picture", **label)


def _link(page: Page, current: Page) -> html.A:
    here = attributes({"aria-current": "page"}) if page is current else {}
    return html.A(page.name, href=page.path, className="page-link", **here)
