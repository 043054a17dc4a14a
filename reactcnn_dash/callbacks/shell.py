"""What works alike on every page: the help dialog, and the notice of a callback that failed."""

from __future__ import annotations

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids


def register(app: Dash) -> None:
    """Open the help by its button, and show what ``app.tell_failure`` says."""
    app.clientside_callback(
        ClientsideFunction("reactcnn", "openHelp"),
        Output(ids.HELP, "opened"),
        Input(ids.HELP_BUTTON, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("reactcnn", "failure"),
        Input(ids.FAILURE, "data"),
        prevent_initial_call=True,
    )
