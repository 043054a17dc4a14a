"""Small pieces that the page's parts are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import METHODS
from reactcnn_dash.pages import mantine as dmc

if TYPE_CHECKING:
    from reactcnn_dash.analysis import Method


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


def choice(id_: str, label: str, choices: dict[str, str], **more: Any) -> dmc.SegmentedControl:
    """Return a few choices side by side, value → words; the first unless ``value`` is given."""
    data = [{"value": value, "label": words} for value, words in choices.items()]
    more = {"value": next(iter(choices)), **more}
    return dmc.SegmentedControl(id=id_, data=data, size="xs", **aria(label), **more)


def pick(id_: str, label: str, *, nothing: str, **more: Any) -> dmc.Select:
    """Return a list to pick from by typing, filled by scripts; ``nothing`` if none matches."""
    more = {"allowDeselect": False, **more}
    return dmc.Select(
        id=id_, searchable=True, size="xs", nothingFoundMessage=nothing, **aria(label), **more
    )


def pick_run(id_: str, look: str, label: str = "Run") -> dmc.Select:
    """Return a list to pick a run from."""
    return pick(
        id_,
        label,
        nothing="No such run",
        placeholder="Pick a run",
        className=look,
        limit=200,
        maxDropdownHeight=420,
    )


def parameter_slider(id_: str, method: Method, **more: Any) -> dmc.Slider:
    """Return the slider of a clustering method's parameter."""
    return dmc.Slider(
        id=id_,
        min=method.minimum,
        max=method.maximum,
        step=method.step,
        value=method.default,
        size="sm",
        updatemode="mouseup",
        className="parameter-slider",
        thumbLabel=f"{method.label}: {method.symbol}",
        **more,
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
                html.Div(content),
            ],
        ),
    )


def method_choice(id_: str, first: Method, **more: Any) -> dmc.SegmentedControl:
    """Return the choice of a clustering method."""
    labels = {method.key: method.label for method in METHODS.values()}
    return choice(id_, "Clustering method", labels, value=first.key, **more)


def parameter_rows(prefix: str, class_: str, **slider: Any) -> list[html.Div]:
    """Return a row with slider and value for each clustering method; a page shows that of its own.

    Args:
        prefix: of the ids: ``prefix-key``, and ``prefix-key-value`` of the value.
        class_: of the rows.
        slider: more of each slider.
    """
    return [
        html.Div(
            className=class_,
            title=method.help,
            **attributes({"data-method": method.key}),
            children=[
                parameter_slider(f"{prefix}-{method.key}", method, **slider),
                html.Span(id=f"{prefix}-{method.key}-value", className="symbol"),
            ],
        )
        for method in METHODS.values()
    ]


def notice() -> html.Div:
    """Return the place of what went wrong, or should be known."""
    return html.Div(id=ids.NOTICE, className="notice", role="alert", hidden=True)


def empty() -> html.Div:
    """Return the place of what a page says that has nothing to show."""
    return html.Div(id=ids.EMPTY, className="empty", hidden=True)


def progress(id_: str) -> html.Div:
    """Return the place that says how far a page's work is."""
    return html.Div(id=id_, className=id_, role="status", hidden=True)
