"""The app factory: one server over a store that it is given, with a Dash app for each page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

import dash_mantine_components as dmc
from dash import Dash, set_props
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
from reactcnn_dash.pages.compare import layout as compare_layout
from reactcnn_dash.pages.compare import routes as comparison_routes
from reactcnn_dash.pages.filter import layout as filter_layout
from reactcnn_dash.pages.filter import routes as filter_routes
from reactcnn_dash.pages.live import deviation_routes, layout
from reactcnn_dash.pages.live import search as searching
from reactcnn_dash.pages.redundancy import layout as redundancy_layout
from reactcnn_dash.pages.redundancy import routes as redundancy_routes
from reactcnn_dash.pages.run_layers import Structures
from reactcnn_dash.pages.runs import layout as runs_layout
from reactcnn_dash.pages.runs.deleting import Deleter
from reactcnn_dash.pages.shell import COMPARE, FILTER, LIVE, PAGES, REDUNDANCY, RUNS, PageLink
from reactcnn_dash.results.comparison.service import ComparisonService
from reactcnn_dash.results.deviations.service import DeviationService
from reactcnn_dash.results.redundancy.service import RedundancyService
from reactcnn_dash.results.runs import RunsFeed

if TYPE_CHECKING:
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
    # The scheme is set before the first paint, so that a dark page never flashes white.
    dmc.pre_render_color_scheme()
    server = Flask(__name__)
    server.config.update(COMPRESSION)
    Compress(server)
    structures = Structures(reader)
    server.register_blueprint(routes.blueprint(reader, structures))
    server.register_blueprint(searching.blueprint(reader, structures))
    server.register_blueprint(downloads.blueprint(reader, url, service))
    server.register_blueprint(comparison_routes.blueprint(reader, ComparisonService(url)))
    server.register_blueprint(redundancy_routes.blueprint(reader, RedundancyService(url)))
    server.register_blueprint(filter_routes.blueprint(reader, url, service))
    deviations = DeviationService(url)
    server.register_blueprint(deviation_routes.blueprint(reader, structures, deviations))
    live = _page(server, LIVE, "ReactCNN", layout.page())
    register_live(live, reader, structures, url, service)
    runs = _page(server, RUNS, "Runs · ReactCNN", runs_layout.page())
    register_runs(runs, RunsFeed(reader), Deleter(url), url)
    register_compare(_page(server, COMPARE, "Compare · ReactCNN", compare_layout.page()))
    redundancy = _page(server, REDUNDANCY, "Redundancy · ReactCNN", redundancy_layout.page())
    register_redundancy(redundancy)
    register_filter(_page(server, FILTER, "Filter · ReactCNN", filter_layout.page()))
    return server


def _page(server: Flask, page: PageLink, title: str, content: Any) -> Dash:
    """A Dash app at a page's address, with the assets of all pages and its own."""
    others = [f"^{other.folder}$" for other in PAGES if other is not page]
    app = Dash(
        __name__,
        server=cast("Any", server),  # Dash's own types know no server that is handed over
        url_base_pathname=page.path,
        assets_path_ignore=others,
        title=title,
        update_title="",
        on_error=report,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "description", "content": "Watch every filter of a CNN respond, live."},
        ],
        add_log_handler=False,
    )
    app.layout = content
    return app


def report(error: Exception) -> None:
    """Log an unexpected error of a callback whole, and say on the page that it happened."""
    log.error("A callback failed", exc_info=error)
    set_props(
        ids.FAILURE,
        {"data": f"Unexpected error: {type(error).__name__}. The server's log has more."},
    )
