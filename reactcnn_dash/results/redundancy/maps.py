"""What a run's feature maps say of its filters: folded once, and kept by the store."""

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

    from reactcnn_dash.db import Run, StoreReader

MAP_IMAGES = 128
"""Images whose feature maps are looked at; drawn evenly from those that the store keeps."""


@dataclass(frozen=True, slots=True, eq=False)
class MapEvidence:
    """How far the maps of each layer's filters agree.

    Attributes:
        stored: how many images the run had.
        ordinals: the images behind it, in the order in which they were folded.
        layers: by position.
    """

    stored: int
    ordinals: tuple[int, ...]
    layers: tuple[analysis.Spatial, ...]


def map_steps(reader: StoreReader, run: Run) -> int:
    """Return how many images ``computed_maps`` is going to fold."""
    return min(MAP_IMAGES, len(reader.images_with_maps(run.id)))


def computed_maps(
    url: str, reader: StoreReader, run: Run, progress: Callable[[int], None]
) -> MapEvidence:
    """Return what the maps of a run say, folded and stored unless the store has it.

    Images whose maps are damaged are left out.

    Args:
        url: the store's URL.
        reader: the store.
        run: the run.
        progress: told how many images are folded.

    Raises:
        StoreError: the store cannot be read.
    """

    def compute() -> MapEvidence:
        layers = reader.layers(run.id)
        moments = [analysis.SpatialMoments(layer.filters) for layer in layers]
        ordinals: list[int] = []
        for done, ordinal in enumerate(spread(reader.images_with_maps(run.id), MAP_IMAGES), 1):
            if _added(reader, run, ordinal, moments):
                ordinals.append(ordinal)
            progress(done)
        return MapEvidence(run.stored, tuple(ordinals), tuple(one.result() for one in moments))

    return MAPS.found_or_computed(url, reader, run, str(MAP_IMAGES), compute)


def _added(
    reader: StoreReader, run: Run, ordinal: int, layers: Sequence[analysis.SpatialMoments]
) -> bool:
    maps = sound_maps(reader, run, ordinal)
    if maps is None:
        return False
    for one, moments in zip(maps, layers, strict=True):
        values = one.low[:, None, None] + one.step[:, None, None] * one.codes.astype(np.float32)
        moments.add(values)
    return True


def _pack(maps: MapEvidence) -> bytes:
    """Return the arrays as an ``.npz``, of each matrix the half above its diagonal as float32."""
    arrays = {"ordinals": np.array(maps.ordinals, np.int64)}
    for i, one in enumerate(maps.layers):
        above = one.r[np.triu_indices(len(one.r), 1)]
        arrays |= {f"r{i}": above.astype(np.float32), f"images{i}": one.images}
        arrays[f"strongest{i}"] = one.strongest
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def _unpack(value: bytes, stored: int) -> MapEvidence:
    arrays = arrays_of(value)
    layers: list[analysis.Spatial] = []
    while f"r{len(layers)}" in arrays:
        i = len(layers)
        images, above = arrays[f"images{i}"], arrays[f"r{i}"]
        if images.ndim != 1 or above.shape != (len(images) * (len(images) - 1) // 2,):
            raise DamagedBlob("has a matrix of another size")
        r = np.zeros((len(images), len(images)))
        r[np.triu_indices(len(images), 1)] = above
        r += r.T
        np.fill_diagonal(r, np.where(images > 0, 1.0, np.nan))
        layers.append(analysis.Spatial(r, images, arrays[f"strongest{i}"]))
    return MapEvidence(stored, tuple(arrays["ordinals"].tolist()), tuple(layers))


MAPS: Final = StoredKind("feature-maps", lambda maps: maps.stored, _pack, _unpack)
