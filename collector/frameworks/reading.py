"""How a model's output becomes probabilities of classes, judged by what it says or told."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from collector.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADS: Final = ("softmax", "logits", "sigmoid")
"""What a model can be said to end in."""


class Reading(Enum):
    """How a model's output becomes probabilities."""

    AS_IS = "probabilities"
    SOFTMAX = "logits"
    ONE_UNIT = "one probability"
    ONE_LOGIT = "one logit"

    @property
    def notice(self) -> str | None:
        """What the user should know of a reading that was judged."""
        return {
            Reading.ONE_LOGIT: "the model's output is taken for a logit; sigmoid is applied.",
            Reading.SOFTMAX: "the model's outputs are taken for logits; softmax is applied.",
        }.get(self)


def told(head: str, outputs: int) -> Reading:
    """Return the reading of a model that ends in ``head``, one of :data:`HEADS`.

    Raises:
        ModelError: a model of so many outputs cannot end in it.
    """
    if head == "softmax" and outputs == 1:
        raise ModelError("the model has one output, which is no softmax; say --head sigmoid.")
    if head == "softmax":
        return Reading.AS_IS
    if head == "sigmoid":
        return Reading.ONE_UNIT if outputs == 1 else Reading.AS_IS
    return Reading.ONE_LOGIT if outputs == 1 else Reading.SOFTMAX


def classes_of(reading: Reading, outputs: int) -> int:
    """Return the number of classes that so many outputs tell apart."""
    return 2 if reading in (Reading.ONE_UNIT, Reading.ONE_LOGIT) else outputs


def are_shares(rows: NDArray[np.float64] | None, *, exact: bool) -> bool:
    """Return whether rows are probabilities that sum to 1.

    If not exact, as far as 16 bits can say it.
    """
    if rows is None:
        return False
    limit = 1e-3 if exact else 2e-2
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, rtol=0, atol=limit))


def keeps_scale(noise: NDArray[Any], black: NDArray[Any]) -> bool | None:
    """Return whether pixels of 0–255 reach a model's first kernels in that range.

    What keeps noise far from black, and black near 0, keeps the scale.

    Args:
        noise: what a kernel is given of noise of 0–255.
        black: what it is given of black.

    Returns:
        ``None`` where it cannot be told: a normalisation by the image itself divides 0 by 0.
    """
    if not np.isfinite((noise, black)).all():
        return None
    return bool(np.abs(noise - black).max() >= 64 and np.abs(black).max() < 20)
