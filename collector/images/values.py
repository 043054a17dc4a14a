"""What the numbers of an array or of a deep picture mean: which is black, which is white.

One rule for ``.npz`` files, the callback's arrays and grey pictures of more than 8 bits. It goes
by nearly all values, so that a few that overshoot (resizing rings, rounding is never exact) change
nothing, and refuses what can be read in two ways:

- bool is black and white, and so are integers that are 0 and 1 alone (but uint8 colours);
- floats within 0–1 are 0–1, other floats and integers within 0–255 are 0–255;
- uint16 that uses its highest bit is 0–65535;
- doubtful, and refused: values that end far below 255 (4-bit digits, class numbers), floats that
  lie within 0–1 but for single ones, 10- and 12-bit numbers in uint16, negative values, and
  whatever ends beyond its range. uint8 is the type of pixels, and at most asked about.

Whoever knows better says so with a :class:`ValueRange`; then values are stretched from it to
0–255, and cut off beyond it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


class ValueRange(NamedTuple):
    """The values that stand for black and for white."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{_number(self.low)},{_number(self.high)}"


UNIT = ValueRange(0, 1)
BYTES = ValueRange(0, 255)
DEEP = ValueRange(0, 65535)

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
_DARK = 31
"""Values of 0–255 that end here are near black to the eye: more likely they mean something else."""
_DIM = 127
_DEPTHS = (255, 1023, 4095, 16383)
_BLOCK = 2**22


class DoubtError(Exception):
    """Values that cannot be read in one way alone.

    Attributes:
        likely: the range that they probably have, ``None`` when there is no guess.
    """

    def __init__(self, text: str, likely: ValueRange | None = None) -> None:
        super().__init__(text)
        self.likely = likely


