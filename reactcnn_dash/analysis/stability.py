"""Does a clustering hold? Intervals of r, agreement with itself, and how many images are enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.agreement import adjusted_rand
from reactcnn_dash.analysis.clusters import cluster
from reactcnn_dash.analysis.correlation import CoMoments, correlation
from reactcnn_dash.analysis.proportions import NORMAL_95

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

TARGET = 0.8
"""Agreement (ARI) of two clusterings from which on they count as the same."""

SMALLEST = 32
"""Fewest images of a sample on the curve."""

FEW_IMAGES = 2 * SMALLEST
"""Below so many images r and clusters are no verdict: two samples of :data:`SMALLEST` cannot be
compared, and r of unrelated filters scatters by more than 0.25, see :func:`scatter`."""

SAMPLES = 8
"""Bootstrap samples."""

DRAWS = 3
"""Pairs of disjoint samples for each point of the curve."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """How well two clusterings of ``images`` images each agree, that share no image.

    Attributes:
        images: images behind each of the two.
        agreement: mean ARI over the repetitions.
        low: the lowest of them.
        high: the highest.
    """

    images: int
    agreement: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stability:
    """Whether the images of a run are enough for a layer's clusters.

    Attributes:
        images: usable images of the run that were drawn from.
        bootstrap: ARI of the clustering with that of each bootstrap sample (Efron 1979).
        curve: agreement against the number of images.
        enough: images from which on the agreement reaches :data:`TARGET`, as far as the curve
            tells; None when it does not rise towards it.
    """

    images: int
    bootstrap: tuple[float, ...]
    curve: tuple[CurvePoint, ...]
    enough: int | None


def scatter(images: int) -> float:
    """Return how far from 0 unrelated filters' r comes in 95 of 100 cases: 1.96 / √(n − 1) ≤ 1.

    The variance of r of two independent normal variables is 1 / (n − 1) (Pearson 1896, "Regression,
    heredity, and panmixia"; exact, see Kendall & Stuart).

    Args:
        images: n behind r, at least 2.
    """
    return min(1.0, NORMAL_95 / math.sqrt(images - 1))


def few_images(images: int) -> str | None:
    """Say why so few images give no verdict; None from :data:`FEW_IMAGES` on."""
    if images >= FEW_IMAGES:
        return None
    return (
        f"From {images:,} images: r of unrelated filters scatters by ± {scatter(images):.2f} "
        f"(1.96/√(n − 1)). Collect at least {FEW_IMAGES}."
    )


def fisher_interval(r: float, images: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a correlation, tanh(artanh r ± 1.96 / √(n − 3)).

    Fisher (1921), "On the probable error of a coefficient of correlation deduced from a small
    sample". It takes the images as independent and their values as roughly normal; GAP values are
    skewed, so that it errs a little on the narrow side.

    Args:
        r: Pearson's r.
        images: n behind it. Below 4 nothing is known: (-1, 1).
    """
    if images < 4 or math.isnan(r):
        return -1.0, 1.0
    if abs(r) >= 1.0:
        return r, r
    centre, half = math.atanh(r), NORMAL_95 / math.sqrt(images - 3)
    return math.tanh(centre - half), math.tanh(centre + half)


def stability(
    rows: npt.NDArray[np.floating],
    method: str,
    parameter: float,
    *,
    samples: int = SAMPLES,
    repetitions: int = DRAWS,
    seed: int = 0,
) -> Iterator[Stability]:
    """Cluster a layer again and again, and yield what is known after each step.

    Args:
        rows: (n, F) GAP values of one layer, n ≥ 2; rows that are not finite are left out.
        method: a key of ``METHODS``.
        parameter: its parameter.
        samples: bootstrap samples, each of n images drawn with replacement.
        repetitions: pairs of disjoint samples for each point of the curve.
        seed: of the draws.

    Yields:
        what stands so far; the last one is complete.

    Raises:
        TooFewImages: fewer than two usable rows.
    """
    usable = rows[np.isfinite(rows).all(axis=1)]
    rng = np.random.default_rng(seed)

    def labels(part: npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
        return cluster(correlation(CoMoments.of(part)), method, parameter)

    whole = labels(usable)
    count = len(usable)
    bootstrap: tuple[float, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    for size in _sizes(count):
        found = []
        for _ in range(repetitions):
            drawn = rng.permutation(count)[: 2 * size]
            halves = usable[drawn[:size]], usable[drawn[size:]]
            found.append(adjusted_rand(*(labels(half) for half in halves)))
        curve += (CurvePoint(size, float(np.mean(found)), min(found), max(found)),)
        yield Stability(count, bootstrap, curve, images_enough(curve))
    for _ in range(samples):
        again = labels(usable[rng.integers(0, count, count)])
        bootstrap += (adjusted_rand(whole, again),)
        yield Stability(count, bootstrap, curve, images_enough(curve))


def stability_steps(images: int) -> int:
    """Return how many steps :func:`stability` takes over so many usable rows."""
    return len(_sizes(images)) + SAMPLES


def images_enough(curve: tuple[CurvePoint, ...]) -> int | None:
    """Return the number of images from which two clusterings agree by :data:`TARGET`.

    Read off the curve where it gets there, by interpolation in the logarithm of the images;
    otherwise continued along 1 − agreement = c · images^−β, fitted by least squares to the
    logarithms of the upper half of the curve, as sampling error falls with a power of n.

    Returns:
        the number of images, two digits of it; None if the curve has not two points or does not
        rise.
    """
    if len(curve) < 2 or any(math.isnan(point.agreement) for point in curve):
        return None
    sizes = np.log([point.images for point in curve])
    missing = np.clip([1.0 - point.agreement for point in curve], 1e-6, None)
    reached = [k for k, point in enumerate(curve) if point.agreement >= TARGET]
    lasting = [k for k in reached if all(later in reached for later in range(k, len(curve)))]
    if lasting and lasting[0] == 0:
        return curve[0].images
    if lasting:
        k = lasting[0]
        share = (missing[k - 1] - (1 - TARGET)) / (missing[k - 1] - missing[k])
        return _rounded(math.exp(sizes[k - 1] + share * (sizes[k] - sizes[k - 1])))
    upper = slice(len(curve) // 2 if len(curve) >= 4 else 0, None)
    slope, start = np.polyfit(sizes[upper], np.log(missing[upper]), 1)
    if slope >= -0.05:
        return None
    wanted = (math.log(1 - TARGET) - start) / slope
    # Beyond a million times the images nothing is known.
    return _rounded(math.exp(wanted)) if wanted < sizes[-1] + 14 else None


def _sizes(count: int) -> list[int]:
    """Sample sizes that double up to half of the images."""
    sizes = [SMALLEST]
    while 2 * sizes[-1] <= count // 2:
        sizes.append(2 * sizes[-1])
    if sizes[-1] < count // 2:
        sizes.append(count // 2)
    return [size for size in sizes if 2 * size <= count]


def _rounded(images: float) -> int:
    digits = max(0, math.floor(math.log10(images)) - 1)
    step: int = 10**digits
    return math.ceil(images / step) * step
