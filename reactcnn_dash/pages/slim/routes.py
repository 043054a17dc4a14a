"""Routes of the slim page: what was made of a network, its files, and making another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Response, request, send_file

from reactcnn_dash.pages import run_list
from reactcnn_dash.pages.json_routes import (
    IN_ADDRESS,
    RequestRefused,
    done,
    json_file,
    json_routes,
    number,
    ready,
    whole,
)
from reactcnn_dash.pages.slim.payload import (
    gone_payload,
    point_payload,
    prediction_payload,
    slims_payload,
    trial_payload,
)
from reactcnn_dash.results.slimming import trial
from reactcnn_dash.results.slimming.files import SlimFiles
from reactcnn_dash.results.slimming.prediction import Predictions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Blueprint

    from reactcnn_dash.db import Run, Slimming, StoreReader
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.pages.slim.shapes import Recipe, Slims


def _slims(reader: StoreReader, files: SlimFiles, run: Run) -> Slims:
    """Everything about a run's network; its own origin if it is a slim one."""
    points = [
        point
        for one in reader.slimmings(run.id)
        if (point := point_payload(one, file=files.path_of(one) is not None)) is not None
    ]
    source = reader.slimmed_from(run.id)
    origin = None
    if source is not None:
        origin = (source.before, str(source.result.get("model", "")))
    return slims_payload(run, points, origin)


def _slimming(reader: StoreReader) -> Slimming:
    found = reader.slimming(number("id"))
    if found is None:
        raise RequestRefused("This network is not in the store any more. Load the page again.")
    return found


def _wanted(reader: StoreReader, values: Any) -> trial.Wanted:
    """Return what is asked for, by an address or a body of JSON.

    Raises:
        RequestRefused, TrialRefused: it is nothing that the page asks.
        RunNotFound: a run is not there.
    """
    asked = values if isinstance(values, dict) else {}
    run, calibration, evaluation = (
        reader.run(whole(asked.get(name), name, IN_ADDRESS))
        for name in ("run", "calibration", "evaluation")
    )
    found = trial.Wanted(
        run=run,
        calibration=calibration,
        evaluation=evaluation,
        budget=str(asked.get("budget", "")),
        share=whole(asked.get("share"), "share", IN_ADDRESS),
        method=str(asked.get("method", "")),
    )
    found.check()
    return found


def routes(context: Context) -> Iterable[Blueprint]:
    """Return the routes of the slim page."""
    blueprint = json_routes("slims")
    reader = context.reader
    files, trials = SlimFiles(), trial.Trials(context.url)
    predictions = Predictions(reader, context.url, context.jobs)

    run_list.add_route(blueprint, context)

    @blueprint.get("/of")
    def of() -> Response:
        return done(_slims(reader, files, reader.run(number("run"))))

    @blueprint.get("/gone")
    def gone() -> Response:
        return done(gone_payload(_slimming(reader)))

    @blueprint.get("/model")
    def model() -> Response:
        path = files.require(_slimming(reader))
        return send_file(path, as_attachment=True, download_name=path.name)

    @blueprint.get("/channels")
    def channels() -> Response:
        found = _slimming(reader)
        name = found.output.replace("\\", "/").rpartition("/")[2].removesuffix(".keras")
        text = f"{json.dumps(found.channels, indent=1)}\n"
        return json_file(text, f"{_plain(name)}-channels.json")

    @blueprint.get("/predicted")
    def predicted() -> Response:
        return done(prediction_payload(ready(predictions.of(reader.run(number("run"))))))

    @blueprint.get("/recipe")
    def recipe() -> Response:
        wanted = _wanted(reader, request.args.to_dict())
        found: Recipe = {"command": trials.recipe(wanted), "obstacle": trial.obstacle(wanted)}
        return done(found)

    @blueprint.get("/trial")
    def state() -> Response:
        return done(trial_payload(*trials.state()))

    @blueprint.post("/try")
    def begin() -> Response:
        trials.begin(_wanted(reader, request.get_json(silent=True)))
        return done(trial_payload(*trials.state()))

    @blueprint.post("/cancel")
    def cancel() -> Response:
        trials.cancel()
        return done(trial_payload(*trials.state()))

    return (blueprint,)


def _plain(name: str) -> str:
    """Return a name that a header takes."""
    return "".join(
        one if one.isascii() and (one.isalnum() or one in "-_.") else "-" for one in name
    )
