"""Clusters against known communities, exhaustive search and independent quality functions."""

import itertools
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import community
import igraph
import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactcnn_dash.analysis import (
    METHODS,
    NO_CLUSTER,
    CoMoments,
    Correlation,
    cluster,
    correlation,
    default_parameter,
)
from reactcnn_dash.analysis.louvain import SURPLUS, louvain
from tests.analysis.samples import Labels, Matrix, as_correlation, blocks, partition, sample


def positive_graph(r: Matrix) -> nx.Graph:
    weight = np.where(r > 0, r, 0.0)
    np.fill_diagonal(weight, 0.0)
    return nx.from_numpy_array(weight)


def modularity(labels: Labels, r: Matrix) -> float:
    value: float = community.modularity(dict(enumerate(labels.tolist())), positive_graph(r))
    return value


def potts_quality(labels: npt.ArrayLike, r: Matrix, threshold: float) -> float:
    array = np.asarray(labels)
    return sum(
        float(r[i, j]) - threshold
        for i, j in itertools.combinations(range(len(r)), 2)
        if array[i] == array[j]
    )


def all_partitions(filters: int) -> list[list[int]]:
    """Every set partition, as restricted growth strings."""
    found = [[0]]
    for _ in range(filters - 1):
        found = [[*p, label] for p in found for label in range(max(p) + 2)]
    return found


@pytest.mark.parametrize(
    ("method", "parameter"), [("louvain", 1.0), ("louvain", 1.5), ("leiden-cpm", 0.5)]
)
def test_known_blocks_are_found_whatever_the_order_of_the_filters(
    method: str, parameter: float
) -> None:
    r, truth = blocks((30, 12, 20), inside=0.9, between=0.05)
    order = np.random.default_rng(0).permutation(len(r))
    labels = cluster(as_correlation(r[np.ix_(order, order)]), method, parameter)
    # Numbers by decreasing size: the second block is the smallest.
    np.testing.assert_array_equal(labels, np.array([0, 2, 1])[truth[order]])
    assert labels.dtype == np.int32


def test_the_threshold_decides_which_of_two_levels_is_seen() -> None:
    r, _ = blocks((8, 8, 8), inside=0.9, between=0.1)
    r[:16, :16] = np.where(r[:16, :16] == 0.1, 0.6, r[:16, :16])
    c = as_correlation(r)
    assert partition(cluster(c, "leiden-cpm", 0.8)) == partition(np.repeat([0, 1, 2], 8))
    assert partition(cluster(c, "leiden-cpm", 0.5)) == partition(np.repeat([0, 0, 1], 8))


def test_strong_negative_correlation_keeps_filters_apart_under_leiden_cpm() -> None:
    r = np.array([[1.0, 0.7, 0.7], [0.7, 1.0, -0.9], [0.7, -0.9, 1.0]])
    labels = cluster(as_correlation(r), "leiden-cpm", 0.3)
    assert labels[1] != labels[2]


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_louvain_beats_the_trivial_partitions_by_python_louvains_modularity(
    seed: int, filters: int
) -> None:
    c = sample(seed, filters)
    if not (np.triu(c.r, 1) > 0).any():
        return
    found = modularity(cluster(c, "louvain", 1.0), c.r)
    alone = np.arange(filters, dtype=np.int32)
    assert found >= modularity(np.zeros_like(alone), c.r) - 1e-12
    assert found > modularity(alone, c.r)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_leiden_cpm_beats_the_trivial_partitions_by_python_louvains_modularity(
    seed: int, filters: int
) -> None:
    c = sample(seed, filters)
    labels = cluster(c, "leiden-cpm", 0.3)
    if labels.max() == filters - 1 or not (np.triu(c.r, 1) > 0).any():
        return
    assert modularity(labels, c.r) > modularity(np.arange(filters, dtype=np.int32), c.r)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(2, 50), st.sampled_from([1.0, 1.3, 2.0]))
def test_louvain_is_python_louvain_on_a_graph_built_another_way_unless_that_is_clearly_worse(
    seed: int, filters: int, resolution: float
) -> None:
    c = sample(seed, filters)
    found = community.best_partition(positive_graph(c.r), resolution=resolution, random_state=5)
    truth = np.array([found[node] for node in range(filters)])
    labels = cluster(c, "louvain", resolution, seed=5)
    if partition(labels) != partition(truth):
        graph = weighted(c.r)
        ahead = resolved(labels, graph, resolution) - resolved(truth, graph, resolution)
        assert ahead > SURPLUS - 1e-9


