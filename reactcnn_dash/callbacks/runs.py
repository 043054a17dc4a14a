"""The list of runs in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.db import StoreError, StoreReader
from reactcnn_dash.results.naming import run_labels

if TYPE_CHECKING:
    from reactcnn_dash.pages.page import Context

LISTED = 200


def options(reader: StoreReader) -> list[dict[str, str]]:
    """Return the newest runs, newest first; an unreadable store gives an empty list.

    The poll reports what is wrong with the store; the list need not say it a second time.
    """
    try:
        known = reader.runs(limit=LISTED)
    except StoreError:
        return []
    labels = run_labels(known)
    return [{"value": str(run.id), "label": text} for run, text in zip(known, labels, strict=True)]


def register(app: Dash, context: Context) -> None:
    """Register the list, which is read again when the page learns of a new run."""

    @app.callback(
        Output(ids.RUN_SELECT, "data"),
        Input(ids.RUNS_VERSION, "data"),
        prevent_initial_call=True,
    )
    def runs(_: str) -> list[dict[str, str]]:
        return options(context.reader)

    app.clientside_callback(
        ClientsideFunction("reactcnn", "chooseRun"),
        Input(ids.RUN_SELECT, "value"),
        prevent_initial_call=True,
    )
