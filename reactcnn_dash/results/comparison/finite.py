"""Layers that have no finite values in a run, as those of a training that broke down."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.correlation import MINIMUM_IMAGES
from reactcnn_dash.results.comparison.stream import Sides, part, read_pairs

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreReader

_AT_ONCE = 64
"""Pairs of images that are read at once; usually the first ones tell."""


@dataclasses.dataclass(frozen=True, slots=True)
class NotFinite:
    """A run's layers that are NaN or infinite on all images, or on all but one.

    Attributes:
        run: id of the run.
        layers: their names, in the network's order.
    """

    run: int
    layers: tuple[str, ...]


def without_not_finite(reader: StoreReader, sides: Sides) -> tuple[Sides, tuple[NotFinite, ...]]:
    """Leave out layers that have too few finite values for a correlation, and say which.

    A layer is blamed on the run that has too few of them; on both, where each has enough but not on
    the same images. Where there are too few images to begin with, nothing is left out.

    Raises:
        StoreError: the store cannot be read.
    """
    counts = _finite_rows(reader, sides)
    few = counts < MINIMUM_IMAGES
    kept = tuple(layer for layer, bad in zip(sides.layers, few[:, 2], strict=True) if not bad)
    found = []
    for side, run in enumerate(sides.runs):
        blamed = few[:, 2] & (few[:, side] | ~few[:, :2].any(axis=1))
        names = [both[side].name for both, bad in zip(sides.layers, blamed, strict=True) if bad]
        if names:
            found.append(NotFinite(run.id, tuple(names)))
    return dataclasses.replace(sides, layers=kept), tuple(found)


def _finite_rows(
    reader: StoreReader, sides: Sides
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """(layers, 3) finite rows in the first run, the second and both, as far as one must look."""
    counts = np.zeros((len(sides.layers), 3), np.int64)
    seen = 0
    for start in range(0, len(sides.pairs.a), _AT_ONCE):
        _, _, x, y = read_pairs(reader, sides, start, _AT_ONCE)
        seen += len(x)
        for layer, (here, there) in enumerate(sides.layers):
            first, second = (
                np.isfinite(part(rows, one)).all(axis=1) for rows, one in ((x, here), (y, there))
            )
            counts[layer] += (first.sum(), second.sum(), (first & second).sum())
        if (counts[:, 2] >= MINIMUM_IMAGES).all():
            break
    return counts if seen >= MINIMUM_IMAGES else np.full_like(counts, MINIMUM_IMAGES)
