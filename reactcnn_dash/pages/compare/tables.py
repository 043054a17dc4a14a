"""The compare page's tables: layers, and the filters of one layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reactcnn_dash import ids
from reactcnn_dash.pages.table import table

if TYPE_CHECKING:
    import dash_ag_grid as dag
    from dash.development.base_component import Component


def _figure(
    field: str, name: str, tip: str, digits: int | None = 3, **options: Any
) -> dict[str, object]:
    """Return a column of numbers; one that is undefined reads as a dash and sorts last."""
    shown = "params.value" if digits is None else f"d3.format('.{digits}f')(params.value)"
    return {
        "field": field,
        "headerName": name,
        "headerTooltip": tip,
        "type": "rightAligned",
        "valueFormatter": {"function": f"params.value == null ? '–' : {shown}"},
        "flex": 1,
        "minWidth": 44,
    } | options


def _share(field: str, name: str, tip: str) -> dict[str, object]:
    percent = "params.value == null ? '–' : d3.format('.0%')(params.value)"
    return _figure(field, name, tip) | {"valueFormatter": {"function": percent}}


def _shift(field: str, name: str, tip: str) -> dict[str, object]:
    """Return a column of two counts, sorted by that of B."""
    both = f"params.data.{field}A + ' → ' + params.data.{field}B"
    shown = {"valueFormatter": {"function": both}, "minWidth": 62, "flex": 1.3}
    return _figure(f"{field}B", name, tip) | shown


_ROW: Final = 24
"""Pixels."""

_COLUMN: Final = {
    "sortable": True,
    "resizable": False,
    "suppressMovable": True,
    "suppressHeaderMenuButton": True,
}


def tables() -> dict[str, Component]:
    """Return the tables that stand once two runs are compared, by the place that they fill."""
    return {ids.COMPARE_LAYERS_PLACE: _layers(), ids.COMPARE_FILTERS_PLACE: _filters()}


def _layers() -> dag.AgGrid:
    """Return the table of the layers in common."""
    return table(
        ids.COMPARE_LAYERS,
        "layer-table",
        [
            {"field": "name", "headerName": "Layer", "flex": 1.8, "minWidth": 92},
            _figure("filters", "Filters", "Filters of the layer", None),
            _figure("cka", "CKA", "Linear CKA of the layer in A with itself in B: 1 is the same"),
            _figure("ari", "ARI", "Adjusted Rand index of the clusters in A and B"),
            _figure("nmi", "NMI", "Normalised mutual information of the clusters in A and B"),
            _shift("dead", "Dead", "Filters that are 0 on every image, in A → in B"),
            _shift("constant", "Constant", "Filters that never vary, dead ones too, in A → in B"),
            _figure("died", "Died", "Filters that are dead in B only", None),
            _figure("alive", "Alive", "Filters that came alive: dead in A only", None),
            _figure("same", "Same", "Median r of the filters of the same number in A and B"),
            _share("sure", "Sure", "Share of A's varying filters with a confident match in B"),
        ],
        each=_COLUMN,
        height=f"calc(var(--layers, 0) * {_ROW}px + 31px)",
        row_height=_ROW,
        row_id="params.data.name",
    )


def _filters() -> dag.AgGrid:
    """Return the table of the filters of one layer."""
    return table(
        ids.COMPARE_FILTERS,
        "filter-table",
        [
            _figure("filter", "Filter", "Number of the filter in A", None),
            _figure("same", "Same r", "r of the filter with the same number in B"),
            _figure("match", "Match", "Filter of B that the assignment gives it", None),
            _figure("r", "Its r", "r of the filter with its match, over the images in common"),
            _figure("margin", "Margin", "How far r is above the best rival; about 0: ambiguous"),
            {"field": "sure", "headerName": "Match is", "flex": 1.1},
            _figure("a", "Cluster A", "Its cluster in A", None),
            _figure("b", "Cluster B", "Its cluster in B", None),
            {"field": "state", "headerName": "State", "flex": 1.3},
        ],
        each=_COLUMN,
        height="100%",
        row_height=_ROW,
    )
