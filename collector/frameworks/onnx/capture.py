"""Capturing with onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from collector.frameworks.onnx.appended import GAP, HIGH, LEAST_RANGE, LOW, PIXELS, codes_of
from collector.frameworks.onnx.session import carry_out
from collector.frameworks.protocol import Captured
from collector.frameworks.reading import Reading
from reactcnn_dash.db import MapBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from collector.frameworks.onnx.taps import Tap
    from collector.frameworks.protocol import Pixels


class Capture:
    """See ``protocol.Capture``.

    Args:
        made: a session of the model with what is appended to it.
        taps: what is watched.
        output: the model's own output.
        reading: how that becomes probabilities.
        maps: whether feature maps are wanted.
        batch: how many images the model takes at a time; ``None`` for any number.
    """

    arithmetic = "direct"

    def __init__(
        self,
        made: Any,
        taps: Sequence[Tap],
        output: str,
        reading: Reading,
        *,
        maps: bool,
        batch: int | None,
    ) -> None:
        self._session, self._taps, self._reading, self._batch = made, taps, reading, batch
        codes = [codes_of(place) for place in range(len(taps))]
        # Which filters may be negative, of all side by side.
        self._signed = np.repeat(
            [not tap.never_negative for tap in taps], [tap.filters for tap in taps]
        )
        low = [LOW] if self._signed.any() else []
        self._names = [output, GAP, *([HIGH, *low, *codes] if maps else [])]

    def __call__(self, pixels: Pixels) -> Captured:
        """Run (B, H, W, C) images, B ≥ 1, through the network."""
        parts = [
            carry_out(self._session, self._names, {PIXELS: part})
            for part in portions(pixels, self._batch)
        ]
        output, gap, *rest = (
            arrays[0] if len(arrays) == 1 else np.concatenate(arrays)[: len(pixels)]
            for arrays in zip(*parts, strict=True)
        )
        count = len(pixels)
        maps = self._split(gap[:count], [array[:count] for array in rest]) if rest else None
        return Captured(probabilities_of(output[:count], self._reading), gap[:count], maps)

    def _split(
        self, gap: NDArray[np.float32], rest: Sequence[NDArray[Any]]
    ) -> tuple[MapBatch, ...]:
        """Return one a tap, of its ends and codes; see ``protocol.Captured`` for what they mean."""
        low = np.zeros_like(gap)
        if self._signed.any():
            low[:, self._signed] = rest[1]
        with np.errstate(invalid="ignore", over="ignore"):
            size = np.maximum(rest[0], 0) - low
        # A sum is finite only if all its terms are, so the GAP tells about the whole map.
        finite = np.isfinite(gap) & np.isfinite(size)
        varies = finite & (size > LEAST_RANGE)
        step = np.where(varies, size / np.float32(255), np.where(finite, 0, np.float32(np.nan)))
        step, low = step.astype(np.float32), np.where(varies, low, np.float32(0))
        blank = ~varies & (size != 0)
        result, start = [], 0
        for tap, code in zip(self._taps, rest[-len(self._taps) :], strict=True):
            planar = code.transpose(0, 3, 1, 2) if tap.channels_last else code
            part = slice(start, start + tap.filters)
            start += tap.filters
            if blank[:, part].any():
                planar = np.where(blank[:, part, None, None], np.uint8(0), planar)
            result.append(MapBatch(planar, low[:, part], step[:, part]))
        return tuple(result)


def portions(images: NDArray[Any], batch: int | None) -> Iterator[NDArray[Any]]:
    """Images as a model takes them, the last portion filled up with black if it must be."""
    size = batch or len(images)
    for start in range(0, len(images), size):
        part = np.ascontiguousarray(images[start : start + size])
        missing = size - len(part)
        yield np.pad(part, [(0, missing), (0, 0), (0, 0), (0, 0)]) if missing else part


def probabilities_of(output: NDArray[Any], reading: Reading) -> NDArray[np.float32]:
    """Turn a model's output, (B, K), into what is stored of it; (B, 0) if nothing is."""
    if reading is Reading.NOTHING:
        return np.zeros((len(output), 0), np.float32)
    values = output.astype(np.float32)
    if reading in (Reading.AS_IS, Reading.LABELS, Reading.VALUES):
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        if reading is Reading.SOFTMAX:
            powers = np.exp(values - values.max(1, keepdims=True))
            shares: NDArray[np.float32] = powers / powers.sum(1, keepdims=True)
            return shares
        logits = reading in (Reading.ONE_LOGIT, Reading.LABEL_LOGITS)
        unit = (1 / (1 + np.exp(-values))).astype(np.float32) if logits else values
    if reading is Reading.LABEL_LOGITS:
        return unit
    return np.concatenate([1 - unit, unit], 1).astype(np.float32)
