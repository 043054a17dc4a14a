"""Capturing with onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from collector.frameworks.onnx.appended import GAP, HIGH, LOW, PIXELS, codes_of
from collector.frameworks.onnx.session import carry_out
from collector.frameworks.protocol import Captured
from collector.frameworks.quantised import map_batches
from collector.frameworks.reading import Reading

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
            self._planar(carry_out(self._session, self._names, {PIXELS: part}))
            for part in portions(pixels, self._batch)
        ]
        output, gap, *rest = (
            arrays[0] if len(arrays) == 1 else np.concatenate(arrays)[: len(pixels)]
            for arrays in zip(*parts, strict=True)
        )
        count = len(pixels)
        gap, maps = gap[:count], None
        if rest:
            high, *lows = (array[:count] for array in rest[: -len(self._taps)])
            low = np.zeros_like(gap)
            low[:, self._signed] = lows[0] if lows else 0
            maps = map_batches(gap, high, low, [code[:count] for code in rest[-len(self._taps) :]])
        return Captured(probabilities_of(output[:count], self._reading), gap, maps)

    def _planar(self, arrays: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
        """Return what the session gave, with the codes of each tap as (B, F, H, W)."""
        shapes = {
            codes_of(place): (-1, tap.filters, tap.height, tap.width)
            for place, tap in enumerate(self._taps)
        }
        return [
            array.reshape(shapes.get(name, array.shape))
            for name, array in zip(self._names, arrays, strict=True)
        ]


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
