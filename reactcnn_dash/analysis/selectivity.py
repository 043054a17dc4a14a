"""What a filter answers to: its values by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class ClassValues:
    """One filter's GAP values by class; K classes, B bins.

    Attributes:
        edges: (B + 1,) float64, the bins' edges, from the lowest to the highest value.
        counts: (K, B) int64, images of each class in each bin.
        means: (K,) float64, mean of each class; NaN for a class without images.
        images: (K,) int64, images of each class.
        selectivity: see :func:`selectivity`.
        favourite: the class with the highest mean; None without labels.
    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    means: npt.NDArray[np.float64]
    images: npt.NDArray[np.int64]
    selectivity: float
    favourite: int | None


def by_class(
    values: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    count: int,
    *,
    bins: int = 24,
) -> ClassValues:
    """Sort one filter's values by class.

    Args:
        values: (n,) GAP values; those that are not finite are left out.
        classes: (n,) class of each image, −1 for none (left out).
        count: number of classes K.
        bins: B.
    """
    usable = np.isfinite(values) & (classes >= 0) & (classes < count)
    known, of = values[usable].astype(np.float64), classes[usable]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    # The last bin holds its upper edge, as NumPy's histogram has it.
    place = np.clip(np.searchsorted(edges, known, "right") - 1, 0, bins - 1)
    counts = np.zeros((count, bins), np.int64)
    np.add.at(counts, (of, place), 1)
    images = counts.sum(axis=1)
    sums = np.bincount(of, weights=known, minlength=count)
    means = np.divide(sums, images, out=np.full(count, np.nan), where=images > 0)
    present = images > 0
    return ClassValues(
        edges=edges,
        counts=counts,
        means=means,
        images=images,
        selectivity=selectivity(means[present]),
        favourite=int(np.nanargmax(means)) if present.any() else None,
    )


def selectivity(means: npt.NDArray[np.floating]) -> float:
    """Return how much a filter prefers one class: (μ_max − μ_rest) / (|μ_max| + |μ_rest|).

    μ_max is the highest class mean, μ_rest the mean of the others (Morcos, Barrett, Rabinowitz &
    Botvinick 2018, "On the importance of single directions for generalization", where values are
    never negative): 0 for a filter that does not care, 1 for one that answers to one class only.

    Args:
        means: (K,) class means; NaN with fewer than two.
    """
    if len(means) < 2:
        return float("nan")
    best = int(np.argmax(means))
    top, rest = float(means[best]), float(np.delete(means, best).mean())
    size = abs(top) + abs(rest)
    return (top - rest) / size if size > 0.0 else 0.0


def selectivities(
    rows: npt.NDArray[np.floating], classes: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """:func:`selectivity` of every filter of a layer.

    Args:
        rows: (n, F) GAP values; images with a value that is not finite are left out.
        classes: (n,) class of each image, −1 for none (left out).

    Returns:
        (F,), NaN with fewer than two classes.
    """
    usable = (classes >= 0) & np.isfinite(rows).all(axis=1)
    present, place, images = np.unique(classes[usable], return_inverse=True, return_counts=True)
    sums = np.zeros((len(present), rows.shape[1]))
    np.add.at(sums, place, rows[usable].astype(np.float64))
    means = sums / images[:, None]
    return np.array([selectivity(one) for one in means.T])
