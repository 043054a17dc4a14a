"""The app factory: one server over a store that it is given, with a Dash app for each page."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, cast

from dash import set_props
from flask import Flask, Response
from flask_compress import Compress
from werkzeug.exceptions import BadRequest, NotFound

from reactcnn_dash import ids
from reactcnn_dash.access import MOST_BYTES, READ_ONLY, Access
from reactcnn_dash.callbacks import shell as shell_callbacks
from reactcnn_dash.db import StoreReader, normalise_url, put_password_away
from reactcnn_dash.guard import Guard, in_one_line
from reactcnn_dash.jobs.runner import Workers
from reactcnn_dash.pages.document import Assets, PageApp
from reactcnn_dash.pages.json_routes import RequestRefused
from reactcnn_dash.pages.missing import missing_page, wants_page
from reactcnn_dash.pages.page import Context, Page, connect
from reactcnn_dash.pages.registry import PAGES, SHARED_ROUTES
from reactcnn_dash.pages.shell import document, help_of
from reactcnn_dash.proxy import mount
from reactcnn_dash.results.clusters.clustering import warm_up
from reactcnn_dash.server import give_memory_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication
    from dash import Dash

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


def from_environment() -> Flask:
    """Return the server that environment variables describe, for gunicorn and its like.

    Any number of processes may serve it, with any number of threads; see ``environment.VARIABLES``.

    Raises:
        WrongUsage: the variables do not say who may ask.
        StoreError: the URL is not one of a store.
    """
    # Where there are no such servers, there are no such files either.
    from reactcnn_dash.environment import access_from  # noqa: PLC0415
    from reactcnn_dash.together import Together  # noqa: PLC0415

    named = os.environ.get("REACTCNN_STORE", "").strip() or "reactcnn.db"
    url = put_password_away(normalise_url(named))
    access = access_from(os.environ)
    give_memory_back()
    jobs = Workers(warm_up)
    settings = (url, access, access.token, Assets().version)
    return create_server(
        StoreReader(url), url, jobs, access, lambda app: Together(app, settings, jobs.start)
    )


def create_server(
    reader: StoreReader,
    url: str,
    jobs: Jobs,
    access: Access | None = None,
    around: Callable[[WSGIApplication], WSGIApplication] = lambda app: app,
) -> Flask:
    """Return the Flask app that serves every page; each page is a Dash app of its own.

    Args:
        reader: the store that the pages show; nothing is opened before the first request.
        url: its URL, for who writes to it and for hints.
        jobs: do what a request must not wait for.
        access: who may ask; this machine by its own names unless it says otherwise.
        around: what is put around the application, within what a proxy asks for.
    """
    server = Flask(__name__)
    # Also where no length is said beforehand, as a server may let through what comes in chunks.
    server.config.update(COMPRESSION, MAX_CONTENT_LENGTH=MOST_BYTES)
    Compress(server)
    access = access or Access()
    # Flask asks for it by this name; its type is that of a method alone.
    cast("Any", server).wsgi_app = mount(around(server.wsgi_app), access)
    guard = Guard(server, access)
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
        app = _app(server, page, assets, read_only=access.read_only)
        guard.add_page(app, page.reads)
        page.callbacks(app, context)
        connect(app, page.controls)
        shell_callbacks.register(app)
    return server


def _app(server: Flask, page: Page, assets: Assets, *, read_only: bool) -> Dash:
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
            *([{"name": "reactcnn-read-only", "content": READ_ONLY}] if read_only else []),
        ],
    )
    app.layout = document(page, PAGES, read_only=read_only)
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
