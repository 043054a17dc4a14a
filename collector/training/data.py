"""Images to train on and images to probe with, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collector.images import NO_LABEL, fit_labels, open_images
from collector.training.checkpoints import TrainingError
from collector.vgg16 import CLASSES

if TYPE_CHECKING:
    from typing import TextIO

    from numpy.typing import NDArray

    from collector.images import ImageSource, Shape
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
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probe_images: NDArray[np.uint8]
    probe_labels: NDArray[np.int64]
    class_names: tuple[str, ...]


def load_data(settings: Settings, shape: Shape, progress: TextIO | None) -> Data:
    """Load all images in ``shape``; Keras must have been started for CIFAR-10.

    The probe is the first images of the validation data, of CIFAR-10's test images, or else images
    that are drawn by the seed and not trained on.

    Raises:
        ImageSourceError: there are no images.
        TrainingError: they have no labels, or are too few.
    """
    source = open_images(settings.data, progress=progress)
    probe = None
    class_names: tuple[str, ...] = CLASSES
    if settings.data == "cifar10":
        # The source holds the test images, and has fetched the archive if it was missing.
        import keras  # noqa: PLC0415 - takes seconds

        (images, labels), _ = keras.datasets.cifar10.load_data()
        labels, probe = labels.reshape(-1).astype(np.int64), source
    else:
        images, labels = _labelled(source, shape, len(source))
        class_names = source.class_names or tuple(
            f"class {index}" for index in range(source.top_label + 1)
        )
    if len(class_names) < 2:
        raise TrainingError(f"{source.description}: one class; at least 2 are needed to train.")
    if settings.validation is not None:
        probe = open_images(settings.validation, progress=progress)
    if probe is not None:
        fit = fit_labels(probe, len(class_names), class_names)
        probe_images, probe_labels = _labelled(probe, shape, settings.probe)
        return Data(images, labels, probe_images, fit.apply(probe_labels), class_names)
    count = min(settings.probe, len(images) // 10)
    if not count:
        raise TrainingError(f"{source.description}: {len(images)} labelled images are too few.")
    order = np.random.default_rng(settings.seed).permutation(len(images))
    held, kept = np.sort(order[:count]), np.sort(order[count:])
    return Data(images[kept], labels[kept], images[held], labels[held], class_names)


def _labelled(
    source: ImageSource, shape: Shape, most: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    source.check(shape)
    chunk = source.read(0, min(most, len(source)), shape)
    known = chunk.labels != NO_LABEL
    if not known.any():
        raise TrainingError(
            f"{source.description}: no labels; use a folder with a subfolder a class, or an .npz "
            "file with labels."
        )
    return chunk.pixels[known], chunk.labels[known]
