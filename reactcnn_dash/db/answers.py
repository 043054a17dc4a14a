"""What a run's network said to its images, all of them at once: for runs compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from reactcnn_dash.db.records import ImageFacts

NO_ANSWER = -1
"""The prediction of an image whose probabilities are not finite, or damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
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


def answers_of(facts: Iterable[ImageFacts]) -> Answers:
    """Give the answers of images, by ordinal."""
    known = list(facts)
    confidence = np.array([_confidence(one) for one in known], np.float64)
    predictions = np.array([one.prediction for one in known], np.int64)
    predictions[np.isnan(confidence)] = NO_ANSWER
    return Answers(
        ordinals=np.array([one.ordinal for one in known], np.int64),
        hashes=tuple(one.sha256 for one in known),
        labels=np.array([-1 if one.label is None else one.label for one in known], np.int64),
        predictions=predictions,
        confidence=confidence,
    )


def _confidence(image: ImageFacts) -> float:
    # The largest is NaN or infinite when any is: as the writer sees it, that is no answer.
    whole = np.isfinite(image.probabilities).all()
    return float(image.probabilities[image.prediction]) if whole else float("nan")
