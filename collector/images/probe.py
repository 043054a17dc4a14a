"""Probe images as a training has them: arrays, paths, data sets and generators."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.images.base import ImageSource, ImageSourceError
from collector.images.checks import ARGUMENT, Words, checked_images
from collector.images.drawing import draw
from collector.images.open import open_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from collector.images.values import ValueRange

STREAMED = 1000
"""Images taken of a data set or generator when the user names no number."""

_WORDS = Words("probe_images", "probe_labels", "probe_labels", ARGUMENT)
_NAME = "probe images"


def open_probe(
    images: Any,
    labels: Any | None,
    class_names: tuple[str, ...],
    *,
    most: int | None = None,
    reading: str | None = None,
    value_range: ValueRange | None = None,
) -> ImageSource:
    """Open what a callback is given.

    Args:
        images: an array (n, h, w, c), (n, h, w) or (h, w, c); what ``--images`` takes; or a
            ``tf.data.Dataset``, ``keras.utils.PyDataset``, generator or other iterable of batches
            as ``fit`` takes them: images, or images and labels.
        labels: (n,) integers, -1 for none, (n, k) zeros and ones, or the values that are due, (n,)
            or (n, k); with an array alone.
        class_names: names of the model's classes, empty if not known.
        most: how many images at most: drawn evenly over the classes of an array or path (``None``
            for all), the first of a stream (``None`` for 1,000).
        reading: how pictures of a folder are read.
        value_range: what is black and what is white, ``None`` to judge by the values.

    Raises:
        ImageSourceError: a path cannot be opened.
        ValueError: an array or stream does not fit.
    """
    if isinstance(images, str) or hasattr(images, "__fspath__"):
        if labels is not None:
            raise ValueError("probe_labels go with an array of images; a path has its own labels.")
        source = open_images(
            str(images),
            reading=reading,
            value_range=value_range,
            classes=class_names or None,
            option=ARGUMENT,
        )
        return draw(source, most)
    if reading is not None:
        raise ValueError("reading goes with a folder of pictures.")
    notice = None
    if _is_stream(images):
        if labels is not None:
            raise ValueError("probe_labels go with an array; a data set has its own labels.")
        images, labels, notice = _taken(images, most or STREAMED)
    array = _array(images, "probe_images")
    try:
        source = checked_images(
            # The training may go on with its array; the probe must stay what it is. Others than
            # bytes are converted, and so copied.
            array.copy() if array.dtype == np.uint8 else array,
            None if labels is None else _array(labels, "probe_labels"),
            class_names or None,
            in_training=True,
            words=_WORDS,
            value_range=value_range,
            spec=_NAME,
            description=_NAME,
        )
    except ImageSourceError as error:
        raise ValueError(str(error)) from error
    if notice is not None:
        source.notices = (*source.notices, notice)
    return draw(source, most)


def _is_stream(images: Any) -> bool:
    if isinstance(images, (list, tuple)) or hasattr(images, "__array__"):
        return False
    return hasattr(images, "__iter__") or _is_py_dataset(images)


def _is_py_dataset(images: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(images, keras.utils.PyDataset)


def _taken(stream: Any, most: int) -> tuple[NDArray[Any], NDArray[Any] | None, str | None]:
    """Return a stream's first images, their labels if any, and what to say about them."""
    pictures: list[NDArray[Any]] = []
    labels: list[NDArray[Any]] = []
    count = 0
    for batch in _batches(stream, most):
        images, numbers = _parts(batch)
        if pictures and images.shape[1:] != pictures[0].shape[1:]:
            raise ValueError(
                f"probe_images has pictures of shape {pictures[0].shape[1:]} and "
                f"{images.shape[1:]}; one size is needed."
            )
        pictures.append(images)
        if numbers is not None:
            labels.append(numbers)
            if len(numbers) != len(images):
                raise ValueError(f"a batch has {len(numbers)} labels for {len(images)} images.")
        count += len(images)
        if count >= most:
            break
    if not count:
        raise ValueError("probe_images gives no images.")
    if not labels:
        return np.concatenate(pictures)[:most], None, None
    if len(labels) != len(pictures):
        raise ValueError("some batches of probe_images have labels, and others have none.")
    taken = np.concatenate(labels)[:most]
    notice = None
    if len(taken) > 1 and taken.ndim == 1 and (taken == taken[0]).all():
        notice = (
            f"all {len(taken):,} probe images have label {taken[0]}; shuffle the data set before "
            "it is given."
        )
    return np.concatenate(pictures)[:most], taken, notice


def _batches(stream: Any, most: int) -> Iterator[Any]:
    if not _is_py_dataset(stream):
        yield from stream
        return
    first = stream[0]
    yield first
    # Batches can be had one by one, so they come from all over, should classes follow each other.
    wanted = -(-most // max(1, len(_parts(first)[0])))
    total = stream.num_batches
    if total is None:
        yield from (stream[index] for index in range(1, wanted))
        return
    places = np.unique(np.linspace(0, total - 1, min(wanted, total)).round().astype(int))
    yield from (stream[int(index)] for index in places if index)


def _parts(batch: Any) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Images and labels of a batch; sample weights are not needed."""
    parts = batch if isinstance(batch, (tuple, list)) else (batch,)
    if not 1 <= len(parts) <= 3 or isinstance(parts[0], (dict, tuple, list)):
        raise ValueError("a batch of probe_images has to be images, or images and labels.")
    images = _array(parts[0], "probe_images")
    if images.ndim == 3 and images.shape[-1] in (1, 3):
        raise ValueError(
            f"probe_images gives pictures of shape {images.shape} one by one; batches are needed: "
            ".batch(32)."
        )
    if len(parts) == 1 or parts[1] is None:
        return images, None
    labels = _array(parts[1], "the labels of probe_images")
    if labels.dtype == object or labels.ndim > 2:
        raise ValueError("the labels of probe_images are of several kinds; one array is needed.")
    if labels.ndim < 2 or labels.shape[1] == 1:
        labels = labels.reshape(-1)
    return images, labels


def _array(values: Any, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} are no array ({' '.join(str(error).split())}).") from error
    # NumPy itself has no bfloat16; what brings it calls it a type of its own.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
