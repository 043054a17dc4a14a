"""Trees against networkx and SciPy; start positions against plain geometry."""

import itertools

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import minimum_spanning_tree

from reactcnn_dash.analysis import NO_CLUSTER, spanning_edges, start_positions
from reactcnn_dash.analysis.graph import GAP_BETWEEN_DISCS, SPACING, disc_radius

Matrix = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def random_case(seed: int, filters: int, clusters: int) -> tuple[Labels, Matrix]:
    """Labels with some filters in no cluster (whose r is undefined), and a correlation."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(NO_CLUSTER, clusters, filters)
    r = np.atleast_2d(np.corrcoef(rng.normal(size=(filters, 12))))
    r[labels == NO_CLUSTER] = np.nan
    r[:, labels == NO_CLUSTER] = np.nan
    return labels, r


cases = st.builds(
    random_case, st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from([1, 2, 5, 40])
)


@given(cases)
def test_trees_are_those_of_networkx(case: tuple[Labels, Matrix]) -> None:
    labels, r = case
    graph = nx.Graph()
    for i, j in itertools.combinations(range(len(labels)), 2):
        if labels[i] == labels[j] != NO_CLUSTER:
            graph.add_edge(i, j, weight=float(r[i, j]))
    expected = {(min(i, j), max(i, j)) for i, j in nx.maximum_spanning_tree(graph).edges}
    edges = spanning_edges(labels, r)
    assert {(i, j) for i, j, _ in edges} == expected
    assert list(edges) == sorted(edges)
    assert len(edges) == len(expected)
    assert all(value == r[i, j] for i, j, value in edges)


@given(cases)
def test_trees_weigh_what_scipys_weigh(case: tuple[Labels, Matrix]) -> None:
    labels, r = case
    same = (labels[:, None] == labels) & (labels != NO_CLUSTER)
    np.fill_diagonal(same, val=False)
    # SciPy takes 0 for no edge, so the distance is kept above it.
    distance = np.where(same, 3.0 - np.nan_to_num(r), 0.0)
    tree = minimum_spanning_tree(distance)
    edges = spanning_edges(labels, r)
    assert len(edges) == tree.nnz
    assert sum(3.0 - value for _, _, value in edges) == pytest.approx(tree.sum())


def test_equal_and_negative_correlations_still_give_one_tree() -> None:
    for value in (1.0, 0.0, -0.2):
        r = np.full((6, 6), value)
        np.fill_diagonal(r, 1.0)
        edges = spanning_edges(np.zeros(6, dtype=np.int64), r)
        assert nx.is_tree(nx.Graph([(i, j) for i, j, _ in edges]))
        assert len(edges) == 5


def test_single_and_undefined_filters_have_no_edges() -> None:
    assert spanning_edges(np.array([0]), np.ones((1, 1))) == ()
    assert spanning_edges(np.array([0, 1]), np.ones((2, 2))) == ()
    assert spanning_edges(np.array([-1, -1]), np.full((2, 2), np.nan)) == ()
    r = np.array([[np.nan, np.nan, np.nan], [np.nan, 1.0, 0.5], [np.nan, 0.5, 1.0]])
    assert spanning_edges(np.zeros(3, dtype=np.int64), r) == ((1, 2, 0.5),)


def enclosing_circle(points: Matrix) -> tuple[Matrix, float]:
    """Bădoiu & Clarkson (2003): walk towards the farthest point in ever smaller steps."""
    centre = points[0].copy()
    for step in range(1, 400):
        distances = np.hypot(*(points - centre).T)
        centre += (points[np.argmax(distances)] - centre) / (step + 1)
    return centre, float(np.hypot(*(points - centre).T).max())


@settings(max_examples=40)
@given(cases)
def test_discs_of_different_clusters_do_not_overlap(case: tuple[Labels, Matrix]) -> None:
    labels, r = case
    positions = start_positions(labels, r)
    circles = [
        enclosing_circle(positions[labels == label])
        for label in np.unique(labels[labels != NO_CLUSTER])
    ]
    for (a, radius_a), (b, radius_b) in itertools.combinations(circles, 2):
        assert np.hypot(*(a - b)) > radius_a + radius_b + SPACING


@settings(max_examples=40)
@given(cases)
def test_filters_keep_their_distance(case: tuple[Labels, Matrix]) -> None:
    labels, r = case
    positions = start_positions(labels, r)
    assert positions.shape == (len(labels), 2)
    assert np.isfinite(positions).all()
    for i, j in itertools.combinations(range(len(labels)), 2):
        apart = np.hypot(*(positions[i] - positions[j]))
        other_cluster = labels[i] != labels[j]
        least = SPACING + GAP_BETWEEN_DISCS if other_cluster else 0.9 * SPACING
        assert apart >= least - 1e-9


@given(cases)
def test_filters_in_no_cluster_stand_below_all_others(case: tuple[Labels, Matrix]) -> None:
    labels, r = case
    y = start_positions(labels, r)[:, 1]
    clustered, apart = y[labels != NO_CLUSTER], y[labels == NO_CLUSTER]
    if len(clustered) and len(apart):
        assert apart.min() > clustered.max() + SPACING


def test_the_filter_that_correlates_most_with_its_cluster_stands_in_the_middle() -> None:
    r = np.full((9, 9), 0.3)
    r[4] = r[:, 4] = 0.8
    np.fill_diagonal(r, 1.0)
    positions = start_positions(np.zeros(9, dtype=np.int64), r)
    centre, radius = enclosing_circle(positions)
    assert np.hypot(*(positions - centre).T).argmin() == 4
    assert radius <= disc_radius(9)


def test_large_clusters_come_first_and_the_picture_is_centred_and_wider_than_high() -> None:
    labels = np.repeat(np.arange(60), np.r_[[80, 50, 40, 30, 20], np.full(55, 2)])
    r = np.full((len(labels), len(labels)), 0.5)
    positions = start_positions(labels, r)
    tops = [positions[labels == label, 1].min() for label in (0, 59)]
    assert tops[0] < tops[1]
    width, height = np.ptp(positions, axis=0)
    assert 1.0 < width / height < 2.5
    assert abs(positions[:, 0].min() + positions[:, 0].max()) < SPACING * 2


def test_the_same_input_gives_the_same_picture_and_numbers_do_not_matter() -> None:
    labels, r = random_case(3, 50, 6)
    renumbered = np.where(labels == NO_CLUSTER, NO_CLUSTER, 9 - labels)
    first = start_positions(labels, r)
    np.testing.assert_array_equal(start_positions(labels, r), first)
    np.testing.assert_array_equal(start_positions(renumbered, r), first)


def test_few_filters() -> None:
    assert start_positions(np.array([0]), np.ones((1, 1))).shape == (1, 2)
    only_constant = start_positions(np.full(3, NO_CLUSTER), np.full((3, 3), np.nan))
    assert len(np.unique(only_constant, axis=0)) == 3