@dataclass(frozen=True, slots=True)
class Meaning:
    """What values mean.

    Attributes:
        range: what is black and what is white.
        notice: what the user should know, without a full stop; ``None`` if it is plain.
    """

    range: ValueRange
    notice: str | None = None


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
    """The range from ``low`` to ``high``.

    Raises:
        ValueError: it has no extent.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"{low:g},{high:g} is no range: the first number has to be the smaller")
    return ValueRange(low, high)


def meaning_of(values: NDArray[Any], *, colour: bool = False) -> Meaning:
    """Find out what values mean, by the module's rule.

    Args:
        values: any shape, at least one value.
        colour: whether they are of more than one channel.

    Raises:
        DoubtError: they can be read in several ways, or in none.
    """
    kind = values.dtype.kind
    if kind == "b":
        return Meaning(UNIT)
    _check_kind(values)
    survey = _Survey(values)
    if survey.low < 0 and not survey.fits(UNIT) and not survey.fits(BYTES):
        raise survey.doubt(likely=_signed(survey))
    if kind == "f":
        return _of_floats(survey)
    if values.dtype == np.uint8:
        return _of_bytes(survey, mask=not colour)
    return _of_integers(survey, deep=kind == "u" and values.dtype.itemsize == 2)


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


def notice_beyond(values: NDArray[Any], known: ValueRange) -> str | None:
    """What to say of values beyond the range that the user gave; ``None`` if they are few.

    Raises:
        DoubtError: no value lies within the range, or some are NaN or infinite.
    """
    _check_kind(values)
    survey = _Survey(values)
    if survey.high < known.low or survey.low > known.high:
        raise DoubtError(
            f"has values from {survey.low:g} to {survey.high:g}, none of them within {known}"
        )
    beyond = survey.above(known.high) + survey.below(known.low)
    if beyond <= _few(survey.count, _FEW):
        return None
    return f"{beyond / survey.count:.1%} of its values lie beyond {known} and are cut off"


def _check_kind(values: NDArray[Any]) -> None:
    if values.dtype.kind not in "biuf":
        raise DoubtError(f"has dtype {values.dtype}; {NEEDED}")


def _of_floats(survey: _Survey) -> Meaning:
    if survey.fits(UNIT):
        return Meaning(UNIT, survey.cut_off(UNIT))
    if not survey.fits(BYTES):
        raise survey.doubt(likely=_upwards(survey))
    if survey.nearly_all_lit_within(1):
        raise survey.doubt("nearly all of them within 0–1", likely=UNIT)
    if survey.nearly_all_lit_within(_DARK):
        raise survey.doubt(likely=_upwards(survey))
    return Meaning(BYTES, survey.cut_off(BYTES) or survey.dim())


def _of_bytes(survey: _Survey, *, mask: bool = True) -> Meaning:
    if mask and survey.high == 1:
        return Meaning(UNIT, "its values are 0 and 1, taken for black and white")
    if 0 < survey.high <= _DARK:
        return Meaning(
            BYTES,
            f"its values end at {survey.high:g} of 255, so its pictures are nearly black",
        )
    return Meaning(BYTES)


def _of_integers(survey: _Survey, *, deep: bool) -> Meaning:
    if survey.high <= 1:
        return _of_bytes(survey)
    if survey.fits(BYTES):
        if survey.nearly_all_lit_within(_DARK):
            raise survey.doubt(likely=_upwards(survey))
        return Meaning(BYTES, survey.cut_off(BYTES) or survey.dim())
    if deep and not survey.nearly_all_lit_within(32767):
        return Meaning(DEEP)
    raise survey.doubt(likely=_upwards(survey))


def _upwards(survey: _Survey) -> ValueRange:
    """From 0 to the least usual end that holds nearly all values."""
    top = survey.typical
    if survey.kind != "f":
        if top > _DARK:
            return ValueRange(0, next((depth for depth in _DEPTHS if top <= depth), 65535))
        return ValueRange(0, top)
    return ValueRange(0, float(f"{top:.4g}"))


def _signed(survey: _Survey) -> ValueRange:
    if survey.kind == "f" and survey.fits(ValueRange(-1, 1)):
        return ValueRange(-1, 1)
    if survey.kind != "f":
        return ValueRange(survey.low, survey.high)
    return ValueRange(float(f"{survey.low:.4g}"), float(f"{survey.high:.4g}"))


class _Survey:
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
        """How many are larger."""
        return self._number(lambda block: block > bound) if self.high > bound else 0

    def below(self, bound: float) -> int:
        """How many are smaller."""
        return self._number(lambda block: block < bound) if self.low < bound else 0

    def fits(self, known: ValueRange) -> bool:
        """Whether nearly all values lie within a range and none far beyond it."""
        span = known.high - known.low
        if self.high > known.high + _FAR * span or self.low < known.low - _FAR * span:
            return False
        return self._beyond(known) <= _few(self.count, _RINGING)

    def nearly_all_lit_within(self, bound: float) -> bool:
        """Whether all but few values other than 0 are at most ``bound``."""
        lit = self._number(lambda block: block != 0)
        return self.above(bound * (1 + self._slack)) <= _few(lit, _FEW)

    @property
    def typical(self) -> float:
        """The largest value, or that which few of those other than 0 exceed by much."""
        # For words to the user, so a part of a large array is enough.
        part = self._values.reshape(-1)[:: max(1, self.count // 1_000_000)]
        lit = np.sort(part[part != 0].astype(np.float64))
        if not len(lit):
            return self.high
        usual = float(lit[max(0, len(lit) - 1 - int(_few(len(lit), _FEW)))])
        return self.high if self.high <= (1 + _FAR) * usual else usual

    def cut_off(self, known: ValueRange) -> str | None:
        """What to say of values that exceed a range by more than rounding."""
        count = self._beyond(known)
        if not count:
            return None
        are = "1 value lies" if count == 1 else f"{count:,} values lie"
        return f"{are} beyond {_words(known)} and {'is' if count == 1 else 'are'} cut off"

    def dim(self) -> str | None:
        """What to say of values that use the lower half of 0–255 alone."""
        if not self.high or not self.nearly_all_lit_within(_DIM):
            return None
        return f"its values end at {self.typical:g} and are taken for 0–255"

    def doubt(self, more: str = "", *, likely: ValueRange) -> DoubtError:
        """The refusal of these values."""
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


def _few(count: int, share: float) -> float:
    return max(share * count, 1 if count >= _ENOUGH else 0)


def _words(known: ValueRange) -> str:
    return f"{_number(known.low)}–{_number(known.high)}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
