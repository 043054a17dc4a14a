"""The route that tells what images of each class were taken for, or which labels hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import StoreReader
from reactcnn_dash.pages.json_routes import done, json_routes, number, ready
from reactcnn_dash.results.confusion import MOST_CLASSES, WORST, confusion, why_none
from reactcnn_dash.results.label_hits import LabelHits, label_hits, together

if TYPE_CHECKING:
    from flask import Blueprint, Response

    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.pages.shapes import ByClass, OfLabel


def by_class(url: str, run_id: int) -> ByClass:
    """Return what a run's images of each class were taken for, or what became of each label.

    Raises:
        RunNotFound: there is no such run.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)
    labels = label_hits(reader, run)
    tally = reader.tally(run)
    found = confusion(run, tally)
    said: ByClass = {
        "run": run.id,
        "names": list(run.class_names),
        "why": why_none(run) if found is None and not labels else None,
        "counts": [],
        "worst": [],
        "classes": [],
        "unanswered": int(tally.images[~tally.answered].sum()),
        "labels": [_of_label(i, one) for i, one in enumerate(labels)],
        "together": _of_label(-1, together(labels)),
        "labelled": run.labelled,
        "right": run.correct,
    }
    if found is None:
        return said
    if len(found.names) <= MOST_CLASSES:
        said["counts"] = found.counts.tolist()
    said["worst"] = found.worst(WORST)
    for one in np.flatnonzero(found.counts.any(axis=1)).tolist():
        total, right, (low, high) = found.of_class(one)
        said["classes"].append((one, total, right, low, high))
    return said


def _of_label(label: int, one: LabelHits) -> OfLabel:
    return {
        "label": label,
        "hits": one.hits,
        "extra": one.extra,
        "missed": one.missed,
        "precision": one.precision,
        "recall": one.recall,
        "f1": one.f1,
    }


def blueprint(context: Context) -> Blueprint:
    """Return the route of what was taken for what in ``run``."""
    routes = json_routes("by-class")

    @routes.get("/of")
    def of() -> Response:
        run = context.reader.run(number("run"))
        # By what is stored: a run that has grown has other figures.
        key = ("by class", run.id, run.stored)
        return done(ready(context.jobs.ask(key, by_class, context.url, run.id)))

    return routes
