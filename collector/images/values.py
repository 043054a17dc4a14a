"""Which values are black and which are white, and how they become bytes."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ValueRange(NamedTuple):
    """The values that stand for black and for white."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{number(self.low)},{number(self.high)}"


UNIT = ValueRange(0, 1)
BYTES = ValueRange(0, 255)
DEEP = ValueRange(0, 65535)

_BLOCK = 2**22


class DoubtError(Exception):
    """Values that cannot be read in one way alone.

    Attributes:
        likely: the range that they probably have, ``None`` when there is no guess.
    """

    def __init__(self, text: str, likely: ValueRange | None = None) -> None:
        super().__init__(text)
        self.likely = likely


def parse_value_range(text: str) -> ValueRange:
    """Read ``LOW,HIGH``.

    Raises:
        ValueError: it is not two different numbers in their order.
    """
    number = r"\s*([-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?)\s*"
    match = re.fullmatch(f"{number},{number}", text.lower())
    if match is None:
        raise ValueError(f"{text!r} is not LOW,HIGH, two numbers")
    return checked_range(float(match[1]), float(match[2]))


def checked_range(low: float, high: float) -> ValueRange:
    """Return the range from ``low`` to ``high``.

    Raises:
        ValueError: it has no extent.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{low:g},{high:g} is no range: the first number has to be the smaller")
    return ValueRange(low, high)


def to_bytes(values: NDArray[Any], known: ValueRange) -> NDArray[np.uint8]:
    """Stretch values from a range to 0–255, rounded; what lies beyond is cut off.

    Args:
        values: any shape; finite numbers or bool.
        known: what is black and what is white.

    Returns:
        uint8 of the same shape; uint8 in 0–255 is not copied.
    """
    if values.dtype == np.uint8 and known == BYTES:
        return values
    # Arrays that are not in C order would be copied whole by a flat view.
    result = np.empty(values.shape, np.uint8)
    rows = max(1, _BLOCK * len(values) // max(1, values.size)) if values.ndim else 1
    factor = 255 / (known.high - known.low)
    for start in range(0, len(values), rows):
        block = (values[start : start + rows].astype(np.float64) - known.low) * factor
        result[start : start + rows] = np.rint(np.clip(block, 0, 255, out=block), out=block)
    return result


def number(value: float) -> str:
    """Return a number as a user would write it."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
