"""What is usual for a layer, against SciPy, scikit-learn and regressions written out."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LinearRegression

from reactcnn_dash.analysis import (
    MINIMUM_ROWS,
    TooFewRows,
    fit_profile,
    image_score,
    relative_root,
)
from tests.analysis.layers import Matrix, Network


def test_the_first_layer_is_scored_by_the_mahalanobis_distance_of_scikit_learn() -> None:
    (rows, *_) = Network().rows(400, seed=1)
    profile = fit_profile([rows])
    root = relative_root(rows)
    u = (root - root[::2].mean(axis=0)) / root[::2].std(axis=0)
    reference = LedoitWolf().fit(u[::2])
    layer = profile.layers[0]
    assert layer.shrinkage == pytest.approx(reference.shrinkage_)
    (surprise,) = profile.surprises([rows[1::2]])
    np.testing.assert_allclose(surprise.distance, reference.mahalanobis(u[1::2]), rtol=1e-6)
    np.testing.assert_allclose(
        [mahalanobis(one, np.zeros(len(one)), layer.precision) ** 2 for one in u[1:20:2]],
        surprise.distance[:10],
    )
    np.testing.assert_allclose(layer.distances, np.sort(surprise.distance))


def test_a_layer_is_scored_by_what_the_layer_before_does_not_explain() -> None:
    layers = Network().rows(20_000, seed=1)[:2]
    profile = fit_profile(layers)
    roots = [relative_root(rows) for rows in layers]
    model = LinearRegression().fit(roots[0][::2], roots[1][::2])
    residual = roots[1][1::2] - model.predict(roots[0][1::2])
    _, surprise = profile.surprises([rows[1::2] for rows in layers])
    plain = np.einsum(
        "ij,jk,ik->i",
        residual,
        np.linalg.pinv(np.cov(residual.T)),
        residual,
    )
    # Shrinking changes little at so many images.
    assert np.corrcoef(plain, surprise.distance)[0, 1] > 0.97
    assert surprise.distance.mean() == pytest.approx(plain.mean(), rel=0.1)


def test_the_unexplained_part_of_a_filter_is_its_regression_on_the_others() -> None:
    rng = np.random.default_rng(5)
    rows = np.exp(0.3 * rng.normal(size=(40_000, 5)) + 0.3 * rng.normal(size=(40_000, 1)))
    profile = fit_profile([rows])
    layer = profile.layers[0]
    u = layer.standardised(rows)
    (surprise,) = profile.surprises([rows])
    for i in range(5):
        others = np.delete(u, i, axis=1)
        model = LinearRegression().fit(others[::2], u[::2, i])
        residual = u[:, i] - model.predict(others)
        found = surprise.unexplained[:, i] / np.sqrt(layer.precision[i, i])
        assert np.corrcoef(found, residual)[0, 1] > 0.999
    assert surprise.unexplained.std() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("images", [66, 120, 126, 130, 400])
def test_more_filters_than_images_give_what_the_plain_formulas_give(images: int) -> None:
    rng = np.random.default_rng(images)
    mixed = rng.normal(size=(2, 128, 128)) * np.exp(-np.arange(128) / 20)[:, None]
    first = np.exp(0.2 * rng.normal(size=(images, 128)) @ mixed[0])
    second = np.sqrt(first) @ np.abs(mixed[1]) + rng.random((images, 128))
    first[:, 5], second[:, 7] = 0.0, 3.0
    profile = fit_profile([first, second])
    u, v = (
        layer.standardised(rows)[::2]
        for layer, rows in zip(profile.layers, (first, second), strict=True)
    )
    plain = LedoitWolf(assume_centered=True).fit(u)
    coefficients = plain.precision_ @ u.T @ v / len(u)
    np.testing.assert_allclose(profile.layers[1].coefficients, coefficients, rtol=1e-5, atol=1e-7)
    residual = LedoitWolf().fit(v - u @ coefficients)
    for layer, expected in zip(profile.layers, (plain, residual), strict=True):
        assert layer.shrinkage == pytest.approx(expected.shrinkage_, rel=1e-6)
        largest = np.abs(expected.precision_).max()
        np.testing.assert_allclose(
            layer.precision, expected.precision_, rtol=1e-5, atol=1e-6 * largest
        )


@given(
    rows=arrays(np.float64, (6, 4), elements=st.floats(-1e6, 1e6)),
    factor=st.floats(1e-3, 1e3),
)
@settings(max_examples=60, deadline=None)
def test_relative_roots_know_no_contrast_and_keep_signs(*, rows: Matrix, factor: float) -> None:
    rows = np.where(np.abs(rows) < 1e-6, 0.0, rows)
    root = relative_root(rows)
    np.testing.assert_allclose(relative_root(rows * factor), root, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(np.sign(root), np.sign(rows))
    lengths = np.mean(root**2, axis=1)
    np.testing.assert_allclose(lengths[np.abs(rows).any(axis=1)], 1.0)


def test_tails_are_shares_of_usual_images() -> None:
    layers = Network().rows(1_000, seed=1)
    profile = fit_profile(layers)
    fresh = Network().rows(4_000, seed=2)
    for layer, surprise in zip(profile.layers, profile.surprises(fresh), strict=True):
        tail = layer.tail(surprise.distance)
        assert ((tail > 0) & (tail <= 1)).all()
        for share in (0.05, 0.2, 0.5):
            # Four standard errors of 500 calibration and 4,000 fresh images.
            error = 4 * np.sqrt(share * (1 - share) * (1 / 500 + 1 / 4_000))
            assert np.mean(tail <= share) == pytest.approx(share, abs=error)
        strangeness = layer.strangeness(layer.distances)
        assert strangeness.mean() == pytest.approx(0.0, abs=1e-9)
        assert strangeness.std() == pytest.approx(1.0)


def test_calibration_rows_score_as_fresh_ones_do_and_fitted_ones_do_not() -> None:
    widths = (20, 60, 60)
    layers = Network(widths=widths).rows(240, seed=1)
    profile = fit_profile(layers)
    fresh = Network(widths=widths).rows(2_000, seed=2)

    def scores(rows: list[Matrix]) -> Matrix:
        pairs = zip(profile.layers, profile.surprises(rows), strict=True)
        return image_score(np.stack([a.strangeness(b.distance) for a, b in pairs], axis=1))

    np.testing.assert_allclose(
        np.sort(scores([rows[1::2] for rows in layers])), profile.scores, rtol=1e-9
    )
    assert stats.ks_2samp(scores(fresh), profile.scores).pvalue > 0.001
    assert stats.ks_2samp(scores(fresh), scores([rows[::2] for rows in layers])).pvalue < 1e-6


def test_halves_change_places() -> None:
    layers = Network().rows(200, seed=1)
    one = fit_profile(layers, half=1)
    other = fit_profile([rows[np.arange(200) ^ 1] for rows in layers])
    for name in (field.name for field in fields(one.layers[0])):
        for a, b in zip(one.layers, other.layers, strict=True):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-6, atol=1e-9)


def test_images_without_numbers_are_left_out_of_every_layer() -> None:
    layers = Network().rows(200, seed=1)
    dirty = [np.insert(rows, 50, 0.7, axis=0) for rows in layers]
    dirty[2][50, 3] = np.nan
    clean, found = fit_profile(layers), fit_profile(dirty)
    np.testing.assert_array_equal(clean.scores, found.scores)
    assert (found.fitted, found.calibrated) == (100, 100)


def test_dead_duplicate_and_constant_filters_do_no_harm() -> None:
    first, second, *_ = Network().rows(300, seed=1)
    first = np.column_stack([first, first[:, 0], np.zeros(300)])
    dead = np.zeros((300, 5))
    profile = fit_profile([first, dead, second])
    for layer in profile.layers:
        for name in (field.name for field in fields(layer)):
            assert np.isfinite(getattr(layer, name)).all(), name
    assert np.isfinite(profile.scores).all()


def test_too_few_images_are_refused() -> None:
    layers = Network().rows(MINIMUM_ROWS, seed=1)
    assert fit_profile(layers).fitted == MINIMUM_ROWS // 2
    layers[1][7, 2] = np.inf
    with pytest.raises(TooFewRows, match="at least 64 images with finite values; there are 63"):
        fit_profile(layers)


@pytest.mark.parametrize("layers", [[], [np.zeros(80)], [np.zeros((80, 3)), np.zeros((81, 3))]])
def test_what_is_no_run_is_refused(layers: list[Matrix]) -> None:
    with pytest.raises(ValueError, match="same images"):
        fit_profile(layers)


@given(strangeness=arrays(np.float64, (3, 5), elements=st.floats(-1e3, 1e3)))
@settings(max_examples=60, deadline=None)
def test_an_image_scores_between_the_mean_and_the_strangest_of_its_layers(
    *, strangeness: Matrix
) -> None:
    score = image_score(strangeness)
    assert (score <= strangeness.max(axis=1) + 1e-9).all()
    assert (score >= strangeness.mean(axis=1) - 1e-9).all()
    assert (score >= strangeness.max(axis=1) - np.log(5) - 1e-9).all()