def real_correlations() -> dict[str, Matrix]:
    """Layers of the packaged VGG-16 over 1,000 images of CIFAR-10, to the digits of float16."""
    path = Path(__file__).parent / "fixtures" / "vgg16-correlations.npz"
    layers = {}
    with np.load(path) as archive:
        for name in archive:
            upper = archive[name].astype(np.float64)
            filters = int(np.ceil(np.sqrt(2 * len(upper))))
            r = np.eye(filters)
            r[np.triu_indices(filters, 1)] = upper
            layers[name] = r + np.triu(r, 1).T
    return layers


REAL = real_correlations()
RESOLUTIONS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0]


def weighted(r: Matrix) -> igraph.Graph:
    """What the filters of a layer have in common, as igraph has it."""
    graph = igraph.Graph.Full(len(r))
    graph.es["weight"] = np.maximum(r, 0)[np.triu_indices(len(r), 1)].tolist()
    return graph


def resolved(labels: npt.ArrayLike, graph: igraph.Graph, resolution: float) -> float:
    """Modularity with a resolution, by igraph."""
    membership = np.unique(np.asarray(labels), return_inverse=True)[1].tolist()
    return float(graph.modularity(membership, weights="weight", resolution=resolution))


def by_igraph(graph: igraph.Graph, resolution: float) -> list[int]:
    igraph.set_random_number_generator(random.Random(0))
    try:
        found = graph.community_multilevel(weights="weight", resolution=resolution)
    finally:
        igraph.set_random_number_generator(random)
    return list(found.membership)


@pytest.mark.parametrize("layer", REAL)
def test_louvain_finds_as_much_modularity_in_real_layers_as_there_is(layer: str) -> None:
    r = REAL[layer]
    graph = weighted(r)
    for resolution in RESOLUTIONS:
        labels = louvain(r, resolution, 0)
        found = resolved(labels, graph, resolution)
        assert found >= resolved(np.zeros(len(r)), graph, resolution) - 1e-9
        assert found >= resolved(np.arange(len(r)), graph, resolution) - 1e-9
        assert found >= resolved(by_igraph(graph, resolution), graph, resolution) - 0.005


@pytest.mark.parametrize("layer", REAL)
def test_below_one_no_filter_would_move_and_no_clusters_would_merge(layer: str) -> None:
    r = REAL[layer]
    weight = np.where(r > 0, r, 0.0)
    np.fill_diagonal(weight, 0.0)
    degree = weight.sum(axis=1)
    for resolution in (0.5, 0.7, 0.9):
        labels = cluster(as_correlation(r), "louvain", resolution)
        gain = weight - resolution * np.outer(degree, degree) / degree.sum()
        np.fill_diagonal(gain, 0.0)
        member = np.eye(labels.max() + 1)[labels]
        towards = gain @ member
        own = towards[np.arange(len(r)), labels]
        assert (own >= np.maximum(towards.max(axis=1), 0.0) - 1e-6).all()
        between = member.T @ gain @ member
        np.fill_diagonal(between, 0.0)
        assert (between <= 1e-6).all()


@pytest.mark.parametrize("seed", range(6))
def test_louvain_finds_the_best_of_all_partitions_of_a_few_filters(seed: int) -> None:
    c = sample(seed, 7, groups=2, images=20)
    for resolution in (0.5, 0.8, 0.95):
        graph = weighted(c.r)
        best = max(resolved(p, graph, resolution) for p in all_partitions(7))
        found = resolved(cluster(c, "louvain", resolution), graph, resolution)
        assert found == pytest.approx(best, abs=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.sampled_from([0.1, 0.3, 0.5, 0.8]))
def test_no_filter_would_be_better_off_elsewhere_under_leiden_cpm(
    seed: int, filters: int, threshold: float
) -> None:
    c = sample(seed, filters)
    labels = cluster(c, "leiden-cpm", threshold)
    found = potts_quality(labels, c.r, threshold)
    assert found >= potts_quality(np.zeros(filters), c.r, threshold) - 1e-9
    assert found >= 0.0  # the quality of every filter alone
    gain = c.r - threshold
    np.fill_diagonal(gain, 0.0)
    for i in range(filters):
        own = gain[i, labels == labels[i]].sum()
        elsewhere = [gain[i, labels == other].sum() for other in range(labels.max() + 1)]
        assert own >= max(0.0, *elsewhere) - 1e-9
    for label in range(labels.max() + 1):
        inside = c.r[np.ix_(labels == label, labels == label)]
        if len(inside) > 1:
            assert inside[np.triu_indices(len(inside), 1)].mean() >= threshold - 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_leiden_cpm_goes_on_until_no_filter_of_a_wide_layer_would_move(seed: int) -> None:
    c = sample(seed, 300, groups=30)
    labels = cluster(c, "leiden-cpm", 0.3)
    gain = c.r - 0.3
    np.fill_diagonal(gain, 0.0)
    towards = gain @ np.eye(labels.max() + 1)[labels]
    own = towards[np.arange(300), labels]
    assert (own >= np.maximum(towards.max(axis=1), 0.0) - 1e-9).all()


