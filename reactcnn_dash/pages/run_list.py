"""The runs that a page lets people pick from, and the route by which it asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash.db import StoreMissing
from reactcnn_dash.pages.json_routes import done
from reactcnn_dash.results.naming import run_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from flask import Blueprint, Response

    from reactcnn_dash.db import RunSummary, StoreReader
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.pages.shapes import Listed, Option

LISTED = 2000
"""The newest runs that can be picked."""


def pickable(reader: StoreReader) -> list[RunSummary]:
    """Return the newest runs that have images, the newest first.

    Raises:
        StoreError: the store cannot be read.
    """
    return [run for run in reader.summaries() if run.stored][:LISTED]


def run_options(runs: Sequence[RunSummary]) -> list[Option]:
    """Return runs as a list to pick from."""
    labels = run_labels(runs)
    return [{"value": str(run.id), "label": text} for run, text in zip(runs, labels, strict=True)]


def listed(reader: StoreReader) -> Listed:
    """Return what can be picked; nothing while there is no store.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        return {"runs": run_options(pickable(reader))}
    except StoreMissing:
        return {"runs": []}


def add_route(
    blueprint: Blueprint,
    context: Context,
    what: Callable[[StoreReader], Mapping[str, Any]] = listed,
) -> None:
    """Let a page ask, at ``/runs``, for what can be picked; work is about to come."""

    @blueprint.get("/runs")
    def runs() -> Response:
        context.jobs.expect()
        return done(what(context.reader))
