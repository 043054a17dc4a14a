"""Batches and states as table rows: everything that is computed before a transaction begins."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

import numpy as np

from reactcnn_dash.db.blobs import pack, unpack
from reactcnn_dash.db.models import KEPT_MAPS
from reactcnn_dash.db.predictions import NO_PREDICTION
from reactcnn_dash.db.records import Answers, CorrelationState, FeatureMaps, Kernel
from reactcnn_dash.db.targets import pack_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db.records import (
        Float32Array,
        Float64Array,
        ImageBatch,
        Layer,
        MapBatch,
        UInt8Array,
    )

Rows = list[dict[str, Any]]

_PACKED = frozenset({"probabilities", "pixels", "gap", "scales", "codes", "hits", "target"})


@dataclass(frozen=True, slots=True, eq=False)
class PackedBatch:
    """A batch as rows of the tables, with what it adds to the run's counters.

    `errors` are those of values that can be told; `size` is the number of bytes of its packed
    values.
    `gap_low` and `gap_high` (L,) float32: lowest and highest finite GAP value of each layer, NaN
    where there is none.
    """

    images: Rows
    feature_maps: Rows
    targets: Rows
    labelled: int
    correct: int
    errors: tuple[float, ...]
    size: int
    gap_low: Float32Array
    gap_high: Float32Array


def maps_kept(spec: str) -> int | None:
    """Return how many images keep their feature maps under `all`, `none` or `last:N`; None = all.

    Raises:
        ValueError: for anything else.
    """
    if spec == "all":
        return None
    if spec == "none":
        return 0
    match = KEPT_MAPS.fullmatch(spec)
    if match is None:
        msg = f"feature maps to keep: {spec!r} is none of all, none, last:N"
        raise ValueError(msg)
    return int(match[1])


def pixel_hash(pixels: UInt8Array) -> bytes:
    """Return the SHA-256 (32 bytes) over dtype, shape and bytes of one image's pixels."""
    digest = hashlib.sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


def pack_batch(
    run_id: int,
    batch: ImageBatch,
    layers: Sequence[Layer],
    kept: int | None,
    *,
    answers: Answers,
    thresholds: Sequence[float] = (),
) -> PackedBatch:
    """Return `batch` as rows; maps of images that `kept` would drop at once are left out.

    Where the answers are no classes, there is no prediction and no confidence.

    Raises:
        ValueError: if the arrays do not fit each other or `layers`.
    """
    _check_shapes(batch, layers, kept)
    ordinals = range(batch.start, batch.start + len(batch.labels))
    certain = np.isfinite(batch.probabilities).all(axis=1)
    predictions, confidence = _predictions(batch.probabilities, answers)
    has_label = batch.labels >= 0
    # An image whose probabilities are not finite has no answer, so it cannot be a right one.
    correct = has_label & certain & (predictions == batch.labels)
    known = None
    if batch.targets is not None:
        said = batch.probabilities
        begin = (run_id, batch.start)
        known = pack_targets(begin, batch.targets, said, answers, thresholds)
        has_label, correct = known.labelled, known.right
    gap_finite = np.isfinite(batch.gap)
    finite = np.logical_and(certain, gap_finite.all(axis=1))
    for maps in batch.maps or ():
        finite = np.logical_and(finite, np.isfinite(maps.step).all(axis=1))
    columns = zip(
        ordinals,
        batch.labels.tolist(),
        has_label.tolist(),
        predictions.tolist(),
        correct.tolist(),
        finite.tolist(),
        confidence.tolist(),
        batch.names,
        strict=True,
    )
    images = [
        {
            "run_id": run_id,
            "ordinal": ordinal,
            "label": label if label >= 0 else None,
            "prediction": prediction,
            "misclassified": not right if labelled else None,
            "finite": whole,
            "name": name,
            "sha256": pixel_hash(batch.pixels[row]),
            "probabilities": pack(batch.probabilities[row]),
            "pixels": pack(batch.pixels[row]),
            "gap": pack(batch.gap[row]),
            "confidence": None if math.isnan(sure) else sure,
        }
        for row, (
            ordinal,
            label,
            labelled,
            prediction,
            right,
            whole,
            sure,
            name,
        ) in enumerate(columns)
    ]
    gaps = np.where(gap_finite, batch.gap, np.float32(np.nan))
    starts = [layer.offset for layer in layers]
    count = len(batch.labels)
    first = 0 if kept is None else max(0, count - kept)
    feature_maps = map_rows(run_id, batch.start, batch.maps, first) if batch.maps else []
    targets = [] if known is None else known.rows
    return PackedBatch(
        images=images,
        feature_maps=feature_maps,
        targets=targets,
        labelled=int(has_label.sum()),
        correct=int(correct.sum()),
        errors=() if known is None else known.errors,
        size=_size(images) + _size(feature_maps) + _size(targets),
        gap_low=np.fmin.reduceat(np.fmin.reduce(gaps, axis=0), starts),
        gap_high=np.fmax.reduceat(np.fmax.reduce(gaps, axis=0), starts),
    )


