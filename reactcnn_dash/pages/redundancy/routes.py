"""Routes of the redundancy page: JSON, worked out meanwhile where it is not stored yet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from reactcnn_dash import analysis
from reactcnn_dash.db import StoreMissing
from reactcnn_dash.pages.compare.experiment import LISTED, run_label
from reactcnn_dash.pages.json_routes import RequestRefused, json_file, questions
from reactcnn_dash.pages.redundancy.payload import holding_payload, report_payload, waiting_payload
from reactcnn_dash.results.redundancy.report import METHOD, as_dict, checked_threshold
from reactcnn_dash.results.redundancy.worker import Waiting

if TYPE_CHECKING:
    from flask import Blueprint

    from reactcnn_dash.db import Run, StoreReader
    from reactcnn_dash.results.redundancy.service import RedundancyService


def listed(reader: StoreReader) -> dict[str, Any]:
    """Return the newest runs that have images, the newest first; none while there is no store.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        known = [run for run in reader.summaries() if run.stored][:LISTED]
    except StoreMissing:
        known = []
    return {"runs": [{"value": str(run.id), "label": run_label(run)} for run in known]}


def _run(reader: StoreReader) -> Run:
    text = request.args.get("run", "")
    if not (text.isascii() and text.isdigit()):
        raise RequestRefused(f"run is a number, not {text!r}.")
    return reader.run(int(text))


def _threshold() -> float:
    text = request.args.get("threshold", "")
    try:
        value = float(text) if text else analysis.METHODS[METHOD].default
    except ValueError as error:
        raise RequestRefused(f"The threshold {text!r} is no number.") from error
    return checked_threshold(value)


def _position(reader: StoreReader, run: Run) -> int:
    name = request.args.get("layer", "")
    for layer in reader.layers(run.id):
        if layer.name == name:
            return layer.position
    raise RequestRefused(f"The run has no layer {name!r}.")


def blueprint(reader: StoreReader, service: RedundancyService) -> Blueprint:
    """Return the routes of the redundancy page."""
    routes = questions("redundancies")

    @routes.get("/runs")
    def runs() -> Response:
        service.start()
        return jsonify(listed(reader))

    @routes.get("/of")
    def of() -> Response:
        run = _run(reader)
        found = service.report(run, _threshold())
        if isinstance(found, Waiting):
            return jsonify(waiting_payload(found))
        return jsonify(report_payload(found, run, reader.layers(run.id)))

    @routes.get("/holds")
    def holds() -> Response:
        run = _run(reader)
        found = service.holding(run, _position(reader, run), _threshold())
        if isinstance(found, Waiting):
            return jsonify(waiting_payload(found))
        return jsonify(holding_payload(found))

    @routes.get("/json")
    def export() -> Response:
        run, threshold = _run(reader), _threshold()
        found = service.report(run, threshold)
        if isinstance(found, Waiting):
            raise RequestRefused("This report is not worked out yet.")
        text = f"{json.dumps(as_dict(found, run), indent=1)}\n"
        name = f"redundancy-{run.id}-{threshold:g}.json"
        return json_file(text, name)

    return routes
