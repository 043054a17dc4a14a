"""Give the consumers of filters that go new weights, so that they answer as before.

Two steps. What a filter did is first handed to those that explain it: with x ≈ M x_kept the kernel
W becomes Mᵀ W (Kim et al. 2020, "Neuron merging"), which is exact where a filter is a linear
combination of others. Then the kernel is fitted to what the layer answered in the original network,
on what it receives in the slimmed one (He, Zhang & Sun 2017, section 3.1; layer by layer, so that
errors of earlier layers are made up for), by ridge regression towards the first step's kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

RIDGES = (1e-3, 1e-2, 1e-1, 1.0)
"""Ridges that are tried, as shares of the mean second moment of an input."""

LEAST_GAIN = 1e-6
"""Share of the answers' variation below which a fit is not better than what it began with."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalEquations:
    """The sufficient statistics of a linear regression of F answers on D inputs.

    Attributes:
        n: number of rows.
        mean_x: (D,) float64.
        mean_y: (F,) float64.
        xx: (D, D) float64, sum over rows of (x - mean)(x - mean)ᵀ.
        xy: (D, F) float64, likewise.
        yy: (F,) float64, sum of squares of y - mean.
    """

    n: int
    mean_x: npt.NDArray[np.float64]
    mean_y: npt.NDArray[np.float64]
    xx: npt.NDArray[np.float64]
    xy: npt.NDArray[np.float64]
    yy: npt.NDArray[np.float64]

    @classmethod
    def of(cls, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> NormalEquations:
        """Return the state of some rows, (B, D) and (B, F), B ≥ 1; all finite."""
        first, second = x.astype(np.float64), y.astype(np.float64)
        mean_x, mean_y = first.mean(axis=0), second.mean(axis=0)
        first -= mean_x
        second -= mean_y
        return cls(
            n=len(first),
            mean_x=mean_x,
            mean_y=mean_y,
            xx=_gram(first),
            xy=first.T @ second,
            yy=np.einsum("bf,bf->f", second, second),
        )

    def merge(self, other: NormalEquations) -> NormalEquations:
        """Return the state of both sets of rows (Chan, Golub & LeVeque 1979).

        Neither operand changes.
        """
        total = self.n + other.n
        dx, dy = other.mean_x - self.mean_x, other.mean_y - self.mean_y
        share = self.n * other.n / total
        return NormalEquations(
            n=total,
            mean_x=self.mean_x + dx * (other.n / total),
            mean_y=self.mean_y + dy * (other.n / total),
            xx=self.xx + other.xx + np.outer(dx * share, dx),
            xy=self.xy + other.xy + np.outer(dx * share, dy),
            yy=self.yy + other.yy + dy * dy * share,
        )

    def centred_on_zero(self) -> NormalEquations:
        """Return the same without means: for a consumer that can carry no bias."""
        zeros_x, zeros_y = np.zeros_like(self.mean_x), np.zeros_like(self.mean_y)
        return NormalEquations(
            n=self.n,
            mean_x=zeros_x,
            mean_y=zeros_y,
            xx=self.xx + self.n * np.outer(self.mean_x, self.mean_x),
            xy=self.xy + self.n * np.outer(self.mean_x, self.mean_y),
            yy=self.yy + self.n * self.mean_y**2,
        )

    def missed(self, kernel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Sum of squared errors of each answer, (F,), for a kernel (D, F) with its best bias."""
        result: npt.NDArray[np.float64] = (
            self.yy
            - 2.0 * np.einsum("df,df->f", kernel, self.xy)
            + np.einsum("df,df->f", kernel, self.xx @ kernel)
        )
        return np.maximum(result, 0.0)


def _gram(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Products of all pairs of columns: half the work of a product that is not symmetric."""
    from scipy.linalg.blas import dsyrk  # noqa: PLC0415 - slow to import

    upper: npt.NDArray[np.float64] = dsyrk(1.0, rows.T)
    result = upper + upper.T
    result[np.diag_indices(len(result))] /= 2.0
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """A fitted kernel.

    Attributes:
        kernel: (D, F) float64.
        bias: (F,) float64, to be added; zeros without means.
        ridge: the ridge that was chosen, ``None`` where the kernel stayed what it was.
        r2: share of the answers' variation that the kernel gets right, on rows that it was not
            fitted to.
    """

    kernel: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    ridge: float | None
    r2: float


def refit(first: NormalEquations, second: NormalEquations, start: npt.NDArray[np.float64]) -> Refit:
    """Fit a kernel to the answers, no further from a first kernel than the rows warrant.

    The ridge is the one that is best on the second half when fitted to the first; then all rows are
    fitted. Where no ridge helps, the kernel stays as it is.

    Args:
        first: one half of the rows.
        second: the other half.
        start: (D, F) float64, the kernel to begin with.
    """
    from scipy.linalg import cho_factor, cho_solve  # noqa: PLC0415 - slow to import

    def fit(state: NormalEquations, ridge: float) -> npt.NDArray[np.float64]:
        size = float(np.trace(state.xx)) / len(state.xx)
        inner = state.xx.copy()
        inner[np.diag_indices(len(inner))] += ridge * size
        towards = state.xy - state.xx @ start
        step: npt.NDArray[np.float64] = cho_solve(
            cho_factor(inner, overwrite_a=True, check_finite=False), towards, check_finite=False
        )
        return start + step

    both = first.merge(second)
    total = max(float(second.yy.sum()), np.finfo(float).tiny)
    best, ridge = float(second.missed(start).sum()), None
    if np.trace(both.xx) > 0.0 and best > LEAST_GAIN * total:
        for tried in RIDGES:
            missed = float(second.missed(fit(first, tried)).sum())
            if missed < best - LEAST_GAIN * total:
                best, ridge = missed, tried
    kernel = start if ridge is None else fit(both, ridge)
    return Refit(kernel, both.mean_y - both.mean_x @ kernel, ridge, 1.0 - best / total)
