"""What the labelled images of a run were taken for, and how many of each class are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash.analysis.proportions import wilson_interval
from reactcnn_dash.db import Answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import Predictions, Run

MOST_CLASSES: Final = 20
"""Classes up to which the matrix is shown whole."""
WORST: Final = 30
"""The most frequent confusions of more classes, shown in its place."""


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """What labelled images were taken for.

    Attributes:
        names: of the C classes.
        counts: (C, C + 1) int64: images of a class (row) that were given a class (column); the last
            column counts those without an answer.
    """

    names: tuple[str, ...]
    counts: NDArray[np.int64]

    def of_class(self, number: int) -> tuple[int, int, tuple[float, float]]:
        """Return how many images a class has, how many are right, and the 95 % interval of that.

        The class has at least one image.
        """
        total, right = int(self.counts[number].sum()), int(self.counts[number, number])
        return total, right, wilson_interval(right, total)

    def worst(self, most: int) -> list[tuple[int, int, int]]:
        """Return label, answer and count of the confusions that are most frequent."""
        wrong = self.counts[:, :-1].copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:most]
        pairs = [divmod(int(one), wrong.shape[1]) for one in order]
        return [(label, given, int(wrong[label, given])) for label, given in pairs][
            : int((wrong > 0).sum())
        ]


def confusion(run: Run, answers: Predictions) -> Confusion | None:
    """Return what a run's labelled images were taken for; None without any, see `why_none`."""
    if run.answers is not Answers.CLASSES:
        return None
    classes = len(run.class_names)
    known = (answers.labels >= 0) & (answers.labels < classes)
    if not known.any():
        return None
    given = np.where(answers.predictions >= 0, answers.predictions, classes)
    counts = np.zeros((classes, classes + 1), np.int64)
    np.add.at(counts, (answers.labels[known], given[known]), 1)
    return Confusion(tuple(run.class_names), counts)


def why_none(run: Run) -> str:
    """Return why a run has no confusion."""
    if run.answers is Answers.VALUES and run.mean_error is not None:
        return (
            f"The network answers with values: off by {run.mean_error:.4g} on average over "
            f"{run.error_count:,} images with a target. A search sorts them by their error."
        )
    if run.answers is not Answers.CLASSES:
        return "The network names no class of an image, so no image is taken for another class."
    if run.labelled:
        return "No label of an image is among the classes of the network."
    return "No image has a label, so nothing tells which answers are right."
