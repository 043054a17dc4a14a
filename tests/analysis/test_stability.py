"""Intervals, bootstrap agreement and the curve, against SciPy and layers made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import adjusted_rand_score

from reactcnn_dash.analysis import CoMoments, TooFewImages, cluster, correlation
from reactcnn_dash.analysis.stability import (
    FEW_IMAGES,
    TARGET,
    CurvePoint,
    few_images,
    fisher_interval,
    images_enough,
    scatter,
    stability,
)


@given(st.floats(-0.99, 0.99), st.integers(4, 2000))
@settings(max_examples=50, deadline=None)
def test_the_interval_is_scipys(r: float, images: int) -> None:
    # Two vectors with exactly this correlation, for SciPy to measure.
    rng = np.random.default_rng(images)
    base = np.linalg.qr(np.column_stack([np.ones(images), rng.standard_normal((images, 2))]))[0]
    x, y = base[:, 1], r * base[:, 1] + np.sqrt(1 - r**2) * base[:, 2]
    expected = stats.pearsonr(x, y).confidence_interval(0.95)
    assert fisher_interval(r, images) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_the_interval_without_knowledge_and_of_a_perfect_pair() -> None:
    assert fisher_interval(0.5, 3) == (-1.0, 1.0)
    assert fisher_interval(float("nan"), 100) == (-1.0, 1.0)
    assert fisher_interval(1.0, 100) == (1.0, 1.0)


def groups(images: int, noise: float, seed: int = 0) -> np.ndarray:
    """Five groups of four filters each that share a drive, with noise of their own."""
    rng = np.random.default_rng(seed)
    drive = np.repeat(rng.standard_normal((images, 5)), 4, axis=1)
    return drive + noise * rng.standard_normal(drive.shape)


def test_groups_that_stand_apart_hold_at_once() -> None:
    *steps, last = stability(groups(600, 0.2), "leiden-cpm", 0.5)
    assert last.bootstrap == (1.0,) * 8
    assert [point.images for point in last.curve] == [32, 64, 128, 256, 300]
    assert all(point.agreement == 1.0 for point in last.curve)
    assert (last.images, last.enough) == (600, 32)
    # What stands so far is told on the way.
    assert len(steps) == 5 + 8 - 1
    assert [len(step.curve) for step in steps[:5]] == [1, 2, 3, 4, 5]


def test_bootstrap_agreement_is_scikit_learns() -> None:
    rows = groups(200, 1.0, seed=3)
    *_, last = stability(rows, "louvain", 1.0, samples=2, seed=5)
    assert len(last.bootstrap) == 2
    whole = cluster(correlation(CoMoments.of(rows)), "louvain", 1.0)
    rng = np.random.default_rng(5)
    for _ in range(3 * len(last.curve)):
        rng.permutation(200)
    for found in last.bootstrap:
        again = cluster(correlation(CoMoments.of(rows[rng.integers(0, 200, 200)])), "louvain", 1.0)
        assert found == pytest.approx(adjusted_rand_score(whole, again))


def test_noisy_groups_need_more_images_than_there_are() -> None:
    *_, few = stability(groups(128, 2.0), "leiden-cpm", 0.15, samples=1)
    *_, many = stability(groups(6000, 2.0), "leiden-cpm", 0.15, samples=1)
    assert few.curve[-1].agreement < TARGET
    assert many.curve[-1].agreement >= TARGET
    assert many.enough is not None
    assert 64 < many.enough <= 3000
    assert few.enough is None or few.enough > 64


def test_rows_that_are_not_finite_are_left_out() -> None:
    rows = groups(100, 0.2)
    rows[7, 3] = np.nan
    *_, last = stability(rows, "leiden-cpm", 0.5, samples=1)
    assert last.images == 99
    with pytest.raises(TooFewImages):
        next(stability(rows[7:8], "leiden-cpm", 0.5))


def point(images: int, agreement: float) -> CurvePoint:
    return CurvePoint(images, agreement, agreement, agreement)


def power_law(c: float, beta: float, sizes: list[int]) -> tuple[CurvePoint, ...]:
    return tuple(point(size, 1 - c * size**-beta) for size in sizes)


def test_how_many_images_are_enough_follows_the_curve() -> None:
    # 1 − ARI = 8 n^−½ reaches 0.2 at n = 1600.
    known = power_law(8.0, 0.5, [128, 256, 512, 1024])
    assert images_enough(known) == pytest.approx(1600, rel=0.07)
    longer = power_law(8.0, 0.5, [128, 256, 512, 1024, 2048])
    assert images_enough(longer) == pytest.approx(1600, rel=0.07)
    assert images_enough((point(32, 0.9), point(64, 0.95))) == 32
    # Once there and away again is not there.
    assert images_enough((point(32, 0.9), point(64, 0.5), point(128, 0.5))) is None
    assert images_enough((point(32, 0.3), point(64, 0.3), point(128, 0.3))) is None
    assert images_enough((point(32, 0.3),)) is None
    assert images_enough((point(32, float("nan")), point(64, float("nan")))) is None


@pytest.mark.parametrize("images", [10, 30, 200])
def test_r_of_unrelated_filters_scatters_as_is_said(images: int) -> None:
    drawn = np.random.default_rng(3).normal(size=(4000, 2, images))
    r = np.array([np.corrcoef(pair)[0, 1] for pair in drawn])
    # The normal approximation is a little wide where images are few.
    assert 0.93 < float((np.abs(r) < scatter(images)).mean()) < 0.97
    assert scatter(2) == 1


def test_few_images_end_where_two_samples_can_be_compared() -> None:
    assert few_images(FEW_IMAGES) is None
    said = few_images(30)
    assert said is not None
    assert said.startswith(
        "From 30 images: r of unrelated filters scatters by ± 0.36 (1.96/√(n − 1))."
    )
