"""The app factory: a Dash app over a store that it is given."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import dash_mantine_components as dmc
from dash import Dash, set_props
from flask_compress import Compress

from reactcnn_dash import ids, layout, routes
from reactcnn_dash.callbacks import register_all
from reactcnn_dash.structures import Structures

if TYPE_CHECKING:
    from reactcnn_dash.clustering import ClusterService
    from reactcnn_dash.db import StoreReader

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


def report(error: Exception) -> None:
    """Log an unexpected error of a callback whole, and say on the page that it happened."""
    log.error("A callback failed", exc_info=error)
    set_props(
        ids.FRAME,
        {
            "data": {
                "notice": f"Unexpected error: {type(error).__name__}. The server's log has more."
            }
        },
    )


def create_app(reader: StoreReader, url: str, service: ClusterService) -> Dash:
    """Return the Dash app.

    Args:
        reader: the store that the page shows; nothing is opened before the first request.
        url: the store's URL, shown in hints.
        service: computes clusters.
    """
    # The scheme is set before the first paint, so that a dark page never flashes white.
    dmc.pre_render_color_scheme()
    app = Dash(
        __name__,
        title="ReactCNN",
        update_title="",
        on_error=report,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "description", "content": "Watch every filter of a CNN respond, live."},
        ],
        add_log_handler=False,
    )
    app.layout = layout.page()
    structures = Structures(reader)
    register_all(app, reader, structures, url, service)
    app.server.config.update(COMPRESSION)
    Compress(app.server)
    app.server.register_blueprint(routes.blueprint(reader, structures))
    return app
