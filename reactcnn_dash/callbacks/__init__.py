"""What a person does on the pages, one module for each thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash.callbacks import (
    clusters,
    compare,
    exports,
    filters,
    poll,
    redundancy,
    runs,
    runs_table,
    search,
    shell,
    view,
)

if TYPE_CHECKING:
    from dash import Dash

    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.pages.run_layers import Structures
    from reactcnn_dash.pages.runs.deleting import Deleter
    from reactcnn_dash.results.clusters.clustering import ClusterService
    from reactcnn_dash.results.runs import RunsFeed


def register_live(
    app: Dash, reader: StoreReader, structures: Structures, url: str, service: ClusterService
) -> None:
    """Register every callback of the live page on ``app``."""
    poll.register(app, reader, structures, url)
    runs.register(app, reader)
    clusters.register(app, service)
    view.register(app)
    search.register(app)
    exports.register(app)
    shell.register(app)


def register_runs(app: Dash, feed: RunsFeed, deleter: Deleter, url: str) -> None:
    """Register every callback of the runs page on ``app``."""
    runs_table.register(app, feed, deleter, url)
    shell.register(app)


def register_compare(app: Dash) -> None:
    """Register every callback of the compare page on ``app``."""
    compare.register(app)
    shell.register(app)


def register_redundancy(app: Dash) -> None:
    """Register every callback of the redundancy page on ``app``."""
    redundancy.register(app)
    shell.register(app)


def register_filter(app: Dash) -> None:
    """Register every callback of the filter page on ``app``."""
    filters.register(app)
    shell.register(app)
