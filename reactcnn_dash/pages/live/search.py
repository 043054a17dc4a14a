"""A search as the address bar spells it, and the routes that answer it.

`label-3.predicted-5.wrong.from-100.to-999.unsure`: parts in any order, with dots between; `all`
asks for nothing in particular, `answered` and `unanswered` for images with a finite answer or
without, `missed-3` and `extra-3` for those to which label 3 was wrongly not given, or given. The
same text without an order names a subset of a run's images.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from flask import Response, request

from reactcnn_dash.analysis import method_of
from reactcnn_dash.db import ImageFilter, SearchOrder, StoreReader
from reactcnn_dash.errors import UserError
from reactcnn_dash.pages.json_routes import done, json_routes, optional_number, ordinals
from reactcnn_dash.pages.routes import FOR_EVER, file_routes
from reactcnn_dash.results.clusters.clustering import ClusterRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flask import Blueprint
    from numpy.typing import NDArray

    from reactcnn_dash.db import SearchPage
    from reactcnn_dash.pages.live.shapes import SearchPage as SearchAnswer
    from reactcnn_dash.pages.page import Context

EVERYTHING: Final = "all"
PAGE: Final = 60
"""Hits of one answer."""
MOST_THUMBNAILS: Final = 100
THUMBNAIL_SIDE: Final = 96
"""Pixels of a thumbnail's longer side, at most."""

_NUMBERED = re.compile(r"(label|predicted|missed|extra|from|to)-(\d{1,9})")
_FIELDS = {
    "label": "label",
    "predicted": "prediction",
    "missed": "missed",
    "extra": "extra",
    "from": "first",
    "to": "last",
}
_ANSWERED = {"answered": True, "unanswered": False}


class BadSearch(UserError, ValueError):
    """A search that nobody can mean; the text says which part."""


def parse_search(text: str) -> tuple[ImageFilter, SearchOrder]:
    """Return what a search asks for and how its hits are sorted.

    Raises:
        BadSearch: a part of the text means nothing.
    """
    fields: dict[str, Any] = {}
    order = SearchOrder.ORDINAL
    for part in text.split("."):
        numbered = _NUMBERED.fullmatch(part)
        if numbered:
            fields[_FIELDS[numbered[1]]] = int(numbered[2])
        elif part == "wrong":
            fields["misclassified"] = True
        elif part in _ANSWERED:
            fields["answered"] = _ANSWERED[part]
        elif part in list(SearchOrder):
            order = SearchOrder(part)
        elif part != EVERYTHING:
            raise BadSearch(f"The search {text!r} has a part that means nothing: {part!r}.")
    return ImageFilter(**fields), order


def cluster_request(
    run_id: int, layer: int, method: str, parameter: float | None, subset: str | None
) -> ClusterRequest:
    """Return the clusters that are asked for, of the images that a search's text names.

    Raises:
        UnknownMethod: there is no such method, or its parameter is out of its range.
        BadSearch: a part of the text means nothing.
    """
    method_of(method, parameter)
    chosen = parse_search(subset)[0] if subset else None
    return ClusterRequest(run_id, layer, method, parameter, chosen)


def search_payload(found: SearchPage, offset: int) -> SearchAnswer:
    """Return a page of hits as the browser takes it: a row of values an image."""
    return {
        "total": found.total,
        "place": found.place,
        "offset": offset,
        "hits": [
            (
                hit.ordinal,
                hit.label,
                hit.prediction,
                hit.misclassified,
                hit.confidence,
                hit.error,
            )
            for hit in found.hits
        ],
    }


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture made small by the mean of square blocks.

    Args:
        pixels: ``(H, W, C)`` uint8.

    Returns:
        ``(H // k, W // k, C)`` uint8, at most `THUMBNAIL_SIDE` long; k = 1 leaves it as it is.
    """
    height, width, channels = pixels.shape
    k = math.ceil(max(height, width) / THUMBNAIL_SIDE)
    k = min(k, height, width)
    whole = pixels[: height // k * k, : width // k * k]
    blocks = whole.reshape(height // k, k, width // k, k, channels)
    small: NDArray[np.uint8] = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return small


def thumbnails(reader: StoreReader, uuid: str, ordinals: Sequence[int]) -> tuple[bytes, bool]:
    """Return thumbnails of some images in one body, and whether it holds them all.

    The body is little-endian: height, width and channels of a thumbnail, 3 uint16; a byte for each
    image asked for, 0 where it is missing or damaged; then the pixels of the others, in order.

    Raises:
        StoreError: the store cannot be read.
    """
    found = reader.pixels_of(uuid, ordinals)
    small = [thumbnail(found[ordinal]) for ordinal in ordinals if ordinal in found]
    here = bytes(ordinal in found for ordinal in ordinals)
    shape = small[0].shape if small else (0, 0, 0)
    body = np.array(shape, "<u2").tobytes() + here + b"".join(one.tobytes() for one in small)
    return body, all(here)


def routes(context: Context) -> Iterable[Blueprint]:
    """Return the routes that search a run and show what was found."""
    searches, pictures = json_routes("runs"), file_routes("thumbnails")
    reader = context.reader

    @searches.get("/<uuid>/search")
    def search(uuid: str) -> Response:
        wanted, order = parse_search(request.args.get("of", EVERYTHING))
        offset = optional_number("offset") or 0
        found = reader.search(
            context.run_layers.of(uuid).run_id,
            wanted,
            order,
            offset=offset,
            limit=PAGE,
            near=optional_number("near"),
        )
        return done(search_payload(found, offset))

    @pictures.get("/runs/<uuid>/thumbnails")
    def of(uuid: str) -> Response:
        body, complete = thumbnails(reader, uuid, ordinals(MOST_THUMBNAILS))
        response = Response(body, mimetype="application/octet-stream")
        response.headers["Cache-Control"] = FOR_EVER if complete else "no-store"
        return response

    return searches, pictures
