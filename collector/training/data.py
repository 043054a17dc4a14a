"""Images to train on and images to probe with, in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from collector.batches import batches, resized_notice
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
from collector.images.cifar10 import open_cifar10_training
from collector.images.classes import few
from collector.training.checkpoints import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from numpy.typing import NDArray

    from collector.images import ImageSource, LabelFit, Shape, Skipped
    from collector.training.checkpoints import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """What a training reads.

    Attributes:
        source: what is trained on.
        probe: what is probed with, ``None`` where it comes out of the data.
        class_names: as the user names them.
    """

    source: ImageSource
    probe: ImageSource | None
    class_names: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A data set.

    Attributes:
        images: (n, H, W, C) uint8 to train on.
        labels: (n,) int64.
        probe_images: (p, H, W, C) uint8, none of them among ``images``.
        probe_labels: (p,) int64.
        class_names: one name a class.
        identity: SHA-256 (hex) over what tells the sources of both, the labels and class names.
        notices: what the user should know, one line each.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    probe_images: NDArray[np.uint8]
    probe_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    identity: str
    notices: tuple[str, ...] = ()


def open_data(settings: Settings, progress: TextIO | None) -> Opened:
    """Open what is trained on, and what is probed with if that is something else.

    Raises:
        ImageSourceError: it cannot be opened.
    """
    names = None if settings.classes is None else read_classes(settings.classes)
    values = None if settings.value_range is None else parse_value_range(settings.value_range)
    # What a model is trained on here is read as the collector reads it, so nothing is to be said.
    opened = partial(
        open_images, progress=progress, reading="pillow", classes=names, value_range=values
    )
    validation = settings.validation
    return Opened(opened(settings.data), None if validation is None else opened(validation), names)


def load_data(settings: Settings, opened: Opened, shape: Shape, progress: TextIO | None) -> Data:
    """Load all images in ``shape``; Keras must have been started for CIFAR-10.

    The probe is drawn evenly over the classes of the validation data, of CIFAR-10's test images, or
    else images that are drawn by the seed and not trained on. A training that was begun before
    probes were drawn has the first images.

    Raises:
        ImageSourceError: there are no images.
        TrainingError: they have no labels or other classes, or are too few.
    """
    source, probe, names = opened.source, opened.probe, opened.class_names
    notices = [*source.notices]
    if settings.data == "cifar10":
        # What was opened are its test images.
        source, probe = open_cifar10_training(progress), probe or source
    images, labels, told = _labelled(source, shape, len(source))
    notices += told
    if names is not None:
        labels = _fitting(source, names).apply(labels)
    class_names = (
        names
        or source.class_names
        or tuple(f"class {index}" for index in range(source.top_label + 1))
    )
    if len(class_names) < 2:
        raise TrainingError(f"{source.description}: one class; at least 2 are needed to train.")
    if probe is not None:
        fit = _fitting(probe, class_names)
        drawn = draw(probe, settings.probe) if settings.drawn else probe
        probe_images, probe_labels, told = _labelled(drawn, shape, settings.probe)
        notices += [*probe.notices, *told]
        probe_labels = fit.apply(probe_labels)
    else:
        count = min(settings.probe, len(images) // 10)
        if not count:
            raise TrainingError(f"{source.description}: {len(images)} labelled images are too few.")
        order = np.random.default_rng(settings.seed).permutation(len(images))
        held, kept = np.sort(order[:count]), np.sort(order[count:])
        probe_images, probe_labels = images[held], labels[held]
        images, labels = images[kept], labels[kept]
    known = (source.identity, None if probe is None else probe.identity, class_names)
    digest = hashlib.sha256(repr(known).encode())
    for one in (labels, probe_labels):
        digest.update(np.ascontiguousarray(one, "<i8").data)
    return Data(
        images,
        labels,
        probe_images,
        probe_labels,
        class_names,
        digest.hexdigest(),
        tuple(dict.fromkeys(notices)),
    )


def _fitting(source: ImageSource, class_names: tuple[str, ...]) -> LabelFit:
    """Return how a source's labels become the classes that there are.

    Raises:
        ImageSourceError, TrainingError: its classes have other names.
    """
    fit = fit_labels(source, len(class_names), class_names)
    if fit.notice is not None:
        raise TrainingError(
            f"{source.description}: its classes ({few(source.class_names or ())}) are not those "
            f"that are trained ({few(class_names)}): name them alike."
        )
    return fit


def _labelled(
    source: ImageSource, shape: Shape, most: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]:
    """Labelled images, their labels, and what to say of how they were read."""
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
    notices = _skipped(source, chunk.skipped)
    if chunk.resized_from is not None:
        notices.append(f"{source.description}: {resized_notice(chunk.resized_from, shape)}")
    pixels, labels = chunk.pixels, chunk.labels
    return (pixels, labels, notices) if known.all() else (pixels[known], labels[known], notices)


def _skipped(source: ImageSource, skipped: Sequence[Skipped]) -> list[str]:
    if not skipped:
        return []
    first = "; ".join(f"{file.name}: {file.reason}" for file in skipped[:3])
    more = f"; and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
    return [f"{source.description}: {len(skipped):,} skipped: {first}{more}."]
