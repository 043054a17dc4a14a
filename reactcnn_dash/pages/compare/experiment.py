"""The runs of an experiment compared one after another: figures against the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs.runner import UnderWay
from reactcnn_dash.pages.compare.payload import curves_row
from reactcnn_dash.pages.json_routes import running
from reactcnn_dash.pages.run_list import pickable, run_options
from reactcnn_dash.results.comparison.stored import Pair
from reactcnn_dash.results.epochs import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db import RunSummary, StoreReader
    from reactcnn_dash.pages.compare.shapes import (
        CurvePoint,
        Experiment,
        Incomparable,
        KnownPair,
        Listed,
        OpenPair,
    )
    from reactcnn_dash.results.comparison.service import Comparisons

    Curves: TypeAlias = dict[tuple[Pair, int, int], CurvePoint | Incomparable]

AGAINST: Final = {"last": "the last", "previous": "the one before", "first": "the first"}
"""What each epoch can be compared with, with its name; the first is the usual one."""


class NoExperiment(UserError):
    """There is nothing to compare in an experiment; the text says why."""


def listed(reader: StoreReader) -> Listed:
    """Return what can be picked: the newest runs, and the experiments with two or more runs.

    Raises:
        StoreError: the store cannot be read.
    """
    known = pickable(reader)
    members: dict[str, list[RunSummary]] = {}
    for run in known:
        if run.experiment is not None:
            members.setdefault(run.experiment, []).append(run)
    return {
        "runs": run_options(known),
        "experiments": [
            {"value": name, "label": f"{name} · {len(runs)} epochs"}
            for name, runs in members.items()
            if len(runs) > 1
        ],
    }


def pairs_of(runs: Sequence[RunSummary], against: str) -> list[tuple[RunSummary, RunSummary]]:
    """Return which runs are compared, as A and B: the earlier is always A.

    Args:
        runs: the runs in their order.
        against: one of :data:`AGAINST`.
    """
    if against == "previous":
        return list(pairwise(runs))
    if against == "first":
        return [(runs[0], run) for run in runs[1:]]
    return [(run, runs[-1]) for run in runs[:-1]]


@dataclass(frozen=True, slots=True)
class ExperimentRequest:
    """An experiment, what its epochs are compared with, and how filters are clustered."""

    name: str
    against: str
    method: str
    parameter: float | None


def experiment_payload(
    reader: StoreReader, comparisons: Comparisons, curves: Curves, wanted: ExperimentRequest
) -> Experiment:
    """Return the figures of an experiment so far; asking drives the computation on.

    One pair is computed at a time, and none once nobody asks any more.

    Args:
        reader: the store.
        comparisons: gives comparisons.
        curves: figures known already, which grow.
        wanted: what is asked for.

    Raises:
        NoExperiment: no such experiment, fewer than two runs, or nothing to compare with.
        StoreError: the store cannot be read.
    """
    name, against = wanted.name, wanted.against
    if against not in AGAINST:
        raise NoExperiment(f"Epochs are compared with one of {', '.join(AGAINST)}.")
    members = [run for run in reader.summaries() if run.experiment == name and run.stored]
    runs = in_order(members)
    if len(runs) < 2:
        raise NoExperiment(f"Experiment {name!r} has {len(runs)} runs with images; two are needed.")
    answer: list[KnownPair | OpenPair] = []
    waiting: UnderWay | None = None
    for a, b in pairs_of(runs, against):
        pair = Pair(a.id, b.id, wanted.method, wanted.parameter)
        key = pair, a.stored, b.stored
        if key not in curves and waiting is None:
            figures = _figures(comparisons, pair)
            if isinstance(figures, UnderWay):
                waiting = figures
            else:
                curves[key] = figures
        shown = {"a": a.id, "b": b.id, **curves.get(key, {})}
        answer.append(cast("KnownPair | OpenPair", shown))
    payload: Experiment = {
        "status": "done",
        "name": name,
        "against": against,
        "runs": [{"id": run.id, "name": run.name, "epoch": run.epoch} for run in runs],
        "pairs": answer,
        "known": sum("layers" in pair or "message" in pair for pair in answer),
    }
    return payload if waiting is None else {**payload, **running(waiting)}


def _figures(comparisons: Comparisons, pair: Pair) -> CurvePoint | Incomparable | UnderWay:
    """Return a pair's figures, or why there are none, or how far they are."""
    try:
        found = comparisons.ask(pair)
    except UserError as error:
        return {"message": str(error)}
    return found if isinstance(found, UnderWay) else curves_row(found)
