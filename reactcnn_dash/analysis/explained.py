"""How much of each filter the filters that are kept explain, and by which few of them.

This is the evidence for redundancy: not that two filters look alike, but that the work of one can
be done by others. It is judged on other images than it was fitted on, since with enough filters
anything can be fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.column_selection import EXPLAINED, Selection, View, select_filters
from reactcnn_dash.analysis.handover import missed_squares, regression

if TYPE_CHECKING:
    import numpy.typing as npt

    from reactcnn_dash.analysis.correlation import CoMoments

FEW = 4
"""Most filters that are named as those that explain another."""

_NEARLY = 0.95
_MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the kept filters say of one that is not kept.

    Attributes:
        filter: its number.
        r2: share of its variation over the judged images and positions that all kept filters
            explain, out of sample; may be negative, 1 is everything. ``None`` for a filter that
            never varies there.
        by: the few kept filters that explain most of it, the strongest first.
        r2_by: what these few explain, out of sample.
    """

    filter: int
    r2: float | None
    by: tuple[int, ...]
    r2_by: float | None


def keepers(state: CoMoments, level: float) -> npt.NDArray[np.intp]:
    """Choose few filters so that each of the others is explained by them.

    Every filter counts by its own variance, so a weak one must be explained as well as a strong
    one.

    Args:
        state: second moments of F filters over images and positions.
        level: R² that every filter left out has to reach, in sample.

    Returns:
        The filters to keep, ascending; none that never varies.
    """
    variance = np.diagonal(state.comoment)
    varying = np.flatnonzero((state.low < state.high) & (variance > 0.0))
    if not len(varying):
        return varying
    scale = np.sqrt(variance[varying])
    r = state.comoment[np.ix_(varying, varying)] / np.outer(scale, scale)
    identity = np.eye(len(varying))
    numbers = np.arange(len(varying))
    found = select_filters([View(numbers, r, identity)], numbers, np.zeros_like(numbers))
    left = r.copy()
    for count, pivot in enumerate(found.order):
        if np.diagonal(left).max() <= 1.0 - level:
            return np.sort(varying[found.order[:count]])
        if left[pivot, pivot] > EXPLAINED:
            left -= np.outer(left[pivot], left[pivot]) / left[pivot, pivot]
    return varying


def explain(
    fitted: CoMoments, judged: CoMoments, kept: npt.NDArray[np.intp]
) -> tuple[Explanation, ...]:
    """Explain every filter that is not kept by those that are.

    The least squares fit of each filter by the kept ones, with a constant, is made from one half of
    the images and judged on the other.

    Args:
        fitted: second moments of F filters over the positions of some images.
        judged: the same over other images.
        kept: the filters that stay.

    Returns:
        One explanation a filter that is not kept, by number.
    """
    others = np.setdiff1d(np.arange(len(fitted.mean)), kept)
    coefficients = regression(fitted, others, kept)
    r2 = _judged(fitted, judged, others, kept, coefficients)
    by_all = np.einsum("ok,ok->o", coefficients, fitted.comoment[np.ix_(others, kept)])
    found = []
    for row, filter_ in enumerate(others.tolist()):
        by = _few(fitted, filter_, kept, float(by_all[row]))
        few = None
        if len(by) and r2[row] is not None:
            one = np.array([filter_])
            few = _judged(fitted, judged, one, by, regression(fitted, one, by))[0]
        found.append(Explanation(filter_, r2[row], tuple(by.tolist()), few))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """Which filters of a layer the others explain, out of sample.

    Attributes:
        level: the R² from which on a filter counts as explained.
        stay: filters that are kept to explain the rest, ascending.
        explained: an explanation of every other filter, by number.
    """

    level: float
    stay: tuple[int, ...]
    explained: tuple[Explanation, ...]

    @property
    def confirmed(self) -> frozenset[int]:
        """The filters that those that stay explain by the level at least, on other images."""
        return frozenset(
            one.filter for one in self.explained if one.r2 is not None and one.r2 >= self.level
        )


def plan_layer(fitted: CoMoments, judged: CoMoments, level: float) -> LayerPlan:
    """Say which filters of a layer could go since the others explain them.

    Filters are kept until those left are explained in sample by as much as the level and a little
    more, since on other images they are explained less well.

    Args:
        fitted: second moments of its filters over the positions of some images.
        judged: the same over other images.
        level: the R² from which on a filter counts as explained.
    """
    stay = keepers(fitted, level + _MARGIN * (1.0 - level))
    return LayerPlan(level, tuple(stay.tolist()), explain(fitted, judged, stay))


