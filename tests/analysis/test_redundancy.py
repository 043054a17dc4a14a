"""Redundancy against hand-made layers with planted duplicates, SciPy and NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reactcnn_dash.analysis import CoMoments, Verdict, correlation, plan_layer
from reactcnn_dash.analysis.redundancy import (
    EXAMPLES,
    ClusterEvidence,
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


def verdicts(same_place: bool) -> ClusterEvidence:
    """The evidence on two filters with equal GAP values, alike in place or mirrored."""
    rng = np.random.default_rng(1)
    gap, spatial, halves = [], SpatialMoments(3), ([], [])  # type: ignore[var-annotated]
    for number in range(40):
        one = rng.gamma(1.0, 1.0, (4, 4))
        other = one if same_place else one[::-1]
        maps = np.stack([one, other, rng.gamma(1.0, 1.0, (4, 4))])
        gap.append(maps.mean(axis=(1, 2)))
        spatial.add(maps)
        halves[number % 2].append(maps.reshape(3, -1).T)
    c = correlation(CoMoments.of(np.array(gap)))
    assert c.r[0, 1] == pytest.approx(1.0)
    known = spatial.result()
    fitted, judged = (CoMoments.of(np.concatenate(rows)) for rows in halves)
    (found,) = judge(c, np.array([0, 0, 1]), known, plan_layer(fitted, judged, 0.7))
    assert found.filters == (0, 1)
    assert found.spatial == (1.0, known.r[1, 0])
    assert found.examples == tuple(known.strongest[0])
    return found


def test_a_cluster_is_confirmed_only_when_those_that_stay_explain_its_maps() -> None:
    found = verdicts(same_place=True)
    assert (found.verdict, found.map_images) == (Verdict.CONFIRMED, 40)
    assert found.spatial_r == pytest.approx(1.0)
    stays, goes = sorted(found.explained, key=lambda r2: r2 is not None)
    assert stays is None
    assert goes == pytest.approx(1.0)
    found = verdicts(same_place=False)
    assert found.verdict is Verdict.CANDIDATE
    assert found.explained == (None, None)
    assert found.spatial_r is not None
    assert abs(found.spatial_r) < 0.4


def test_too_few_maps_give_no_verdict() -> None:
    rng = np.random.default_rng(1)
    spatial = SpatialMoments(10)
    for _ in range(10):
        spatial.add(rng.gamma(1.0, 1.0, (10, 4, 4)))
    evidence = judge(correlation(CoMoments.of(planted())), LABELS, spatial.result(), None)
    assert all((one.verdict, one.spatial_r) == (Verdict.CANDIDATE, None) for one in evidence)
    assert all((one.explained, one.map_images) == ((), 10) for one in evidence)


def test_without_maps_every_cluster_stays_a_candidate_and_keeps_its_most_typical_filter() -> None:
    rows = planted()
    c = correlation(CoMoments.of(rows))
    first, second = judge(c, LABELS, None, None)
    assert (first.filters, first.verdict, first.spatial_r) == ((0, 1, 2), Verdict.CANDIDATE, None)
    assert (first.spatial, first.examples) == ((), ())
    assert second.filters == (3, 4)
    expected = np.corrcoef(rows[:, 3], rows[:, 4])[0, 1]
    assert second.mean_r == second.lowest_r == pytest.approx(expected)
    drive = np.random.default_rng(2).standard_normal((300, 1))
    noise = np.random.default_rng(3).standard_normal((300, 3)) * np.array([0.5, 0.1, 0.5])
    (trio,) = judge(correlation(CoMoments.of(drive + noise)), np.zeros(3, int), None, None)
    assert trio.keep == 1
