"""What a model's output means, judged by what it says or told."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from collector.errors import ModelError
from reactcnn_dash.db import NO_PREDICTION, Answers

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADS: Final = ("softmax", "logits", "sigmoid", "regression", "none")
"""What a model can be said to end in."""


class Reading(Enum):
    """What a model's output means, and how it becomes what is stored."""

    AS_IS = "probabilities"
    SOFTMAX = "logits"
    ONE_UNIT = "one probability"
    ONE_LOGIT = "one logit"
    LABELS = "a probability a label"
    LABEL_LOGITS = "a logit a label"
    VALUES = "values"
    NOTHING = "nothing that is told"

    @property
    def answers(self) -> Answers:
        """What a run of the model holds of its answers."""
        return {
            Reading.LABELS: Answers.LABELS,
            Reading.LABEL_LOGITS: Answers.LABELS,
            Reading.VALUES: Answers.VALUES,
            Reading.NOTHING: Answers.NONE,
        }.get(self, Answers.CLASSES)

    @property
    def head(self) -> str:
        """Which of :data:`HEADS` it is the reading of."""
        return {
            Reading.AS_IS: "softmax",
            Reading.ONE_UNIT: "sigmoid",
            Reading.LABELS: "sigmoid",
            Reading.LABEL_LOGITS: "sigmoid",
            Reading.VALUES: "regression",
            Reading.NOTHING: "none",
        }.get(self, "logits")

    @property
    def notice(self) -> str | None:
        """What the user should know of a reading that was judged."""
        return {
            Reading.ONE_LOGIT: "the model's output is taken for a logit; sigmoid is applied.",
            Reading.SOFTMAX: "the model's outputs are taken for logits; softmax is applied.",
            Reading.LABELS: "the model's outputs are taken for labels, each with a probability of "
            "its own; for classes of which one is right say --head softmax.",
            Reading.VALUES: "the model was trained by a loss of values, so its outputs are taken "
            "for values; otherwise say --head.",
            Reading.NOTHING: "the model's output is of length 1 for every image, so it is taken "
            "for an embedding and not stored; otherwise say --head.",
        }.get(self)


def told(head: str, outputs: int, *, squashed: bool) -> Reading:
    """Return the reading of a model that ends in ``head``, one of :data:`HEADS`.

    The head says what the numbers mean; the model's last activation, whether they are
    probabilities already. Only ``logits`` is taken at its word whatever that is.

    Args:
        head: what the user says.
        outputs: how many numbers an answer has.
        squashed: see :func:`are_squashed`.

    Raises:
        ModelError: a model of so many outputs cannot end in it.
    """
    if head == "softmax" and outputs == 1:
        raise ModelError("the model has one output, which is no softmax; say --head sigmoid.")
    if head == "softmax":
        return Reading.AS_IS if squashed else Reading.SOFTMAX
    if head == "sigmoid" and not squashed:
        return Reading.ONE_LOGIT if outputs == 1 else Reading.LABEL_LOGITS
    if head == "sigmoid":
        return sigmoids(outputs)
    if head == "regression":
        return Reading.VALUES
    if head == "none":
        return Reading.NOTHING
    return Reading.ONE_LOGIT if outputs == 1 else Reading.SOFTMAX


def told_notice(head: str, reading: Reading) -> str | None:
    """Return what to say of a head that was told where the model's last activation is not it."""
    if head == "softmax" and reading is Reading.SOFTMAX:
        return "the model's outputs are raw: nothing squashes them last; softmax is applied."
    if head == "sigmoid" and reading in (Reading.ONE_LOGIT, Reading.LABEL_LOGITS):
        return (
            "the model's outputs are raw: nothing squashes them last; sigmoid is applied to each."
        )
    return None


def are_squashed(rows: NDArray[np.float64], activation: bool | None) -> bool:
    """Return whether a model's outputs are probabilities already.

    Args:
        rows: (n, K), some answers, those that are finite.
        activation: whether what the outputs went through last keeps them within 0–1; False where
            that is a kernel; ``None`` where it cannot be told: then the answers tell.
    """
    if activation is not None:
        return activation
    return bool(len(rows) and ((rows >= 0) & (rows <= 1)).all())


def sigmoids(outputs: int) -> Reading:
    """Return the reading of so many independent probabilities."""
    return Reading.ONE_UNIT if outputs == 1 else Reading.LABELS


def unbounded(rows: NDArray[np.float64], outputs: int, *, values: bool = False) -> Reading:
    """Return the reading of outputs that are no probabilities.

    Args:
        rows: (n, K), some answers, those that are finite.
        outputs: K.
        values: whether the model is known to have been trained by a loss of values.
    """
    if values:
        return Reading.VALUES
    if outputs == 1:
        return Reading.ONE_LOGIT
    lengths = np.linalg.norm(rows, axis=1)
    # Of a black image a network without biases says nothing at all.
    said = lengths[lengths > 0]
    if len(said) and (rows < 0).any() and np.allclose(said, 1, rtol=0, atol=1e-3):
        return Reading.NOTHING
    return Reading.SOFTMAX


def classes_of(reading: Reading, outputs: int) -> int:
    """Return how many numbers an image's answer is made of, for a model of so many outputs."""
    if reading is Reading.NOTHING:
        return 0
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


def predictions(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the (B,) largest of (B, K) probabilities as the store has it.

    ``NO_PREDICTION`` where one is not finite.
    """
    said: NDArray[np.int64] = np.argmax(np.nan_to_num(probabilities, nan=-np.inf), axis=1)
    said[~np.isfinite(probabilities).all(axis=1)] = NO_PREDICTION
    return said
