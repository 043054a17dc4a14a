"""How odd an image is, in which layer, and by which filters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.peeling import peel
from reactcnn_dash.analysis.profile import image_score

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from reactcnn_dash.analysis.profile import Profile

    Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Oddness:
    """How odd B images are; L layers.

    Attributes:
        score: (B,) float64, one number an image; +inf where a GAP value is not finite.
        strangeness: (B, L) float64, each layer's distance on a common scale: 0 is usual, 1 a
            standard deviation above; +inf from the first layer with a value that is not finite.
        tail: (B, L) float64 in (0, 1], share of usual images that are as far off in that layer.
    """

    score: Matrix
    strangeness: Matrix
    tail: Matrix


@dataclass(frozen=True, slots=True)
class Suspect:
    """A filter that does on an image what neither the layer before nor its layer explains.

    Attributes:
        layer: position of its layer.
        filter: number of the filter.
        deviation: signed, in standard deviations of what is usually unexplained of it.
    """

    layer: int
    filter: int
    deviation: float


def oddness(profile: Profile, layers: Sequence[npt.ArrayLike]) -> Oddness:
    """Score images that the profile was not fitted to; those it was: see :func:`fit_halves`.

    Args:
        profile: what is usual.
        layers: (B, F) GAP rows of each layer.

    Raises:
        ValueError: not this profile's layers.
    """
    values = [
        np.asarray(rows, dtype=layer.precision.dtype)
        for rows, layer in zip(layers, profile.layers, strict=False)
    ]
    # From the first layer that is not finite on, nothing is.
    finite = np.logical_and.accumulate([np.isfinite(rows).all(axis=1) for rows in values]).T
    whole = finite.all(axis=1)
    if not whole.all():
        values = [
            np.where(finite[:, [i]], rows, rows.dtype.type(0)) for i, rows in enumerate(values)
        ]
    distances = profile.distances(values)
    strangeness = profile.strangeness(distances)
    pairs = zip(profile.layers, distances.T, strict=True)
    tail = np.stack([layer.tail(column) for layer, column in pairs], axis=1)
    return Oddness(
        score=np.where(whole, image_score(strangeness), np.inf),
        strangeness=np.where(finite, strangeness, np.inf),
        tail=np.where(finite, tail, 1.0 / (profile.calibrated + 1)),
    )


def score_threshold(scores: npt.ArrayLike, rate: float) -> float:
    """Return the score above which an image is called odd, so that usual ones rarely are.

    The ⌈(n + 1)(1 − rate)⌉-th smallest of n scores of usual images: another such image is above it
    with a probability of at most ``rate``, whatever their distribution (split conformal prediction:
    Vovk, Gammerman & Shafer 2005; Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018).

    Args:
        scores: (n,) scores of images that were not fitted, such as ``Profile.scores``.
        rate: false alarms wanted, 0 < rate < 1.

    Returns:
        The threshold; +inf when n is too small for so low a rate, n < 1 / rate − 1.

    Raises:
        ValueError: ``rate`` is not between 0 and 1.
    """
    if not 0.0 < rate < 1.0:
        raise ValueError(f"The rate of false alarms is between 0 and 1, not {rate:g}.")
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    # 0.95 · 20 must stay 19: a rounding error upwards would skip a rank.
    rank = math.ceil(round((len(ordered) + 1) * (1.0 - rate), 9))
    return float(ordered[rank - 1]) if rank <= len(ordered) else math.inf


def suspects(
    profile: Profile, layers: Sequence[npt.ArrayLike], *, most: int = 10, least: float = 3.0
) -> tuple[Suspect, ...]:
    """Return the filters that stand out on one image, the furthest first.

    Within a layer they are found one after another, each given those that were not found before it
    (see :func:`peel`), so that one broken filter does not drag along those that follow it.

    Args:
        profile: what is usual.
        layers: (F,) finite GAP values of each layer.
        most: how many, over all layers.
        least: absolute deviation below which a filter does not stand out.

    Raises:
        ValueError: not this profile's layers.
    """
    rows = [np.asarray(row, dtype=np.float64)[None, :] for row in layers]
    found: list[Suspect] = []
    for position, (layer, surprise) in enumerate(
        zip(profile.layers, profile.surprises(rows), strict=True)
    ):
        precision = np.asarray(layer.precision, dtype=np.float64)
        weighted = surprise.unexplained[0] * np.sqrt(np.diagonal(precision))
        found += [
            Suspect(position, one.variable, one.deviation)
            for one in peel(precision, weighted, layer.mean, layer.spread, most=most, least=least)
        ]
    return tuple(sorted(found, key=lambda one: -abs(one.deviation))[:most])
