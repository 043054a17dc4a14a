"""Name what broke and not what merely follows it: deviating variables, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]


class Peeled(NamedTuple):
    """A variable that deviates from what the others say.

    Attributes:
        variable: its number.
        deviation: signed, in its usual deviations.
        residual: what it is above or below what the others say, in its own units.
    """

    variable: int
    deviation: float
    residual: float


def peel(
    precision: Matrix, weighted: Matrix, mean: Matrix, spread: Matrix, *, most: int, least: float
) -> list[Peeled]:
    """Take out the variable that deviates most given the others, then the next without it.

    With P the precision and y = P x, variable i deviates by (y_i / √P_ii − mean_i) / spread_i from
    what the others say. One that broke makes its neighbours look broken too, though never more: by
    at most the partial correlation's share of it. Marginalising it, y_j −= P_jk y_k / P_kk and
    P_jj −= P_jk² / P_kk, leaves them with what they deviate without it.

    Args:
        precision: (F, F) P, positive definite.
        weighted: (F,) y.
        mean: (F,) usual mean of y_i / √P_ii.
        spread: (F,) its usual standard deviation.
        most: variables to take at most.
        least: absolute deviation below which none is taken.

    Returns:
        What was taken, in that order; each given those that were not taken before it.
    """
    y, p = weighted.copy(), precision
    left = np.ones(len(y), dtype=bool)
    found: list[Peeled] = []
    for _ in range(min(most, len(y))):
        diagonal = np.maximum(np.diagonal(p), np.finfo(float).tiny)
        deviation = np.where(left, (y / np.sqrt(diagonal) - mean) / spread, 0.0)
        k = int(np.argmax(np.abs(deviation)))
        if not abs(deviation[k]) >= least:
            break
        residual = float(y[k] / p[k, k])
        found.append(Peeled(k, float(deviation[k]), residual))
        left[k] = False
        y = y - p[k] * residual
        p = p - np.outer(p[k], p[k] / p[k, k])
    return found
