"""The runs page's skeleton: what can be done with runs, and the table that they stand in."""

from __future__ import annotations

from typing import Final

import dash_ag_grid as dag
from dash import dcc, html

from reactcnn_dash import ids
from reactcnn_dash.db.editing import NAME_LENGTH, NOTE_LENGTH
from reactcnn_dash.pages.elements import (
    aria,
    attributes,
    box,
    dialog,
    empty,
    group,
    notice,
    spacer,
    text_button,
    typed,
)
from reactcnn_dash.pages.page import Content
from reactcnn_dash.results.deviations.scores import RATE
from reactcnn_dash.results.text import percent_text

LOOK_MS: Final = 2000
"""Milliseconds between two looks at the list of runs."""
UNDO_SECONDS: Final = 20
"""How long the way back is shown; runs are deleted when it is over."""

_TEXT: Final = {"filter": "agTextColumnFilter", "suppressFloatingFilterButton": True}
_WRITTEN: Final = {**_TEXT, "editable": {"function": "runWritable(params.data)"}}


def _shown(function: str) -> dict[str, object]:
    """Return how a value is written; sorting and filtering go by the value itself."""
    return {"valueFormatter": {"function": f"{function}(params)"}}


def _number(unit: str = "") -> dict[str, object]:
    """Return a number on the right, with a filter that says which unit it wants."""
    return {
        "type": "rightAligned",
        "filter": "agNumberColumnFilter",
        "filterParams": {
            "filterOptions": ["greaterThanOrEqual", "lessThanOrEqual", "equals", "inRange"],
            "filterPlaceholder": f"≥ {unit}",
        },
    }


def _narrow() -> dict[str, object]:
    """Return a number of few digits: its filter is a lower bound, without room for a choice."""
    return _number() | {"suppressFloatingFilterButton": True}


# The fields that no `RunRow` has are made of those in assets/runs/rows.mjs.
COLUMNS: Final[list[dict[str, object]]] = [
    {
        "field": "name",
        "headerName": "Name",
        "cellRenderer": "RunName",
        "pinned": "left",
        "width": 186,
        **_WRITTEN,
        "cellEditorParams": {"maxLength": NAME_LENGTH},
    },
    {
        "field": "checkpointText",
        "cellRenderer": "Middle",
        "headerName": "Checkpoint",
        "minWidth": 104,
        "flex": 2,
        **_TEXT,
        "tooltipField": "checkpointTip",
    },
    {
        "field": "experiment",
        "headerName": "Experiment",
        "width": 82,
        **_TEXT,
    },
    {"field": "epoch", "headerName": "Epoch", "width": 60, **_narrow()},
    {
        "field": "source",
        "cellRenderer": "Middle",
        "tooltipField": "source",
        "headerName": "Source",
        "minWidth": 82,
        "flex": 1.2,
        **_TEXT,
    },
    {"field": "stored", "headerName": "Images", "width": 92, **_number(), **_shown("runImages")},
    {
        "field": "percent",
        "headerName": "Accuracy",
        "headerTooltip": "Images that are right; ± is the mean absolute error of values",
        "width": 80,
        **_number("%"),
        **_shown("runPercent"),
    },
    {
        "field": "odd",
        "headerName": "Odd",
        "headerTooltip": "Images that stand out from what is usual for their run, at "
        f"{percent_text(RATE, 0)} false alarms; – while they are not scored",
        "width": 54,
        **_narrow(),
        **_shown("runOdd"),
    },
    {
        "field": "precision",
        "headerName": "Precision",
        "headerTooltip": "What convolutions were computed in: the run itself says what bfloat16 "
        "cost",
        "width": 76,
        # Shown once a run has another than all: the others want the room.
        "hide": True,
        **_TEXT,
    },
    {
        "field": "stateText",
        "headerName": "State",
        "cellRenderer": "RunState",
        "width": 104,
        **_TEXT,
    },
    {
        "field": "startedAt",
        "headerName": "Started",
        "width": 112,
        "filter": "agDateColumnFilter",
        # A time of day is never equal to a day.
        "filterParams": {"filterOptions": ["greaterThan", "lessThan", "inRange"]},
        **_shown("runTime"),
    },
    {
        "field": "minutes",
        "headerName": "Duration",
        "width": 80,
        **_number("min"),
        **_shown("runDuration"),
    },
    {
        "field": "megabytes",
        "headerName": "Size",
        "width": 74,
        **_number("MB"),
        **_shown("runSize"),
    },
    {
        "field": "tagText",
        "headerName": "Tags",
        "cellRenderer": "RunTags",
        "minWidth": 70,
        "flex": 1,
        **_WRITTEN,
    },
    {
        "field": "note",
        "headerName": "Note",
        "minWidth": 64,
        "flex": 1.6,
        **_WRITTEN,
        "cellEditor": "agLargeTextCellEditor",
        "cellEditorPopup": True,
        "cellEditorParams": {"maxLength": NOTE_LENGTH, "rows": 6, "cols": 48},
        "tooltipValueGetter": {"function": "runNoteTip(params)"},
        **_shown("runNote"),
    },
]


