"""Small runs and batches whose every value follows from the ordinal of its image."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from reactcnn_dash.db import CorrelationState, ImageBatch, Layer, MapBatch, NewRun

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CLASSES = ("cat", "dog", "frog")
LAYERS = (
    Layer(0, "conv1", "Conv2D", "relu1", 3, 4, 4, 0),
    Layer(1, "conv2", "Conv2D", "relu2", 5, 2, 2, 3),
)
FILTERS = 8


def new_run(**changes: object) -> NewRun:
    run = NewRun(
        name="trial",
        model="small",
        checkpoint_sha256="a" * 64,
        parameters=1234,
        checkpoint_source="packaged",
        image_source="sample",
        image_identity="b" * 64,
        total=100,
        batch_size=4,
        feature_maps="all",
        class_names=CLASSES,
        image_shape=(6, 5, 3),
        layers=LAYERS,
        options={"pace": 2.5, "range": [0, 255]},
    )
    return dataclasses.replace(run, **changes)  # type: ignore[arg-type]


@cache
def _image(ordinal: int) -> ImageBatch:
    rng = np.random.default_rng([7, ordinal])
    probabilities = rng.random((1, 3), dtype=np.float32)
    maps = tuple(
        MapBatch(
            codes=(rng.integers(0, 256, (1, one.filters, one.height, one.width)) // 2 * 2).astype(
                np.uint8
            ),
            low=rng.random((1, one.filters), dtype=np.float32),
            step=rng.random((1, one.filters), dtype=np.float32),
        )
        for one in LAYERS
    )
    return ImageBatch(
        start=ordinal,
        labels=np.array([rng.integers(-1, 3)]),
        probabilities=probabilities / probabilities.sum(),
        pixels=rng.integers(0, 256, (1, 6, 5, 3)).astype(np.uint8),
        names=(f"folder/{ordinal}.png" if ordinal % 2 else None,),
        gap=rng.standard_normal((1, FILTERS)).astype(np.float32),
        maps=maps,
    )


def batch(start: int, count: int, *, maps: bool = True) -> ImageBatch:
    """Images `start` … `start + count - 1`, the same however they are cut into batches."""
    images = [_image(start + row) for row in range(count)]
    per_layer = zip(*(image.maps or () for image in images), strict=True)
    return ImageBatch(
        start=start,
        labels=np.concatenate([image.labels for image in images]),
        probabilities=np.concatenate([image.probabilities for image in images]),
        pixels=np.concatenate([image.pixels for image in images]),
        names=tuple(image.names[0] for image in images),
        gap=np.concatenate([image.gap for image in images]),
        maps=tuple(
            MapBatch(
                np.concatenate([one.codes for one in of_layer]),
                np.concatenate([one.low for one in of_layer]),
                np.concatenate([one.step for one in of_layer]),
            )
            for of_layer in per_layer
        )
        if maps
        else None,
    )


def state(layer: int, covered: int) -> CorrelationState:
    """The co-moments of a layer over the first `covered` images, by the plain definition."""
    one = LAYERS[layer]
    rows = np.concatenate([_image(ordinal).gap for ordinal in range(covered)]).astype(np.float64)
    rows = rows[:, one.offset : one.offset + one.filters]
    centred = rows - rows.mean(axis=0)
    comoment = centred.T @ centred
    return CorrelationState(
        layer=layer,
        covered=covered,
        n=covered,
        mean=rows.mean(axis=0),
        comoment=(comoment + comoment.T) / 2,
        low=rows.min(axis=0),
        high=rows.max(axis=0),
    )


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def written(compression: int, array: NDArray[Any], payload: bytes) -> bytes:
    """A blob of a single row, by the layout alone."""
    letter = {"|u1": b"B", "<f4": b"f"}[array.dtype.str]
    sealed = letter + bytes((compression, 1)) + struct.pack("<I", array.size)
    check = zlib.crc32(payload, zlib.crc32(sealed))
    return b"RCB1" + sealed[:3] + b"\0" + struct.pack("<I", check) + sealed[3:] + payload
