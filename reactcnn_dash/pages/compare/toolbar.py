"""The compare page's bar: which runs or experiment, and how filters are clustered."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import REDUNDANT
from reactcnn_dash.pages.elements import (
    aria,
    choice,
    method_choice,
    parameter_rows,
    pick,
    pick_run,
    tool_button,
)


def _badge(side: str) -> html.Span:
    return html.Span(side.upper(), className=f"side-badge side-{side}")


def toolbar() -> html.Div:
    """Return the bar in which runs or an experiment and the clustering are picked."""
    return html.Div(
        className="toolbar compare-toolbar",
        children=[
            html.Div(
                className="group only-runs",
                role="group",
                **aria("Runs"),
                children=[
                    _badge("a"),
                    pick_run(ids.COMPARE_A, "compare-select", "Run A"),
                    tool_button(ids.COMPARE_SWAP, "swap", "Swap A and B", "S"),
                    _badge("b"),
                    pick_run(ids.COMPARE_B, "compare-select", "Run B"),
                ],
            ),
            html.Div(
                className="group only-experiment",
                children=[
                    pick(
                        ids.COMPARE_EXPERIMENT,
                        "Experiment",
                        nothing="No such experiment",
                        placeholder="Pick an experiment",
                        className="compare-select",
                    ),
                    html.Span("each epoch against", className="small"),
                    choice(
                        ids.COMPARE_AGAINST,
                        "Compared with",
                        {"last": "the last", "previous": "the one before", "first": "the first"},
                    ),
                ],
            ),
            html.Span(className="spacer"),
            html.Div(
                className="group compare-method",
                children=[
                    html.Span("Clusters", className="small"),
                    method_choice(ids.COMPARE_METHOD, REDUNDANT),
                    *parameter_rows(ids.COMPARE_PARAMETER, "compare-parameter", label=None),
                ],
            ),
            html.A(
                "JSON",
                id=ids.COMPARE_EXPORT,
                className="text-button only-runs export-link",
                title="Everything on this page as one JSON file",
                hidden=True,
                **aria("Download the comparison as JSON"),
            ),
            html.Button(
                "Report",
                id=ids.COMPARE_REPORT,
                className="text-button only-runs",
                title="The comparison as one HTML file to send",
                hidden=True,
            ),
        ],
    )
