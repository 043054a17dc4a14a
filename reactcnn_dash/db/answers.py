"""What a run's network said to its images, all of them at once: for runs compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db.blobs import unpack
from reactcnn_dash.db.errors import DamagedBlob

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db.queries import AnyRow

NO_ANSWER = -1
"""The prediction of an image whose probabilities are not finite, or damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The answers to n images, by ordinal.

    `ordinals` (n,) int64; `hashes` n times the 32 bytes that recognise the pixels in every run;
    `labels` (n,) int64, -1 = none; `predictions` (n,) int64, -1 = no answer; `confidence` (n,)
    float64, the probability of the prediction, NaN without an answer.
    """

    ordinals: NDArray[np.int64]
    hashes: tuple[bytes, ...]
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    confidence: NDArray[np.float64]


def answers_of(rows: list[AnyRow]) -> Answers:
    """Give the answers of rows of `ANSWERS`."""
    confidence = np.array([_confidence(row) for row in rows], np.float64)
    predictions = np.array([row.prediction for row in rows], np.int64)
    predictions[np.isnan(confidence)] = NO_ANSWER
    return Answers(
        ordinals=np.array([row.ordinal for row in rows], np.int64),
        hashes=tuple(row.sha256 for row in rows),
        labels=np.array([-1 if row.label is None else row.label for row in rows], np.int64),
        predictions=predictions,
        confidence=confidence,
    )


def _confidence(row: AnyRow) -> float:
    try:
        probabilities = unpack(row.probabilities)
    except DamagedBlob:
        return float("nan")
    # The largest is NaN or infinite when any is: as the writer sees it, that is no answer.
    whole = np.isfinite(probabilities).all()
    return float(probabilities[row.prediction]) if whole else float("nan")
