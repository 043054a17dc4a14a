"""The app factory: one server over a store that it is given, with a Dash app for each page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from dash import html, set_props
from flask import Flask
from flask_compress import Compress

from reactcnn_dash import ids
from reactcnn_dash.callbacks import (
    register_compare,
    register_filter,
    register_live,
    register_redundancy,
    register_runs,
)
from reactcnn_dash.pages import downloads, routes
from reactcnn_dash.pages.compare import help as compare_help
from reactcnn_dash.pages.compare import layout as compare_layout
from reactcnn_dash.pages.compare import routes as comparison_routes
from reactcnn_dash.pages.document import Assets, PageApp
from reactcnn_dash.pages.filter import help as filter_help
from reactcnn_dash.pages.filter import layout as filter_layout
from reactcnn_dash.pages.filter import routes as filter_routes
from reactcnn_dash.pages.live import deviation_routes, layout
from reactcnn_dash.pages.live import help as live_help
from reactcnn_dash.pages.live import search as searching
from reactcnn_dash.pages.live.cluster_panel import graph_and_table
from reactcnn_dash.pages.redundancy import help as redundancy_help
from reactcnn_dash.pages.redundancy import layout as redundancy_layout
from reactcnn_dash.pages.redundancy import routes as redundancy_routes
from reactcnn_dash.pages.run_layers import Structures
from reactcnn_dash.pages.runs import help as runs_help
from reactcnn_dash.pages.runs import layout as runs_layout
from reactcnn_dash.pages.runs.deleting import Deleter
from reactcnn_dash.pages.shell import COMPARE, FILTER, LIVE, REDUNDANCY, RUNS, PageLink
from reactcnn_dash.results.comparison.service import ComparisonService
from reactcnn_dash.results.deviations.service import DeviationService
from reactcnn_dash.results.redundancy.service import RedundancyService
from reactcnn_dash.results.runs import RunsFeed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from dash import Dash
    from dash.development.base_component import Component

    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.results.clusters.clustering import ClusterService

log = logging.getLogger("reactcnn_dash")

COMPRESSION = {
    "COMPRESS_ALGORITHM": ["zstd", "gzip"],
    "COMPRESS_ZSTD_LEVEL": 1,
    "COMPRESS_LEVEL": 1,
    "COMPRESS_MIN_SIZE": 400,
    "COMPRESS_MIMETYPES": [
        "application/javascript",
        "application/json",
        "application/octet-stream",
        "image/svg+xml",
        "text/css",
        "text/html",
        "text/javascript",
    ],
}


def create_server(reader: StoreReader, url: str, service: ClusterService) -> Flask:
    """Return the Flask app that serves every page; each page is a Dash app of its own.

    Args:
        reader: the store that the pages show; nothing is opened before the first request.
        url: the store's URL, shown in hints.
        service: computes clusters.
    """
    server = Flask(__name__)
    server.config.update(COMPRESSION)
    Compress(server)
    assets = Assets()
    server.register_blueprint(assets.blueprint())
    structures = Structures(reader)
    server.register_blueprint(routes.blueprint(reader, structures))
    server.register_blueprint(searching.blueprint(reader, structures))
    server.register_blueprint(downloads.blueprint(reader, url, service))
    server.register_blueprint(comparison_routes.blueprint(reader, ComparisonService(url)))
    server.register_blueprint(redundancy_routes.blueprint(reader, RedundancyService(url)))
    server.register_blueprint(filter_routes.blueprint(reader, url, service))
    deviations = DeviationService(url)
    server.register_blueprint(deviation_routes.blueprint(reader, structures, deviations))
    live = _page(
        server, assets, LIVE, "ReactCNN", layout.page(), _help(live_help) | graph_and_table()
    )
    register_live(live, reader, structures, url, service)
    runs = _page(server, assets, RUNS, "Runs · ReactCNN", runs_layout.page(), _help(runs_help))
    register_runs(runs, RunsFeed(reader), Deleter(url), url)
    register_compare(
        _page(
            server,
            assets,
            COMPARE,
            "Compare · ReactCNN",
            compare_layout.page(),
            _help(compare_help),
        )
    )
    redundancy = _page(
        server,
        assets,
        REDUNDANCY,
        "Redundancy · ReactCNN",
        redundancy_layout.page(),
        _help(redundancy_help),
    )
    register_redundancy(redundancy)
    register_filter(
        _page(server, assets, FILTER, "Filter · ReactCNN", filter_layout.page(), _help(filter_help))
    )
    return server


def _help(of: ModuleType) -> dict[str, Component]:
    return {ids.HELP_BODY: html.Div(of.guide())}


def _page(
    server: Flask,
    assets: Assets,
    page: PageLink,
    title: str,
    content: Component,
    later: Mapping[str, Component],
) -> Dash:
    """A Dash app at a page's address; ``later`` is what it puts in place when it is needed."""
    app = PageApp(
        page.folder,
        assets,
        later,
        server=cast("Any", server),  # Dash's own types know no server that is handed over
        url_base_pathname=page.path,
        title=title,
        on_error=report,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "description", "content": "Watch every filter of a CNN respond, live."},
        ],
    )
    app.layout = content
    return app


def report(error: Exception) -> None:
    """Log an unexpected error of a callback whole, and say on the page that it happened."""
    log.error("A callback failed", exc_info=error)
    set_props(
        ids.FAILURE,
        {"children": f"Unexpected error: {type(error).__name__}. The server's log has more."},
    )
