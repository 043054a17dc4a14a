"""The redundancy page: Dash components, and the places that assets/redundancy/*.js draw into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import METHODS
from reactcnn_dash.pages.elements import aria, attributes, parameter_slider, pick
from reactcnn_dash.pages.shell import REDUNDANCY, header, shell
from reactcnn_dash.results.redundancy.report import METHOD

if TYPE_CHECKING:
    import dash_mantine_components as dmc


def _run_select() -> dmc.Select:
    return pick(
        ids.REDUNDANCY_RUN,
        "Run",
        nothing="No such run",
        placeholder="Pick a run",
        className="run-select redundancy-select",
        limit=200,
        maxDropdownHeight=420,
    )


def _toolbar() -> html.Div:
    options = METHODS[METHOD]
    return html.Div(
        className="toolbar redundancy-toolbar",
        children=[
            html.Span("Redundant from", className="small"),
            html.Span(id=ids.REDUNDANCY_VALUE, className="symbol"),
            html.Div(
                className="redundancy-slider",
                title=options.help,
                children=parameter_slider(ids.REDUNDANCY_THRESHOLD, options, label=None),
            ),
            html.Span(className="spacer"),
            html.A(
                "JSON",
                id=ids.REDUNDANCY_EXPORT,
                className="text-button export-link",
                title="Every cluster with its addresses and evidence, for a script",
                hidden=True,
                **aria("Download the report as JSON"),
            ),
            html.Button(
                "Print",
                id=ids.REDUNDANCY_PRINT,
                className="text-button",
                title="All layers with their clusters on paper, or as PDF",
                hidden=True,
            ),
        ],
    )


def page() -> Any:
    """Return the layout of the redundancy page."""
    return shell(
        [
            html.Div(
                id="app",
                className="app redundancy",
                children=[
                    header(REDUNDANCY, _run_select()),
                    _toolbar(),
                    html.Div(id=ids.NOTICE, className="notice", role="alert", hidden=True),
                    html.Div(
                        id=ids.REDUNDANCY_PROGRESS,
                        className="redundancy-progress",
                        role="status",
                        hidden=True,
                    ),
                    html.Div(id=ids.EMPTY, className="empty", hidden=True),
                    html.P(
                        id=ids.REDUNDANCY_SUMMARY,
                        className="redundancy-summary",
                        hidden=True,
                        **attributes({"aria-live": "polite"}),
                    ),
                    html.Div(
                        id=ids.REDUNDANCY_BODY,
                        className="redundancy-body",
                        hidden=True,
                        children=[
                            html.Main(
                                className="redundancy-left",
                                children=[
                                    html.Div(
                                        id=ids.REDUNDANCY_LAYERS, className="redundancy-layers"
                                    ),
                                    html.Section(
                                        id=ids.REDUNDANCY_HOLDING,
                                        className="holding",
                                        hidden=True,
                                        **aria("Does it hold?"),
                                    ),
                                ],
                            ),
                            html.Aside(
                                id=ids.REDUNDANCY_LAYER,
                                className="redundancy-layer",
                                **aria("Clusters of the layer"),
                            ),
                        ],
                    ),
                ],
            ),
            html.Article(id=ids.REDUNDANCY_PAPER, className="paper"),
            html.Div(id=ids.TIP, className="tip", role="tooltip", hidden=True),
        ],
    )
