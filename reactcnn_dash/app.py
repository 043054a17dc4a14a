"""The app factory: one server over a store that it is given, with a Dash app for each page."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from dash import set_props
from flask import Flask, Response
from flask_compress import Compress
from werkzeug.exceptions import BadRequest, NotFound

from reactcnn_dash import ids
from reactcnn_dash.access import Access
from reactcnn_dash.callbacks import shell as shell_callbacks
from reactcnn_dash.db import put_password_away
from reactcnn_dash.guard import Guard, in_one_line
from reactcnn_dash.pages.document import Assets, PageApp
from reactcnn_dash.pages.json_routes import RequestRefused
from reactcnn_dash.pages.missing import missing_page, wants_page
from reactcnn_dash.pages.page import Context, Page, connect
from reactcnn_dash.pages.registry import PAGES, SHARED_ROUTES
from reactcnn_dash.pages.shell import document, help_of

if TYPE_CHECKING:
    from dash import Dash

    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.jobs.runner import Jobs

log = logging.getLogger("reactcnn_dash")

COMPRESSION = {
    "COMPRESS_ALGORITHM": ["zstd", "gzip"],
    # A tenth fewer bytes than the first level, in the same time.
    "COMPRESS_ZSTD_LEVEL": 3,
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


def create_server(reader: StoreReader, url: str, jobs: Jobs, access: Access | None = None) -> Flask:
    """Return the Flask app that serves every page; each page is a Dash app of its own.

    Args:
        reader: the store that the pages show; nothing is opened before the first request.
        url: its URL, for who writes to it and for hints.
        jobs: do what a request must not wait for.
        access: who may ask; this machine by its own names unless it says otherwise.
    """
    server = Flask(__name__)
    server.config.update(COMPRESSION)
    Compress(server)
    guard = Guard(server, access or Access())
    assets = Assets()

    @server.errorhandler(NotFound)
    def nothing_here(error: NotFound) -> Response:
        return missing_page(assets, PAGES) if wants_page() else in_one_line(error)

    server.register_blueprint(assets.blueprint())
    url = put_password_away(url)
    context = Context(reader, url, jobs)
    for make in SHARED_ROUTES:
        server.register_blueprint(make(context))
    for page in PAGES:
        for routes in page.routes(context):
            server.register_blueprint(routes)
        app = _app(server, page, assets)
        guard.add_page(app)
        page.callbacks(app, context)
        connect(app, page.controls)
        shell_callbacks.register(app)
    return server


def _app(server: Flask, page: Page, assets: Assets) -> Dash:
    """Return a Dash app at a page's address."""
    app = PageApp(
        page.folder,
        assets,
        help_of(page) | dict(page.later()),
        server=cast("Any", server),  # Dash's own types know no server that is handed over
        url_base_pathname=page.path,
        title="ReactCNN" if page.path == "/" else f"{page.name} · ReactCNN",
        on_error=tell_failure,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "description", "content": "Watch every filter of a CNN respond, live."},
        ],
    )
    app.layout = document(page, PAGES)
    return app


def tell_failure(error: Exception) -> None:
    """Log an unexpected error of a callback whole, and say on the page that it happened.

    Raises:
        BadRequest: nothing is wrong here, but with what was asked.
    """
    if isinstance(error, RequestRefused):
        raise BadRequest(str(error)) from error
    log.error("A callback failed", exc_info=error)
    set_props(
        ids.FAILURE,
        {"children": f"Unexpected error: {type(error).__name__}. The server's log has more."},
    )
