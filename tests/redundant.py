"""Small stores with planted redundancy, where the right answer is known."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import ImageBatch, MapBatch, RunWriter
from tests import stores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import StoreUrl

IMAGES = 64
SAME, MIRRORED, DEAD = (0, 1), (2, 3), 4
"""In ``conv1``: filters alike in GAP and place, in GAP only, and one that is 0 throughout."""
TRIO, STILL = (1, 4, 6), 7
"""In ``conv2``: filters alike in GAP and place, and one that is 2 throughout."""


@dataclasses.dataclass(frozen=True, slots=True)
class Planted:
    """What was written: by layer, ``codes`` (n, F, H, W) uint8, ``low`` and ``step`` (n, F)."""

    codes: list[NDArray[np.uint8]]
    low: list[NDArray[np.float32]]
    step: list[NDArray[np.float32]]

    def maps(self, layer: int) -> NDArray[np.float64]:
        """The feature maps of a layer, (n, F, H, W)."""
        low, step = (one[layer][:, :, None, None] for one in (self.low, self.step))
        values: NDArray[np.float64] = low.astype(np.float64) + step * self.codes[layer]
        return values

    def gap(self, layer: int) -> NDArray[np.float32]:
        """The GAP values of a layer, (n, F)."""
        return np.asarray(self.maps(layer).mean(axis=(2, 3)), np.float32)


def planted(images: int = IMAGES, seed: int = 0) -> Planted:
    """Make answers of the three layers of ``stores``; what is not planted goes its own way."""
    rng = np.random.default_rng(seed)
    codes, low, step = [], [], []
    for filters, size in zip(stores.FILTERS, stores.SIZES, strict=True):
        codes.append(rng.integers(0, 256, (images, filters, size, size), dtype=np.uint8))
        low.append(np.zeros((images, filters), np.float32))
        step.append(rng.gamma(2.0, 0.01, (images, filters)).astype(np.float32))
    codes[0][:, 1], step[0][:, 1] = codes[0][:, 0], 2 * step[0][:, 0]
    codes[0][:, 3], step[0][:, 3] = codes[0][:, 2, ::-1], step[0][:, 2]
    codes[0][:, DEAD], step[0][:, DEAD] = 0, 0
    for filter_ in TRIO[1:]:
        codes[1][:, filter_], step[1][:, filter_] = codes[1][:, TRIO[0]], step[1][:, TRIO[0]]
        low[1][:, filter_] = 0.5
    codes[1][:, STILL], low[1][:, STILL], step[1][:, STILL] = 0, 2, 0
    return Planted(codes, low, step)


def write(path: StoreUrl, made: Planted, *, name: str = "planted", maps: str = "all") -> None:
    """Write a finished run; labels, answers and pixels are those of a truth of ``stores``."""
    images = len(made.codes[0])
    other = stores.truth(images)
    writer = RunWriter.begin(path, stores.new_run(name, images, maps))
    batch = tuple(
        MapBatch(codes=codes, low=low, step=step)
        for codes, low, step in zip(made.codes, made.low, made.step, strict=True)
    )
    writer.append(
        ImageBatch(
            start=0,
            labels=other.labels,
            probabilities=other.probabilities,
            pixels=other.pixels,
            names=tuple(f"image-{i}.png" for i in range(images)),
            gap=np.concatenate([made.gap(layer) for layer in range(3)], axis=1),
            maps=None if maps == "none" else batch,
        )
    )
    writer.finish()
    writer.close()