def _predictions(
    probabilities: Float32Array, answers: Answers
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the predicted class and its probability, NaN for an answer that is not finite."""
    count = len(probabilities)
    if answers is not Answers.CLASSES:
        return np.full(count, NO_PREDICTION, np.int64), np.full(count, np.nan)
    predictions = np.argmax(np.nan_to_num(probabilities, nan=-np.inf), axis=1)
    chosen = np.take_along_axis(probabilities, predictions[:, None], 1)[:, 0]
    certain = np.isfinite(probabilities).all(axis=1)
    return predictions, np.where(certain, chosen, np.nan).astype(np.float64)


def _size(rows: Rows) -> int:
    return sum(len(value or "") for row in rows for name, value in row.items() if name in _PACKED)


def map_rows(run_id: int, start: int, layers: Sequence[MapBatch], first: int = 0) -> Rows:
    """Return the maps of consecutive images as rows, from the `first` of them on.

    Args:
        run_id: the run.
        start: ordinal of the first image of `layers`.
        layers: its maps, one a layer by position.
        first: how many images are left out.
    """
    count = len(layers[0].codes)
    low = np.concatenate([maps.low for maps in layers], axis=1)
    step = np.concatenate([maps.step for maps in layers], axis=1)
    scales = np.stack([low, step], axis=1)
    # Filters last, as the network leaves them: turning them here would cost more than packing does.
    codes = [np.moveaxis(maps.codes, 1, -1).reshape(count, -1) for maps in layers]
    return [
        {
            "run_id": run_id,
            "ordinal": start + row,
            "scales": pack(scales[row], compress=True),
            "codes": pack(np.concatenate([one[row] for one in codes]), compress=True),
        }
        for row in range(first, count)
    ]


def maps_of(
    layers: Sequence[Layer], codes: UInt8Array, low: Float32Array, step: Float32Array
) -> tuple[FeatureMaps, ...]:
    """Return the arrays of one image's row of maps by layer; they share memory with `codes`."""
    maps = []
    start = 0
    for layer in layers:
        shape = (layer.height, layer.width, layer.filters)
        stop = start + math.prod(shape)
        part = slice(layer.offset, layer.offset + layer.filters)
        planar = np.moveaxis(codes[start:stop].reshape(shape), -1, 0)
        maps.append(FeatureMaps(planar, low[part], step[part]))
        start = stop
    return tuple(maps)


def _check_shapes(batch: ImageBatch, layers: Sequence[Layer], kept: int | None) -> None:
    count = len(batch.labels)
    filters = sum(layer.filters for layer in layers)
    if count == 0 or batch.labels.ndim != 1 or batch.labels.dtype.kind not in "iu":
        raise ValueError("labels must be a row of integers, one an image")
    if batch.probabilities.dtype != np.float32 or batch.probabilities.shape[:1] != (count,):
        raise ValueError("probabilities must be float32, one row an image")
    if batch.pixels.dtype != np.uint8 or len(batch.pixels) != count:
        raise ValueError("pixels must be uint8, one image a row")
    if len(batch.names) != count:
        raise ValueError("names must be one an image")
    if batch.gap.dtype != np.float32 or batch.gap.shape != (count, filters):
        msg = f"GAP rows must be float32 of shape {(count, filters)}, not {batch.gap.shape}"
        raise ValueError(msg)
    if not batch.maps:
        return
    if kept == 0:
        raise ValueError("this run keeps no feature maps")
    if len(batch.maps) != len(layers):
        raise ValueError("feature maps must be one a layer")
    for layer, maps in zip(layers, batch.maps, strict=True):
        expected = (count, layer.filters, layer.height, layer.width)
        if maps.codes.dtype != np.uint8 or maps.codes.shape != expected:
            msg = f"{layer.name}: codes must be uint8 of shape {expected}, not {maps.codes.shape}"
            raise ValueError(msg)
        for scale in (maps.low, maps.step):
            if scale.dtype != np.float32 or scale.shape != expected[:2]:
                msg = f"{layer.name}: low and step must be float32 of shape {expected[:2]}"
                raise ValueError(msg)


class Moments(TypedDict):
    """How many images are behind the moments of a correlation state, and these, packed."""

    n: int
    moments: bytes


class PackedState(Moments):
    """The columns of a correlation state."""

    layer: int
    covered: int


def pack_state(state: CorrelationState) -> PackedState:
    """Return a correlation state as the columns of its row; see `unpack_state`."""
    vectors = (state.mean, state.low, state.high)
    filters = len(state.mean)
    shapes = {array.shape for array in vectors} | {state.comoment.shape[1:]}
    if shapes != {(filters,)} or state.comoment.shape[0] != filters:
        raise ValueError("mean, low, high and co-moment of a state must belong together")
    moments = np.empty(3 * filters + filters * (filters + 1) // 2)
    moments[: 3 * filters].reshape(3, filters)[:] = vectors
    moments[3 * filters :] = state.comoment[_upper(filters)]
    return {
        "layer": state.layer,
        "covered": state.covered,
        "n": state.n,
        "moments": pack(moments),
    }


def unpack_state(layer: int, covered: int, n: int, blob: bytes, filters: int) -> CorrelationState:
    """Return the state of so many filters that `pack_state` packed, both triangles of it.

    Raises:
        DamagedBlob: if `blob` is damaged.
    """
    size = 3 * filters + filters * (filters + 1) // 2
    moments = cast("Float64Array", unpack(blob, (size,), "<f8"))
    mean, low, high = moments[: 3 * filters].reshape(3, filters)
    comoment = np.empty((filters, filters))
    upper = _upper(filters)
    comoment[upper] = moments[3 * filters :]
    comoment.T[upper] = moments[3 * filters :]
    return CorrelationState(layer, covered, n, mean, comoment, low, high)


class PackedKernel(TypedDict):
    """The columns of a kernel."""

    layer: str
    weights: bytes | None
    spatial: bytes
    channels: bytes


def pack_kernel(kernel: Kernel) -> PackedKernel:
    """Return a kernel as the columns of its row; `channels` with half precision."""
    return {
        "layer": kernel.layer,
        "weights": None if kernel.weights is None else pack(kernel.weights.astype(np.float32)),
        "spatial": pack(kernel.spatial.astype(np.float32)),
        "channels": pack(kernel.channels.astype(np.float16)),
    }


def _upper(filters: int) -> NDArray[np.bool_]:
    # A mask picks the triangle row by row, several times faster than an index pair would.
    return np.tri(filters, dtype=bool).T
