"""Clusters of chosen images against NumPy on the same rows, and beside those of the whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa
from sklearn.metrics import adjusted_rand_score

from reactcnn_dash import analysis
from reactcnn_dash.db import ImageFilter, RunWriter, StoreReader
from reactcnn_dash.jobs.runner import Jobs
from reactcnn_dash.pages.live import cluster_payload as graphs
from reactcnn_dash.results import chosen as results_chosen
from reactcnn_dash.results import moments
from reactcnn_dash.results.clusters import clustering
from reactcnn_dash.results.clusters.clustering import Clusterings, ClusterRequest, cluster_view
from reactcnn_dash.results.clusters.subset import beside
from reactcnn_dash.results.moments import subset_moments
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

IMAGES = 1500
LAYER = 2
FIRST = sum(stores.FILTERS[:LAYER])
COLUMNS = slice(FIRST, FIRST + stores.FILTERS[LAYER])

SUBSETS = {
    "a class": ImageFilter(label=1),
    "a predicted class": ImageFilter(prediction=2),
    "misclassified": ImageFilter(misclassified=True),
    "a range": ImageFilter(first=10, last=1200),
    "all of it": ImageFilter(label=1, prediction=0, misclassified=True, first=3, last=1400),
}


@pytest.fixture(scope="module")
def made() -> stores.Truth:
    """GAP values whose groups depend on the class: class 1 pairs other filters than the rest."""
    truth = stores.truth(IMAGES, seed=5)
    rng = np.random.default_rng(6)
    drive = rng.gamma(2.0, 1.0, (IMAGES, 2)).astype(np.float32)
    filters = np.arange(stores.FILTERS[LAYER])
    usual, other = drive[:, filters % 2], drive[:, (filters >= 8).astype(int)]
    noise = 0.2 * rng.random((IMAGES, len(filters)), dtype=np.float32)
    truth.gap[:, COLUMNS] = np.where((truth.labels == 1)[:, None], other, usual) + noise
    truth.gap[:, FIRST] = 0
    return truth


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, made: stores.Truth) -> str:
    path = tmp_path_factory.mktemp("subset") / "store.db"
    writer = RunWriter.begin(str(path), stores.new_run(feature_maps="none"))
    for start in range(0, IMAGES, 250):
        stores.append(writer, made, start, start + 250, maps=False)
    writer.finish()
    writer.close()
    return f"sqlite:///{path}"


def chosen(made: stores.Truth, subset: ImageFilter) -> NDArray[np.bool_]:
    predictions = made.probabilities.argmax(axis=1)
    ordinals = np.arange(IMAGES)
    keep = np.ones(IMAGES, bool)
    if subset.label is not None:
        keep &= made.labels == subset.label
    if subset.prediction is not None:
        keep &= predictions == subset.prediction
    if subset.misclassified:
        keep &= predictions != made.labels
    if subset.first is not None:
        keep &= ordinals >= subset.first
    if subset.last is not None:
        keep &= ordinals <= subset.last
    return keep


def pearson(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.atleast_2d(np.corrcoef(columns.T))


def request(subset: ImageFilter | None, parameter: float | None = 1.0) -> ClusterRequest:
    return ClusterRequest(1, LAYER, "louvain", parameter, subset)


@pytest.mark.parametrize("subset", SUBSETS.values(), ids=SUBSETS)
def test_correlation_and_clusters_are_those_of_the_chosen_rows(
    url: str, made: stores.Truth, subset: ImageFilter
) -> None:
    rows = made.gap[chosen(made, subset), COLUMNS].astype(np.float64)
    moments, images = subset_moments(StoreReader(url), 1, stores.layers()[LAYER], subset)
    assert images == moments.n == len(rows) > 2
    r = analysis.correlation(moments).r
    np.testing.assert_allclose(r[1:, 1:], pearson(rows[:, 1:]), atol=1e-10)
    assert np.isnan(r[0]).all()

    view = cluster_view(url, request(subset))
    direct = analysis.cluster(analysis.correlation(analysis.CoMoments.of(rows)), "louvain", 1.0)
    assert view.images == len(rows)
    assert view.stored == IMAGES
    assert view.labels[0] == direct[0] == analysis.NO_CLUSTER
    assert adjusted_rand_score(view.labels[1:], direct[1:]) == 1
    # The edges' r is that over the chosen images.
    for a, b, value in view.edges:
        assert value == pytest.approx(pearson(rows[:, [a, b]])[0, 1])


@pytest.mark.parametrize("listed", [0, 16], ids=["drawn from the run", "listed"])
@pytest.mark.parametrize("subset", SUBSETS.values(), ids=SUBSETS)
def test_of_many_a_sample_is_taken_and_said(
    url: str, made: stores.Truth, subset: ImageFilter, listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    these = np.flatnonzero(chosen(made, subset))
    most = len(these) // 2
    for module in (moments, clustering):
        monkeypatch.setattr(module, "MOST_CHOSEN", most)
    monkeypatch.setattr(results_chosen, "_LISTED", listed)
    reader = StoreReader(url)
    drawn = results_chosen.sample_of_chosen(reader, 1, IMAGES, subset, most)
    assert drawn.images == len(these)
    # The same however they were found: those that a sample of the whole run would hold first.
    np.testing.assert_array_equal(drawn.ordinals, analysis.sample_among(these, most))
    found, images = subset_moments(reader, 1, stores.layers()[LAYER], subset)
    assert (found.n, images) == (most, len(these))
    rows = made.gap[drawn.ordinals, COLUMNS].astype(np.float64)
    np.testing.assert_allclose(
        analysis.correlation(found).r[1:, 1:], pearson(rows[:, 1:]), atol=1e-10
    )
    payload = graphs.clusters_payload(cluster_view(url, request(subset)), "a search")
    assert (payload["images"], payload["chosen"], payload["stored"]) == (most, len(these), IMAGES)


def test_the_whole_run_stands_beside_with_its_parameter(url: str, made: stores.Truth) -> None:
    whole = cluster_view(url, request(None, None))
    view = cluster_view(url, request(SUBSETS["a class"], None))
    assert whole.beside is None
    assert view.parameter == whole.parameter
    assert view.beside is not None
    assert view.beside.images == IMAGES
    assert view.beside.clusters == sum(s.size > 1 for s in whole.summaries)
    both = (view.labels >= 0) & (whole.labels >= 0)
    agreement = adjusted_rand_score(view.labels[both], whole.labels[both])
    assert view.beside.agreement == pytest.approx(agreement)
    # Class 1 pairs low with low and high with high filters; the whole run odd with odd.
    assert agreement < 0.3
    rows = made.gap[:, COLUMNS].astype(np.float64)
    r = pearson(rows[:, 1:])
    labels = whole.labels[1:]
    pairs = np.triu(labels[:, None] == labels, 1)
    assert view.beside.mean_r == pytest.approx(r[pairs].mean())
    for label, kept in view.beside.together.items():
        inside = whole.labels[view.labels == label]
        assert kept == np.bincount(inside).max()
    rows_shown = {row["cluster"]: row["together"] for row in graphs.table_rows(view)}
    assert rows_shown == {s.label: view.beside.together[s.label] for s in view.summaries}
    assert {row["together"] for row in graphs.table_rows(whole)} == {None}


def test_all_images_as_a_subset_are_the_whole_run(url: str) -> None:
    whole = cluster_view(url, request(None))
    view = cluster_view(url, request(ImageFilter()))
    np.testing.assert_array_equal(view.labels, whole.labels)
    assert view.beside is not None
    assert view.beside.agreement == 1
    assert view.beside.mean_r == pytest.approx(view.beside.subset_mean_r)
    assert view.beside.together == {s.label: s.size for s in whole.summaries}


def test_clusters_that_continue_the_whole_runs_keep_their_numbers() -> None:
    whole = np.array([0, 0, 0, 1, 1, 1, 2, 2], np.int32)
    these = np.array([1, 1, 1, 0, 0, -1, 2, 2], np.int32)
    matched = analysis.match_labels(these, whole)
    assert matched.tolist() == [0, 0, 0, 1, 1, -1, 2, 2]
    r = np.full((8, 8), 0.5)
    found = beside(matched, analysis.summarise(matched, r), whole, analysis.summarise(whole, r), 9)
    assert found.together == {0: 3, 1: 2, 2: 2}
    assert (found.images, found.clusters, found.agreement) == (9, 3, 1.0)


def test_a_subset_is_never_stored_and_too_few_images_are_said(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 30)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    cluster_view(url, request(ImageFilter(misclassified=True)))
    stored = StoreReader(url).clusterings(1)
    assert [one.images for one in stored] == [30]
    clusters = Clusterings(url, Jobs())
    for last in (0, None):
        with pytest.raises(analysis.TooFewImages, match="at least 2 images"):
            clusters.view(request(ImageFilter(first=0 if last == 0 else 99, last=last)))


def test_damaged_and_infinite_rows_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    truth = stores.truth(40)
    truth.gap[5, FIRST + 1] = np.inf
    stores.make_store(path, 40, made=truth)
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE images SET gap = x'00' WHERE ordinal = 8"))
    engine.dispose()
    subset = ImageFilter(first=2, last=20)
    moments, images = subset_moments(StoreReader(str(path)), 1, stores.layers()[LAYER], subset)
    assert (images, moments.n) == (19, 17)
    keep = [i for i in range(2, 21) if i not in (5, 8)]
    np.testing.assert_allclose(moments.mean, truth.gap[keep, COLUMNS].mean(axis=0), rtol=1e-5)


def test_memory_does_not_grow_with_the_images(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are folded a block at a time: no more of them are asked for at once."""
    asked: list[int] = []
    read = StoreReader.gap_rows_of

    def watch(self: StoreReader, run_id: int, ordinals: list[int], *rest: object) -> object:
        asked.append(len(ordinals))
        return read(self, run_id, ordinals, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(StoreReader, "gap_rows_of", watch)
    subset_moments(StoreReader(url), 1, stores.layers()[LAYER], ImageFilter(first=1))
    assert asked == [1024, IMAGES - 1025]
    # All of a run is what its stored state is about already.
    whole, images = subset_moments(StoreReader(url), 1, stores.layers()[LAYER], ImageFilter())
    assert asked == [1024, IMAGES - 1025]
    assert (whole.n, images) == (IMAGES, IMAGES)
