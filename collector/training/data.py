"""Images to train on and images to probe with, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from collector.batches import batches
from collector.images import (
    NO_LABEL,
    draw,
    fit_labels,
    joined,
    none_readable,
    open_images,
    parse_value_range,
    read_classes,
)
from collector.packaged import CLASSES
from collector.training.checkpoints import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from numpy.typing import NDArray

    from collector.images import ImageSource, Shape, Skipped
    from collector.training.checkpoints import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A data set.

    Attributes:
        images: (n, H, W, C) uint8 to train on.
        labels: (n,) int64.
        probe_images: (p, H, W, C) uint8, none of them among ``images``.
        probe_labels: (p,) int64.
        class_names: one name a class.
        notices: what the user should know, one line each.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probe_images: NDArray[np.uint8]
    probe_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    notices: tuple[str, ...] = ()


def load_data(settings: Settings, shape: Shape, progress: TextIO | None) -> Data:
    """Load all images in ``shape``; Keras must have been started for CIFAR-10.

    The probe is drawn evenly over the classes of the validation data, of CIFAR-10's test images, or
    else images that are drawn by the seed and not trained on. A training that was begun before
    probes were drawn has the first images.

    Raises:
        ImageSourceError: there are no images.
        TrainingError: they have no labels, or are too few.
    """
    names = None if settings.classes is None else read_classes(settings.classes)
    values = None if settings.value_range is None else parse_value_range(settings.value_range)
    # What a model is trained on here is read as the collector reads it, so nothing is to be said.
    opened = partial(open_images, progress=progress, reading="pillow", classes=names)
    source = opened(settings.data, value_range=values)
    notices = [*source.notices]
    probe = None
    class_names: tuple[str, ...] = CLASSES
    if settings.data == "cifar10":
        # The source holds the test images, and has fetched the archive if it was missing.
        import keras  # noqa: PLC0415 - takes seconds

        (images, labels), _ = keras.datasets.cifar10.load_data()
        labels, probe = labels.reshape(-1).astype(np.int64), source
    else:
        images, labels, skipped = _labelled(source, shape, len(source))
        notices += skipped
        if names is not None:
            fit = fit_labels(source, len(names), names)
            if fit.notice is not None:
                raise TrainingError(fit.notice)
            labels = fit.apply(labels)
        class_names = (
            names
            or source.class_names
            or tuple(f"class {index}" for index in range(source.top_label + 1))
        )
    if len(class_names) < 2:
        raise TrainingError(f"{source.description}: one class; at least 2 are needed to train.")
    if settings.validation is not None:
        probe = opened(settings.validation, value_range=values)
        notices += probe.notices
    if probe is not None:
        fit = fit_labels(probe, len(class_names), class_names)
        if settings.drawn:
            probe = draw(probe, settings.probe)
        probe_images, probe_labels, skipped = _labelled(probe, shape, settings.probe)
        probe_labels = fit.apply(probe_labels)
        return Data(
            images,
            labels,
            probe_images,
            probe_labels,
            class_names,
            tuple(dict.fromkeys([*notices, *skipped])),
        )
    count = min(settings.probe, len(images) // 10)
    if not count:
        raise TrainingError(f"{source.description}: {len(images)} labelled images are too few.")
    order = np.random.default_rng(settings.seed).permutation(len(images))
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    return Data(images[kept], labels[kept], images[held], labels[held], class_names, tuple(notices))


def _labelled(
    source: ImageSource, shape: Shape, most: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Labelled images, their labels, and what to say of files that could not be read."""
    source.check(shape)
    size = min(most, len(source))
    # Files that cannot be read are made up for by those after them.
    chunk = joined([*batches(source, shape, size=size, most=size)])
    if not len(chunk):
        raise TrainingError(f"{source.description}: {none_readable(chunk.skipped)}")
    known = chunk.labels != NO_LABEL
    if not known.any():
        raise TrainingError(
            f"{source.description}: no labels; use a folder with a subfolder a class, or an .npz "
            "file with labels."
        )
    return chunk.pixels[known], chunk.labels[known], _skipped(source, chunk.skipped)


def _skipped(source: ImageSource, skipped: Sequence[Skipped]) -> list[str]:
    if not skipped:
        return []
    first = "; ".join(f"{file.name}: {file.reason}" for file in skipped[:3])
    more = f"; and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
    return [f"{source.description}: {len(skipped):,} skipped: {first}{more}."]
