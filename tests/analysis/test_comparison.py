"""Two layers compared, against direct formulas, scikit-learn, SciPy and networks made by hand."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from reactcnn_dash.analysis import (
    NO_CLUSTER,
    NO_MATCH,
    CrossAccumulator,
    CrossMoments,
    TooFewImages,
    adjusted_rand,
    cka_matrix,
    cluster_both,
    cluster_flow,
    compare_layer,
    cross_correlation,
    linear_cka,
    match_filters,
    normalised_mutual_information,
)

Matrix = npt.NDArray[np.float64]


def direct_cka(x: Matrix, y: Matrix) -> float:
    """The definition by Gram matrices and the centring matrix H: HSIC(K, L) / √(HSIC HSIC)."""
    h = np.eye(len(x)) - 1 / len(x)
    k, m = h @ (x @ x.T) @ h, h @ (y @ y.T) @ h
    return float(np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m)))


def related(seed: int, images: int, first: int, second: int, offset: float = 0.0) -> list[Matrix]:
    """Rows of two layers that share what drives them."""
    rng = np.random.default_rng(seed)
    drive = rng.normal(size=(images, 3))
    return [
        offset + drive @ rng.normal(size=(3, f)) + 0.5 * rng.normal(size=(images, f))
        for f in (first, second)
    ]


def streamed(x: Matrix, y: Matrix, cuts: list[int]) -> CrossMoments:
    state = CrossMoments.empty(x.shape[1], y.shape[1])
    edges = [0, *sorted(min(cut, len(x)) for cut in cuts), len(x)]
    for start, stop in itertools.pairwise(edges):
        state = state.merge(CrossMoments.of(x[start:stop], y[start:stop]))
    return state


@given(
    seed=st.integers(0, 2**32 - 1),
    images=st.integers(3, 80),
    first=st.integers(1, 9),
    second=st.integers(1, 9),
    cuts=st.lists(st.integers(0, 80), max_size=6),
    offset=st.sampled_from([0.0, 3.0, -1e3]),
)
@settings(max_examples=60, deadline=None)
def test_cka_from_streamed_moments_is_the_direct_one(
    *, seed: int, images: int, first: int, second: int, cuts: list[int], offset: float
) -> None:
    x, y = related(seed, images, first, second, offset)
    state = streamed(x, y, cuts)
    assert state.n == images
    assert linear_cka(state) == pytest.approx(direct_cka(x - offset, y - offset), abs=1e-8)
    centred_x, centred_y = x - x.mean(axis=0), y - y.mean(axis=0)
    np.testing.assert_allclose(state.cross, centred_x.T @ centred_y, rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize("block", [1, 7, 256])
def test_the_accumulator_is_the_same_sum(block: int) -> None:
    x, y = related(12, 50, 4, 7, 10.0)
    x[5, 0], y[9, 3] = np.nan, np.inf
    accumulator = CrossAccumulator(4, 7, block=block)
    for start, stop in itertools.pairwise((0, 1, 20, 50)):
        accumulator.add(x[start:stop], y[start:stop])
    found, truth = accumulator.state(), CrossMoments.of(x, y)
    assert found.n == truth.n == found.y.n == 48
    np.testing.assert_allclose(found.cross, truth.cross, atol=1e-9)
    np.testing.assert_allclose(found.x.comoment, truth.x.comoment, atol=1e-9)
    np.testing.assert_allclose(found.y.comoment, truth.y.comoment, atol=1e-9)
    np.testing.assert_array_equal(found.y.low, truth.y.low)
    assert linear_cka(found) == pytest.approx(linear_cka(truth), abs=1e-12)
    with pytest.raises(ValueError, match="not of 4 filters"):
        accumulator.add(y, x)


def test_merging_is_the_same_in_any_order() -> None:
    x, y = related(1, 90, 5, 7)
    parts = [CrossMoments.of(x[i : i + 30], y[i : i + 30]) for i in (0, 30, 60)]
    whole = CrossMoments.of(x, y)
    for one, two, three in itertools.permutations(parts):
        merged = one.merge(two.merge(three))
        np.testing.assert_allclose(merged.cross, whole.cross, atol=1e-10)
        np.testing.assert_allclose(merged.x.comoment, whole.x.comoment, atol=1e-10)


def test_cka_knows_neither_order_nor_rotation_nor_scale() -> None:
    x, _ = related(2, 60, 6, 6)
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    for changed in (x[:, ::-1], x @ rotation, 7 * x + 3):
        assert linear_cka(CrossMoments.of(x, changed)) == pytest.approx(1.0, abs=1e-12)


def test_pairs_with_a_value_that_is_not_finite_are_left_out_of_both_sides() -> None:
    x, y = related(4, 30, 4, 5)
    x[3, 1], y[7, 0] = np.nan, np.inf
    good = np.setdiff1d(np.arange(30), [3, 7])
    state = CrossMoments.of(x, y)
    assert state.n == state.y.n == 28
    assert linear_cka(state) == pytest.approx(direct_cka(x[good], y[good]), abs=1e-10)


def test_a_layer_of_constants_has_no_cka_and_one_image_is_too_few() -> None:
    x, y = related(5, 10, 3, 3)
    assert np.isnan(linear_cka(CrossMoments.of(np.full((10, 3), 0.1), y)))
    with pytest.raises(TooFewImages):
        linear_cka(CrossMoments.of(x[:1], y[:1]))
    with pytest.raises(TooFewImages):
        cka_matrix([x[:1]], [y[:1]])


def test_rows_and_states_that_do_not_belong_together_are_refused() -> None:
    x, y = related(6, 10, 3, 4)
    with pytest.raises(ValueError, match="as many images"):
        CrossMoments.of(x, y[:9])
    with pytest.raises(ValueError, match="do not merge"):
        CrossMoments.of(x, y).merge(CrossMoments.of(y, x))
    state = CrossMoments.of(x, x)
    clusters = cluster_both(state.x, state.y)
    with pytest.raises(ValueError, match="do not compare"):
        compare_layer(CrossMoments.of(x, y), clusters)


def test_the_matrix_holds_the_direct_cka_of_every_pair_of_layers() -> None:
    first = [related(seed, 40, 5, 3)[0] for seed in (1, 2, 3)]
    second = [related(seed, 40, 5, 8)[1] for seed in (1, 2)] + [np.full((40, 2), 0.1)]
    found = cka_matrix(first, second)
    assert found.shape == (3, 3)
    for i, j in itertools.product(range(3), range(2)):
        assert found[i, j] == pytest.approx(direct_cka(first[i], second[j]), abs=1e-8)
    assert np.isnan(found[:, 2]).all()


def test_cross_correlation_is_numpys_and_undefined_for_constants() -> None:
    x, y = related(7, 50, 4, 6)
    y[:, 2] = 0.3
    r = cross_correlation(CrossMoments.of(x, y))
    assert np.isnan(r[:, 2]).all()
    kept = [0, 1, 3, 4, 5]
    np.testing.assert_allclose(
        r[:, kept], np.corrcoef(x.T, y[:, kept].T)[:4, 4:], rtol=0, atol=1e-12
    )


@given(
    st.integers(1, 6).flatmap(
        lambda f: arrays(np.float64, (f, f), elements=st.floats(-1, 1, width=32))
    )
)
@settings(deadline=None)
def test_matches_have_the_largest_sum_of_all_permutations(r: Matrix) -> None:
    found = match_filters(r)
    size = len(r)
    assert sorted(found.match.tolist()) == list(range(size))
    best = max(
        sum(r[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(size))
    )
    assert found.r.sum() == pytest.approx(best, abs=1e-9)
    for i, j in enumerate(found.match):
        rivals = [*np.delete(r[i], j), *np.delete(r[:, j], i), -1.0]
        assert found.margin[i] == pytest.approx(r[i, j] - max(rivals), abs=1e-12)


def test_a_permuted_network_is_put_in_order_again() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(400, 20))
    order = rng.permutation(20)
    y = 2.0 * x[:, order] + 0.1 * rng.normal(size=(400, 20)) + 5.0
    found = match_filters(cross_correlation(CrossMoments.of(x, y)))
    np.testing.assert_array_equal(order[found.match], np.arange(20))
    assert found.confident.all()
    assert found.left_out == (0, 0)


def test_duplicates_are_matched_without_confidence_and_constants_not_at_all() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(300, 5))
    x[:, 1] = x[:, 0]
    y = x.copy()
    x[:, 4], y[:, 3] = 0.0, 0.2
    found = match_filters(cross_correlation(CrossMoments.of(x, y)))
    assert found.left_out == (1, 1)
    assert set(found.match[:2].tolist()) == {0, 1}
    np.testing.assert_allclose(found.margin[:2], 0.0, atol=1e-12)
    assert found.match[2] == 2
    assert found.confident.tolist() == [False, False, True, False, False]
    assert found.match[4] == NO_MATCH
    assert np.isnan(found.r[4])
    assert np.isnan(found.margin[4])


def test_an_opposite_filter_is_not_a_confident_match() -> None:
    x, _ = related(10, 100, 1, 1)
    found = match_filters(cross_correlation(CrossMoments.of(x, -x)))
    assert found.r[0] == pytest.approx(-1.0)
    assert not found.confident[0]


labels = st.integers(1, 60).flatmap(
    lambda f: st.tuples(*(arrays(np.int32, f, elements=st.integers(-1, 5)),) * 2)
)


@given(labels)
@settings(max_examples=200, deadline=None)
def test_agreement_is_scikit_learns(
    pair: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
) -> None:
    a, b = pair
    both = (a != NO_CLUSTER) & (b != NO_CLUSTER)
    ari, nmi = adjusted_rand(a, b), normalised_mutual_information(a, b)
    if not both.any():
        assert np.isnan(ari)
        assert np.isnan(nmi)
        return
    assert ari == pytest.approx(adjusted_rand_score(a[both], b[both]), abs=1e-12)
    assert nmi == pytest.approx(normalized_mutual_info_score(a[both], b[both]), abs=1e-9)


@given(labels)
@settings(deadline=None)
def test_the_flow_counts_every_filter_once(
    pair: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
) -> None:
    a, b = pair
    flow = cluster_flow(a, b)
    assert sum(one.filters for one in flow) == len(a)
    assert len({(one.source, one.target) for one in flow}) == len(flow)
    for one in flow:
        assert one.filters == int(((a == one.source) & (b == one.target)).sum()) > 0


def test_labels_of_other_filters_are_refused() -> None:
    with pytest.raises(ValueError, match="do not compare"):
        adjusted_rand(np.zeros(3, np.int32), np.zeros(4, np.int32))


def test_a_layer_in_two_runs() -> None:
    rng = np.random.default_rng(11)
    drive = rng.normal(size=(200, 2))
    x = drive[:, np.arange(8) // 4] + 0.1 * rng.normal(size=(200, 8))
    y = drive[:, np.arange(8) // 4] + 0.1 * rng.normal(size=(200, 8))
    x[:, 7] = 0.0
    y[:, 0], y[:, 1] = 0.0, 3.0
    state = CrossMoments.of(x, y)
    found = compare_layer(state, cluster_both(state.x, state.y))
    assert (found.n, found.constant, found.dead) == (200, (1, 2), (1, 1))
    assert (found.died, found.came_alive) == ((0,), (7,))
    assert found.cka == pytest.approx(direct_cka(x, y), abs=1e-8)
    assert np.isnan(found.same_index[[0, 1, 7]]).all()
    for i in range(2, 7):
        assert found.same_index[i] == pytest.approx(np.corrcoef(x[:, i], y[:, i])[0, 1])
    # Filters 2 to 6 are in a cluster on both sides, and both say the same of them.
    assert found.clusters.ari == 1.0
    assert found.clusters.a[2] == found.clusters.b[2] != found.clusters.a[4]
