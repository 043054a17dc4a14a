"""Values by class against NumPy's histogram and direct means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactcnn_dash.analysis.selectivity import by_class, selectivities, selectivity


@given(st.integers(0, 1000), st.integers(1, 200), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_histograms_and_means_are_numpys(seed: int, images: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.0, 1.0, images).astype(np.float32)
    classes = rng.integers(-1, count, images)
    found = by_class(values, classes, count, bins=7)
    for k in range(count):
        mine = values[classes == k].astype(np.float64)
        assert found.counts[k].tolist() == np.histogram(mine, found.edges)[0].tolist()
        assert found.images[k] == len(mine)
        if len(mine):
            assert found.means[k] == pytest.approx(mine.mean())
        else:
            assert np.isnan(found.means[k])
    if found.images.any():
        assert found.favourite == np.nanargmax(found.means)


def test_one_class_only_all_alike_and_none_at_all() -> None:
    only = by_class(np.array([0.0, 0.0, 3.0]), np.array([0, 1, 2]), 3)
    assert (only.selectivity, only.favourite) == (1.0, 2)
    assert by_class(np.full(6, 2.0), np.array([0, 1, 2] * 2), 3).selectivity == 0.0
    none = by_class(np.array([1.0, np.nan]), np.array([-1, 0]), 2)
    assert none.favourite is None
    assert np.isnan(none.selectivity)
    assert none.counts.sum() == 0
    assert selectivity(np.zeros(4)) == 0.0


def test_selectivity_is_the_formula_of_morcos_and_others() -> None:
    means = np.array([0.2, 1.0, 0.4])
    assert selectivity(means) == pytest.approx((1.0 - 0.3) / (1.0 + 0.3))


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 5))
def test_a_layers_selectivities_are_those_of_its_filters(
    seed: int, images: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.random((images, 4)).astype(np.float32)
    classes = rng.integers(-1, count, images)
    expected = [by_class(one, classes, count).selectivity for one in rows.T]
    np.testing.assert_allclose(selectivities(rows, classes), expected, rtol=1e-6, atol=1e-9)


def test_a_row_that_is_not_finite_counts_for_no_filter() -> None:
    rows = np.array([[1.0, 4.0], [np.nan, 9.0], [3.0, 4.0]], np.float32)
    found = selectivities(rows, np.array([0, 1, 1]))
    np.testing.assert_allclose(found, [0.5, 0.0])
