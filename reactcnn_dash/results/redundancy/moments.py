"""Moments of a run's feature maps over images and positions: folded once, kept by the store."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.db import DamagedBlob, arrays_of
from reactcnn_dash.results.redundancy.kept_maps import sound_maps, spread
from reactcnn_dash.results.stored import StoredKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.analysis import CoMoments
    from reactcnn_dash.db import FeatureMaps, Run, StoreReader

MOST_IMAGES: Final = 1000
"""Images whose maps are folded, drawn evenly from those that the store keeps."""

ROWS: Final = 32_768
"""Rows a layer over all images: where a layer has more positions, some of each image are drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class MapMoments:
    """Moments of the maps of each layer's filters.

    Attributes:
        stored: how many images the run had.
        images: how many are behind the moments; those with damaged maps are left out.
        layers: by position, over every other image and over the images between.
    """

    stored: int
    images: int
    layers: tuple[tuple[CoMoments, CoMoments], ...]


def moment_steps(reader: StoreReader, run: Run) -> int:
    """Return how many images ``computed_moments`` is going to fold."""
    return min(MOST_IMAGES, len(reader.images_with_maps(run.id)))


def computed_moments(
    url: str, reader: StoreReader, run: Run, progress: Callable[[int], None]
) -> MapMoments:
    """Return the moments of a run's maps, folded and stored unless the store has them.

    Args:
        url: the store's URL.
        reader: the store.
        run: the run.
        progress: told how many images are folded.

    Raises:
        StoreError: the store cannot be read.
    """

    def compute() -> MapMoments:
        chosen = spread(reader.images_with_maps(run.id), MOST_IMAGES)
        layers = [
            _Layer(i, one.filters, len(chosen)) for i, one in enumerate(reader.layers(run.id))
        ]
        images = 0
        for done, ordinal in enumerate(chosen, 1):
            maps = sound_maps(reader, run, ordinal)
            if maps is not None:
                _add(layers, maps, images % 2)
                images += 1
            progress(done)
        return MapMoments(run.stored, images, tuple(one.result() for one in layers))

    return MOMENTS.found_or_computed(url, reader, run, str(MOST_IMAGES), compute)


def _add(layers: Sequence[_Layer], maps: Sequence[FeatureMaps], half: int) -> None:
    for layer, one in zip(layers, maps, strict=True):
        layer.add(one, half)


class _Layer:
    """The two halves of one layer, rows gathered before they are folded."""

    def __init__(self, position: int, filters: int, images: int) -> None:
        self._generator = np.random.default_rng([41, position])
        self._most = max(1, ROWS // max(images, 1))
        self._halves = [analysis.Accumulator(filters, block=1024) for _ in range(2)]

    def add(self, maps: FeatureMaps, half: int) -> None:
        """Take in the maps of an image; one with a value that is not finite is left out."""
        codes = maps.codes.reshape(len(maps.codes), -1)
        if codes.shape[1] > self._most:
            codes = codes[:, self._generator.choice(codes.shape[1], self._most, replace=False)]
        rows = maps.low[:, None] + maps.step[:, None] * codes.astype(np.float64)
        if np.isfinite(rows).all():
            self._halves[half].add(rows.T)

    def result(self) -> tuple[CoMoments, CoMoments]:
        first, second = (one.state() for one in self._halves)
        return first, second


def _pack(moments: MapMoments) -> bytes:
    """Return an ``.npz``, of each matrix the half from its diagonal up as float32."""
    arrays: dict[str, NDArray[np.generic]] = {"images": np.array(moments.images)}
    for i, halves in enumerate(moments.layers):
        for j, one in enumerate(halves):
            key = f"{i}-{j}"
            arrays[f"n{key}"] = np.array(one.n)
            arrays[f"about{key}"] = np.stack([one.mean, one.low, one.high])
            arrays[f"with{key}"] = one.comoment[np.triu_indices(len(one.mean))].astype(np.float32)
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def _unpack(value: bytes, stored: int) -> MapMoments:
    arrays = arrays_of(value)
    layers: list[tuple[CoMoments, CoMoments]] = []
    while f"n{len(layers)}-0" in arrays:
        i = len(layers)
        first, second = (
            _state(arrays[f"n{i}-{j}"], arrays[f"about{i}-{j}"], arrays[f"with{i}-{j}"])
            for j in range(2)
        )
        layers.append((first, second))
    return MapMoments(stored, int(arrays["images"]), tuple(layers))


def _state(
    n: NDArray[np.int64], about: NDArray[np.float64], above: NDArray[np.float32]
) -> CoMoments:
    mean, low, high = about
    # A matrix is made for so many filters: they are believed only where it was stored.
    if mean.ndim != 1 or above.shape != (len(mean) * (len(mean) + 1) // 2,):
        raise DamagedBlob("has a matrix of another size")
    upper = np.triu_indices(len(mean))
    comoment = np.zeros((len(mean), len(mean)))
    comoment[upper] = above
    comoment.T[upper] = above
    return analysis.CoMoments(int(n), mean, comoment, low, high)


MOMENTS: Final = StoredKind("map-moments", lambda one: one.stored, _pack, _unpack)
