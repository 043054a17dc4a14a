"""What is known of one filter, from arrays: its state, its kin, its values by class, its kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.finite import finite, significant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.analysis import CoMoments, Correlation
    from reactcnn_dash.db import Kernel, Layer
    from reactcnn_dash.results.filters.sample import LayerSample

NEAREST: Final = 8
OPPOSITE: Final = 3
CHANNELS: Final = 8
"""Input channels of a kernel that are named."""
POINTS: Final = 512
"""Points of a scatter plot, at most."""
_DIGITS: Final = 5


class Neighbour(TypedDict):
    """Another filter of the layer: r and its 95 % interval."""

    filter: int
    r: float
    low: float
    high: float


class FilterState(TypedDict):
    """A filter's GAP over ``images`` images that are finite; without any the numbers are None.

    ``deviation`` is the standard deviation (n − 1), None below two images; ``constant``: the value
    never changes; ``dead``: that value is 0.
    """

    images: int
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    constant: bool
    dead: bool


class ClassValues(TypedDict):
    """A filter's values by class: a histogram a class over common edges."""

    images: int
    edges: list[float]
    counts: list[list[int]]
    means: list[float | None]
    ofClass: list[int]
    selectivity: float | None
    favourite: int | None


class FilterKernel(TypedDict):
    """A filter's weights (height, width, channels), None where they are too many; their norms."""

    size: tuple[int, int]
    channels: int
    weights: list[list[list[float]]] | None
    spatial: list[list[float]]
    strongest: list[tuple[int, float]]
    source: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Marginals:
    """What a layer's co-moments say of each filter by itself: F values instead of F × F.

    Attributes:
        n: images.
        mean: (F,) float64.
        squares: (F,) float64, sums of the squared distances from the mean.
        low: (F,).
        high: (F,).
    """

    n: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, moments: CoMoments) -> Marginals:
        """Return the marginals of a layer's co-moments; they hold nothing of these alive."""
        return cls(
            n=moments.n,
            mean=moments.mean.copy(),
            squares=moments.comoment.diagonal().copy(),
            low=moments.low.copy(),
            high=moments.high.copy(),
        )


def state_of(moments: Marginals, filter_: int) -> FilterState:
    """Return how a filter stands over the images behind its layer's co-moments."""
    n = moments.n
    if n == 0:
        return {
            "images": 0, "mean": None, "deviation": None, "low": None, "high": None,
            "constant": False, "dead": False,
        }  # fmt: skip
    low, high = float(moments.low[filter_]), float(moments.high[filter_])
    constant = n >= analysis.MINIMUM_IMAGES and low == high
    spread = math.sqrt(moments.squares[filter_] / (n - 1)) if n > 1 else math.nan
    return {
        "images": n,
        "mean": finite(moments.mean[filter_]),
        "deviation": finite(spread),
        "low": finite(low),
        "high": finite(high),
        "constant": constant,
        "dead": constant and low == 0.0,
    }


def neighbours(correlation: Correlation, filter_: int) -> tuple[list[Neighbour], list[Neighbour]]:
    """Return the filters nearest to one by r, and those most opposite to it.

    Args:
        correlation: of the layer.
        filter_: the filter.

    Returns:
        up to :data:`NEAREST` by falling r, and up to :data:`OPPOSITE` with r < 0 by rising r;
        equal ones by number. None of a filter that never varies.
    """
    row = correlation.r[filter_]
    others = np.flatnonzero(np.isfinite(row))
    others = others[others != filter_]
    falling = others[np.argsort(-row[others], kind="stable")]
    rising = others[np.argsort(row[others], kind="stable")][:OPPOSITE]
    nearest = falling[:NEAREST].tolist()
    opposite = [one for one in rising.tolist() if row[one] < 0.0 and one not in nearest]

    def made(other: int) -> Neighbour:
        r = float(row[other])
        low, high = analysis.fisher_interval(r, correlation.n)
        return {"filter": other, "r": r, "low": low, "high": high}

    return [made(one) for one in nearest], [made(one) for one in opposite]


def points(sample: LayerSample, filters: list[int]) -> list[list[float | None]]:
    """Return the GAP values of some filters on the same images, for scatter plots.

    Returns:
        for each filter, its values with five significant digits on up to :data:`POINTS` images of
        the sample, as many between each two.
    """
    count = len(sample.rows)
    at = np.linspace(0, count - 1, min(count, POINTS)).round().astype(int)
    return [_nested(sample.rows[at, one]) for one in filters]


def classes_payload(sample: LayerSample, filter_: int, classes: int) -> ClassValues:
    """Return a filter's values by class as the page draws them.

    Args:
        sample: of the layer.
        filter_: the filter.
        classes: number of classes.
    """
    found = analysis.by_class(sample.rows[:, filter_], sample.classes, classes)
    return {
        "images": len(sample.rows),
        "edges": found.edges.tolist(),
        "counts": found.counts.tolist(),
        "means": [finite(mean) for mean in found.means.tolist()],
        "ofClass": found.images.tolist(),
        "selectivity": finite(found.selectivity),
        "favourite": found.favourite,
    }


def kernel_payload(
    kernel: Kernel | None, filter_: int, before: Layer | None
) -> FilterKernel | None:
    """Return the weights of a filter as the page draws them; None when they are not stored.

    Args:
        kernel: of the layer.
        filter_: the filter.
        before: the tapped layer before it, None for the first. Where it has as many filters as
            the kernel has channels, these are its filters.
    """
    if kernel is None or filter_ >= len(kernel.spatial):
        return None
    norms = kernel.channels[filter_]
    strongest = np.argsort(-norms, kind="stable")[:CHANNELS]
    source = before.name if before is not None and before.filters == len(norms) else None
    weights = None if kernel.weights is None else kernel.weights[filter_]
    return {
        "size": (kernel.spatial.shape[1], kernel.spatial.shape[2]),
        "channels": len(norms),
        "weights": None if weights is None else _nested(weights),
        "spatial": _nested(kernel.spatial[filter_]),
        "strongest": [(int(one), significant(norms[one], _DIGITS) or 0.0) for one in strongest],
        "source": source,
    }


def _nested(values: NDArray[np.float32]) -> Any:
    """Return an array as nested lists of rounded numbers."""
    return [_nested(one) if one.ndim else significant(one.item(), _DIGITS) for one in values]
