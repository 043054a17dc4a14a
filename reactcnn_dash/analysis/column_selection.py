"""Which filters to keep so that the others are linear combinations of them.

A filter that looks like no other may still be a sum of several, so pairs say little about what can
go. What matters is how well those that stay explain what the consumers of a layer receive. That is
column subset selection, and here it is solved greedily: the filter that takes most of what is not
yet explained away is kept next (orthogonal forward selection, Chen, Cowan & Grant 1991; pivoted
Cholesky, Higham 1990), each consumer's unexplained part being weighed by what its weights make of
it. Selection by reconstruction goes back to He, Zhang & Sun (2017), "Channel pruning for
accelerating very deep neural networks"; second moments instead of images to Kim et al. (2020),
"Neuron merging", GRAIL (arXiv 2602.23795) and LinDeps (arXiv 2507.21573).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

EXPLAINED = 1e-9
"""Share of a filter's variation below which what is left of it is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What one consumer receives of the filters, and what it makes of them.

    Attributes:
        filters: (U,) int, the numbers of the filters that it receives, each once.
        moments: (U, U) float64, second moments of what it receives, over images and positions.
        weight: (U, U) float64, positive semidefinite: a deviation δ of what it receives costs
            δᵀ weight δ. W Wᵀ for a consumer that multiplies by W, the identity without any.
    """

    filters: npt.NDArray[np.intp]
    moments: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The order in which filters are worth keeping.

    Attributes:
        order: (n,) int, filter numbers, the most valuable first.
        residual: (n + 1,) float64, not increasing: what stays unexplained, summed over the
            consumers, when the first k of ``order`` are kept.
    """

    order: npt.NDArray[np.intp]
    residual: npt.NDArray[np.float64]


def select_filters(
    views: Sequence[View],
    candidates: npt.NDArray[np.intp],
    producers: npt.NDArray[np.intp],
    fixed: npt.NDArray[np.intp] | None = None,
) -> Selection:
    """Order filters by what they explain of all consumers, those before them being kept.

    Args:
        views: what the consumers receive; filters in them that are neither candidates nor fixed
            are explained but never chosen.
        candidates: (n,) the filters to order.
        producers: (n,) which layer makes each candidate. The first filters of the order are one of
            every layer, so that none is left empty as long as so many are kept.
        fixed: filters that stay in any case.

    Returns:
        All candidates in order. Cost O(n U²) for each view.
    """
    remaining = [_Remaining(view) for view in views]
    for filter_ in () if fixed is None else fixed:
        for one in remaining:
            one.keep(int(filter_))
    left = np.ones(len(candidates), bool)
    missing = set(np.unique(producers).tolist())
    order, residual = [], [sum(one.total for one in remaining)]
    position = {int(filter_): index for index, filter_ in enumerate(candidates)}
    for _ in range(len(candidates)):
        gains = np.zeros(len(candidates))
        for one in remaining:
            one.add_gains(gains, position)
        eligible = left & np.isin(producers, list(missing)) if missing else left
        chosen = int(np.argmax(np.where(eligible, gains, -1.0)))
        missing.discard(int(producers[chosen]))
        left[chosen] = False
        filter_ = int(candidates[chosen])
        for one in remaining:
            one.keep(filter_)
        order.append(filter_)
        residual.append(sum(one.total for one in remaining))
    return Selection(np.array(order, np.intp), np.minimum.accumulate(np.array(residual)))


class _Remaining:
    """What of a view is not explained by the filters kept so far.

    With S the moments given those kept and G the weight, keeping k takes (S G S)_kk / S_kk away.
    S is never formed: its column k is that of the beginning less the columns kept, as in a pivoted
    Cholesky factorisation, and the numerators are brought up to date by two products of a matrix
    and a vector.
    """

    def __init__(self, view: View) -> None:
        self._moments, self._weight = view.moments, view.weight
        self._index = {int(filter_): index for index, filter_ in enumerate(view.filters)}
        self._filters = view.filters
        weighted = view.moments @ view.weight
        self._left = np.diagonal(view.moments).astype(np.float64)
        self._least = EXPLAINED * np.maximum(self._left, 0.0)
        self._gain = np.einsum("ij,ij->i", weighted, view.moments)
        self._factor = np.zeros((len(view.filters), len(view.filters)), order="F")
        self._kept = 0
        self._all = self.total = max(float(np.trace(weighted)), 0.0)
        self._places: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None = None

    def add_gains(self, gains: npt.NDArray[np.float64], position: dict[int, int]) -> None:
        """Add what each candidate would take away to its place in ``gains``."""
        if self._places is None:
            pairs = [(position[f], i) for f, i in self._index.items() if f in position]
            where, here = np.array(pairs, np.intp).reshape(-1, 2).T
            self._places = where, here
        where, here = self._places
        usable = self._left[here] > self._least[here]
        found = here[usable]
        gains[where[usable]] += np.maximum(self._gain[found] / self._left[found], 0.0)

    def keep(self, filter_: int) -> None:
        """Take away what a filter explains."""
        k = self._index.get(filter_)
        if k is None or self._left[k] <= self._least[k]:
            return
        factor = self._factor[:, : self._kept]
        root = np.sqrt(self._left[k])
        column = (self._moments[:, k] - factor @ factor[k]) / root
        weighed = self._weight @ column
        answer = self._moments @ weighed - factor @ (factor.T @ weighed)
        energy = float(column @ weighed)
        self._gain -= 2.0 * column * answer - column**2 * energy
        self._left -= column**2
        self._left[k] = 0.0
        self._factor[:, self._kept] = column
        self._kept += 1
        self.total = max(self.total - energy, 0.0)
        if self.total < EXPLAINED * self._all:
            self.total = 0.0
