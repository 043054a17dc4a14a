"""From the rows of statements to the records that readers give."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from reactcnn_dash.db.blobs import PRUNED, unpack
from reactcnn_dash.db.columns import DamagedValue
from reactcnn_dash.db.errors import DamagedBlob, Pruned
from reactcnn_dash.db.ownership import is_certain, is_silent
from reactcnn_dash.db.records import (
    FLOAT32,
    Checkpoint,
    Clustering,
    Image,
    ImageFacts,
    Layer,
    Run,
    RunState,
    RunSummary,
    Shared,
)
from reactcnn_dash.db.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db.queries import AnyRow
    from reactcnn_dash.db.records import Float32Array

_Record = TypeVar("_Record", Run, RunSummary)
_MOST_PIXELS = 2**31
_MOST_CELLS = 2**31
"""Of one layer's feature maps for one image; with GAP alone nothing as large is ever made."""
_MOST_FILTERS = 2**24
_SILENT = {
    RunState.COLLECTING: RunState.STALLED,
    RunState.DELETING: RunState.HALF_DELETED,
}


def run_of(row: AnyRow) -> Run:
    """Return the run of a row of a `RUN…` statement, its state as `_state_of` tells it.

    Raises:
        DamagedValue: what the row says does not fit together.
    """
    height, width, channels = row.image_shape
    thresholds = row.options.get("thresholds")
    # Of a run that comes or goes its images are there in part.
    least = max(row.labelled, row.correct)
    for damaged, what in (
        (not _can_be(height, width, channels), "image_shape is of no image"),
        (thresholds and len(thresholds) != len(row.class_names), "options do not fit class_names"),
        (len(row.gap_low) != len(row.gap_high), "gap_low and gap_high do not fit each other"),
        (row.state != RunState.DELETING and least > row.stored, "stored is less than it can be"),
    ):
        if damaged:
            raise DamagedValue(f"run {row.id}: runs.{what}")
    shared = None
    if row.shared_images is not None:
        shared = Shared(workers=row.workers, images=row.shared_images)
    options = dict(row.options)
    # Runs of former versions do not say it themselves: theirs is where the weights were first.
    source = options.pop("source", row.source)
    return _record(
        Run,
        row,
        checkpoint=Checkpoint(row.checkpoint_id, row.sha256, row.model, row.parameters, source),
        options=options,
        class_names=tuple(row.class_names),
        image_shape=(height, width, channels),
        gap_low=floats_of(row.gap_low),
        gap_high=floats_of(row.gap_high),
        shared=shared,
    )


def _can_be(height: int, width: int, channels: int) -> bool:
    return min(height, width, channels) > 0 and height * width * channels <= _MOST_PIXELS


def summary_of(row: AnyRow) -> RunSummary:
    """Return the summary of a row of `SUMMARIES`, its state as `_state_of` tells it."""
    return _record(
        RunSummary, row, checkpoint_source=row.source, precision=row.precision or FLOAT32
    )


def _record(kind: type[_Record], row: AnyRow, **other: Any) -> _Record:
    """Return a record of a run: ``other``, and the row's columns by the names of its fields."""
    made = {
        "state": _state_of(row),
        "tags": tuple(row.tags),
        "error_count": row.error_count or 0,
        **other,
    }
    names = (field.name for field in fields(kind) if field.name not in made)
    return kind(**made, **{name: getattr(row, name) for name in names})


def _state_of(row: AnyRow) -> RunState:
    """Return what a run is doing, and whether who does it has fallen silent."""
    state = RunState(row.state)
    silent = _SILENT.get(state)
    return silent if silent is not None and is_silent(row) else state


def state_is_certain(row: AnyRow) -> bool:
    """Say whether one look is enough to know what a run is doing."""
    return RunState(row.state) not in _SILENT or is_certain(row)


def floats_of(values: list[float | None]) -> Float32Array:
    """Return a JSON list as float32, null as NaN."""
    return np.array(values, dtype=np.float32)


