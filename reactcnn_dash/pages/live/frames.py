"""Stored frames → the small JSON that a poll of the page answers with. Pure functions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis import scales
from reactcnn_dash.db import LETTERS_GIVEN, LETTERS_RIGHT, Answers, label_letters
from reactcnn_dash.finite import significant
from reactcnn_dash.pages.empty import Empty
from reactcnn_dash.results.fields import fields_of, wiring_of
from reactcnn_dash.results.precision import precision_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import Frame, Image, Layer, Run
    from reactcnn_dash.pages.live.shapes import Frame as FramePayload
    from reactcnn_dash.pages.live.shapes import Model, Seen, ShownImage, ShownRun

SHOWN_CLASSES = 10
SHOWN_VALUES = 100


def gap_ranges(run: Run) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the lower and upper ends of each layer's colour scale, two ``(L,)`` float32 arrays.

    The scale spans the finite GAP values of the whole run so far and always contains 0, so that a
    colour means the same on every image of the run.
    """
    low = np.minimum(np.nan_to_num(run.gap_low), 0).astype(np.float32)
    high = np.maximum(np.nan_to_num(run.gap_high), 0).astype(np.float32)
    return low, high


def encode_gap(
    gap: NDArray[np.float32],
    layers: Sequence[Layer],
    low: NDArray[np.float32],
    high: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Quantise a GAP row to one byte a filter on the colour scale of its layer.

    Args:
        gap: ``(F,)`` float32, all layers concatenated.
        layers: the layers of the run, in order.
        low: ``(L,)`` lower end of each layer's scale.
        high: ``(L,)`` its upper end.

    Returns:
        ``(F,)`` uint8, see ``analysis.scales``; 255 marks NaN and infinite values.
    """
    widths = [layer.filters for layer in layers]
    ends = (np.repeat(end.astype(np.float64), widths) for end in (low, high))
    return scales.encode(gap, *ends)


def run_payload(run: Run, latest_run_id: int) -> ShownRun:
    """Return what the page's header says of a run."""
    return {
        "id": run.id,
        "uuid": run.uuid,
        "name": run.name,
        "model": run.checkpoint.model,
        "checkpoint": run.checkpoint.sha256[:8],
        "source": run.image_source,
        "state": run.state.value,
        "stored": run.stored,
        "total": run.total,
        "labelled": run.labelled,
        "correct": run.correct,
        "meanError": run.mean_error,
        "rate": None if run.rate is None else round(run.rate, 1),
        "workers": None if run.shared is None else run.shared.workers,
        "gathered": None if run.shared is None else run.shared.images,
        "latest": latest_run_id,
        "precision": run.precision,
        "rounding": precision_text(run),
    }


def model_payload(run: Run, layers: Sequence[Layer]) -> Model:
    """Return what the page needs once a run to draw its grid."""
    return {
        "classes": list(run.class_names),
        "answers": run.answers.value,
        "thresholds": list(run.thresholds),
        "shape": run.image_shape,
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "filters": layer.filters,
                "height": layer.height,
                "width": layer.width,
                "offset": layer.offset,
            }
            for layer in layers
        ],
        "fields": fields_of(run, layers),
        "wiring": wiring_of(run, layers),
    }


def _values(image: Image) -> list[tuple[int, float | None]]:
    values = image.probabilities[:SHOWN_VALUES].tolist()
    return [(i, significant(value, 6)) for i, value in enumerate(values)]


def _letters(run: Run, image: Image) -> str:
    """Return what became of each label, a `Letter` each."""
    if image.target is not None and image.target.hits is not None:
        return image.target.hits
    return label_letters(image.probabilities, run.thresholds).tobytes().decode()


def _shown(run: Run, image: Image) -> list[int]:
    """Return which of an image's classes, labels or values are sent.

    The likeliest, with the right one or, of labels, all that are right or given; or the first
    values.
    """
    count = len(image.probabilities)
    if run.answers is Answers.VALUES:
        return list(range(min(count, SHOWN_VALUES)))
    if count <= SHOWN_CLASSES:
        return list(range(count))
    order = np.argsort(-np.nan_to_num(image.probabilities, nan=-1.0), kind="stable").tolist()
    if run.answers is Answers.LABELS:
        letters = _letters(run, image)
        told = [i for i in order[SHOWN_CLASSES:] if letters[i] in (*LETTERS_RIGHT, *LETTERS_GIVEN)]
        return [*order[:SHOWN_CLASSES], *told][:SHOWN_VALUES]
    likeliest: list[int] = order[:SHOWN_CLASSES]
    if image.label is not None and image.label not in likeliest:
        likeliest[-1] = image.label
    return likeliest


def image_payload(
    run: Run, image: Image, gap: NDArray[np.float32], layers: Sequence[Layer]
) -> ShownImage:
    """Return one image's answer: its GAP codes, prediction and largest probabilities."""
    low, high = gap_ranges(run)
    shown = _shown(run, image)
    finite = np.nan_to_num(image.probabilities, nan=-1.0)
    shares: list[tuple[int, float | None]]
    shares = [(i, round(float(finite[i]), 4)) for i in shown]
    is_values = run.answers is Answers.VALUES
    target = image.target
    return {
        "ordinal": image.ordinal,
        "label": image.label,
        "prediction": image.named,
        "name": image.name,
        "finite": image.finite,
        "probabilities": _values(image) if is_values else shares,
        "hits": "".join(_letters(run, image)[i] for i in shown) if run.thresholds else None,
        "targets": None
        if target is None
        else [significant(value, 6) for value in target.values[shown].tolist()],
        "error": None if target is None or target.error is None else significant(target.error, 6),
        "gap": base64.b64encode(encode_gap(gap, layers, low, high).tobytes()).decode(),
        "low": [significant(value, 4) or 0.0 for value in low],
        "high": [significant(value, 4) or 0.0 for value in high],
    }


def frame_payload(frame: Frame, layers: Sequence[Layer] | None, seen: Seen) -> FramePayload:
    """Return the answer to a poll.

    Args:
        frame: what the store holds for the request.
        layers: the layers of the run; needed when the frame has an image.
        seen: the run and image that the page shows already; they are not sent again.
    """
    run = frame.run
    payload: FramePayload = {"run": run_payload(run, frame.latest_run_id)}
    if frame.damaged:
        payload["notice"] = frame.damaged
    if layers is not None and seen.get("uuid") != run.uuid:
        payload["model"] = model_payload(run, layers)
    shown = (seen.get("uuid"), seen.get("ordinal"))
    if (
        frame.image is not None
        and frame.gap is not None
        and layers is not None
        and shown != (run.uuid, frame.image.ordinal)
    ):
        payload["image"] = image_payload(run, frame.image, frame.gap, layers)
    if run.stored == 0:
        payload["empty"] = Empty(
            title="The run has no images yet",
            text="The collector is getting ready. The first image appears here by itself."
            if run.state.value == "collecting"
            else "The collector stopped before its first image. Start it again:",
            command="" if run.state.value == "collecting" else "python -m collector",
        )
    return payload
