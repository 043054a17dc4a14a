"""The search drawer below the grid: what to look for, and the strip of what was found."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.pages import mantine as dmc
from reactcnn_dash.pages.elements import (
    LIVE,
    aria,
    attributes,
    box,
    group,
    options,
    pick,
    section,
    spacer,
    text_button,
    tool_button,
    typed,
)


def _class_select(id_: str, placeholder: str, label: str, look: str) -> dmc.Select:
    return pick(
        id_,
        label,
        nothing="No such class",
        placeholder=placeholder,
        clearable=True,
        allowDeselect=True,
        className=f"search-class {look}",
        comboboxProps={"width": 180, "position": "top-start"},
    )


def _ordinal(id_: str, placeholder: str, label: str) -> html.Label:
    return typed(id_, label, "ordinal search-ordinal", placeholder=placeholder, min=0, step=1)


def _filters() -> html.Div:
    return box(
        "search-filters",
        _class_select(ids.SEARCH_LABEL, "Any class", "Class", "of-labels of-names"),
        _class_select(ids.SEARCH_PREDICTION, "Any prediction", "Predicted class", "of-names"),
        html.Span(
            "The network names no class of an image to search by.", className="of-no-classes"
        ),
        html.Button(
            "Misclassified",
            id=ids.SEARCH_WRONG,
            className="tool wide toggle of-labels",
            title="Only images that were predicted wrongly",
            **attributes({"aria-pressed": "false"}),
        ),
        html.Button(
            id=ids.SEARCH_ANSWERED,
            className="tool wide toggle",
            title="Asked for by the link that led here; press it to leave this out",
            hidden=True,
            **attributes({"aria-pressed": "true"}),
        ),
        html.Span(
            [
                _ordinal(ids.SEARCH_FIRST, "from", "From image"),
                "–",
                _ordinal(ids.SEARCH_LAST, "to", "To image"),
            ],
            className="search-range",
            title="Only images of this range; both ends belong to it",
        ),
        dmc.Select(
            id=ids.SEARCH_ORDER,
            data=options(
                {"ordinal": "By number", "unsure": "Least sure first", "sure": "Surest first"}
            ),
            value="ordinal",
            allowDeselect=False,
            size="xs",
            className="search-order of-order",
            comboboxProps={"width": 150, "position": "top-start"},
            **aria("Order of the results"),
        ),
        spacer(),
        tool_button(ids.SEARCH_CLOSE, "close", "Close the search", "Escape"),
        role="group",
        **aria("What to look for"),
    )


def _found() -> html.Div:
    return box(
        "search-found",
        box(
            "search-status",
            group(
                html.Span(id=ids.SEARCH_COUNT, className="search-count", **LIVE),
                spacer(),
                tool_button(ids.SEARCH_PREVIOUS, "previous", "Previous result", "P"),
                tool_button(ids.SEARCH_NEXT, "next", "Next result", "N"),
            ),
            text_button(
                ids.SEARCH_CLUSTERS,
                "Clusters of these images",
                "Correlate and cluster over these images alone, beside the whole run",
            ),
        ),
        html.Div(
            id=ids.STRIP, className="strip", role="listbox", tabIndex=0, **aria("Images found")
        ),
    )


def search_panel() -> html.Section:
    """Return the drawer, closed until somebody searches."""
    return section("Search in this run", "search", _filters(), _found(), id=ids.SEARCH, hidden=True)