def json_of(values: Float32Array) -> list[float | None]:
    """Return float32 values as a JSON list that `floats_of` reads back to the bit, NaN as null."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def layers_of(rows: Sequence[AnyRow]) -> tuple[Layer, ...]:
    """Return the layers of the rows of `LAYERS`, which must follow each other.

    Raises:
        DamagedValue: they do not.
    """
    found = tuple(layer_of(row) for row in rows)
    offset = 0
    for position, layer in enumerate(found):
        size = layer.filters * layer.height * layer.width
        follows = layer.position == position and layer.offset == offset
        if not follows or not 0 < size <= _MOST_CELLS or offset + layer.filters > _MOST_FILTERS:
            raise DamagedValue(f"layers: {layer.name} cannot stand where it does")
        offset += layer.filters
    return found


def layer_of(row: AnyRow) -> Layer:
    """Return the layer of a row of `LAYERS`."""
    return Layer(
        position=row.position,
        name=row.name,
        kind=row.kind,
        tap=row.tap,
        filters=row.filters,
        height=row.height,
        width=row.width,
        offset=row.gap_offset,
    )


def image_of(row: AnyRow) -> Image:
    """Return the image of a row of `IMAGE`.

    Raises:
        DamagedBlob: naming the image and what is damaged.
    """
    return Image(
        ordinal=row.ordinal,
        label=row.label,
        prediction=row.prediction,
        probabilities=array_of(
            row.probabilities,
            f"image {row.ordinal}: its probabilities",
            (len(row.class_names),),
            "<f4",
        ),
        name=row.name,
        pixels=np.empty((0, 0, row.image_shape[2]), np.uint8)
        if row.pixels == PRUNED
        else pixels_of(row),
        sha256=row.sha256.hex(),
        finite=row.finite,
        target=target_of(row, len(row.class_names)),
    )


def pixels_of(row: AnyRow) -> NDArray[np.uint8]:
    """Return the (H, W, C) pixels of a row with the run's `image_shape`.

    Raises:
        Pruned: if they were pruned.
        DamagedBlob: if they are damaged.
    """
    if row.pixels == PRUNED:
        raise Pruned(f"image {row.ordinal}: its pixels were pruned")
    height, width, channels = row.image_shape
    what = f"image {row.ordinal}: its pixels"
    return array_of(row.pixels, what, (height, width, channels), "|u1")


def gap_of(row: AnyRow) -> NDArray[np.float32]:
    """Return the (F,) GAP row of a row with the run's number of filters as `width`.

    Raises:
        Pruned: if it was pruned.
        DamagedBlob: if it is damaged.
    """
    if row.gap == PRUNED:
        raise Pruned(
            f"image {row.ordinal}: its GAP row was pruned; clusters of the whole run, and what was "
            f"worked out before, are still there"
        )
    return array_of(row.gap, f"image {row.ordinal}: its GAP row", (row.width or 0,), "<f4")


def facts_of(row: AnyRow, classes: int) -> ImageFacts:
    """Return the facts of a row of `IMAGE_FACTS`.

    Damaged probabilities are NaN for every class, and there is no target that is damaged.
    """
    try:
        probabilities = unpack(row.probabilities, (classes,), "<f4")
        damaged = False
    except DamagedBlob:
        probabilities, damaged = np.full(classes, np.nan, np.float32), True
    try:
        target = target_of(row, classes)
    except DamagedBlob:
        target, damaged = None, True
    return ImageFacts(
        ordinal=row.ordinal,
        label=row.label,
        prediction=row.prediction,
        probabilities=probabilities,
        misclassified=row.misclassified,
        name=row.name,
        sha256=row.sha256.hex(),
        finite=row.finite,
        damaged=damaged,
        target=target,
    )


def clustering_of(row: AnyRow) -> Clustering:
    """Return the clustering of a row of a `CLUSTERING…` statement.

    Raises:
        DamagedBlob: if its labels are damaged.
    """
    labels = array_of(row.labels, f"a clustering of layer {row.layer}: its labels")
    return Clustering(row.layer, row.method, row.parameter, row.images, labels)


def array_of(
    blob: bytes, what: str, shape: tuple[int, ...] | None = None, dtype: str | None = None
) -> NDArray[Any]:
    """Unpack `blob`, which is due to be of a shape and dtype; the error begins with `what`.

    Raises:
        DamagedBlob: if it is damaged.
    """
    try:
        return unpack(blob, shape, dtype)
    except DamagedBlob as error:
        msg = f"{what}: the stored value {error}; it is left out"
        raise DamagedBlob(msg) from error