@pytest.mark.parametrize("seed", range(12))
def test_leiden_cpm_finds_the_best_of_all_partitions_of_a_few_filters(seed: int) -> None:
    c = sample(seed, 7, groups=2, images=20)
    for threshold in (0.1, 0.3, 0.6):
        best = max(potts_quality(p, c.r, threshold) for p in all_partitions(7))
        found = potts_quality(cluster(c, "leiden-cpm", threshold), c.r, threshold)
        assert found == pytest.approx(best, abs=1e-12)


def test_leiden_cpm_is_not_worse_than_leidens_first_run() -> None:
    c = sample(3, 150, groups=20)
    weights = c.r[np.triu_indices(150, 1)].tolist()
    igraph.set_random_number_generator(random.Random(0))
    try:
        once = igraph.Graph.Full(150).community_leiden(
            objective_function="CPM", weights=weights, resolution=0.3, n_iterations=-1
        )
    finally:
        igraph.set_random_number_generator(random)
    found = potts_quality(cluster(c, "leiden-cpm", 0.3), c.r, 0.3)
    assert found > potts_quality(once.membership, c.r, 0.3)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_input_gives_the_same_labels_and_disturbs_no_random_state(method: str) -> None:
    def draws() -> tuple[float, float]:
        return random.random(), float(np.random.random())

    c = sample(1, 120, groups=12)
    parameter = METHODS[method].default
    random.seed(7)
    np.random.seed(7)
    undisturbed = draws()
    random.seed(7)
    np.random.seed(7)
    first = cluster(c, method, parameter)
    assert draws() == undisturbed
    np.testing.assert_array_equal(cluster(c, method, parameter), first)


def test_threads_do_not_mix_their_random_choices() -> None:
    # A layer on which single runs end differently, so that another order of draws would show.
    c = sample(3, 300, groups=30)
    first = [cluster(c, "leiden-cpm", 0.3, seed=seed) for seed in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            again = list(threads.map(lambda s: cluster(c, "leiden-cpm", 0.3, seed=s), range(8)))
    finally:
        sys.setswitchinterval(interval)
    np.testing.assert_array_equal(again, first)


def test_igraph_draws_from_pythons_generator_again_afterwards() -> None:
    def drawn() -> list[tuple[int, int]]:
        random.seed(11)
        edges: list[tuple[int, int]] = igraph.Graph.Erdos_Renyi(n=30, p=0.3).get_edgelist()
        return edges

    before = drawn()
    cluster(sample(1, 20), "leiden-cpm", 0.5)
    assert drawn() == before


@pytest.mark.parametrize("method", METHODS)
def test_labels_count_up_by_decreasing_size_then_by_first_filter(method: str) -> None:
    labels = cluster(sample(4, 80, groups=9), method, METHODS[method].default)
    sizes = np.bincount(labels)
    assert sizes.min() > 0
    firsts = [int(np.flatnonzero(labels == label)[0]) for label in range(len(sizes))]
    keys = list(zip((-sizes).tolist(), firsts, strict=True))
    assert keys == sorted(keys)


@pytest.mark.parametrize("method", METHODS)
class TestFewOrOddFilters:
    def test_one_filter(self, method: str) -> None:
        c = correlation(CoMoments.of(np.array([[1.0], [2.0]])))
        assert cluster(c, method, METHODS[method].default).tolist() == [0]
        assert default_parameter(c, method) == METHODS[method].default

    def test_two_filters_that_go_together(self, method: str) -> None:
        c = correlation(CoMoments.of(np.array([[1.0, 2.0], [2.0, 4.0], [5.0, 9.0]])))
        assert cluster(c, method, default_parameter(c, method)).tolist() == [0, 0]

    def test_two_filters_that_go_apart(self, method: str) -> None:
        c = correlation(CoMoments.of(np.array([[1.0, -2.0], [2.0, -4.0], [5.0, -9.0]])))
        assert cluster(c, method, default_parameter(c, method)).tolist() == [0, 1]

    def test_all_constant(self, method: str) -> None:
        c = correlation(CoMoments.of(np.ones((5, 4))))
        assert cluster(c, method, default_parameter(c, method)).tolist() == [NO_CLUSTER] * 4

    @pytest.mark.parametrize("filters", [2, 3, 10, 64])
    def test_all_identical(self, method: str, filters: int) -> None:
        rows = np.repeat(np.random.default_rng(0).normal(size=(50, 1)), filters, axis=1)
        c = correlation(CoMoments.of(rows))
        assert cluster(c, method, default_parameter(c, method)).tolist() == [0] * filters

    def test_only_negative_correlation(self, method: str) -> None:
        r = np.full((3, 3), -0.4)
        np.fill_diagonal(r, 1.0)
        labels = cluster(as_correlation(r), method, METHODS[method].default)
        assert labels.tolist() == [0, 1, 2]

    def test_constant_filters_are_in_no_cluster_and_change_nothing(self, method: str) -> None:
        rows = np.random.default_rng(5).normal(size=(40, 3))[:, [0, 0, 1, 1, 1, 2]]
        rows += 0.1 * np.random.default_rng(6).normal(size=rows.shape)
        spoilt = np.insert(rows, [0, 3, 6], 4.0, axis=1)
        parameter = METHODS[method].default
        labels = cluster(correlation(CoMoments.of(spoilt)), method, parameter)
        plain = cluster(correlation(CoMoments.of(rows)), method, parameter)
        assert labels[[0, 4, 8]].tolist() == [NO_CLUSTER] * 3
        np.testing.assert_array_equal(np.delete(labels, [0, 4, 8]), plain)
        assert plain.tolist() == [1, 1, 0, 0, 0, 2]

    @pytest.mark.parametrize("parameter", [-1.0, 0.0, 9.0, np.nan, np.inf])
    def test_a_parameter_out_of_range_is_refused(self, method: str, parameter: float) -> None:
        with pytest.raises(ValueError, match=METHODS[method].parameter) as caught:
            cluster(sample(0, 5), method, parameter)
        assert "\n" not in str(caught.value)


def test_an_unknown_method_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="No method 'kmeans'; there are louvain, leiden-cpm"):
        cluster(sample(0, 5), "kmeans", 1.0)
    with pytest.raises(ValueError, match="No method 'kmeans'"):
        default_parameter(sample(0, 5), "kmeans")


