"""Extremes and counts of values, and which range nearly all of them lie in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.images.values import DoubtError, ValueRange, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

NEEDED = "uint8, or numbers within 0–1 or 0–255, are needed"

_ROUNDING = 1e-4
"""What values may exceed a range by, as a share of it, however many they are."""
_RINGING = 0.05
"""Share of the values that may exceed a range by more, as resizing makes them; they are cut off."""
_FAR = 0.1
"""What those may exceed it by at most, as a share of the range."""
_FEW = 0.005
"""Share of the values that settle nothing, such as single hot pixels."""
_ENOUGH = 50
"""Values from which on a single one is no evidence."""
_DIM = 127
_BLOCK = 2**22


class Survey:
    """Extremes and counts of values, taken block by block.

    Raises:
        DoubtError: some values are NaN or infinite.
    """

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values
        self.kind = values.dtype.kind
        self.count = values.size
        # NaN is passed on by both.
        self.low, self.high = float(values.min()), float(values.max())
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            bad = self._number(lambda block: ~np.isfinite(block))
            count = "1 value that is" if bad == 1 else f"{bad:,} values that are"
            raise DoubtError(f"has {count} NaN or infinite; {NEEDED}")
        epsilon = float(np.finfo(values.dtype).eps) if self.kind == "f" else 0.0
        self._slack = max(_ROUNDING, 4 * epsilon)

    def above(self, bound: float) -> int:
        """Return how many are larger."""
        return self._number(lambda block: block > bound) if self.high > bound else 0

    def below(self, bound: float) -> int:
        """Return how many are smaller."""
        return self._number(lambda block: block < bound) if self.low < bound else 0

    def fits(self, known: ValueRange) -> bool:
        """Return whether nearly all values lie within a range and none far beyond it."""
        span = known.high - known.low
        if self.high > known.high + _FAR * span or self.low < known.low - _FAR * span:
            return False
        return self._beyond(known) <= few_of(self.count, _RINGING)

    def nearly_all_lit_within(self, bound: float) -> bool:
        """Return whether all but few values other than 0 are at most ``bound``."""
        lit = self._number(lambda block: block != 0)
        return self.above(bound * (1 + self._slack)) <= few_of(lit)

    @property
    def typical(self) -> float:
        """The largest value, or that which few of those other than 0 exceed by much."""
        # For words to the user, so a part of a large array is enough.
        part = self._values.reshape(-1)[:: max(1, self.count // 1_000_000)]
        lit = np.sort(part[part != 0].astype(np.float64))
        if not len(lit):
            return self.high
        usual = float(lit[max(0, len(lit) - 1 - int(few_of(len(lit))))])
        return self.high if self.high <= (1 + _FAR) * usual else usual

    def cut_off(self, known: ValueRange) -> str | None:
        """Return what to say of values that exceed a range by more than rounding."""
        count = self._beyond(known)
        if not count:
            return None
        are = "1 value lies" if count == 1 else f"{count:,} values lie"
        return f"{are} beyond {_words(known)} and {'is' if count == 1 else 'are'} cut off"

    def dim(self) -> str | None:
        """Return what to say of values that use the lower half of 0–255 alone."""
        if not self.high or not self.nearly_all_lit_within(_DIM):
            return None
        return f"its values end at {self.typical:g} and are taken for 0–255"

    def doubt(self, more: str = "", *, likely: ValueRange) -> DoubtError:
        """Return the refusal of these values."""
        text = f"has values from {self.low:g} to {self.high:g}"
        if more or self.typical < self.high:
            text += f", {more or f'nearly all up to {self.typical:g}'}"
        return DoubtError(f"{text}; {NEEDED}", likely)

    def _beyond(self, known: ValueRange) -> int:
        slack = self._slack * (known.high - known.low)
        return self.above(known.high + slack) + self.below(known.low - slack)

    def _number(self, chosen: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> int:
        return sum(int(np.count_nonzero(chosen(block))) for block in self._blocks())

    def _blocks(self) -> Iterator[NDArray[Any]]:
        values = self._values if self._values.ndim else self._values.reshape(1)
        rows = max(1, _BLOCK * len(values) // max(1, values.size))
        return (values[start : start + rows] for start in range(0, len(values), rows))


def few_of(count: int, share: float = _FEW) -> float:
    """Return how many of so many values settle nothing."""
    return max(share * count, 1 if count >= _ENOUGH else 0)


def _words(known: ValueRange) -> str:
    return f"{number(known.low)}–{number(known.high)}"
