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

Whoever knows better says so with a ``ValueRange``; then values are stretched from it to 0–255, and
cut off beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.images.survey import NEEDED, Survey, few_of
from collector.images.values import BYTES, DEEP, UNIT, DoubtError, ValueRange
from reactcnn_dash.results.text import percent_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DARK = 31
"""Values of 0–255 that end here are near black to the eye: more likely they mean something else."""
_DEPTHS = (255, 1023, 4095, 16383)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What values mean.

    Attributes:
        range: what is black and what is white.
        notice: what the user should know, without a full stop; ``None`` if it is plain.
    """

    range: ValueRange
    notice: str | None = None


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
    survey = Survey(values)
    if survey.low < 0 and not survey.fits(UNIT) and not survey.fits(BYTES):
        raise survey.doubt(likely=_signed(survey))
    if kind == "f":
        return _of_floats(survey)
    if values.dtype == np.uint8:
        return _of_bytes(survey, mask=not colour)
    return _of_integers(survey, deep=kind == "u" and values.dtype.itemsize == 2)


def notice_beyond(values: NDArray[Any], known: ValueRange) -> str | None:
    """Return what to say of values beyond the range that the user gave; ``None`` if they are few.

    Raises:
        DoubtError: no value lies within the range, or some are NaN or infinite.
    """
    _check_kind(values)
    survey = Survey(values)
    if survey.high < known.low or survey.low > known.high:
        raise DoubtError(
            f"has values from {survey.low:g} to {survey.high:g}, none of them within {known}"
        )
    beyond = survey.above(known.high) + survey.below(known.low)
    if beyond <= few_of(survey.count):
        return None
    return f"{percent_text(beyond / survey.count)} of its values lie beyond {known} and are cut off"


def _check_kind(values: NDArray[Any]) -> None:
    if values.dtype.kind not in "biuf":
        raise DoubtError(f"has dtype {values.dtype}; {NEEDED}")


def _of_floats(survey: Survey) -> Meaning:
    if survey.fits(UNIT):
        return Meaning(UNIT, survey.cut_off(UNIT))
    if not survey.fits(BYTES):
        raise survey.doubt(likely=_upwards(survey))
    if survey.nearly_all_lit_within(1):
        raise survey.doubt("nearly all of them within 0–1", likely=UNIT)
    if survey.nearly_all_lit_within(_DARK):
        raise survey.doubt(likely=_upwards(survey))
    return Meaning(BYTES, survey.cut_off(BYTES) or survey.dim())


def _of_bytes(survey: Survey, *, mask: bool = True) -> Meaning:
    if mask and survey.high == 1:
        return Meaning(UNIT, "its values are 0 and 1, taken for black and white")
    if 0 < survey.high <= _DARK:
        return Meaning(
            BYTES,
            f"its values end at {survey.high:g} of 255, so its pictures are nearly black",
        )
    return Meaning(BYTES)


def _of_integers(survey: Survey, *, deep: bool) -> Meaning:
    if survey.high <= 1:
        return _of_bytes(survey)
    if survey.fits(BYTES):
        if survey.nearly_all_lit_within(_DARK):
            raise survey.doubt(likely=_upwards(survey))
        return Meaning(BYTES, survey.cut_off(BYTES) or survey.dim())
    if deep and not survey.nearly_all_lit_within(32767):
        return Meaning(DEEP)
    raise survey.doubt(likely=_upwards(survey))


def _upwards(survey: Survey) -> ValueRange:
    """Return the range from 0 to the least usual end that holds nearly all values."""
    top = survey.typical
    if survey.kind != "f":
        if top > _DARK:
            return ValueRange(0, next((depth for depth in _DEPTHS if top <= depth), 65535))
        return ValueRange(0, top)
    return ValueRange(0, float(f"{top:.4g}"))


def _signed(survey: Survey) -> ValueRange:
    if survey.kind == "f" and survey.fits(ValueRange(-1, 1)):
        return ValueRange(-1, 1)
    if survey.kind != "f":
        return ValueRange(survey.low, survey.high)
    return ValueRange(float(f"{survey.low:.4g}"), float(f"{survey.high:.4g}"))
