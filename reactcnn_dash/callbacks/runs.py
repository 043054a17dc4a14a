"""The list of runs in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.db import Run, StoreError, StoreReader

if TYPE_CHECKING:
    from reactcnn_dash.pages.page import Context

LISTED = 200


def option(run: Run) -> dict[str, str]:
    """Return a run's entry in the list: its value is the id."""
    when = run.created_at.astimezone().strftime("%d %b %H:%M")
    return {"value": str(run.id), "label": f"{run.name} · {run.image_source} · {when}"}


def options(reader: StoreReader) -> list[dict[str, str]]:
    """Return the newest runs, newest first; an unreadable store gives an empty list.

    The poll reports what is wrong with the store; the list need not say it a second time.
    """
    try:
        return [option(run) for run in reader.runs(limit=LISTED)]
    except StoreError:
        return []


def register(app: Dash, context: Context) -> None:
    """Register the list, which is read again when the page learns of a new run."""

    @app.callback(
        Output(ids.RUN_SELECT, "data"),
        Input(ids.RUNS_VERSION, "data"),
        prevent_initial_call=True,
    )
    def runs(_: str) -> list[dict[str, Any]]:
        return options(context.reader)

    app.clientside_callback(
        ClientsideFunction("reactcnn", "chooseRun"),
        Input(ids.RUN_SELECT, "value"),
        prevent_initial_call=True,
    )
