"""Small real stores for tests: a made-up network of three layers, written by the real writer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import ImageBatch, Layer, MapBatch, NewRun, RunWriter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import StoreUrl

FILTERS = (6, 8, 16)
SIZES = (8, 4, 2)
CLASSES = ("cat", "dog", "frog")
SIGNED_LOW = -1.5
"""The lowest value of every map of the layer that goes both ways, see ``signed``."""


def layers() -> tuple[Layer, ...]:
    """Return the three layers: ``conv1``, ``conv2`` and ``conv3``."""
    offsets = np.cumsum((0, *FILTERS)).tolist()
    return tuple(
        Layer(
            position=i,
            name=f"conv{i + 1}",
            kind="Conv2D",
            tap=f"relu{i + 1}",
            filters=filters,
            height=size,
            width=size,
            offset=offset,
        )
        for i, (filters, size, offset) in enumerate(zip(FILTERS, SIZES, offsets, strict=False))
    )


def new_run(name: str = "small", total: int | None = None, feature_maps: str = "all") -> NewRun:
    """Return a run of the made-up network."""
    return NewRun(
        name=name,
        model="small-cnn",
        checkpoint_sha256="5a" * 32,
        parameters=1234,
        checkpoint_source="made up",
        image_source="noise",
        image_identity="1d" * 32,
        total=total,
        batch_size=4,
        feature_maps=feature_maps,
        class_names=CLASSES,
        image_shape=(8, 8, 3),
        layers=layers(),
        options={},
    )


@dataclass(frozen=True, slots=True)
class Truth:
    """What was written, for comparison with what is read."""

    gap: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    codes: tuple[NDArray[np.uint8], ...]
    low: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Of the maps of each layer: a value is ``low + 0.01 · code``."""
    targets: NDArray[np.float32] | None = None
    """What is right of each label or value, see ``ImageBatch``."""


def truth(images: int, seed: int = 0) -> Truth:
    """Return made-up answers for images: two groups of filters a layer move together.

    Filter 0 of each layer is always 0. Every third image is predicted wrongly.
    """
    rng = np.random.default_rng(seed)
    drive = rng.gamma(2.0, 1.0, (images, 2))
    parts = []
    for filters in FILTERS:
        group = np.arange(filters) % 2
        rows = drive[:, group] + 0.05 * rng.random((images, filters))
        rows[:, 0] = 0
        parts.append(rows)
    predicted = rng.integers(0, len(CLASSES), images)
    probabilities = np.full((images, len(CLASSES)), 0.1, np.float32)
    probabilities[np.arange(images), predicted] = 0.8
    labels = np.where(np.arange(images) % 3 == 2, (predicted + 1) % len(CLASSES), predicted)
    codes = tuple(
        rng.integers(0, 256, (images, f, s, s), dtype=np.uint8)
        for f, s in zip(FILTERS, SIZES, strict=True)
    )
    return Truth(
        gap=np.concatenate(parts, axis=1).astype(np.float32),
        probabilities=probabilities,
        labels=labels.astype(np.int64),
        pixels=rng.integers(0, 256, (images, 8, 8, 3), dtype=np.uint8),
        codes=codes,
    )


def signed(images: int) -> Truth:
    """Return a truth whose second layer goes both ways, as one does that has no ReLU behind it."""
    made = truth(images)
    made.gap[:, 7:14] -= made.gap[:, 7:14].mean(axis=1, keepdims=True)
    return dataclasses.replace(made, low=(0.0, SIGNED_LOW, 0.0))


def append(writer: RunWriter, made: Truth, start: int, stop: int, *, maps: bool = True) -> None:
    """Append the images ``start`` to ``stop`` of a truth to a run."""
    n = stop - start
    batch = tuple(
        MapBatch(
            codes=codes[start:stop],
            low=np.full((n, codes.shape[1]), low, np.float32),
            step=np.full((n, codes.shape[1]), 0.01, np.float32),
        )
        for codes, low in zip(made.codes, made.low, strict=False)
    )
    writer.append(
        ImageBatch(
            start=start,
            labels=made.labels[start:stop],
            probabilities=made.probabilities[start:stop],
            pixels=made.pixels[start:stop],
            names=tuple(f"image-{i}.png" for i in range(start, stop)),
            gap=made.gap[start:stop],
            maps=batch if maps else None,
            targets=None if made.targets is None else made.targets[start:stop],
        )
    )


def make_store(
    store: StoreUrl,
    images: int,
    *,
    name: str = "small",
    made: Truth | None = None,
    maps: bool = True,
) -> Truth:
    """Write a finished run of ``images`` images into a store; return its truth."""
    made = made or truth(images)
    writer = RunWriter.begin(store, new_run(name, images, "all" if maps else "none"))
    for start in range(0, images, 64):
        append(writer, made, start, min(start + 64, images), maps=maps)
    writer.finish()
    writer.close()
    return made
