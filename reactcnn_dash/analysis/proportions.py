"""How far a share that was counted over some images can be trusted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NORMAL_95 = 1.959963984540054
"""The two-sided 95 % quantile of a normal variable."""


def wilson_interval(count: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, by Wilson's score (1927).

    Args:
        count: how many have it.
        of: of how many; at least 1.
    """
    share = count / of
    middle = (share + NORMAL_95**2 / (2 * of)) / (1 + NORMAL_95**2 / of)
    half = (
        NORMAL_95
        * math.sqrt(share * (1 - share) / of + NORMAL_95**2 / (4 * of**2))
        / (1 + NORMAL_95**2 / of)
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def change_interval(
    before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the 95 % interval of the change of a share, both of it over the same images.

    Newcombe's (1998, "Improved confidence intervals for the difference between binomial proportions
    based on paired data", method 10): of the two shares' Wilson intervals, with their correlation
    over the images. It leaves a doubt where no image changes.

    Args:
        before: (n,) bool, whether each image has it; n at least 1.
        after: the same afterwards.
    """
    n = len(before)
    both, neither = int((before & after).sum()), int((~before & ~after).sum())
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    first, second = (both + lost) / n, (both + gained) / n
    low_1, high_1 = wilson_interval(both + lost, n)
    low_2, high_2 = wilson_interval(both + gained, n)
    shared = _correlation(both, gained, lost, neither)
    down, up = (
        math.sqrt(max(one**2 - 2 * shared * one * other + other**2, 0.0))
        for one, other in ((second - low_2, high_1 - first), (high_2 - second, first - low_1))
    )
    change = second - first
    return max(-1.0, change - down), min(1.0, change + up)


def _correlation(both: int, gained: int, lost: int, neither: int) -> float:
    """Of two yes-or-no answers, corrected for counting in whole images where it is positive."""
    margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    if not margins:
        return 0.0
    excess = float(both * neither - gained * lost)
    if excess > 0:
        excess = max(excess - (both + gained + lost + neither) / 2, 0.0)
    return excess / math.sqrt(margins)
