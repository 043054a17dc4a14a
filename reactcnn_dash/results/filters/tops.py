"""The images that drive each filter most, as the store keeps them: found there, or put there."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash.analysis.tops import BY_CLASS, OVERALL, TopImages
from reactcnn_dash.db import DamagedBlob, StoreReader, pack, unpack
from reactcnn_dash.jobs.kept import found_or_computed
from reactcnn_dash.jobs.worker import report_progress
from reactcnn_dash.results.stored import StoredKind

if TYPE_CHECKING:
    from reactcnn_dash.analysis.tops import TopImage
    from reactcnn_dash.db import Run

MOST: Final = 1_000_000
"""Filters times classes up to which images are kept by class: 32 MB of them."""

SETTINGS: Final = "gap"
_BLOCK: Final = 1024
_HEAD: Final = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class TopsOfRun:
    """The top images over the first ``images`` images of a run."""

    images: int
    tops: TopImages


def kept_classes(run: Run, filters: int) -> int:
    """Return for how many classes images are kept: all of the run's, or none if they are many."""
    classes = len(run.class_names)
    return classes if classes * filters <= MOST else 0


def computed_tops(url: str, run_id: int) -> TopsOfRun:
    """Return the top images of a run, brought up to date and stored.

    Only the rows after those that the stored ones cover are read.

    Raises:
        RunNotFound: the run is not there.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)
    filters = sum(layer.filters for layer in reader.layers(run.id))

    def compute() -> TopsOfRun:
        known = find_tops(reader, run, filters)
        if known is None:
            known = TopsOfRun(0, TopImages.empty(filters, kept_classes(run, filters)))
        # What comes out of the store is read-only.
        tops = TopImages(known.tops.overall.copy(), known.tops.by_class.copy())
        report_progress(known.images, run.stored)
        for block in reader.gap_blocks(run.id, known.images, run.stored, size=_BLOCK):
            if len(block.ordinals):
                classes = reader.classes_of(run.id, block.ordinals.tolist())
                tops.add(block.ordinals, block.rows, classes)
                report_progress(int(block.ordinals[-1]) + 1, run.stored)
        return TopsOfRun(run.stored, tops)

    def find() -> TopsOfRun | None:
        found = find_tops(reader, run, filters)
        return found if found is not None and found.images == run.stored else None

    return found_or_computed(find, compute, lambda made: TOPS.save(url, run, made, SETTINGS))


def find_tops(reader: StoreReader, run: Run, filters: int) -> TopsOfRun | None:
    """Return the top images that the store holds of a run, over whatever images; None without.

    Those of another shape are none.

    Raises:
        StoreError: the store cannot be read.
    """
    found = TOPS.find(reader, run, SETTINGS)
    if found is None:
        return None
    shapes = (found.tops.overall.shape, found.tops.by_class.shape)
    wanted = ((OVERALL, filters), (kept_classes(run, filters), BY_CLASS, filters))
    return found if shapes == wanted else None


def _pack(found: TopsOfRun) -> bytes:
    overall, by_class = pack(found.tops.overall), pack(found.tops.by_class)
    return _HEAD.pack(len(overall)) + overall + by_class


def _unpack(value: bytes, images: int) -> TopsOfRun:
    if len(value) < _HEAD.size:
        raise DamagedBlob("is cut short")
    middle = _HEAD.size + _HEAD.unpack_from(value)[0]
    tops = TopImages(unpack(value[_HEAD.size : middle]), unpack(value[middle:]))
    return TopsOfRun(images, tops)


TOPS: Final = StoredKind("tops", lambda found: found.images, _pack, _unpack)


def driven_by(found: TopsOfRun, filter_: int, number: int | None, above: float) -> list[TopImage]:
    """Return the images that drive a filter most, highest value first.

    Args:
        found: the run's top images.
        filter_: the filter's place in the GAP row.
        number: a class, None for all images.
        above: the filter's lowest value: an image that leaves it there does not drive it.
    """
    top = found.tops.of(filter_, number)
    return [image for image in top if np.float32(image.value) > np.float32(above)]
