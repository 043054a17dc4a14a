"""Shrunk covariance against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf as sklearn_ledoit_wolf

from reactcnn_dash.analysis import ledoit_wolf


@given(
    seed=st.integers(0, 2**32 - 1),
    images=st.integers(2, 80),
    filters=st.integers(2, 30),
    shared=st.floats(0.0, 2.0),
    scale=st.sampled_from([1e-4, 1.0, 1e5]),
    sparse=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_it_is_what_scikit_learn_finds(
    *, seed: int, images: int, filters: int, shared: float, scale: float, sparse: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(images, filters)) + shared * rng.normal(size=(images, 1))
    if sparse:
        rows = np.maximum(rows - 0.5, 0.0)
        rows[0, 0] += 1.0
    rows *= scale
    expected, shrinkage = sklearn_ledoit_wolf(rows)
    found, rho = ledoit_wolf(rows - rows.mean(axis=0))
    assert rho == pytest.approx(shrinkage, rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * scale**2)


def test_nothing_varies_and_nothing_breaks() -> None:
    found, rho = ledoit_wolf(np.zeros((10, 4)))
    assert rho == 0.0
    np.testing.assert_array_equal(found, np.zeros((4, 4)))


def test_many_images_need_no_shrinking() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(50_000, 3)) * [1.0, 2.0, 5.0]
    _, rho = ledoit_wolf(rows - rows.mean(axis=0))
    assert rho < 0.001
