"""Routes of the compare page: JSON, computed meanwhile where it is not stored yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Response, jsonify, request

from reactcnn_dash import analysis
from reactcnn_dash.pages.compare.experiment import ExperimentRequest, experiment_payload, listed
from reactcnn_dash.pages.compare.payload import (
    changed_payload,
    comparison_payload,
    filters_payload,
    pair_payload,
)
from reactcnn_dash.pages.json_routes import RequestRefused, json_file, questions
from reactcnn_dash.results.comparison.report import as_json
from reactcnn_dash.results.comparison.service import ComparisonService, Waiting
from reactcnn_dash.results.comparison.stored import checked_method

if TYPE_CHECKING:
    from flask import Blueprint

    from reactcnn_dash.db import ComparisonKey, StoreReader
    from reactcnn_dash.pages.compare.experiment import Curves
    from reactcnn_dash.results.comparison.comparing import ComparedLayer, Comparison


def method_asked() -> tuple[str, float | None]:
    """Return how the request wants filters clustered.

    Raises:
        UserError: no such method, or a parameter that is no number or out of its range.
    """
    text = request.args.get("parameter", "")
    try:
        parameter = float(text) if text else None
    except ValueError as error:
        raise RequestRefused(f"The parameter {text!r} is no number.") from error
    return checked_method(request.args.get("method", analysis.DEFAULT_METHOD), parameter)


def _number(name: str) -> int:
    text = request.args.get(name, "")
    if not (text.isascii() and text.isdigit()):
        raise RequestRefused(f"{name} is a number, not {text!r}.")
    return int(text)


def _key(service: ComparisonService) -> ComparisonKey:
    return service.key(_number("a"), _number("b"), *method_asked())


def _done(service: ComparisonService) -> Comparison:
    found = service.ask(_key(service))
    if isinstance(found, Waiting):
        raise RequestRefused("This comparison is not computed yet.")
    return found


def _kind() -> str:
    kind = request.args.get("kind", "all")
    if kind not in ("all", "corrected", "broken", "between"):
        raise RequestRefused(f"No kind of changed images {kind!r}.")
    return kind


def _layer(found: Comparison) -> ComparedLayer:
    name = request.args.get("layer", "")
    for layer in found.layers:
        if layer.a.name == name:
            return layer
    raise RequestRefused(f"The runs have no layer {name!r} in common.")


def waiting_payload(waiting: Waiting) -> dict[str, Any]:
    """Return what the page shows of a comparison that is under way."""
    return {"state": "running", "folded": waiting.folded, "images": waiting.images}


def pair_of(reader: StoreReader, found: Comparison, ordinal: int, kind: str) -> dict[str, Any]:
    """Return both runs' answers to an image of the first run.

    Raises:
        UserError: the image is not in both runs.
        StoreError: the store cannot be read.
    """
    at = int(np.searchsorted(found.pairs.a, ordinal))
    if at == len(found.pairs.a) or found.pairs.a[at] != ordinal:
        raise RequestRefused(f"Image {ordinal} of run A is not among the images in common.")
    where = ((found.a.id, ordinal), (found.b.id, int(found.pairs.b[at])))
    first, second = (reader.image(*one) for one in where)
    gaps = [reader.gap_row(*one) for one in where]
    return pair_payload(found, kind, (first, second), gaps)


def blueprint(reader: StoreReader, service: ComparisonService) -> Blueprint:
    """Return the routes of the compare page."""
    routes = questions("comparisons")
    curves: Curves = {}

    @routes.get("/runs")
    def runs() -> Response:
        service.start()
        return jsonify(listed(reader))

    @routes.get("/of")
    def of() -> Response:
        found = service.ask(_key(service))
        if isinstance(found, Waiting):
            return jsonify(waiting_payload(found))
        return jsonify(comparison_payload(found))

    @routes.get("/layer")
    def layer() -> Response:
        return jsonify(filters_payload(_layer(_done(service))))

    @routes.get("/changed")
    def changed() -> Response:
        return jsonify(changed_payload(_done(service), _kind(), _number("offset")))

    @routes.get("/image")
    def image() -> Response:
        return jsonify(pair_of(reader, _done(service), _number("image"), _kind()))

    @routes.get("/json")
    def export() -> Response:
        found = _done(service)
        return json_file(as_json(found), f"comparison-{found.a.id}-{found.b.id}.json")

    @routes.get("/experiment")
    def experiment() -> Response:
        name, against = request.args.get("name", ""), request.args.get("against", "last")
        wanted = ExperimentRequest(name, against, *method_asked())
        return jsonify(experiment_payload(reader, service, curves, wanted))

    return routes
