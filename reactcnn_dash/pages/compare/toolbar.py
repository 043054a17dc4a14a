"""The compare page's bar: which runs or experiment, and how filters are clustered."""

from __future__ import annotations

from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import REDUNDANT
from reactcnn_dash.pages.compare.experiment import AGAINST
from reactcnn_dash.pages.elements import (
    aria,
    box,
    choice,
    group,
    json_link,
    method_choice,
    parameter_rows,
    pick,
    pick_run,
    small,
    spacer,
    text_button,
    tool_button,
)


def _badge(side: str) -> html.Span:
    return html.Span(side.upper(), className=f"side-badge side-{side}")


def toolbar() -> html.Div:
    """Return the bar in which runs or an experiment and the clustering are picked."""
    return box(
        "toolbar compare-toolbar",
        group(
            _badge("a"),
            pick_run(ids.COMPARE_A, "compare-select", "Run A"),
            tool_button(ids.COMPARE_SWAP, "swap", "Swap A and B", "S"),
            _badge("b"),
            pick_run(ids.COMPARE_B, "compare-select", "Run B"),
            look="only-runs",
            role="group",
            **aria("Runs"),
        ),
        group(
            pick(
                ids.COMPARE_EXPERIMENT,
                "Experiment",
                nothing="No such experiment",
                placeholder="Pick an experiment",
                className="compare-select",
            ),
            small("each epoch against"),
            choice(ids.COMPARE_AGAINST, "Compared with", AGAINST),
            look="only-experiment",
        ),
        spacer(),
        group(
            small("Clusters"),
            method_choice(ids.COMPARE_METHOD, REDUNDANT),
            *parameter_rows(ids.COMPARE_PARAMETER, "compare-parameter", label=None),
            look="compare-method",
        ),
        json_link(
            ids.COMPARE_EXPORT,
            "Everything on this page as one JSON file",
            "Download the comparison as JSON",
            "only-runs",
        ),
        text_button(
            ids.COMPARE_REPORT,
            "Report",
            "The comparison as one HTML file to send",
            "only-runs",
            hidden=True,
        ),
    )
