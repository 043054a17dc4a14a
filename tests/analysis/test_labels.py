"""Stable numbers and summaries of clusters, against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactcnn_dash.analysis import NO_CLUSTER, ClusterSummary, match_labels, summarise
from tests.analysis.samples import Labels, partition, sample

labels_of_12 = st.lists(st.integers(-1, 3), min_size=12, max_size=12).map(
    lambda labels: np.array(labels, dtype=np.int32)
)


@pytest.mark.long
@given(labels_of_12, labels_of_12)
def test_matching_keeps_as_many_filters_as_any_renumbering_can(new: Labels, old: Labels) -> None:
    matched = match_labels(new, old)
    clusters = [label for label in np.unique(new).tolist() if label != NO_CLUSTER]
    olds = [label for label in np.unique(old).tolist() if label != NO_CLUSTER]
    # As many more names as there are new clusters, so that any of them may stay unmatched.
    names = [*olds, *range(100, 100 + len(clusters))]
    most = max(
        sum(int(((new == a) & (old == b)).sum()) for a, b in zip(clusters, chosen, strict=True))
        for chosen in itertools.permutations(names, len(clusters))
    )
    assert int(((matched == old) & (old != NO_CLUSTER)).sum()) == most
    assert partition(matched[new != NO_CLUSTER]) == partition(new[new != NO_CLUSTER])
    np.testing.assert_array_equal(matched == NO_CLUSTER, new == NO_CLUSTER)
    for label in np.unique(matched[matched != NO_CLUSTER]):
        # A number is an old cluster's only where they share a filter.
        if label in olds:
            assert (old[matched == label] == label).any()


@given(labels_of_12, st.permutations(range(4)))
def test_the_same_clusters_keep_their_numbers(old: Labels, names: list[int]) -> None:
    shuffled = np.where(old == NO_CLUSTER, NO_CLUSTER, np.array([*names, 0])[old]).astype(np.int32)
    np.testing.assert_array_equal(match_labels(shuffled, old), old)


def test_new_clusters_get_the_smallest_free_numbers() -> None:
    old = np.array([0, 0, 0, 2, 2, 2])
    new = np.array([0, 1, 1, 2, 3, 3])
    assert match_labels(new, old).tolist() == [1, 0, 0, 3, 2, 2]


def test_matching_other_filters_is_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2 filters"):
        match_labels(np.zeros(3, dtype=np.int32), np.zeros(2, dtype=np.int32))


def test_summaries_come_by_tightness_with_single_filters_last() -> None:
    r = np.eye(7)
    # Binary fractions, whose mean is exact.
    for i, j, value in [(0, 1, 0.5), (0, 2, 0.25), (1, 2, -0.375), (3, 4, 0.875)]:
        r[i, j] = r[j, i] = value
    r[6] = r[:, 6] = np.nan
    assert summarise(np.array([2, 2, 2, 0, 0, 1, -1]), r) == (
        ClusterSummary(label=0, size=2, mean_r=0.875, lowest_r=0.875, filters=(3, 4)),
        ClusterSummary(label=2, size=3, mean_r=0.125, lowest_r=-0.375, filters=(0, 1, 2)),
        ClusterSummary(label=1, size=1, mean_r=None, lowest_r=None, filters=(5,)),
    )
    assert summarise(np.full(3, NO_CLUSTER), np.full((3, 3), np.nan)) == ()


def test_undefined_pairs_count_in_no_summary() -> None:
    r = np.array([[1.0, 0.4, np.nan], [0.4, 1.0, np.nan], [np.nan] * 3])
    (summary,) = summarise(np.zeros(3, dtype=np.int32), r)
    assert (summary.size, summary.mean_r, summary.lowest_r) == (3, 0.4, 0.4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_summaries_say_what_a_loop_over_the_pairs_says(seed: int, filters: int) -> None:
    c = sample(seed, filters)
    labels = np.random.default_rng(seed).integers(-1, 5, filters)
    summaries = summarise(labels, c.r)
    assert sorted(f for s in summaries for f in s.filters) == np.flatnonzero(labels >= 0).tolist()
    for s in summaries:
        pairs = [c.r[i, j] for i, j in itertools.combinations(s.filters, 2)]
        assert all(labels[f] == s.label for f in s.filters)
        assert s.size == len(s.filters)
        if pairs:
            assert s.mean_r == pytest.approx(sum(pairs) / len(pairs))
            assert s.lowest_r == min(pairs)
        else:
            assert (s.mean_r, s.lowest_r) == (None, None)
    tightness = [(s.mean_r is None, -(s.mean_r or 0)) for s in summaries]
    assert tightness == sorted(tightness)
