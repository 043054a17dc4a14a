"""Two layers over the same images, streamed: the statistics behind everything that is compared.

Rows come in pairs, one of each run for the same image. They are folded into a
:class:`CrossMoments`, whose size does not depend on the number of images; states merge, in any
order and any split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.correlation import (
    Accumulator,
    CoMoments,
    TooFewImages,
    correlation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class CrossMoments:
    """The sufficient statistics of paired rows x (F1 filters) and y (F2 filters).

    Attributes:
        x: co-moments of the first rows.
        y: co-moments of the second rows, over the same images.
        cross: (F1, F2) float64, sum over the pairs of (x_i - mean x_i)(y_j - mean y_j).
    """

    x: CoMoments
    y: CoMoments
    cross: npt.NDArray[np.float64]

    @property
    def n(self) -> int:
        """Number of pairs (images) folded in."""
        return self.x.n

    @classmethod
    def empty(cls, first: int, second: int) -> CrossMoments:
        """Return the state of no pairs at all of ``first`` and ``second`` filters."""
        return cls(CoMoments.empty(first), CoMoments.empty(second), np.zeros((first, second)))

    @classmethod
    def of(cls, x: npt.ArrayLike, y: npt.ArrayLike) -> CrossMoments:
        """Return the state of some pairs.

        Args:
            x: (B, F1) of any real dtype, B ≥ 0.
            y: (B, F2) of any real dtype. Pairs with a value that is not finite, in either row, are
                left out, so ``n`` may be below B.

        Raises:
            ValueError: ``x`` or ``y`` has not two dimensions, or they have not as many rows.
        """
        first, second = np.asarray(x), np.asarray(y)
        if first.ndim != 2 or second.ndim != 2 or len(first) != len(second):
            raise ValueError(
                "Paired rows are two matrices (images, filters) of as many images, not of shapes "
                f"{first.shape} and {second.shape}."
            )
        return _split(CoMoments.of(np.hstack([first, second])), first.shape[1])

    def merge(self, other: CrossMoments) -> CrossMoments:
        """Return the state of both sets of pairs together; neither operand changes.

        Raises:
            ValueError: the states are of different numbers of filters.
        """
        if self.cross.shape != other.cross.shape:
            raise ValueError(
                f"States of {self.cross.shape} and {other.cross.shape} filters do not merge."
            )
        return _split(self._joined().merge(other._joined()), self.cross.shape[0])

    def _joined(self) -> CoMoments:
        """Return the same as co-moments of rows in which x and y stand side by side."""
        x, y = self.x, self.y
        return CoMoments(
            n=x.n,
            mean=np.concatenate([x.mean, y.mean]),
            comoment=np.block([[x.comoment, self.cross], [self.cross.T, y.comoment]]),
            low=np.concatenate([x.low, y.low]),
            high=np.concatenate([x.high, y.high]),
        )


def _split(both: CoMoments, first: int) -> CrossMoments:
    """Co-moments of rows that stand side by side, the first ``first`` filters being x."""
    x, y = (
        CoMoments(
            n=both.n,
            mean=both.mean[side],
            comoment=both.comoment[side, side],
            low=both.low[side],
            high=both.high[side],
        )
        for side in (slice(first), slice(first, None))
    )
    return CrossMoments(x, y, both.comoment[:first, first:])


class CrossSum:
    """Folds pairs into the cross co-moment alone, where each side's own co-moments are known.

    A third of the work of :class:`CrossAccumulator`, and no update of means: the deviations are
    taken from the means over all pairs from the beginning.

    Args:
        x: co-moments of the first layer over all pairs that will be taken in.
        y: the same of the second layer.
    """

    def __init__(self, x: CoMoments, y: CoMoments) -> None:
        self._x, self._y = x, y
        self._cross = np.zeros((len(x.mean), len(y.mean)))
        self._n = 0

    def add(self, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> None:
        """Take in pairs, (B, F1) and (B, F2); those with a value that is not finite are left out.

        Raises:
            ValueError: the rows are not of F1 and F2 filters, or not equally many.
        """
        first, second = x - self._x.mean, y - self._y.mean
        finite = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
        if not finite.all():
            first, second = first[finite], second[finite]
        self._cross += first.T @ second
        self._n += len(first)

    @property
    def complete(self) -> bool:
        """Whether the pairs taken in are those behind both sides' own co-moments."""
        return self._n == self._x.n == self._y.n

    def state(self) -> CrossMoments:
        """Return the state of the pairs; without meaning until it is :attr:`complete`."""
        return CrossMoments(self._x, self._y, self._cross)


