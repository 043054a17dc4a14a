"""Redundancy against hand-made layers with planted duplicates, SciPy and NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reactcnn_dash.analysis import CoMoments, Verdict, correlation
from reactcnn_dash.analysis.redundancy import (
    EXAMPLES,
    SpatialMoments,
    effective_rank,
    judge,
    redundancy,
)


def planted(images: int = 400, seed: int = 0) -> np.ndarray:
    """Ten filters: 0–2 copies of one another, 3–4 nearly so, 5–7 on their own, 8 dead, 9 at 2."""
    rng = np.random.default_rng(seed)
    drive = rng.gamma(2.0, 1.0, (images, 5))
    rows = np.zeros((images, 10))
    rows[:, 0], rows[:, 1], rows[:, 2] = drive[:, 0], 2 * drive[:, 0] + 1, drive[:, 0] / 3
    rows[:, 3] = drive[:, 1]
    rows[:, 4] = drive[:, 1] + 0.6 * rng.standard_normal(images)
    rows[:, 5:8] = drive[:, 2:]
    rows[:, 9] = 2.0
    return rows


LABELS = np.array([0, 0, 0, 1, 1, 2, 3, 4, -1, -1])


def test_a_layer_in_one_row_counts_what_was_planted() -> None:
    rows = planted()
    row = redundancy(correlation(CoMoments.of(rows)), LABELS)
    r = np.corrcoef(rows[:, :8], rowvar=False)[np.triu_indices(8, 1)]
    assert (row.filters, row.dead, row.constant) == (10, 1, 2)
    assert (row.pairs_90, row.pairs_95) == ((r > 0.9).sum(), (r > 0.95).sum()) == (4, 3)
    # Two of the copies, one of the near-copies, and both filters that never vary.
    assert row.could_go == 2 + 1 + 2


def test_effective_rank_is_the_entropy_of_the_spectrum() -> None:
    rows = planted()
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(rows[:, :8], rowvar=False))
    expected = math.exp(stats.entropy(np.clip(eigenvalues, 0, None)))
    assert effective_rank(correlation(CoMoments.of(rows))) == pytest.approx(expected, rel=1e-9)


@given(copies=st.integers(1, 6), groups=st.integers(1, 6), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_effective_rank_of_copies_is_the_number_of_originals(
    copies: int, groups: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    # Orthogonal columns without mean: their correlation is exactly 0.
    basis = np.linalg.qr(np.column_stack([np.ones(64), rng.standard_normal((64, groups))]))[0]
    rows = np.repeat(basis[:, 1:], copies, axis=1)
    found = effective_rank(correlation(CoMoments.of(rows)))
    assert found == pytest.approx(groups, rel=1e-6)


def test_without_a_varying_filter_there_is_no_rank() -> None:
    assert effective_rank(correlation(CoMoments.of(np.ones((5, 3))))) == 0.0


@given(st.integers(0, 1000), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_spatial_correlation_is_pearson_over_centred_places(seed: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.gamma(1.0, 1.0, (images, 4, 3, 5))
    moments = SpatialMoments(4)
    for one in maps:
        moments.add(one.astype(np.float32))
    flat = maps.astype(np.float32).astype(np.float64).reshape(images, 4, -1)
    centred = flat - flat.mean(axis=2, keepdims=True)
    expected = np.corrcoef(centred.transpose(1, 0, 2).reshape(4, -1))
    found = moments.result()
    np.testing.assert_allclose(found.r, expected, atol=1e-9)
    assert found.images.tolist() == [images] * 4
    energy = (centred**2).sum(axis=2)
    strongest = np.argsort(-energy, axis=0)[:EXAMPLES].T
    assert found.strongest[:, : min(images, EXAMPLES)].tolist() == strongest.tolist()
    assert (found.strongest[:, images:] == -1).all()


def test_maps_that_do_not_vary_or_are_not_finite_say_nothing() -> None:
    moments = SpatialMoments(2)
    moments.add(np.stack([np.full((2, 2), 0.1), np.arange(4.0).reshape(2, 2)]))
    moments.add(np.full((2, 2, 2), np.nan))
    found = moments.result()
    assert found.images.tolist() == [0, 1]
    assert np.isnan(found.r[0]).all()
    assert found.r[1, 1] == 1.0
    assert found.strongest.tolist() == [[-1, -1, -1], [0, -1, -1]]


def verdicts(same_place: bool, images: int) -> tuple[Verdict, float | None, int]:
    """The verdict on two filters with equal GAP values, alike in place or mirrored."""
    rng = np.random.default_rng(1)
    gap, spatial = [], SpatialMoments(3)
    for _ in range(images):
        one = rng.gamma(1.0, 1.0, (4, 4))
        other = one if same_place else one[::-1]
        maps = np.stack([one, other, rng.gamma(1.0, 1.0, (4, 4))])
        gap.append(maps.mean(axis=(1, 2)))
        spatial.add(maps)
    c = correlation(CoMoments.of(np.array(gap)))
    assert c.r[0, 1] == pytest.approx(1.0)
    known = spatial.result()
    (found,) = judge(c, np.array([0, 0, 1]), known, 0.7)
    assert found.filters == (0, 1)
    assert found.spatial == (1.0, known.r[1, 0])
    assert found.examples == tuple(known.strongest[0])
    return found.verdict, found.spatial_r, found.map_images


def test_a_cluster_is_confirmed_only_when_its_maps_agree() -> None:
    verdict, r, images = verdicts(same_place=True, images=40)
    assert (verdict, images) == (Verdict.CONFIRMED, 40)
    assert r == pytest.approx(1.0)
    verdict, r, _ = verdicts(same_place=False, images=40)
    assert verdict is Verdict.CANDIDATE
    assert r is not None
    assert abs(r) < 0.4
    assert verdicts(same_place=True, images=10) == (Verdict.CANDIDATE, None, 10)


def test_without_maps_every_cluster_stays_a_candidate_and_keeps_its_most_typical_filter() -> None:
    rows = planted()
    c = correlation(CoMoments.of(rows))
    first, second = judge(c, LABELS, None, 0.7)
    assert (first.filters, first.verdict, first.spatial_r) == ((0, 1, 2), Verdict.CANDIDATE, None)
    assert (first.spatial, first.examples) == ((), ())
    assert second.filters == (3, 4)
    expected = np.corrcoef(rows[:, 3], rows[:, 4])[0, 1]
    assert second.mean_r == second.lowest_r == pytest.approx(expected)
    drive = np.random.default_rng(2).standard_normal((300, 1))
    noise = np.random.default_rng(3).standard_normal((300, 3)) * np.array([0.5, 0.1, 0.5])
    (trio,) = judge(correlation(CoMoments.of(drive + noise)), np.zeros(3, int), None, 0.7)
    assert trio.keep == 1
