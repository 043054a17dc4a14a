"""The app factory: one server over a store that it is given, with a Dash app for each page."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from dash import Dash, set_props
from flask import Flask
from flask_compress import Compress

from reactcnn_dash import ids
from reactcnn_dash.callbacks import shell as shell_callbacks
from reactcnn_dash.pages import mantine as dmc
from reactcnn_dash.pages.page import Context, Page, connect
from reactcnn_dash.pages.registry import PAGES, SHARED_ROUTES
from reactcnn_dash.pages.shell import document

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.jobs.runner import Jobs

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


def create_server(reader: StoreReader, url: str, jobs: Jobs) -> Flask:
    """Return the Flask app that serves every page; each page is a Dash app of its own.

    Args:
        reader: the store that the pages show; nothing is opened before the first request.
        url: its URL, for who writes to it and for hints.
        jobs: do what a request must not wait for.
    """
    _set_scheme_early()
    server = Flask(__name__)
    server.config.update(COMPRESSION)
    Compress(server)
    context = Context(reader, url, jobs)
    for make in SHARED_ROUTES:
        server.register_blueprint(make(context))
    for page in PAGES:
        for routes in page.routes(context):
            server.register_blueprint(routes)
        app = _app(server, page)
        page.callbacks(app, context)
        connect(app, page.controls)
        shell_callbacks.register(app)
    return server


@cache
def _set_scheme_early() -> None:
    """Set the colour scheme before the first paint, so that a dark page never flashes white."""
    # For all apps of this process: a second time it would stand on each page twice.
    dmc.pre_render_color_scheme()


def _app(server: Flask, page: Page) -> Dash:
    """A Dash app at a page's address, with the assets of all pages and its own."""
    others = [f"^{other.folder}$" for other in PAGES if other is not page]
    app = Dash(
        __name__,
        server=cast("Any", server),  # Dash's own types know no server that is handed over
        url_base_pathname=page.path,
        assets_path_ignore=others,
        title="ReactCNN" if page.path == "/" else f"{page.name} · ReactCNN",
        update_title="",
        on_error=tell_failure,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "description", "content": "Watch every filter of a CNN respond, live."},
        ],
        add_log_handler=False,
    )
    app.layout = document(page, PAGES)
    return app


def tell_failure(error: Exception) -> None:
    """Log an unexpected error of a callback whole, and say on the page that it happened."""
    log.error("A callback failed", exc_info=error)
    set_props(
        ids.FAILURE,
        {"data": f"Unexpected error: {type(error).__name__}. The server's log has more."},
    )
