"""What a person does on the pages, one module for each thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash.callbacks import clusters, poll, runs, shell, view

if TYPE_CHECKING:
    from dash import Dash

    from reactcnn_dash.clustering import ClusterService
    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.structures import Structures


def register_live(
    app: Dash, reader: StoreReader, structures: Structures, url: str, service: ClusterService
) -> None:
    """Register every callback of the live page on ``app``."""
    poll.register(app, reader, structures, url)
    runs.register(app, reader)
    clusters.register(app, service)
    view.register(app)
    shell.register(app)
