"""Arrays from outside, wherever they come from: what shape, values and labels may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.images.arrays import ArrayImages
from collector.images.base import ImageSourceError
from collector.images.labelling import Labelling, due, fitted, labelling
from collector.images.meaning import meaning_of, notice_beyond
from collector.images.values import (
    BYTES,
    UNIT,
    DoubtError,
    ValueRange,
    to_bytes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPTION = "--value-range {}"
ARGUMENT = "value_range=({})"
"""How a value range is given on the command line and in Python."""


@dataclass(frozen=True, slots=True)
class Words:
    """What arrays are called where they come from, for the user.

    Attributes:
        images: the images.
        labels: the labels.
        targets: the values that are due.
        value_range: how a value range is given, with ``{}`` where its numbers go.
    """

    images: str
    labels: str
    targets: str
    value_range: str


def checked_images(
    images: NDArray[Any],
    labels: NDArray[Any] | None,
    class_names: tuple[str, ...] | None,
    *,
    targets: NDArray[Any] | None = None,
    in_training: bool = False,
    words: Words,
    value_range: ValueRange | None = None,
    spec: str,
    description: str,
) -> ArrayImages:
    """Make a source of arrays.

    Args:
        images: (n, h, w, c), grey (n, h, w), or one picture (h, w, c); numbers or bool.
        labels: what ``labelling`` takes; ``None`` for no labels.
        class_names: name of each label, if known.
        targets: (n,) or (n, K), the values that are due; ``None`` for those that ``labels`` say.
        in_training: whether ``labels`` are those of a training, which the model alone explains.
        words: what the arrays are called.
        value_range: what is black and what is white; ``None`` to judge by the values.
        spec: what opens the same again.
        description: short text for people.

    Raises:
        ImageSourceError: the arrays do not fit, or their values can be read in several ways.
    """
    pictures, notices = _pictures(images, labels, words)
    known, notice = _known(pictures, value_range, words)
    if notice is not None:
        notices.append(f"{description}: {notice}.")
    said = Labelling()
    if labels is not None:
        read = fitted if in_training else labelling
        said = read(labels, len(pictures), class_names, words.labels)
    if targets is not None:
        said = Labelling(said.labels, due(targets, len(pictures), words.targets))
    return ArrayImages(
        to_bytes(pictures, known),
        said.labels,
        class_names,
        targets=said.targets,
        spec=spec,
        description=description,
        notices=tuple(notices),
        value_range=_evidence(pictures, known, given=value_range is not None),
    )


def refusal(subject: str, doubt: DoubtError, value_range: str) -> str:
    """Return a doubt about values in one line, with what to do."""
    if doubt.likely is None:
        return f"{subject} {doubt}."
    say = value_range.format("LOW,HIGH")
    likely = value_range.format(doubt.likely)
    return f"{subject} {doubt}: say what black and white are with {say}, perhaps {likely}."


def _pictures(
    images: NDArray[Any], labels: NDArray[Any] | None, words: Words
) -> tuple[NDArray[Any], list[str]]:
    """Return the images as (n, h, w, c), and what to say about that."""
    shape = images.shape
    if 0 in shape:
        raise ImageSourceError(f"{words.images} has shape {shape}, so there is no image in it.")
    if images.ndim == 3 and _is_one_picture(shape):
        return images[np.newaxis], [
            f"{words.images} of shape {shape} is taken for one picture of {shape[0]} × {shape[1]}."
        ]
    if images.ndim == 3:
        if shape[0] == 3 and min(shape[1:]) > 4 and labels is None:
            raise ImageSourceError(
                f"{words.images} has shape {shape}: three grey pictures (then add an axis, "
                "images[..., None]) or one with its channels first (then "
                "numpy.moveaxis(images, 0, -1))?"
            )
        return images[..., np.newaxis], []
    if images.ndim != 4:
        raise ImageSourceError(
            f"{words.images} has shape {shape}; it has to be (n, height, width, channels)."
        )
    if shape[1] in (1, 3) and shape[3] not in (1, 3, 4):
        raise ImageSourceError(
            f"{words.images} has shape {shape}; channels come last: use "
            "numpy.moveaxis(images, 1, -1)."
        )
    return images, []


def _is_one_picture(shape: tuple[int, ...]) -> bool:
    """Return whether (a, b, c) is a picture with channels rather than grey ones c pixels wide."""
    # Nobody has pictures 1 or 3 pixels wide; 4 are thinkable where all is that small.
    return shape[2] in (1, 3) or (shape[2] == 4 and min(shape[:2]) > 4)


def _known(
    pictures: NDArray[Any], given: ValueRange | None, words: Words
) -> tuple[ValueRange, str | None]:
    subject = f"{words.images} ({pictures.dtype})"
    try:
        if given is not None:
            return given, notice_beyond(pictures, given)
        meaning = meaning_of(pictures, colour=pictures.shape[-1] > 1)
    except DoubtError as doubt:
        raise ImageSourceError(refusal(subject, doubt, words.value_range)) from doubt
    notice = meaning.notice
    if notice is not None and meaning.range == BYTES:
        notice += f"; {words.value_range.format('LOW,HIGH')} says what white is, if it is not 255"
    return meaning.range, notice


def _evidence(pictures: NDArray[Any], known: ValueRange, *, given: bool) -> ValueRange | None:
    """Return the range that the images had, where that tells what a model was trained on."""
    if pictures.dtype.kind != "f" or not (given or known == UNIT):
        return None
    return known if pictures.any() else None
