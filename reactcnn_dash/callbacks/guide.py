"""The help dialog."""

from __future__ import annotations

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids


def register(app: Dash) -> None:
    """Open the dialog by its button."""
    app.clientside_callback(
        ClientsideFunction("reactcnn", "openHelp"),
        Output(ids.HELP, "opened"),
        Input(ids.HELP_BUTTON, "n_clicks"),
        prevent_initial_call=True,
    )
