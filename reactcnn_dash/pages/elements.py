"""Small pieces that the page's parts are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import dcc, html

from reactcnn_dash import ids
from reactcnn_dash.analysis import METHODS
from reactcnn_dash.pages import mantine as dmc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reactcnn_dash.analysis import Method


def attributes(values: dict[str, str]) -> dict[str, Any]:
    """Return attributes whose names are no Python names; Dash's types know none of them."""
    return dict(values)


def aria(label: str) -> dict[str, Any]:
    """Return the attribute that names an element for who does not see it."""
    return attributes({"aria-label": label})


LIVE: Final = attributes({"aria-live": "polite"})
"""Has what changes in an element said aloud."""


def box(look: str, *children: Any, **more: Any) -> html.Div:
    """Return what holds ``children``; ``look`` is its class, as in all that follows."""
    return html.Div(list(children), className=look, **more)


def group(*children: Any, look: str = "", **more: Any) -> html.Div:
    """Return controls that belong together, side by side."""
    return box(f"group {look}".strip(), *children, **more)


def section(label: str, look: str, *children: Any, **more: Any) -> html.Section:
    """Return a part of a page that has a name."""
    return html.Section(list(children), className=look, **aria(label), **more)


def spacer() -> html.Span:
    """Return what pushes the rest of a bar to its end."""
    return html.Span(className="spacer")


def small(words: Any) -> html.Span:
    """Return words beside a control."""
    return html.Span(words, className="small")


def icon(name: str) -> html.Span:
    """Return an icon of ``assets/base/base.css``."""
    return html.Span(className=f"icon icon-{name}", **attributes({"aria-hidden": "true"}))


def text_button(id_: str, words: str, title: str, look: str = "", **more: Any) -> html.Button:
    """Return a button that shows words, and says more when it is pointed at."""
    look = f"text-button {look}".strip()
    return html.Button(words, id=id_, className=look, title=title, **more)


def tool_button(id_: str, shape: str, label: str, shortcut: str) -> html.Button:
    """Return a button with an icon, its name and its key."""
    return html.Button(
        icon(shape),
        id=id_,
        className="tool",
        title=f"{label} ({shortcut})",
        **aria(label),
    )


def options(choices: Mapping[Any, str]) -> list[dict[str, str]]:
    """Return choices, value → words, as Mantine takes them."""
    return [{"value": value, "label": words} for value, words in choices.items()]


def choice(id_: str, label: str, choices: Mapping[Any, str], **more: Any) -> dmc.SegmentedControl:
    """Return a few choices side by side, value → words; the first unless ``value`` is given."""
    more = {"value": next(iter(choices)), **more}
    return dmc.SegmentedControl(id=id_, data=options(choices), size="xs", **aria(label), **more)


SCALES: Final = {"layer": "Per layer", "network": "Whole network"}
"""What the colours of a grid can span."""


def scale_choice() -> dmc.SegmentedControl:
    """Return the choice of what the colours of a grid span."""
    return choice(ids.SCALE, "Colour scale", SCALES)


def typed(
    id_: str, label: str, look: str, *, title: str | None = None, kind: str = "number", **more: Any
) -> html.Label:
    """Return a field to type into; ``label`` is for who does not see it, ``title`` for who does."""
    more = {"type": kind, "className": look, "autoComplete": "off", **more}
    if kind == "number":
        more = {"debounce": True, **more}
    field = dcc.Input(id=id_, **more)
    said: dict[str, Any] = {} if title is None else {"title": title}
    return html.Label([html.Span(label, className="off-screen"), field], **said)


def json_link(id_: str, title: str, label: str, look: str = "") -> html.A:
    """Return the link to what a page shows as JSON, until there is any hidden."""
    look = f"text-button {look} export-link".replace("  ", " ")
    return html.A("JSON", id=id_, className=look, title=title, hidden=True, **aria(label))


def picture(id_: str) -> html.Div:
    """Return the place of an image, which has a name before the first is there, too."""
    size: dict[str, Any] = {"width": "32", "height": "32"}
    return box(
        "picture",
        html.Canvas(id=id_, role="img", className="pixelated", **size, **aria("No image yet")),
    )


def legend() -> html.Div:
    """Return the place of what a grid's colours mean."""
    return html.Div(id=ids.LEGEND, className="legend", role="group", **aria("Colour legend"))


def grid() -> html.Div:
    """Return the place of all filters."""
    return html.Div(id=ids.GRID, className="grid", role="group", **aria("Filters by layer"))


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
    closes = html.Button(
        icon("close"),
        className="tool",
        title="Close (Escape)",
        **aria("Close"),
        **attributes({"data-closes": "true"}),
    )
    head = box("dialog-head", html.H2(title), closes)
    return html.Dialog(box("dialog", head, html.Div(content)), id=id_, **aria(title))


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
        box(
            class_,
            parameter_slider(f"{prefix}-{method.key}", method, **slider),
            html.Span(id=f"{prefix}-{method.key}-value", className="symbol"),
            title=method.help,
            **attributes({"data-method": method.key}),
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
