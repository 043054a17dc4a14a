"""Colour scales of GAP values: from a value to a code of 0 to 254, and from a code to a colour.

A layer whose values are never negative has a one-sided scale: from its lowest value, light, to its
highest, deep. One whose values go both ways has 0 in the middle, neutral, and reaches as far to
both sides as its largest value does, so that a colour tells the sign, and how deep it is the size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES: Final = 254
"""Highest code of a finite value; 255 marks one that is not finite."""

NOT_FINITE: Final = 255
NOUGHT: Final = CODES // 2
"""The code of 0 where values go both ways."""

Scheme = Literal["light", "dark"]

ONE_SIDED: Final[dict[str, tuple[str, ...]]] = {
    "light": ("#edf1f8", "#cddcf2", "#96b8e8", "#5288d6", "#2259b3", "#0c2f74"),
    "dark": ("#232a36", "#2a3c5c", "#2b5590", "#2c74cc", "#3f95f5", "#8cc4ff"),
}
"""Stops from light to deep, by scheme."""

_NEGATIVE: Final[dict[str, tuple[str, ...]]] = {
    "light": ("#4a2509", "#7f4a1f", "#ad7a4c", "#d3b08f", "#e9dac8"),
    "dark": ("#f2cfa8", "#c99a6b", "#966b41", "#6a4c32", "#43362e"),
}
BOTH_WAYS: Final = {scheme: (*_NEGATIVE[scheme], *ONE_SIDED[scheme]) for scheme in ONE_SIDED}
"""Stops from the most negative over 0 to the most positive; the upper half is the one-sided one."""

AMBER: Final[dict[str, str]] = {"light": "#f0a000", "dark": "#ffb52e"}
"""What is not finite, by scheme."""


def goes_both_ways(low: float) -> bool:
    """Return whether a scale that begins at `low` has negative values on it."""
    return low < 0


def encode(
    values: NDArray[np.float32],
    low: float | NDArray[np.float64],
    high: float | NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Quantise values to codes on the scale of their layer.

    A code grows with the square root of the value's share of the scale, to both sides of 0 where
    values go both ways: most GAP values are small beside the largest of a run, and would all look
    alike on a linear scale.

    Args:
        values: float32 of any shape.
        low: the lower end of the scale, at most 0 or else the value of code 0; one for all values,
            or one for each.
        high: its upper end, likewise.

    Returns:
        uint8 of the same shape; 255 marks NaN and infinite values.
    """
    finite = np.isfinite(values)
    known = np.where(finite, values, 0).astype(np.float64)
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    both = low < 0
    start, reach = np.where(both, 0.0, low), np.where(both, np.maximum(-low, high), high - low)
    share = (known - start) / np.where(reach > 0, reach, np.inf)
    share = np.clip(share, np.where(both, -1.0, 0.0), 1.0)
    size = np.sqrt(np.abs(share))
    codes = np.rint(np.where(both, np.sign(share) * NOUGHT, CODES) * size) + NOUGHT * both
    return np.where(finite, codes, NOT_FINITE).astype(np.uint8)


def channels_of(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of a colour like ``#f0a000``."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def colour_table(low: float, scheme: Scheme) -> NDArray[np.uint8]:
    """Return the colours of the codes 0 to 254 on a scale that begins at `low`, (255, 3) RGB."""
    stops = (BOTH_WAYS if goes_both_ways(low) else ONE_SIDED)[scheme]
    channels = [channels_of(stop) for stop in stops]
    place = np.arange(CODES + 1) / CODES * (len(stops) - 1)
    columns = [np.interp(place, np.arange(len(stops)), one) for one in zip(*channels, strict=True)]
    # Half a step goes up, as the pages have it.
    return np.floor(np.stack(columns, axis=1) + 0.5).astype(np.uint8)
