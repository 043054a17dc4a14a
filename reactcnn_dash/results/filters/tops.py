"""The images that drive each filter most, as the store keeps them: found there, or put there."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash.analysis.tops import BY_CLASS, OVERALL, TopImages
from reactcnn_dash.db import DamagedBlob, Report, StoreError, StoreReader, pack, save_report, unpack
from reactcnn_dash.jobs import process as background
from reactcnn_dash.results.filters.sample import classes_of

if TYPE_CHECKING:
    from reactcnn_dash.analysis.tops import TopImage
    from reactcnn_dash.db import Run

KIND: Final = "tops"
MOST: Final = 1_000_000
"""Filters times classes up to which images are kept by class: 32 MB of them."""

_KEY: Final = "gap"
_BLOCK: Final = 1024
_HEAD: Final = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class StoredTops:
    """The top images over the first ``images`` images of a run."""

    images: int
    tops: TopImages


def kept_classes(run: Run, filters: int) -> int:
    """Return for how many classes images are kept: all of the run's, or none if they are many."""
    classes = len(run.class_names)
    return classes if classes * filters <= MOST else 0


def pack_tops(found: StoredTops) -> Report:
    """Return top images as a report of the store."""
    overall, by_class = pack(found.tops.overall), pack(found.tops.by_class)
    return Report(found.images, _HEAD.pack(len(overall)) + overall + by_class)


def unpack_tops(report: Report, filters: int, classes: int) -> StoredTops | None:
    """Return the top images of a report; None for one that is damaged or of another shape."""
    value = report.value
    if len(value) < _HEAD.size:
        return None
    middle = _HEAD.size + _HEAD.unpack_from(value)[0]
    try:
        overall, by_class = unpack(value[_HEAD.size : middle]), unpack(value[middle:])
    except DamagedBlob:
        return None
    shapes = (overall.shape, by_class.shape)
    if shapes != ((OVERALL, filters), (classes, BY_CLASS, filters)):
        return None
    return StoredTops(report.images, TopImages(overall, by_class))


def stored_tops(reader: StoreReader, run: Run, filters: int) -> StoredTops | None:
    """Return the top images that the store holds of a run, over whatever images; None without.

    Raises:
        StoreError: the store cannot be read.
    """
    report = reader.report(run.id, KIND, _KEY)
    if report is None or report.images > run.stored:
        return None
    return unpack_tops(report, filters, kept_classes(run, filters))


def computed_tops(url: str, run_id: int) -> Report:
    """Bring the top images of a run up to date, store them, and return them packed.

    Only the rows after those that the stored ones cover are read. A store that cannot be written
    to costs the stored copy, not the answer.

    Raises:
        RunNotFound: the run is not there.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)
    filters = sum(layer.filters for layer in reader.layers(run.id))
    known = stored_tops(reader, run, filters)
    if known is None:
        known = StoredTops(0, TopImages.empty(filters, kept_classes(run, filters)))
    # What comes out of the store is read-only.
    tops = TopImages(known.tops.overall.copy(), known.tops.by_class.copy())
    background.report(known.images, run.stored)
    if known.images < run.stored:
        classes = classes_of(reader, run)
        for block in reader.gap_blocks(run.id, known.images, run.stored, size=_BLOCK):
            if len(block.ordinals):
                tops.add(block.ordinals, block.rows, classes[block.ordinals])
                background.report(int(block.ordinals[-1]) + 1, run.stored)
    report = pack_tops(StoredTops(run.stored, tops))
    if known.images < run.stored:
        try:
            save_report(url, run.id, KIND, _KEY, report)
        except StoreError:
            # A read-only or busy store: they are worked out again next time, nothing is lost.
            return report
    return report


def driven_by(found: StoredTops, filter_: int, number: int | None, above: float) -> list[TopImage]:
    """Return the images that drive a filter most, highest value first.

    Args:
        found: the run's top images.
        filter_: the filter's place in the GAP row.
        number: a class, None for all images.
        above: the filter's lowest value: an image that leaves it there does not drive it.
    """
    top = found.tops.of(filter_, number)
    return [image for image in top if np.float32(image.value) > np.float32(above)]
