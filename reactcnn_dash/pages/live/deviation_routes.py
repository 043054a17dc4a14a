"""Routes that say what is odd: of a run, and of one of its images."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
from flask import Response, jsonify, request

from reactcnn_dash.analysis.scales import CODES, NOT_FINITE, NOUGHT
from reactcnn_dash.finite import finite
from reactcnn_dash.pages.json_routes import (
    RequestRefused,
    decimal,
    done,
    json_routes,
    optional_number,
    ready,
)
from reactcnn_dash.results.deviations.findings import Findings, findings
from reactcnn_dash.results.deviations.scores import RATE
from reactcnn_dash.results.deviations.service import Deviations

if TYPE_CHECKING:
    from flask import Blueprint
    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run
    from reactcnn_dash.pages.live.shapes import NextOdd, OddImage, OddRun
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.results.deviations.scores import RunScores

MOST_MARKS = 2000
"""Odd images that are sent; of more than these the oddest."""

CODES_A_DEVIATION = 15
"""Codes for one normal score; the last of them is beyond the analysis' own limit."""


def codes_of(deviation: NDArray[np.float64]) -> str:
    """Return (F,) deviations as base64 of a byte each: 127 + 15 · deviation; 255 for none."""
    codes = np.rint(NOUGHT + CODES_A_DEVIATION * np.nan_to_num(deviation))
    codes = np.where(np.isfinite(deviation), np.clip(codes, 0, CODES), NOT_FINITE)
    return base64.b64encode(codes.astype(np.uint8).tobytes()).decode()


def run_payload(run: Run, found: RunScores, rate: float, *, working: bool) -> OddRun:
    """Return what the page knows of a run's odd images."""
    scores, odd = found.scores, found.odd(rate)
    marked = odd
    if len(odd) > MOST_MARKS:
        marked = np.sort(odd[np.argsort(scores[odd])[-MOST_MARKS:]])
    return {
        "working": working,
        "provisional": not found.final(run),
        "rate": rate,
        "threshold": finite(found.threshold(rate)),
        "scored": len(scores),
        "profiled": found.profile,
        "count": len(odd),
        "odd": marked.tolist(),
    }


def image_payload(
    found: Findings, layers: tuple[Layer, ...], threshold: float, against: int | None
) -> OddImage:
    """Return what the page shows of one image's deviations."""
    by_layer = zip(layers, found.strangeness.tolist(), found.tail.tolist(), strict=True)
    return {
        "score": finite(found.score),
        "threshold": finite(threshold),
        "against": against,
        "images": found.images,
        "codes": codes_of(found.deviation),
        "layers": [
            {"name": layer.name, "strangeness": finite(strangeness), "tail": tail}
            for layer, strangeness, tail in by_layer
        ],
        "suspects": [
            {"layer": one.layer, "filter": one.filter, "deviation": one.deviation}
            for one in found.suspects
        ],
        "left": [
            {
                "layer": one.layer,
                "filter": one.what.filter,
                "mates": one.what.mates,
                "found": one.what.found,
                "expected": one.what.expected,
                "deviation": one.what.deviation,
            }
            for one in found.left
        ],
    }


def blueprint(context: Context) -> Blueprint:
    """Return the routes that say what is odd."""
    routes = json_routes("deviations")
    reader = context.reader
    deviations = Deviations(reader, context.url, context.jobs)

    @routes.get("/<uuid>")
    def of_run(uuid: str) -> Response:
        if "stored" in request.args:
            kept = deviations.stored(uuid)
            if kept is None:
                return jsonify({"status": "none"})
            return done(run_payload(*kept, _rate(), working=False))
        found = ready(deviations.ask(uuid))
        return done(run_payload(found.run, found.scores, _rate(), working=found.working))

    @routes.get("/<uuid>/images/<int:ordinal>")
    def of_image(uuid: str, ordinal: int) -> Response:
        known = ready(deviations.ask(uuid))
        layers, rate, against = context.run_layers.of(uuid).layers, _rate(), None
        usual = known.profile.quantiles
        if request.args.get("against") == "class":
            given = reader.image(known.run.id, ordinal).prediction
            of_class = deviations.class_quantiles(known, given)
            if of_class is not None:
                usual, against = of_class, given
        gap = reader.gap_row(known.run.id, ordinal)
        found = findings(known.profile, layers, ordinal, gap, usual=usual, rate=rate)
        return done(image_payload(found, layers, known.profile.threshold(rate), against))

    @routes.get("/<uuid>/next")
    def next_odd(uuid: str) -> Response:
        odd = ready(deviations.ask(uuid)).scores.odd(_rate())
        after = _after()
        # After the last comes the first.
        ahead = [*odd[odd > after].tolist(), *odd[odd <= after].tolist()]
        found: NextOdd = {"image": ahead[0] if ahead else None}
        return done(found)

    return routes


def _rate() -> float:
    asked = decimal("rate")
    rate = RATE if asked is None else asked
    if not 0.0 < rate < 1.0:
        raise RequestRefused(f"The rate of false alarms lies between 0 and 1, not {rate:g}.")
    return rate


def _after() -> int:
    after = optional_number("after")
    return -1 if after is None else after