class CrossAccumulator:
    """Folds pairs into one state in place; equal to ``of`` and ``merge`` up to rounding.

    Both rows of a pair stand side by side in one :class:`Accumulator`: its single symmetric update
    holds all three co-moments, costs what they cost one by one, and passes over the rows once.

    Not safe for several threads at a time.

    Args:
        first: F1, filters of the first layer.
        second: F2, filters of the second layer.
        block: pairs folded at once, ≥ 1.

    Raises:
        ValueError: ``block`` is below 1.
    """

    def __init__(self, first: int, second: int, *, block: int = 256) -> None:
        self._first = first
        self._both = Accumulator(first + second, block=block)

    def add(self, x: npt.ArrayLike, y: npt.ArrayLike) -> None:
        """Take in pairs, (B, F1) and (B, F2) of any real dtype; not finite ones are left out.

        Raises:
            ValueError: the rows are not of F1 and F2 filters, or not equally many.
        """
        first = np.asarray(x)
        if first.shape[1:] != (self._first,):
            raise ValueError(f"Rows of shape {first.shape} are not of {self._first} filters.")
        self._both.add(np.hstack([first, np.asarray(y)]))

    def state(self) -> CrossMoments:
        """Return a copy of the state of every pair taken in so far; cost O((F1 + F2)²)."""
        return _split(self._both.state(), self._first)


def cross_correlation(state: CrossMoments) -> npt.NDArray[np.float64]:
    """Pearson's r of every filter of the first with every filter of the second layer.

    r_ij = C_xy,ij / √(C_xx,ii C_yy,jj).

    Returns:
        (F1, F2) float64 in [-1, 1]; NaN in the rows and columns of filters that do not vary.

    Raises:
        TooFewImages: fewer pairs than a correlation needs.
    """
    scales = [_scale(side) for side in (state.x, state.y)]
    r = state.cross / scales[0][:, None]
    r /= scales[1]
    return np.clip(r, -1.0, 1.0, out=r)


def linear_cka(state: CrossMoments) -> float:
    """Linear centred kernel alignment of two layers, in [0, 1]; NaN if one of them is constant.

    ‖C_xy‖²_F / (‖C_xx‖_F ‖C_yy‖_F): Kornblith, Norouzi, Lee & Hinton (2019), "Similarity of neural
    network representations revisited", section 3. It does not change when filters are permuted,
    rotated, or scaled by one common factor.

    Raises:
        TooFewImages: fewer pairs than a correlation needs.
    """
    if state.n < 2:
        raise TooFewImages(state.n)
    norms = np.linalg.norm(state.x.comoment) * np.linalg.norm(state.y.comoment)
    constant = any((side.low == side.high).all() for side in (state.x, state.y))
    if constant or not norms > 0.0:
        return float("nan")
    return min(1.0, float(np.linalg.norm(state.cross)) ** 2 / float(norms))


def cka_matrix(
    x: Sequence[npt.NDArray[np.floating]], y: Sequence[npt.NDArray[np.floating]]
) -> npt.NDArray[np.float64]:
    """Linear CKA of every layer of one run with every layer of the other, over a few images.

    The same number as :func:`linear_cka`, by way of the n × n Gram matrices of the centred rows:
    ‖C_xy‖²_F = ⟨K, L⟩ with K = X Xᵀ and L = Y Yᵀ. For a few images and many filters that is many
    times less work than all co-moments between layers, and memory grows with n².

    Args:
        x: one (n, F) matrix of finite values a layer of the first run.
        y: the same for the second run, the same images in the same order.

    Returns:
        (layers of the first, layers of the second) float64; NaN where a layer is constant.

    Raises:
        TooFewImages: fewer images than a correlation needs.
    """
    images = min((len(rows) for rows in (*x, *y)), default=0)
    if images < 2:
        raise TooFewImages(images)
    first = np.stack([_gram(rows) for rows in x])
    result = np.empty((len(x), len(y)))
    for column, rows in enumerate(y):
        # One Gram matrix of the second run at a time: half the memory.
        result[:, column] = first @ _gram(rows)
    return np.minimum(result, 1.0)


def _gram(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the Gram matrix of centred rows as one vector of norm 1; NaN for a constant layer."""
    centred = rows.astype(np.float64)
    constant = (centred == centred[0]).all()
    centred -= centred.mean(axis=0)
    gram = (centred @ centred.T).ravel()
    norm = np.linalg.norm(gram)
    if constant or not norm > 0.0:
        return np.full(gram.shape, np.nan)
    gram /= norm
    return gram


def _scale(side: CoMoments) -> npt.NDArray[np.float64]:
    """Root of each filter's co-moment, NaN where its correlation is undefined."""
    defined = ~np.isnan(np.diagonal(correlation(side).r))
    return np.sqrt(np.where(defined, np.diagonal(side.comoment), np.nan))