def unexplained(fitted: CoMoments, judged: CoMoments, kept: npt.NDArray[np.intp]) -> float:
    """Share of a layer's variation that the kept filters do not explain, out of sample.

    Args:
        fitted: second moments of its filters over the positions of some images.
        judged: the same over other images.
        kept: the filters that stay.

    Returns:
        From 0 to 1; more than 1 where a fit is worse than none counts as 1.
    """
    variation = np.maximum(np.diagonal(judged.comoment), 0.0)
    total = float(variation.sum())
    if total <= 0.0:
        return 0.0
    others = np.setdiff1d(np.arange(len(variation)), kept)
    r2 = _judged(fitted, judged, others, kept, regression(fitted, others, kept))
    missed = sum(
        (1.0 - one) * float(variation[filter_])
        for filter_, one in zip(others.tolist(), r2, strict=True)
        if one is not None
    )
    return float(np.clip(missed / total, 0.0, 1.0))


def explained_curve(fitted: CoMoments, judged: CoMoments, points: int = 24) -> Selection:
    """Order a layer's filters, and say what the first k of the order leave unexplained.

    Args:
        fitted: second moments of its filters over the positions of some images.
        judged: the same over other images.
        points: at how many k it is judged; between them the curve is straight.

    Returns:
        The order by what was fitted, the residual as :func:`unexplained` judges it, not increasing.
    """
    filters = len(fitted.mean)
    numbers = np.arange(filters)
    scale = max(float(np.trace(fitted.comoment)), np.finfo(float).tiny)
    view = View(numbers, fitted.comoment / scale, np.eye(filters))
    order = select_filters([view], numbers, np.zeros(filters, np.intp)).order
    counts = np.unique(np.geomspace(1, filters, points).round().astype(int))
    found = [unexplained(fitted, judged, np.sort(order[:count])) for count in counts]
    residual = np.interp(np.arange(filters + 1), [0, *counts], [1.0, *found])
    return Selection(order, np.minimum.accumulate(residual))


def _judged(
    fitted: CoMoments,
    judged: CoMoments,
    others: npt.NDArray[np.intp],
    kept: npt.NDArray[np.intp],
    coefficients: npt.NDArray[np.float64],
) -> list[float | None]:
    """R² of a fit on other images; the constant of the fit is held against it, too."""
    variation = np.diagonal(judged.comoment)[others]
    shift = judged.mean - fitted.mean
    missed = missed_squares(judged.comoment, others, kept, coefficients)
    missed += judged.n * (shift[others] - coefficients @ shift[kept]) ** 2
    varies = (judged.low < judged.high)[others] & (variation > 0.0)
    return [
        float(1.0 - error / total) if varied else None
        for error, total, varied in zip(missed, variation, varies, strict=True)
    ]


def _few(
    state: CoMoments, filter_: int, kept: npt.NDArray[np.intp], by_all: float
) -> npt.NDArray[np.intp]:
    """Return the kept filters that explain most of a filter, greedily, until they equal all.

    Orthogonal matching pursuit (Pati, Rezaiifar & Krishnaprasad 1993) on the second moments.
    """
    variance = np.diagonal(state.comoment)
    usable = kept[variance[kept] > 0.0]
    if not len(usable) or not variance[filter_] > 0.0:
        return usable[:0]
    target = np.array([filter_])
    chosen = usable[:0]
    for _ in range(min(FEW, len(usable))):
        fit = regression(state, target, chosen)[0]
        left = state.comoment[filter_, usable] - fit @ state.comoment[np.ix_(chosen, usable)]
        gain = np.where(np.isin(usable, chosen), -1.0, left**2 / variance[usable])
        chosen = np.append(chosen, usable[int(np.argmax(gain))])
        if _explained(state, target, chosen) >= _NEARLY * by_all:
            break
    return chosen


def _explained(state: CoMoments, target: npt.NDArray[np.intp], by: npt.NDArray[np.intp]) -> float:
    fit = regression(state, target, by)[0]
    return float(fit @ state.comoment[by, target[0]])
