"""The list of runs in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.db import StoreError, StoreReader
from reactcnn_dash.pages.run_list import LISTED, run_options

if TYPE_CHECKING:
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.pages.shapes import Option


def options(reader: StoreReader) -> list[Option]:
    """Return the newest runs, newest first, those without an image too.

    An unreadable store gives an empty list: the poll says what is wrong with the store.
    """
    try:
        return run_options(reader.summaries()[:LISTED])
    except StoreError:
        return []


def register(app: Dash, context: Context) -> None:
    """Register the list, which is read again when the page learns of a new run."""

    @app.callback(
        Output(ids.RUN_SELECT, "data"),
        Input(ids.RUNS_VERSION, "data"),
        prevent_initial_call=True,
    )
    def runs(_: str) -> list[Option]:
        return options(context.reader)

    app.clientside_callback(
        ClientsideFunction("reactcnn", "chooseRun"),
        Input(ids.RUN_SELECT, "value"),
        prevent_initial_call=True,
    )
