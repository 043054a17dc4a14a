"""Which images of a run a report shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db import Predictions
    from reactcnn_dash.results.deviations.scores import RunScores

SHOWN: Final = 4
"""Images of each kind that the report begins with."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An image that is shown, and why: ``wrong``, ``odd`` or ``typical``."""

    ordinal: int
    kind: str


def wrong_images(answers: Predictions, most: int) -> list[int]:
    """Return the misclassified images of which the network was surest."""
    wrong = (answers.labels >= 0) & (answers.predictions != answers.labels)
    surest = np.argsort(-np.nan_to_num(answers.confidence, nan=-1.0), kind="stable")
    return [int(answers.ordinals[one]) for one in surest if wrong[one]][:most]


def odd_images(scores: RunScores | None, rate: float, most: int) -> list[int]:
    """Return the oddest images at a rate of false alarms, the oddest first."""
    if scores is None:
        return []
    odd = scores.odd(rate)
    return [int(one) for one in odd[np.argsort(-scores.scores[odd], kind="stable")][:most]]


def typical_images(answers: Predictions, scores: RunScores | None, most: int) -> list[int]:
    """Return images that are right, or have no label, each of another class where there are more.

    Where images are scored those nearest to the middle of the scores, otherwise the surest.
    """
    good = (answers.labels < 0) | (answers.predictions == answers.labels)
    good &= answers.predictions >= 0
    far = -np.nan_to_num(answers.confidence, nan=-1.0)
    if scores is not None and np.isfinite(scores.scores).any():
        middle = np.nanmedian(scores.scores[np.isfinite(scores.scores)])
        known = answers.ordinals < len(scores.scores)
        value = np.full(len(far), np.inf)
        value[known] = np.abs(scores.scores[answers.ordinals[known]] - middle)
        far = np.nan_to_num(value, nan=np.inf)
    order = [one for one in np.argsort(far, kind="stable") if good[one]]
    seen: set[int] = set()
    first: list[int] = []
    for one in order:
        if int(answers.predictions[one]) not in seen:
            seen.add(int(answers.predictions[one]))
            first.append(one)
    rest = [one for one in order if one not in set(first)]
    return [int(answers.ordinals[one]) for one in (*first, *rest)][:most]


def chosen_images(answers: Predictions, scores: RunScores | None, rate: float) -> Sequence[Chosen]:
    """Return the images that a report begins with, each once."""
    found: dict[int, Chosen] = {}
    kinds = {
        "wrong": wrong_images(answers, 2 * SHOWN),
        "odd": odd_images(scores, rate, 2 * SHOWN),
        "typical": typical_images(answers, scores, 3 * SHOWN),
    }
    for kind, ordinals in kinds.items():
        new = [one for one in ordinals if one not in found][:SHOWN]
        found |= {one: Chosen(one, kind) for one in new}
    return list(found.values())
