"""The order of the runs of an experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reactcnn_dash.db import RunSummary


def in_order(runs: Iterable[RunSummary]) -> list[RunSummary]:
    """Return runs by epoch, or by age where an epoch comes twice.

    An epoch comes twice where several models, or one model several times, were trained under one
    name: then only time tells what followed what. A run without an epoch (the final weights of a
    training, say) stands behind the one that was collected before it.
    """
    by_age = sorted(runs, key=lambda run: run.id)
    known = [run.epoch for run in by_age if run.epoch is not None]
    if len(set(known)) < len(known):
        return by_age
    # Below any epoch: runs from before the first that has one.
    place, placed = -1, []
    for run in by_age:
        place = place if run.epoch is None else run.epoch
        placed.append((place, run))
    return [run for _, run in sorted(placed, key=lambda one: one[0])]
