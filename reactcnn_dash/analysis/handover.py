"""Hand the work of filters that go over to those that stay, and tell what of it nobody can do.

Each filter that goes is written as a linear combination of those that stay, plus a constant, as
their consumer receives them (Kim et al. 2020, "Neuron merging"). How far to trust the images is
judged for each filter: coefficients are fitted to one half of them by several ridges, and those are
taken that are best on the other half, so that an exact copy is handed over exactly and what a few
images happen to say is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from reactcnn_dash.analysis.correlation import CoMoments

RIDGES = (1e-12, 1e-9, 1e-6, 1e-4, 1e-2)
"""Ridges that are tried, as shares of the second moment of each filter that stays."""

EXACT = float((16.0 * np.finfo(np.float32).eps) ** 2)
"""Share of the energy of a consumer's answers that float32 cannot tell from none.

An answer is a sum of products, each rounded, of which 16 may err the same way. Below it what a
filter does is lost in how the answers were computed anyway.
"""

_ROUNDING = 1e-12
"""Share of a filter's own energy below which what is left of it is rounding of float64."""


@dataclass(frozen=True, slots=True, eq=False)
class Handover:
    """How the filters that stay do the work of G filters that go.

    Attributes:
        shares: (G, kept) float64, what each that goes is made of.
        constants: (G,) float64, what is to be added.
        missed: (G,) float64, mean square of what this misses on images that it was not fitted to.
    """

    shares: npt.NDArray[np.float64]
    constants: npt.NDArray[np.float64]
    missed: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """What one consumer receives of some filters.

    Attributes:
        filters: (U,) int, their numbers, each once.
        first: their second moments over the positions of one half of the images.
        second: the same over the other half.
        constant: what a constant costs, see :func:`hand_over`.
        weight: (U,) float64, the share of the energy of an answer that a filter's mean square makes
            up for each unit of it, in that answer where it is largest.
    """

    filters: npt.NDArray[np.intp]
    first: CoMoments
    second: CoMoments
    constant: float
    weight: npt.NDArray[np.float64]


def hand_over(
    first: CoMoments,
    second: CoMoments,
    gone: npt.NDArray[np.intp],
    kept: npt.NDArray[np.intp],
    constant: float = 0.0,
) -> Handover:
    """Write filters that go as linear combinations of those that stay.

    Args:
        first: second moments of all filters over one half of the images.
        second: the same over the other half.
        gone: those that go.
        kept: those that stay.
        constant: what a constant costs, as a share of its square: 0 where the consumer carries one
            everywhere, 1 where it carries none; between where it does so but not at the borders, so
            that one is used only for what the filters that stay cannot say.

    Returns:
        The combinations, fitted to all images.
    """
    best = np.full(len(gone), np.inf)
    missed = np.full(len(gone), np.inf)
    choice = np.zeros(len(gone), np.intp)
    half = _Equations(first, gone, kept, constant)
    for number, shares in enumerate(half.candidates()):
        judged, raw = _judged(first, second, gone, kept, shares=shares, constant=constant)
        better = judged < best
        best[better], missed[better], choice[better] = judged[better], raw[better], number
    both = first.merge(second)
    shares = np.zeros((len(gone), len(kept)))
    for number, found in enumerate(_Equations(both, gone, kept, constant).candidates(choice)):
        shares[choice == number] = found[choice == number]
    rest = both.mean[gone] - shares @ both.mean[kept]
    return Handover(shares, rest if constant < 1.0 else np.zeros(len(gone)), missed)


def regression(
    state: CoMoments, others: npt.NDArray[np.intp], kept: npt.NDArray[np.intp], ridge: float = 1e-6
) -> npt.NDArray[np.float64]:
    """Least squares coefficients of some filters on others, each centred on its mean.

    Args:
        state: second moments of all filters.
        others: those that are written as combinations.
        kept: those that they are combinations of.
        ridge: as a share of the variance of each of the latter, so that a weak filter counts like a
            strong one; it keeps copies apart.

    Returns:
        (others, kept) float64; zeros for what never varies.
    """
    return _Equations(state, others, kept, 0.0).solved(ridge)


