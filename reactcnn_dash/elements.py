"""Small pieces that the page's parts are made of."""

from __future__ import annotations

from typing import Any

from dash import html


def attributes(values: dict[str, str]) -> dict[str, Any]:
    """Return attributes whose names are no Python names; Dash's types know none of them."""
    return dict(values)


def aria(label: str) -> dict[str, Any]:
    """Return the attribute that names an element for who does not see it."""
    return attributes({"aria-label": label})


def icon(name: str) -> html.Span:
    """Return an icon of ``page.css``."""
    return html.Span(className=f"icon icon-{name}", **attributes({"aria-hidden": "true"}))


def tool_button(id_: str, shape: str, label: str, shortcut: str) -> html.Button:
    """Return a button with an icon, its name and its key."""
    return html.Button(
        icon(shape),
        id=id_,
        className="tool",
        title=f"{label} ({shortcut})",
        **aria(label),
    )
