"""How right two runs are over the images that they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import Answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import Predictions, Run, StoreReader
    from reactcnn_dash.results.comparison.stream import Pairs


@dataclass(frozen=True, slots=True)
class Outcome:
    """How right two runs are.

    Attributes:
        labelled: images in common of which both runs know what is right.
        accuracy: share of them that each run has right, all labels of an image if it may have
            several; None without any, and of values.
        errors: mean absolute error of each run of values over them; None without any.
    """

    labelled: int
    accuracy: tuple[float, float] | None = None
    errors: tuple[float, float] | None = None


def outcome(
    reader: StoreReader, runs: tuple[Run, Run], pairs: Pairs, said: tuple[Predictions, Predictions]
) -> Outcome:
    """Return how right two runs are over pairs of images; ``said`` has the answers to these.

    Raises:
        StoreError: the store cannot be read.
    """
    answers = {run.answers for run in runs}
    if answers == {Answers.CLASSES}:
        known = (said[0].labels >= 0) & (said[1].labels >= 0)
        if not known.any():
            return Outcome(0)
        right = [float((one.predictions == one.labels)[known].mean()) for one in said]
        return Outcome(int(known.sum()), accuracy=(right[0], right[1]))
    if answers not in ({Answers.LABELS}, {Answers.VALUES}):
        return Outcome(0)
    (in_a, a), (in_b, b) = (
        _errors(reader, run, ordinals)
        for run, ordinals in zip(runs, (pairs.a, pairs.b), strict=True)
    )
    known = in_a & in_b
    if answers == {Answers.VALUES}:
        known &= np.isfinite(a) & np.isfinite(b)
    if not known.any():
        return Outcome(0)
    count = int(known.sum())
    if answers == {Answers.VALUES}:
        return Outcome(count, errors=(float(a[known].mean()), float(b[known].mean())))
    return Outcome(count, accuracy=(float((a[known] == 0).mean()), float((b[known] == 0).mean())))


def _errors(
    reader: StoreReader, run: Run, ordinals: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return of which images of a run a target is known, and their errors."""
    found = reader.targets(run)
    there = np.isin(ordinals, found.ordinals)
    errors = np.full(len(ordinals), np.nan)
    errors[there] = found.errors[np.searchsorted(found.ordinals, ordinals[there])]
    return there, errors