def missed_squares(
    moments: npt.NDArray[np.float64],
    others: npt.NDArray[np.intp],
    kept: npt.NDArray[np.intp],
    shares: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the squares that linear combinations of filters miss, summed over positions.

    Args:
        moments: (F, F) second moments, sums over positions.
        others: those that are written as combinations.
        kept: those that they are combinations of.
        shares: (others, kept) the coefficients, of any fit.

    Returns:
        (others,) float64; rounding may leave it a little below 0.
    """
    missed: npt.NDArray[np.float64] = np.diagonal(moments)[others] - 2.0 * np.einsum(
        "gk,gk->g", shares, moments[np.ix_(others, kept)]
    )
    missed += np.einsum("gk,gk->g", shares @ moments[np.ix_(kept, kept)], shares)
    return missed


def lossless_filters(
    received: Sequence[Received],
    candidates: npt.NDArray[np.intp],
    producers: npt.NDArray[np.intp],
    fixed: npt.NDArray[np.intp],
) -> npt.NDArray[np.intp]:
    """Return the filters that have to stay so that no consumer's answers change.

    Those that the others leave most of unexplained stay first, measured by what it makes of the
    consumers' answers (Cholesky factorisation with pivots, Higham 1990), until what is left of each
    is lost in rounding, :data:`EXACT`. What then goes is judged on other images than it was fitted
    to: with few images anything seems explained, and what is not confirmed stays.

    Args:
        received: what each consumer receives, none without any images.
        candidates: (n,) the filters that may go.
        producers: (n,) which layer makes each; of every layer one stays.
        fixed: other filters that the consumers receive.

    Returns:
        Those of the candidates that stay, ascending.
    """
    remaining = [_Remaining(one) for one in received]
    for filter_ in fixed.tolist():
        for one in remaining:
            one.keep(filter_)
    position = {int(filter_): index for index, filter_ in enumerate(candidates)}
    stays = np.zeros(len(candidates), bool)
    missing = set(np.unique(producers).tolist())
    while not stays.all():
        left = np.full(len(candidates), -1.0)
        for one in remaining:
            one.raise_to(left, position)
        eligible = ~stays
        if left[eligible].max() <= EXACT:
            if not missing:
                break
            eligible &= np.isin(producers, list(missing))
        chosen = int(np.argmax(np.where(eligible, left, -2.0)))
        stays[chosen] = True
        missing.discard(int(producers[chosen]))
        for one in remaining:
            one.keep(int(candidates[chosen]))
    while not stays.all():
        kept = np.union1d(candidates[stays], fixed)
        refuted = [_refuted(one, candidates[~stays], kept) for one in received]
        more = np.isin(candidates, np.concatenate(refuted)) & ~stays
        if not more.any():
            break
        stays |= more
    return np.sort(candidates[stays])


def _refuted(
    one: Received, gone: npt.NDArray[np.intp], kept: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Return those that go of which a consumer would notice it on other images."""
    going = np.flatnonzero(np.isin(one.filters, gone))
    staying = np.flatnonzero(np.isin(one.filters, kept))
    if not len(going):
        return one.filters[:0]
    found = hand_over(one.first, one.second, going, staying, one.constant)
    return one.filters[going[~(found.missed * one.weight[going] <= EXACT)]]


class _Remaining:
    """What of a consumer's answers the filters kept so far do not explain, for each filter."""

    def __init__(self, received: Received) -> None:
        state = received.first.merge(received.second)
        # Where a constant has a price, one that nobody gives must not be lost.
        moments = _moments(state, 0.0 if received.constant == 0.0 else 1.0)
        energy = np.diagonal(moments) / max(state.n, 1)
        unit = _inverse_roots(np.diagonal(moments))
        self._moments = moments * unit[:, None] * unit
        self._worth = received.weight * energy
        self._left = np.diagonal(self._moments).copy()
        self._index = {int(filter_): index for index, filter_ in enumerate(received.filters)}
        self._factor = np.zeros(moments.shape, order="F")
        self._kept = 0
        self._places: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None = None

    def raise_to(self, left: npt.NDArray[np.float64], position: dict[int, int]) -> None:
        """Raise what is left of each candidate to what is left of it here."""
        if self._places is None:
            pairs = [(position[f], i) for f, i in self._index.items() if f in position]
            where, here = np.array(pairs, np.intp).reshape(-1, 2).T
            self._places = where, here
        where, here = self._places
        left[where] = np.maximum(left[where], (self._worth * self._left)[here])

    def keep(self, filter_: int) -> None:
        """Take away what a filter explains."""
        k = self._index.get(filter_)
        if k is None or self._left[k] <= _ROUNDING:
            return
        factor = self._factor[:, : self._kept]
        column = (self._moments[:, k] - factor @ factor[k]) / np.sqrt(self._left[k])
        self._left = np.maximum(self._left - column**2, 0.0)
        self._left[k] = 0.0
        self._factor[:, self._kept] = column
        self._kept += 1


class _Equations:
    """The normal equations of some filters on others, each in the unit of its own strength."""

    def __init__(
        self,
        state: CoMoments,
        gone: npt.NDArray[np.intp],
        kept: npt.NDArray[np.intp],
        constant: float,
    ) -> None:
        moments = _moments(state, constant)
        self._unit = _inverse_roots(np.diagonal(moments)[kept])
        self._inner = moments[np.ix_(kept, kept)] * self._unit[:, None] * self._unit
        self._across = moments[np.ix_(kept, gone)] * self._unit[:, None]

    def candidates(
        self, wanted: npt.NDArray[np.intp] | None = None
    ) -> Iterator[npt.NDArray[np.float64]]:
        """Yield coefficients, (gone, kept): none, those of one other filter, those by each ridge.

        Those that nobody wants are zeros, where it is known which are wanted.
        """
        nothing = np.zeros(self._across.T.shape)
        for number in range(len(RIDGES) + 2):
            unwanted = wanted is not None and not (wanted == number).any()
            if number == 0 or unwanted or not nothing.size:
                yield nothing
            elif number == 1:
                found = nothing.copy()
                rows, alike = np.arange(len(found)), np.abs(self._across).argmax(axis=0)
                found[rows, alike] = self._across[alike, rows]
                yield found * self._unit
            else:
                yield self.solved(RIDGES[number - 2])

    def solved(self, ridge: float) -> npt.NDArray[np.float64]:
        """Return the coefficients, (gone, kept), by a ridge."""
        inner = self._inner.copy()
        inner[np.diag_indices(len(inner))] += ridge
        return np.asarray(np.linalg.solve(inner, self._across).T * self._unit, np.float64)


def _moments(state: CoMoments, constant: float) -> npt.NDArray[np.float64]:
    """Second moments in which a constant has a price; what does not vary is rid of rounding."""
    varies = state.low < state.high
    result: npt.NDArray[np.float64] = np.where(varies[:, None] & varies, state.comoment, 0.0)
    return result + constant * state.n * np.outer(state.mean, state.mean)


def _inverse_roots(energy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    roots = np.sqrt(energy)
    return np.divide(1.0, roots, out=np.zeros_like(roots), where=roots > 0.0)


def _judged(
    fitted: CoMoments,
    judged: CoMoments,
    gone: npt.NDArray[np.intp],
    kept: npt.NDArray[np.intp],
    *,
    shares: npt.NDArray[np.float64],
    constant: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean square of what a fit misses on other images: to choose by, and as consumers notice it.

    The latter counts a constant in full wherever it has a price: at the borders it is missing.
    """
    missed = missed_squares(_moments(judged, 0.0), gone, kept, shares)
    missed = np.maximum(missed, 0.0) / max(judged.n, 1)
    shift = judged.mean - fitted.mean
    moved = (shift[gone] - shares @ shift[kept]) ** 2
    offset = (judged.mean[gone] - shares @ judged.mean[kept]) ** 2
    if constant == 0.0:
        return missed + moved, missed + moved
    return missed + moved * (constant < 1.0) + constant * offset, missed + offset
