"""The compare page's bar: which runs or experiment, and how filters are clustered."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import html

from reactcnn_dash import ids
from reactcnn_dash.analysis import DEFAULT_METHOD, METHODS
from reactcnn_dash.elements import aria, tool_button


def _badge(side: str) -> html.Span:
    return html.Span(side.upper(), className=f"side-badge side-{side}")


def _run_select(id_: str, label: str) -> dmc.Select:
    return dmc.Select(
        id=id_,
        placeholder="Pick a run",
        searchable=True,
        allowDeselect=False,
        size="xs",
        className="compare-select",
        limit=200,
        maxDropdownHeight=420,
        nothingFoundMessage="No such run",
        **aria(label),
    )


def _parameter(id_: str, method: str) -> html.Div:
    options = METHODS[method]
    return html.Div(
        className="compare-parameter",
        id=f"{id_}-row",
        title=options.help,
        children=[
            dmc.Slider(
                id=id_,
                min=options.minimum,
                max=options.maximum,
                step=options.step,
                value=options.default,
                size="sm",
                label=None,
                updatemode="mouseup",
                className="parameter-slider",
                thumbLabel=f"{options.label}: {options.symbol}",
            ),
            html.Span(id=f"{id_}-value", className="symbol"),
        ],
    )


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
                    _run_select(ids.COMPARE_A, "Run A"),
                    tool_button(ids.COMPARE_SWAP, "swap", "Swap A and B", "S"),
                    _badge("b"),
                    _run_select(ids.COMPARE_B, "Run B"),
                ],
            ),
            html.Div(
                className="group only-experiment",
                children=[
                    dmc.Select(
                        id=ids.COMPARE_EXPERIMENT,
                        placeholder="Pick an experiment",
                        searchable=True,
                        allowDeselect=False,
                        size="xs",
                        className="compare-select",
                        nothingFoundMessage="No such experiment",
                        **aria("Experiment"),
                    ),
                    html.Span("each epoch against", className="small"),
                    dmc.SegmentedControl(
                        id=ids.COMPARE_AGAINST,
                        data=[
                            {"value": "last", "label": "the last"},
                            {"value": "previous", "label": "the one before"},
                            {"value": "first", "label": "the first"},
                        ],
                        value="last",
                        size="xs",
                        **aria("Compared with"),
                    ),
                ],
            ),
            html.Span(className="spacer"),
            html.Div(
                className="group compare-method",
                children=[
                    html.Span("Clusters", className="small"),
                    dmc.SegmentedControl(
                        id=ids.COMPARE_METHOD,
                        data=[{"value": k, "label": m.label} for k, m in METHODS.items()],
                        value=DEFAULT_METHOD,
                        size="xs",
                        **aria("Clustering method"),
                    ),
                    _parameter(ids.COMPARE_LOUVAIN, "louvain"),
                    _parameter(ids.COMPARE_CPM, "leiden-cpm"),
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
        ],
    )