def _table() -> dag.AgGrid:
    return dag.AgGrid(
        id=ids.RUNS_TABLE,
        className="ag-theme-quartz table runs-table",
        columnDefs=COLUMNS,
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "floatingFilter": True,
            # A type that the grid infers from the first rows resets the filter of its column, and
            # with it the one that the address asked for.
            "cellDataType": False,
            "suppressHeaderMenuButton": True,
            "suppressHeaderFilterButton": True,
            # The grid would empty a cell; here the key deletes runs, after a question.
            "suppressKeyboardEvent": {"function": "runKey(params)"},
        },
        rowData=[],
        getRowId="params.data.key",
        style={"height": "100%", "width": "100%"},
        dashGridOptions={
            "animateRows": False,
            # A screen reader goes by the order in the document.
            "ensureDomOrder": True,
            "rowHeight": 30,
            "headerHeight": 30,
            "floatingFiltersHeight": 34,
            "pagination": True,
            "paginationPageSize": 50,
            "paginationPageSizeSelector": [25, 50, 100, 500],
            "cacheQuickFilter": True,
            "stopEditingWhenCellsLoseFocus": True,
            "suppressDragLeaveHidesColumns": True,
            "tooltipShowDelay": 400,
            "suppressNoRowsOverlay": True,
            "selectionColumnDef": {"pinned": "left", "width": 38},
            "rowSelection": {
                "mode": "multiRow",
                "checkboxes": True,
                "headerCheckbox": True,
                "selectAll": "filtered",
                "enableClickSelection": True,
            },
        },
        dangerously_allow_code=False,
    )


def _action(id_: str, text: str, title: str) -> html.Button:
    return html.Button(text, id=id_, className="tool wide", title=title, disabled=True)


def _link(id_: str, text: str, title: str) -> html.A:
    disabled = attributes({"aria-disabled": "true"})
    return html.A(text, id=id_, className="tool wide", title=title, **disabled)


def _toolbar() -> html.Div:
    return box(
        "runs-toolbar",
        typed(
            ids.RUNS_FIND,
            "Find runs",
            "runs-find",
            title="Find runs by any of their words (/)",
            kind="search",
            placeholder="Find runs",
        ),
        group(
            _link(ids.RUNS_OPEN, "Open", "Open the chosen run in the live page"),
            _link(ids.RUNS_COMPARE, "Compare", "Compare two chosen runs"),
            _action(ids.RUNS_RENAME, "Rename", "Rename the chosen run"),
            _action(ids.RUNS_TAG, "Tags", "Write the chosen run's tags"),
            _action(ids.RUNS_ANNOTATE, "Note", "Write a note on the chosen run"),
            _action(
                ids.RUNS_EXPORT,
                "Export",
                "Download the chosen run's GAP matrix, labels, predictions, correlations "
                "and clusters as .npz",
            ),
            _action(ids.RUNS_DELETE, "Delete", "Delete the chosen runs (Delete)"),
            role="group",
            **aria("With the chosen runs"),
        ),
        spacer(),
        html.Span(id=ids.RUNS_COUNT, className="counts", role="status"),
    )


def _undo() -> html.Div:
    return box(
        "runs-undo",
        html.Span(id=ids.RUNS_UNDO_TEXT, role="status"),
        text_button(ids.RUNS_UNDO_BACK, "Undo", "Undo (Ctrl Z)"),
        html.Button("Delete now", id=ids.RUNS_UNDO_NOW, className="text-button", hidden=True),
        id=ids.RUNS_UNDO,
        hidden=True,
    )


def _confirm() -> html.Dialog:
    closes = attributes({"data-closes": "true"})
    keep = html.Button("Keep", id=ids.RUNS_CONFIRM_NO, className="tool wide", **closes)
    delete = html.Button("Delete", id=ids.RUNS_CONFIRM_YES, className="tool wide danger", **closes)
    return dialog(
        ids.RUNS_CONFIRM,
        "Delete for good?",
        [
            html.P(id=ids.RUNS_CONFIRM_TEXT, className="runs-doomed"),
            box("runs-confirm", keep, delete),
        ],
    )


def content() -> Content:
    """Return what stands on the runs page."""
    stores = (
        *(ids.RUNS_REQUEST, ids.RUNS_ANSWER, ids.RUNS_EDIT, ids.RUNS_EDITED),
        *(ids.RUNS_DOOMED, ids.RUNS_DELETED),
    )
    table = html.Div(_table(), className="runs-frame", role="region", **aria("Runs"))
    return Content(
        body=[box("runs", _toolbar(), notice(), empty(), table)],
        around=[
            dcc.Interval(id=ids.RUNS_TICK, interval=LOOK_MS),
            *(dcc.Store(id=one) for one in stores),
            _undo(),
            _confirm(),
        ],
    )
