"""Routes of the filter page: JSON, and the feature maps of one filter on some images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from flask import Response, jsonify, request

from reactcnn_dash import analysis
from reactcnn_dash.db import DamagedBlob, StoreMissing
from reactcnn_dash.pages.empty import Empty, Nothing, empty_store
from reactcnn_dash.pages.filter.payload import GOING_ON, FilterAddress, FilterFacts, address_of
from reactcnn_dash.pages.json_routes import (
    done,
    json_routes,
    optional_number,
    ordinals,
    ready,
)
from reactcnn_dash.results.filters.history import Histories, history_payload
from reactcnn_dash.results.filters.service import Tops
from reactcnn_dash.results.filters.tops import driven_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flask import Blueprint

    from reactcnn_dash.db import Run, StoreReader
    from reactcnn_dash.pages.filter.shapes import RunNow, TopImages
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.results.filters.tops import TopsOfRun

MOST_MAPS: Final = 64
"""Images of one answer with feature maps."""


class NothingYet(Exception):
    """There is no run, or it has no images: ``payload`` says what to do."""

    def __init__(self, payload: Nothing) -> None:
        super().__init__()
        self.payload = payload


def _run_asked(context: Context) -> Run:
    """Return the run of the request, or the newest.

    Raises:
        NothingYet: there is none, or it has no images.
        StoreError: the store cannot be read.
    """
    number, reader, url = optional_number("run"), context.reader, context.url
    try:
        run = reader.latest_run() if number is None else reader.run(number)
    except StoreMissing as error:
        raise NothingYet(empty_store(url, error)) from error
    if run is None:
        raise NothingYet(empty_store(url))
    if run.stored == 0:
        text = "A filter has a page from its run's first image on. This page fills by itself."
        empty = Empty(title=f"{run.name} has no images yet", text=text, command="")
        raise NothingYet(Nothing(empty=empty))
    return run


def tops_payload(
    reader: StoreReader, found: TopsOfRun, at: FilterAddress, above: float
) -> TopImages:
    """Return the images that drive a filter most, as the page takes them.

    Args:
        reader: the store.
        found: the run's top images.
        at: the filter.
        above: the filter's lowest value.

    Raises:
        StoreError: the store cannot be read.
    """
    column = at.layer.offset + at.filter
    classes = len(found.tops.by_class)
    overall = driven_by(found, column, None, above)
    of = reader.classes_of(at.run.id, [top.ordinal for top in overall]).tolist()
    return {
        "images": found.images,
        "overall": [
            (top.ordinal, top.value, number) for top, number in zip(overall, of, strict=True)
        ],
        "byClass": [
            [top.ordinal for top in driven_by(found, column, number, above)]
            for number in range(classes)
        ],
    }


def maps_body(reader: StoreReader, at: FilterAddress, ordinals: Sequence[int]) -> bytes:
    """Return one filter's feature maps on some images.

    The body is a byte for each image, 1 where its maps are stored, and as many as bring it to a
    multiple of four; then of these, in order, the low and the step of each, float32, and their
    codes, ``height × width`` uint8 each.

    Raises:
        StoreError: the store cannot be read.
    """
    here, low, step, codes = bytearray(), [], [], []
    for ordinal in ordinals:
        try:
            maps = reader.feature_maps(at.run.uuid, ordinal, at.layer.position)
        except DamagedBlob:
            # Like a map that is not kept: the image is shown alone.
            maps = None
        here.append(maps is not None)
        if maps is not None:
            low.append(maps.low[at.filter])
            step.append(maps.step[at.filter])
            codes.append(np.ascontiguousarray(maps.codes[at.filter]).tobytes())
    here.extend(bytes(-len(here) % 4))
    ends = np.array([low, step], "<f4").tobytes()
    return bytes(here) + ends + b"".join(codes)


def routes(context: Context) -> Iterable[Blueprint]:
    """Return the routes of the filter page."""
    blueprint = json_routes("filters")
    reader = context.reader
    facts, histories = FilterFacts(reader, context.clusters), Histories(reader)
    tops_of_runs = Tops(reader, context.url, context.jobs)

    def asked() -> FilterAddress:
        run, layer = _run_asked(context), request.args.get("layer") or None
        return address_of(reader, run, layer, optional_number("filter") or 0)

    @blueprint.get("/of")
    def of() -> Response:
        return done(facts.payload(asked()))

    @blueprint.get("/run")
    def run_now() -> Response:
        run = _run_asked(context)
        now: RunNow = {"stored": run.stored, "collecting": run.state in GOING_ON}
        return done(now)

    @blueprint.get("/clusters")
    def cluster() -> Response:
        method = request.args.get("method", analysis.REDUNDANT.key)
        return done(facts.cluster_payload(asked(), analysis.method_of(method)))

    @blueprint.get("/tops")
    def tops() -> Response:
        at = asked()
        found = ready(tops_of_runs.ask(at.run, sum(layer.filters for layer in at.layers)))
        low = facts.state(at)["low"]
        above = -math.inf if low is None else low
        return done(tops_payload(reader, found, at, above))

    @blueprint.get("/maps")
    def maps() -> Response:
        body = maps_body(reader, asked(), ordinals(MOST_MAPS))
        return Response(body, mimetype="application/octet-stream")

    @blueprint.get("/history")
    def history() -> Response:
        at = asked()
        return done(history_payload(histories.of(at.run, at.layer, at.filter), at.run))

    @blueprint.errorhandler(NothingYet)
    def nothing(error: NothingYet) -> Response:
        return jsonify({"status": "empty", **error.payload})

    return (blueprint,)
