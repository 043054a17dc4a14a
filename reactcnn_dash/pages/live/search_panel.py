"""The search drawer below the grid: what to look for, and the strip of what was found."""

from __future__ import annotations

from dash import dcc, html

from reactcnn_dash import ids
from reactcnn_dash.pages import mantine as dmc
from reactcnn_dash.pages.elements import aria, attributes, icon, pick


def _class_select(id_: str, placeholder: str, label: str, kind: str = "") -> dmc.Select:
    return pick(
        id_,
        label,
        nothing="No such class",
        placeholder=placeholder,
        clearable=True,
        allowDeselect=True,
        className=f"search-class {kind}",
        comboboxProps={"width": 180, "position": "top-start"},
    )


def _ordinal(id_: str, placeholder: str, label: str) -> html.Label:
    return html.Label(
        [
            html.Span(label, className="off-screen"),
            dcc.Input(
                id=id_,
                type="number",
                min=0,
                step=1,
                debounce=True,
                placeholder=placeholder,
                className="ordinal search-ordinal",
                autoComplete="off",
            ),
        ]
    )


def _filters() -> html.Div:
    return html.Div(
        className="search-filters",
        role="group",
        **aria("What to look for"),
        children=[
            _class_select(ids.SEARCH_LABEL, "Any class", "Class", "of-labels of-names"),
            _class_select(ids.SEARCH_PREDICTION, "Any prediction", "Predicted class", "of-names"),
            html.Span(
                "The network names no class of an image to search by.",
                className="of-no-classes",
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
                data=[
                    {"value": "ordinal", "label": "By number"},
                    {"value": "unsure", "label": "Least sure first"},
                    {"value": "sure", "label": "Surest first"},
                ],
                value="ordinal",
                allowDeselect=False,
                size="xs",
                className="search-order of-order",
                comboboxProps={"width": 150, "position": "top-start"},
                **aria("Order of the results"),
            ),
            html.Span(className="spacer"),
            html.Button(
                icon("close"),
                id=ids.SEARCH_CLOSE,
                className="tool",
                title="Close the search (Escape)",
                **aria("Close the search"),
            ),
        ],
    )


def _found() -> html.Div:
    return html.Div(
        className="search-found",
        children=[
            html.Div(
                className="search-status",
                children=[
                    html.Div(
                        className="group",
                        children=[
                            html.Span(
                                id=ids.SEARCH_COUNT,
                                className="search-count",
                                **attributes({"aria-live": "polite"}),
                            ),
                            html.Span(className="spacer"),
                            html.Button(
                                icon("previous"),
                                id=ids.SEARCH_PREVIOUS,
                                className="tool",
                                title="Previous result (P)",
                                **aria("Previous result"),
                            ),
                            html.Button(
                                icon("next"),
                                id=ids.SEARCH_NEXT,
                                className="tool",
                                title="Next result (N)",
                                **aria("Next result"),
                            ),
                        ],
                    ),
                    html.Button(
                        "Clusters of these images",
                        id=ids.SEARCH_CLUSTERS,
                        className="text-button",
                        title="Correlate and cluster over these images alone, beside the whole run",
                    ),
                ],
            ),
            html.Div(
                id=ids.STRIP,
                className="strip",
                role="listbox",
                tabIndex=0,
                **aria("Images found"),
            ),
        ],
    )


def search_panel() -> html.Section:
    """Return the drawer, closed until somebody searches."""
    return html.Section(
        id=ids.SEARCH,
        className="search",
        hidden=True,
        children=[_filters(), _found()],
        **aria("Search in this run"),
    )
