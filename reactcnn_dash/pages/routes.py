"""Binary routes: pixels and feature maps, immutable and cached by the browser for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from flask import Blueprint, Response

from reactcnn_dash.db import DamagedBlob, ImageNotFound, RunNotFound
from reactcnn_dash.errors import UserError
from reactcnn_dash.pages.json_routes import RequestRefused
from reactcnn_dash.results.maps_again import maps_at_hand

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.pages.page import Context

FOR_EVER = "private, max-age=31536000, immutable"
"""Private: what a network saw is for the browser that asked, not for a cache on the way."""


_STATUS: Final = (
    (RunNotFound, 404),
    (ImageNotFound, 404),
    (DamagedBlob, 410),
    (ValueError, 400),
    (RequestRefused, 400),
)
"""Of what is refused, by its kind; 503 for any other."""


def file_routes(name: str) -> Blueprint:
    """Return a blueprint of bytes and files: what a user can mend is refused in a line of text."""
    routes = Blueprint(name, __name__)

    @routes.errorhandler(UserError)
    def refused(error: UserError) -> Response:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 503)
        return Response(str(error), status=status, mimetype="text/plain")

    return routes


def _binary(*parts: bytes, lasting: bool = True) -> Response:
    response = Response(b"".join(parts), mimetype="application/octet-stream")
    # A run's uuid is in the address and what is stored never changes, so neither can the answer.
    response.headers["Cache-Control"] = FOR_EVER if lasting else "no-store"
    return response


def pixels_response(reader: StoreReader, uuid: str, ordinal: int) -> Response:
    """Answer with the pixels the network saw: ``height × width × channels`` bytes, row by row.

    Raises:
        RunNotFound, ImageNotFound, DamagedBlob: see ``StoreReader``.
    """
    return _binary(reader.pixels(uuid, ordinal).tobytes())


def layer_response(context: Context, uuid: str, ordinal: int, layer: int) -> Response:
    """Answer with one layer's exact GAP values and, where stored, its feature maps.

    The body is little-endian: GAP ``(F,)`` float32; then, when there are maps, their ``low``
    ``(F,)`` float32, ``step`` ``(F,)`` float32 and codes ``(F, height, width)`` uint8; a map's
    value is ``low + step · code``.

    Raises:
        RunNotFound, ImageNotFound, DamagedBlob: see ``StoreReader``.
    """
    run, reader = context.run_layers.of(uuid), context.reader
    if not 0 <= layer < len(run.layers):
        raise ImageNotFound(f"The run has no layer {layer}: it has {len(run.layers)}.")
    here = run.layers[layer]
    gap = reader.gap_row(run.run_id, ordinal)[here.offset : here.offset + here.filters]
    maps = stored = reader.feature_maps(uuid, ordinal, layer)
    if maps is None:
        maps = maps_at_hand(context.model, uuid, ordinal, layer)
    parts = [gap.astype("<f4").tobytes()]
    if maps is not None:
        parts += [
            maps.low.astype("<f4").tobytes(),
            maps.step.astype("<f4").tobytes(),
            np.ascontiguousarray(maps.codes).tobytes(),
        ]
    # Maps that are not stored may be computed, and stored, later.
    return _binary(*parts, lasting=stored is not None)


def blueprint(context: Context) -> Blueprint:
    """Return the routes that serve pixels and feature maps."""
    routes = file_routes("binary")

    @routes.get("/runs/<uuid>/images/<int:ordinal>")
    def pixels(uuid: str, ordinal: int) -> Response:
        return pixels_response(context.reader, uuid, ordinal)

    @routes.get("/runs/<uuid>/images/<int:ordinal>/layers/<int:layer>")
    def layer(uuid: str, ordinal: int, layer: int) -> Response:
        return layer_response(context, uuid, ordinal, layer)

    return routes
