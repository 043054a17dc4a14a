"""Intervals of shares, against SciPy's and against what is drawn at random."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from reactcnn_dash.analysis import change_interval, wilson_interval


@pytest.mark.parametrize(("count", "of"), [(0, 5), (5, 5), (1, 30), (1770, 2000), (3, 7)])
def test_a_share_has_wilsons_interval(count: int, of: int) -> None:
    truth = binomtest(count, of).proportion_ci(method="wilson")
    assert wilson_interval(count, of) == pytest.approx((truth.low, truth.high), abs=1e-9)


@pytest.mark.parametrize(("lost", "gained"), [(0.02, 0.01), (0.1, 0.1), (0.005, 0.0)])
def test_the_interval_of_a_change_holds_the_truth_in_some_95_of_100_draws(
    lost: float, gained: float
) -> None:
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(1000):
        before = generator.random(400) < 0.8
        chance = generator.random(400)
        after = np.where(before, chance >= lost / 0.8, chance < gained / 0.2)
        low, high = change_interval(before, after)
        held += low <= gained - lost <= high
    assert 0.93 <= held / 1000 <= 1.0


def test_the_same_answers_leave_a_doubt() -> None:
    right = np.ones(50, bool)
    low, high = change_interval(right, right)
    assert low < 0 < high
    assert low == pytest.approx(-high)
