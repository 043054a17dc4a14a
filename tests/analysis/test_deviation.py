"""Robust deviations of GAP values, against the normal distribution and cases made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from reactcnn_dash.analysis import FilterQuantiles
from reactcnn_dash.analysis.deviation import LIMIT


def test_a_normal_filter_deviates_by_its_standard_score() -> None:
    rng = np.random.default_rng(1)
    table = FilterQuantiles.of(rng.normal(3.0, 2.0, size=(20_000, 1)))
    z = np.linspace(-3, 3, 25)
    np.testing.assert_allclose(table.deviation(3.0 + 2.0 * z[:, None])[:, 0], z, atol=0.2)


def test_a_skewed_filter_deviates_by_its_rank() -> None:
    rng = np.random.default_rng(2)
    table = FilterQuantiles.of(rng.lognormal(size=(20_000, 1)))
    x = np.exp(np.linspace(-2.5, 2.5, 21))
    expected = stats.norm.ppf(stats.lognorm.cdf(x, 1.0))
    np.testing.assert_allclose(table.deviation(x[:, None])[:, 0], expected, atol=0.15)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7, 0.95])
def test_zeros_shared_by_many_images_have_the_middle_of_their_ranks(share: float) -> None:
    n = 2_000
    zeros = round(share * n)
    column = np.concatenate([np.zeros(zeros), np.linspace(1.0, 2.0, n - zeros)])
    table = FilterQuantiles.of(column[:, None])
    found = table.deviation([[0.0], [1e-6], [1.5], [2.0]])[:, 0]
    assert found[0] == pytest.approx(stats.norm.ppf(share / 2), abs=0.1)
    assert np.all(np.diff(found) > 0)
    assert found[2] == pytest.approx(stats.norm.ppf(share + (1 - share) / 2), abs=0.1)


def test_a_filter_that_never_varied_is_at_the_limit_once_it_does() -> None:
    table = FilterQuantiles.of(np.column_stack([np.zeros(50), np.full(50, 0.3)]))
    found = table.deviation([[0.0, 0.3], [0.1, 0.4], [-0.1, 0.2]])
    np.testing.assert_array_equal(found, [[0, 0], [LIMIT, LIMIT], [-LIMIT, -LIMIT]])


def test_beyond_everything_seen_a_deviation_goes_on_in_a_straight_line() -> None:
    table = FilterQuantiles.of(np.arange(101.0)[:, None])
    most = stats.norm.ppf(101 / 102)
    assert table.deviation([[100.0]])[0, 0] == pytest.approx(most)
    # Half as far beyond the greatest value as that is from the median.
    assert table.deviation([[125.0]])[0, 0] == pytest.approx(1.5 * most)
    assert table.deviation([[-25.0]])[0, 0] == pytest.approx(-1.5 * most)
    assert table.deviation([[1e9]])[0, 0] == LIMIT


def test_filters_that_are_mostly_at_their_extreme_go_on_by_their_whole_spread() -> None:
    column = np.concatenate([np.zeros(90), np.linspace(0.1, 1.0, 10)])
    found = FilterQuantiles.of(column[:, None]).deviation([[-1.0], [0.0], [2.0]])[:, 0]
    assert -LIMIT < found[0] < found[1] < found[2] < LIMIT


def test_what_is_not_a_number_is_left_out_and_stays_so() -> None:
    rows = np.arange(20.0)[:, None].repeat(2, axis=1)
    dirty = np.vstack([rows, [[np.nan, 1.0]], [[1.0, np.inf]]])
    clean, found = FilterQuantiles.of(rows), FilterQuantiles.of(dirty)
    assert found.n == clean.n == 20
    np.testing.assert_array_equal(found.values, clean.values)
    value = found.deviation([[np.nan, np.inf]])
    assert np.isnan(value[0, 0])
    assert value[0, 1] == LIMIT


@pytest.mark.parametrize("rows", [np.zeros(3), np.zeros((1, 3)), np.full((5, 2), np.nan)])
def test_too_little_is_refused(rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    with pytest.raises(ValueError, match=r"matrix|at least 2"):
        FilterQuantiles.of(rows)


@given(
    rows=arrays(np.float32, (30, 2), elements=st.floats(-100, 100, width=32)),
    values=arrays(np.float32, (15, 2), elements=st.floats(-300, 300, width=32)),
)
@settings(max_examples=80, deadline=None)
def test_deviations_rise_with_the_value_and_are_bounded(
    *,
    rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> None:
    table = FilterQuantiles.of(rows)
    found = table.deviation(np.sort(values, axis=0))
    assert np.isfinite(found).all()
    assert (np.abs(found) <= LIMIT).all()
    assert (np.diff(found, axis=0) >= -1e-9).all()
    own = table.deviation(rows)
    most = stats.norm.ppf(30 / 31)
    assert (np.abs(own) <= most + 1e-9).all()
