"""What arrays of labels say: one class an image, several labels, or the values that are due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.images.base import NO_LABEL, ImageSourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Labelling:
    """What is known of n images.

    Attributes:
        labels: (n,) int64, the class of each, ``NO_LABEL`` (-1) for none; ``None`` where images
            are not of one class each.
        targets: (n, K) float32: 1 or 0 a label, or the due values; NaN where it is not known.
            ``None`` where labels are nothing but classes.
    """

    labels: NDArray[np.int64] | None = None
    targets: NDArray[np.float32] | None = None


def labelling(
    array: NDArray[Any], images: int, class_names: Sequence[str] | None, name: str
) -> Labelling:
    """Return what an array of labels says.

    Whole numbers, one an image, are classes; broken ones are values that are due. A row an image
    is a number a label or value; rows with a single 1 are classes too.

    Args:
        array: (n,), (n, 1) or (n, K) numbers or bool; of whole numbers -1 is for what is not known,
            of others NaN.
        images: n.
        class_names: name of each class, if known.
        name: what the array is called.

    Raises:
        ImageSourceError: it does not fit.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or not array.size:
        raise ImageSourceError(
            f"{name} has shape {array.shape}; one number for each image is needed, or one for each "
            "image and label or value."
        )
    if len(array) != images:
        raise ImageSourceError(f"{len(array)} labels for {images} images; one for each is needed.")
    if array.ndim == 2:
        return Labelling(_single(array), due(array, images, name))
    if array.dtype.kind == "f" and not (array == np.rint(array)).all():
        return Labelling(targets=due(array, images, name))
    return Labelling(classes(array, images, class_names, name))


def fitted(
    array: NDArray[Any], images: int, class_names: Sequence[str] | None, name: str
) -> Labelling:
    """Return what the labels of a training say, as ``fit`` takes them; see :func:`labelling`.

    Numbers, one an image, are the classes or the values that are due: the model tells. Whole ones
    are often stored as floats.

    Raises:
        ImageSourceError: they do not fit.
    """
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim != 1 or flat.dtype.kind not in "biuf" or len(flat) != images:
        return labelling(array, images, class_names, name)
    values = due(flat, images, name)
    several = class_names is not None and len(class_names) > 1
    broken = flat.dtype.kind == "f" and not (flat == np.rint(flat)).all()
    if broken and several:
        raise ImageSourceError(
            f"{name} has broken numbers, one an image, for {len(class_names or ())} names; classes "
            "are whole numbers, and of values each name has its own."
        )
    if broken or (flat.dtype.kind == "f" and class_names is not None and not several):
        return Labelling(targets=values)
    whole = flat.astype(np.int64)
    if class_names is None and whole.min() < NO_LABEL:
        return Labelling(targets=values)
    return Labelling(classes(whole, images, class_names, name), values)


def classes(
    array: NDArray[Any], images: int, class_names: Sequence[str] | None, name: str
) -> NDArray[np.int64]:
    """Return labels of one class an image: (n,) int64, ``NO_LABEL`` (-1) for none.

    Raises:
        ImageSourceError: they are no whole numbers, or none of a class.
    """
    if array.dtype.kind not in "iu":
        raise ImageSourceError(
            f"{name} has dtype {array.dtype}; integers are needed (values that are due stand in an "
            "array called 'targets')."
        )
    if len(array) != images:
        raise ImageSourceError(f"{len(array)} labels for {images} images; one for each is needed.")
    low, high = int(array.min()), int(array.max())
    top = len(class_names) - 1 if class_names is not None else np.iinfo(np.int32).max
    if low < NO_LABEL or high > top:
        wrong = low if low < NO_LABEL else high
        allowed = f"0–{top}" if class_names is not None else "0 and up"
        raise ImageSourceError(f"label {wrong} is out of range; {allowed} fit, and -1 for none.")
    return array.astype(np.int64)


def due(array: NDArray[Any], images: int, name: str) -> NDArray[np.float32]:
    """Return the values that are due, or what is right of each label: (n, K) float32.

    Args:
        array: (n,) or (n, K) numbers or bool; NaN for what is not known, and -1 among whole numbers
            that are 0 and 1 otherwise.
        images: n.
        name: what the array is called.

    Raises:
        ImageSourceError: it does not fit.
    """
    if array.ndim not in (1, 2) or not array.size or array.dtype.kind not in "biuf":
        raise ImageSourceError(
            f"{name} has shape {array.shape} and dtype {array.dtype}; a number for each image is "
            "needed, or one for each image and value."
        )
    if len(array) != images:
        raise ImageSourceError(f"{len(array)} targets for {images} images; one for each is needed.")
    values = array.reshape(images, -1).astype(np.float32)
    if np.isinf(values).any():
        raise ImageSourceError(f"{name} has infinite values; NaN stands for what is not known.")
    if array.dtype.kind in "iu" and array.ndim == 2 and np.isin(array, (NO_LABEL, 0, 1)).all():
        values[values == NO_LABEL] = np.nan
    return values


def are_sets(targets: NDArray[np.float32]) -> bool:
    """Return whether targets say of each label whether it is right: 1, 0, or NaN for neither."""
    return bool(np.isin(targets[~np.isnan(targets)], (0, 1)).all())


def _single(rows: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the class of each of (n, K) rows that are shares of classes, one-hot or smoothed."""
    values = rows.astype(np.float64)
    if (values < 0).any() or not np.allclose(values.sum(axis=1), 1, rtol=0, atol=1e-3):
        return None
    found: NDArray[np.int64] = values.argmax(axis=1).astype(np.int64)
    return found