def test_methods_describe_themselves() -> None:
    for key, method in METHODS.items():
        assert method.key == key
        assert method.minimum < method.default < method.maximum
        assert 0 < method.step < method.maximum - method.minimum
        assert f" {method.symbol} " in method.help
        assert method.help.endswith(".")
        assert method.help.count(". ") == 0


def dominated() -> Correlation:
    """A tight group that holds most of the layer's correlation, and loose pairs."""
    r, _ = blocks((40,) + (2,) * 10, inside=0.9, between=0.02)
    return as_correlation(r)


def test_the_default_resolution_does_not_dissolve_a_dominant_tight_group() -> None:
    c = dominated()
    usual = METHODS["louvain"].default
    # What makes the lowering necessary: the tightest group of all falls into single filters.
    assert np.bincount(cluster(c, "louvain", usual)).max() < 40
    lowered = default_parameter(c, "louvain")
    assert 1.0 <= lowered < usual
    assert len(set(cluster(c, "louvain", lowered)[:40].tolist())) == 1


def test_the_default_resolution_is_the_last_step_at_which_the_best_partition_is_sound() -> None:
    r, _ = blocks((5, 2), inside=0.9, between=0.05)
    weight = r - np.eye(7)
    degree = weight.sum(axis=1)
    expected = np.outer(degree, degree) / degree.sum()

    def best(resolution: float) -> list[int]:
        gain = np.triu(weight - resolution * expected, 1)
        return max(all_partitions(7), key=lambda p: float((gain * np.equal.outer(p, p)).sum()))

    lowered = default_parameter(as_correlation(r), "louvain")
    assert 1.0 < lowered < METHODS["louvain"].default
    assert partition(best(lowered)) == partition([0, 0, 0, 0, 0, 1, 1])
    above = best(lowered + METHODS["louvain"].step)
    assert partition(above) == partition([0, 1, 2, 3, 4, 5, 5])


@pytest.mark.parametrize(("sizes", "inside"), [((10, 10), 0.7), ((3,) * 12, 0.9)])
def test_the_default_resolution_is_the_usual_one_where_nothing_close_is_at_risk(
    sizes: tuple[int, ...], inside: float
) -> None:
    r, _ = blocks(sizes, inside=inside, between=0.0)
    assert default_parameter(as_correlation(r), "louvain") == METHODS["louvain"].default
    assert default_parameter(dominated(), "leiden-cpm") == METHODS["leiden-cpm"].default
