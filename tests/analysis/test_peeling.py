"""Variables taken out one by one, against conditional distributions written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactcnn_dash.analysis.peeling import peel


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(2, 12))
@settings(max_examples=60, deadline=None)
def test_each_deviates_from_its_conditional_distribution_given_those_left(
    *, seed: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(size, size + 2))
    covariance = factor @ factor.T / size + 0.1 * np.eye(size)
    precision, x = np.asarray(np.linalg.inv(covariance), np.float64), rng.normal(size=size)
    kept = precision.copy()
    found = peel(precision, precision @ x, np.zeros(size), np.ones(size), most=size, least=0.0)
    np.testing.assert_array_equal(precision, kept)
    left = list(range(size))
    assert sorted(one.variable for one in found) == left
    for one in found:
        deviations = {i: conditional(covariance, x, i, [j for j in left if j != i]) for i in left}
        residual, deviation = deviations[one.variable]
        assert one.residual == pytest.approx(residual, rel=1e-5, abs=1e-7)
        assert one.deviation == pytest.approx(deviation, rel=1e-5, abs=1e-7)
        assert abs(one.deviation) >= max(abs(d) for _, d in deviations.values()) - 1e-6
        left.remove(one.variable)


def conditional(
    covariance: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    x: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    i: int,
    others: list[int],
) -> tuple[float, float]:
    """Residual of x_i given the others, and the same in conditional standard deviations."""
    if not others:
        return float(x[i]), float(x[i] / np.sqrt(covariance[i, i]))
    slope = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, i])
    variance = covariance[i, i] - slope @ covariance[others, i]
    residual = float(x[i] - slope @ x[others])
    return residual, residual / float(np.sqrt(variance))


def test_who_follows_the_broken_one_is_not_named() -> None:
    covariance = np.full((6, 6), 0.95) + 0.05 * np.eye(6)
    precision = np.asarray(np.linalg.inv(covariance), np.float64)
    x = np.zeros(6)
    x[3] = 5.0
    weighted = precision @ x
    alone = weighted / np.sqrt(np.diagonal(precision))
    assert (np.abs(alone) > 3.0).all()
    found = peel(precision, weighted, np.zeros(6), np.ones(6), most=6, least=3.0)
    assert [one.variable for one in found] == [3]
    assert found[0].residual == pytest.approx(5.0)


def test_no_more_than_wanted() -> None:
    x = np.array([4.0, -5.0, 6.0])
    found = peel(np.eye(3), x, np.zeros(3), np.ones(3), most=2, least=1.0)
    assert [(one.variable, one.deviation) for one in found] == [(2, 6.0), (1, -5.0)]
    assert peel(np.eye(3), x, np.zeros(3), np.ones(3), most=0, least=1.0) == []
    assert peel(np.eye(3), x, np.zeros(3), np.ones(3), most=3, least=np.inf) == []
