"""What a run's network said to its images, all of them at once: for runs compared."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db.queries import AnyRow

NO_PREDICTION = -1
"""The prediction of an image whose probabilities are not finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The answers to n images, by ordinal.

    `ordinals` (n,) int64; `hashes` n times the `sha256` that recognises the pixels in every run;
    `labels` (n,) int64, -1 = none; `predictions` (n,) int64, -1 = no answer; `confidence` (n,)
    float64, the probability of the prediction, NaN without an answer.
    """

    ordinals: NDArray[np.int64]
    hashes: tuple[str, ...]
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    confidence: NDArray[np.float64]


def class_of(row: AnyRow) -> int:
    """Return the label of a row of `ANSWERS_OF`, or its prediction, or -1 without any."""
    if row.label is not None:
        return int(row.label)
    return NO_PREDICTION if row.confidence is None else int(row.prediction)


def predictions_of(said: Sequence[AnyRow], hashes: Sequence[AnyRow]) -> Predictions:
    """Return the answers of images, by ordinal, from rows of `ANSWERS` and of `HASHES`."""
    by_ordinal = sorted(said, key=itemgetter(0))
    ordinals, labels, predictions, confidence = zip(*by_ordinal, strict=True) if said else [()] * 4
    sure = np.array(confidence, np.float64)
    answered = np.array(predictions, np.int64)
    answered[np.isnan(sure)] = NO_PREDICTION
    return Predictions(
        ordinals=np.array(ordinals, np.int64),
        hashes=tuple(row[1].hex() for row in hashes),
        labels=np.array([-1 if label is None else label for label in labels], np.int64),
        predictions=answered,
        confidence=sure,
    )
