"""A table of rows of which one can be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_ag_grid as dag

if TYPE_CHECKING:
    from collections.abc import Mapping


def table(
    id_: str,
    look: str,
    columns: list[dict[str, object]],
    *,
    each: Mapping[str, object],
    height: str,
    row_height: int,
    row_id: str = "params.data.id",
) -> dag.AgGrid:
    """Return a table, which scripts fill.

    Args:
        id_: of the component.
        look: the table's class.
        columns: what AG Grid takes of each column.
        each: what it takes of all.
        height: of the table, in CSS.
        row_height: of a row, in pixels.
        row_id: the expression that names a row.
    """
    return dag.AgGrid(
        id=id_,
        className=f"ag-theme-quartz table {look}",
        columnDefs=columns,
        defaultColDef=each,
        rowData=[],
        style={"height": height, "width": "100%"},
        getRowId=row_id,
        dashGridOptions={
            "animateRows": False,
            "tooltipShowDelay": 300,
            "rowHeight": row_height,
            "headerHeight": 28,
            "suppressCellFocus": False,
            "rowSelection": {
                "mode": "singleRow",
                "checkboxes": False,
                "enableClickSelection": True,
            },
        },
        dangerously_allow_code=False,
    )
