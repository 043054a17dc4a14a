"""What simple property of images drives a filter: how red they are, how light, and the like."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

COLOURS: Final = ("red", "green", "blue", "yellow")
STIMULI: Final = (*COLOURS, "light", "contrast")
"""The columns of :func:`measured`."""
LEAST_R: Final = 0.5
"""What r must certainly exceed, whatever was tried."""
_ERROR: Final = 0.01
_TRIED: Final = 50


@dataclass(frozen=True, slots=True)
class Driven:
    """A filter that rises with a property of the image.

    Attributes:
        filter: its place in the rows.
        stimulus: one of :data:`STIMULI`, or ``dark`` where it rises as ``light`` falls.
        r: Pearson's r between the two, without its sign where the stimulus is ``dark``.
        images: how many images it is over.
    """

    filter: int
    stimulus: str
    r: float
    images: int


def measured(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Return how much of each of :data:`STIMULI` an image has, each as a mean over its pixels.

    Red is by how much red exceeds the larger of green and blue, likewise green and blue; yellow is
    by how much the smaller of red and green exceeds blue; light is the mean of the channels,
    contrast its standard deviation.

    Args:
        pixels: (H, W, C) uint8, C = 1 or 3.

    Returns:
        (6,) float64; grey pixels have no colours.
    """
    values = pixels.astype(np.float32) / 255
    light = values.mean(axis=2)
    colours = np.zeros(len(COLOURS))
    if values.shape[2] == 3:
        red, green, blue = np.moveaxis(values, 2, 0)
        over = (
            red - np.maximum(green, blue),
            green - np.maximum(red, blue),
            blue - np.maximum(red, green),
            np.minimum(red, green) - blue,
        )
        colours[:] = [np.maximum(one, 0).mean() for one in over]
    return np.array([*colours, light.mean(), light.std()])


def most_driven(rows: npt.NDArray[np.floating], stimuli: npt.NDArray[np.float64]) -> Driven | None:
    """Find the filter that rises most surely with a colour, else with light, dark or contrast.

    It counts where the lower end of r's interval (Fisher 1921), wide enough for all pairs of filter
    and property that were tried (Bonferroni, 1 % in all), exceeds :data:`LEAST_R`, and r does so in
    either half of the images by itself: one outlier makes no colour.

    Args:
        rows: (n, F) GAP values; images with values that are not finite are left out.
        stimuli: (n, 6) as :func:`measured` gives them, likewise.

    Returns:
        None where nothing of the kind holds.
    """
    usable = np.isfinite(rows).all(axis=1) & np.isfinite(stimuli).all(axis=1)
    values = np.asarray(rows[usable], np.float64)
    stimuli = stimuli[usable]
    n, filters = values.shape
    if n < 8 or filters == 0:
        return None
    r = _correlations(values, stimuli)
    half = NormalDist().inv_cdf(1 - _ERROR / (2 * r.size)) / math.sqrt(n - 3)
    least = math.tanh(math.atanh(LEAST_R) + half)
    colours = r[:, : len(COLOURS)]
    # A filter that falls with a colour answers to many things; one that falls with light, to dark.
    other = r[:, len(COLOURS) :].copy()
    other[:, 0] = np.abs(other[:, 0])
    for strength, first in ((colours, 0), (other, len(COLOURS))):
        order = np.argsort(-strength, axis=None, kind="stable")[:_TRIED]
        for filter_, column in zip(*np.unravel_index(order, strength.shape), strict=True):
            if strength[filter_, column] < least:
                break
            found = float(r[filter_, first + column])
            own, by = values[:, [filter_]], stimuli[:, [first + column]]
            halves = [_correlations(own[k::2], by[k::2]).item() for k in (0, 1)]
            if min(math.copysign(1, found) * one for one in halves) > LEAST_R:
                name = STIMULI[first + column] if found > 0 else "dark"
                return Driven(int(filter_), name, abs(found), n)
    return None


def _correlations(
    rows: npt.NDArray[np.float64], others: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return Pearson's r of each column with each other one; 0 for what never varies."""
    left, right = (_standardised(one) for one in (rows, others))
    found: npt.NDArray[np.float64] = left.T @ right
    return np.clip(found, -1, 1)


def _standardised(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    centred = values - values.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    # Rounding alone makes no variance.
    still = size <= 1e-9 * np.abs(values).max(axis=0, initial=0)
    return np.asarray(centred / np.where(still, np.inf, size))
