"""Routes of the filter page: JSON, and the feature maps of one filter on some images."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from flask import Response, jsonify, request

from reactcnn_dash import analysis
from reactcnn_dash.db import DamagedBlob, StoreMissing
from reactcnn_dash.pages.filter.payload import GOING_ON, FilterViews, Place, place_of
from reactcnn_dash.pages.json_routes import RequestRefused, questions
from reactcnn_dash.pages.live.frames import empty_store
from reactcnn_dash.results.filters.history import Histories, history_payload
from reactcnn_dash.results.filters.service import TopsService, Waiting
from reactcnn_dash.results.filters.tops import driven_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Blueprint
    from numpy.typing import NDArray

    from reactcnn_dash.db import Run, StoreReader
    from reactcnn_dash.results.clusters.clustering import ClusterService
    from reactcnn_dash.results.filters.tops import StoredTops

MOST_MAPS: Final = 64
"""Images of one answer with feature maps."""


class NothingYet(Exception):  # noqa: N818 - named for what is there
    """There is no run, or it has no images: ``payload`` says what to do."""

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__()
        self.payload = payload


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RequestRefused(f"{name} is a number, not {text!r}.")
    return int(text)


def _run_asked(reader: StoreReader, url: str) -> Run:
    """Return the run of the request, or the newest.

    Raises:
        NothingYet: there is none, or it has no images.
        StoreError: the store cannot be read.
    """
    number = _number("run")
    try:
        run = reader.latest_run() if number is None else reader.run(number)
    except StoreMissing as error:
        raise NothingYet(empty_store(url, error)) from error
    if run is None:
        raise NothingYet(empty_store(url))
    if run.stored == 0:
        text = "A filter has a page from its run's first image on. This page fills by itself."
        empty = {"title": f"{run.name} has no images yet", "text": text, "command": ""}
        raise NothingYet({"empty": empty})
    return run


def tops_payload(
    found: StoredTops, at: Place, of: NDArray[np.int64], above: float
) -> dict[str, Any]:
    """Return the images that drive a filter most, as the page takes them.

    Args:
        found: the run's top images.
        at: the filter.
        of: the class of every image of the run, see ``classes_of``.
        above: the filter's lowest value.
    """
    column = at.layer.offset + at.filter
    classes = len(found.tops.by_class)
    return {
        "images": found.images,
        "overall": [
            [top.ordinal, top.value, int(of[top.ordinal])]
            for top in driven_by(found, column, None, above)
        ],
        "byClass": [
            [top.ordinal for top in driven_by(found, column, number, above)]
            for number in range(classes)
        ],
    }


def maps_body(reader: StoreReader, at: Place, ordinals: Sequence[int]) -> bytes:
    """Return one filter's feature maps on some images.

    The body is a byte for each image, 1 where its maps are stored; then the codes of these,
    ``height × width`` uint8 each, in order.

    Raises:
        StoreError: the store cannot be read.
    """
    kept = reader.images_with_maps(at.run.id)
    here, codes = bytearray(), []
    for ordinal in ordinals:
        maps = None
        if ordinal in kept:
            try:
                maps = reader.feature_maps(at.run.uuid, ordinal, at.layer.position)
            except DamagedBlob:
                # Like a map that is not kept: the image is shown alone.
                maps = None
        here.append(maps is not None)
        if maps is not None:
            codes.append(np.ascontiguousarray(maps.codes[at.filter]).tobytes())
    return bytes(here) + b"".join(codes)


def blueprint(reader: StoreReader, url: str, clusters: ClusterService) -> Blueprint:
    """Return the routes of the filter page.

    Args:
        reader: the store.
        url: its URL, for the background process and for hints.
        clusters: computes clusters.
    """
    routes = questions("filters")
    views, histories, service = FilterViews(reader, clusters), Histories(reader), TopsService(url)

    def asked() -> Place:
        run = _run_asked(reader, url)
        return place_of(reader, run, request.args.get("layer") or None, _number("filter") or 0)

    @routes.get("/of")
    def of() -> Response:
        return jsonify(views.payload(asked()))

    @routes.get("/run")
    def run() -> Response:
        now = _run_asked(reader, url)
        return jsonify({"stored": now.stored, "collecting": now.state in GOING_ON})

    @routes.get("/clusters")
    def cluster() -> Response:
        method = request.args.get("method", analysis.DEFAULT_METHOD)
        if method not in analysis.METHODS:
            raise RequestRefused(f"No method {method!r}; there are {', '.join(analysis.METHODS)}.")
        return jsonify(views.cluster_payload(asked(), method))

    @routes.get("/tops")
    def tops() -> Response:
        at = asked()
        found = service.ask(at.run, sum(layer.filters for layer in at.layers))
        if isinstance(found, Waiting):
            return jsonify({"state": "running", "done": found.done, "images": found.images})
        low = views.state(at).low
        above = -math.inf if low is None else low
        return jsonify(tops_payload(found, at, views.classes(at.run), above))

    @routes.get("/maps")
    def maps() -> Response:
        parts = request.args.get("of", "").split(",")
        if len(parts) > MOST_MAPS or not all(re.fullmatch(r"\d{1,9}", one) for one in parts):
            raise RequestRefused(f"Ask for 1 to {MOST_MAPS} ordinals, with commas between.")
        body = maps_body(reader, asked(), [int(one) for one in parts])
        return Response(body, mimetype="application/octet-stream")

    @routes.get("/history")
    def history() -> Response:
        at = asked()
        return jsonify(history_payload(histories.of(at.run, at.layer, at.filter), at.run))

    @routes.errorhandler(NothingYet)
    def nothing(error: NothingYet) -> Response:
        return jsonify({"state": "empty", **error.payload})

    return routes
