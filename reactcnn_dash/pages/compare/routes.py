"""Routes of the compare page: JSON, computed meanwhile where it is not stored yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from flask import Response, jsonify, request

from reactcnn_dash import analysis
from reactcnn_dash.pages import run_list
from reactcnn_dash.pages.compare.experiment import (
    AGAINST,
    ExperimentRequest,
    experiment_payload,
    listed,
)
from reactcnn_dash.pages.compare.payload import (
    KINDS,
    changed_payload,
    comparison_payload,
    filters_payload,
    pair_payload,
)
from reactcnn_dash.pages.json_routes import (
    RequestRefused,
    already,
    decimal,
    done,
    json_file,
    json_routes,
    number,
    ready,
)
from reactcnn_dash.printing import as_json
from reactcnn_dash.results.comparison.in_words import as_dict
from reactcnn_dash.results.comparison.service import Comparisons
from reactcnn_dash.results.comparison.stored import Pair

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Blueprint

    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.jobs.runner import UnderWay
    from reactcnn_dash.pages.compare.experiment import Curves
    from reactcnn_dash.pages.compare.shapes import ImagePair, Kind
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.results.comparison.comparing import ComparedLayer, Comparison


def method_asked() -> tuple[str, float | None]:
    """Return how the request wants filters clustered.

    Raises:
        UserError: no such method, or a parameter that is no number or out of its range.
    """
    method = request.args.get("method", analysis.REDUNDANT.key)
    parameter = decimal("parameter")
    return analysis.method_of(method, parameter).key, parameter


def _kind() -> Kind:
    wanted = request.args.get("kind", "all")
    for kind in KINDS:
        if kind == wanted:
            return kind
    raise RequestRefused(f"No kind of changed images {wanted!r}.")


def _layer(found: Comparison) -> ComparedLayer:
    name = request.args.get("layer", "")
    for layer in found.layers:
        if layer.a.name == name:
            return layer
    raise RequestRefused(f"The runs have no layer {name!r} in common.")


def pair_of(reader: StoreReader, found: Comparison, ordinal: int, kind: Kind) -> ImagePair:
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


def routes(context: Context) -> Iterable[Blueprint]:
    """Return the routes of the compare page."""
    blueprint = json_routes("comparisons")
    reader = context.reader
    comparisons = Comparisons(reader, context.url, context.jobs)
    curves: Curves = {}

    def asked() -> Comparison | UnderWay:
        a, b = (reader.run(number(side)).id for side in "ab")
        return comparisons.ask(Pair(a, b, *method_asked()))

    def here() -> Comparison:
        return already(asked(), "This comparison is not computed yet.")

    run_list.add_route(blueprint, context, listed)

    @blueprint.get("/of")
    def of() -> Response:
        return done(comparison_payload(ready(asked())))

    @blueprint.get("/layer")
    def layer() -> Response:
        return done(filters_payload(_layer(here())))

    @blueprint.get("/changed")
    def changed() -> Response:
        return done(changed_payload(here(), _kind(), number("offset")))

    @blueprint.get("/image")
    def image() -> Response:
        return done(pair_of(reader, here(), number("image"), _kind()))

    @blueprint.get("/json")
    def export() -> Response:
        found = here()
        return json_file(as_json(as_dict(found)), f"comparison-{found.a.id}-{found.b.id}.json")

    @blueprint.get("/experiment")
    def experiment() -> Response:
        name = request.args.get("name", "")
        against = request.args.get("against", next(iter(AGAINST)))
        wanted = ExperimentRequest(name, against, *method_asked())
        return jsonify(experiment_payload(reader, comparisons, curves, wanted))

    return (blueprint,)
