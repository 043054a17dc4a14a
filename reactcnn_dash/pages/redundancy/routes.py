"""Routes of the redundancy page: JSON, worked out meanwhile where it is not stored yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, request

from reactcnn_dash import analysis
from reactcnn_dash.pages import run_list
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
from reactcnn_dash.pages.redundancy.payload import report_payload, stability_payload
from reactcnn_dash.results.redundancy.document import exported
from reactcnn_dash.results.redundancy.report import checked_threshold
from reactcnn_dash.results.redundancy.service import Redundancies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Blueprint

    from reactcnn_dash.db import Run, StoreReader
    from reactcnn_dash.pages.page import Context


def _threshold() -> float:
    value = decimal("threshold")
    return checked_threshold(analysis.REDUNDANT.default if value is None else value)


def _position(reader: StoreReader, run: Run) -> int:
    name = request.args.get("layer", "")
    for layer in reader.layers(run.id):
        if layer.name == name:
            return layer.position
    raise RequestRefused(f"The run has no layer {name!r}.")


def routes(context: Context) -> Iterable[Blueprint]:
    """Return the routes of the redundancy page."""
    blueprint = json_routes("redundancies")
    reader = context.reader
    redundancies = Redundancies(reader, context.url, context.jobs)

    run_list.add_route(blueprint, context)

    @blueprint.get("/of")
    def of() -> Response:
        run = reader.run(number("run"))
        report = ready(redundancies.report(run, _threshold()))
        return done(report_payload(report, run, reader.layers(run.id)))

    @blueprint.get("/stability")
    def stability() -> Response:
        run = reader.run(number("run"))
        position = _position(reader, run)
        return done(stability_payload(ready(redundancies.stability(run, position, _threshold()))))

    @blueprint.get("/json")
    def export() -> Response:
        run, threshold = reader.run(number("run")), _threshold()
        found = redundancies.report(run, threshold)
        report = already(found, "This report is not worked out yet.")
        return json_file(exported(report, run), f"redundancy-{run.id}-{threshold:g}.json")

    return (blueprint,)
