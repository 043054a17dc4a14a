"""The redundancy report against planted duplicates, NumPy and the live page's clusters."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash import analysis
from reactcnn_dash.analysis import (
    CurvePoint,
    Stability,
    TooFewImages,
    Verdict,
    fisher_interval,
)
from reactcnn_dash.cli import main
from reactcnn_dash.db import KeptResult, StoreReader, keep_result, pack
from reactcnn_dash.jobs.runner import Workers
from reactcnn_dash.pages.live import cluster_payload as graphs
from reactcnn_dash.pages.redundancy.routes import routes
from reactcnn_dash.pages.run_list import listed
from reactcnn_dash.results.clusters.clustering import ClusterRequest, cluster_view, warm_up
from reactcnn_dash.results.redundancy import maps, stability
from reactcnn_dash.results.redundancy.document import as_dict, exported, from_dict
from reactcnn_dash.results.redundancy.report import METHOD, summary
from reactcnn_dash.results.redundancy.stability import (
    STABILITY,
    LayerStability,
    computed_stability,
    stability_settings,
    verdict,
)
from reactcnn_dash.results.redundancy.stored import REPORT, computed_report, report_settings
from tests import redundant, served, stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from reactcnn_dash.analysis import ClusterEvidence
    from reactcnn_dash.db import Run
    from reactcnn_dash.results.redundancy.report import RedundancyReport
    from tests.redundant import Planted

RUN = 1
TAU = 0.7


@pytest.fixture(scope="module")
def made() -> Planted:
    return redundant.planted()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, made: Planted) -> Path:
    """A store of what was planted, to be copied."""
    path = tmp_path_factory.mktemp("planted") / "store.db"
    redundant.write(path, made)
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, written: Path) -> RedundancyReport:
    """What is found in it."""
    path = tmp_path_factory.mktemp("reported") / "store.db"
    return found(f"sqlite:///{shutil.copyfile(written, path)}")


@pytest.fixture
def store(tmp_path: Path, written: Path) -> Path:
    """A store of what was planted, of which nothing is worked out yet."""
    return shutil.copyfile(written, tmp_path / "store.db")


@pytest.fixture
def url(store: Path) -> str:
    return f"sqlite:///{store}"


def run_of(url: str) -> Run:
    return StoreReader(url).run(RUN)


def stored_stability(url: str, position: int) -> LayerStability | None:
    return STABILITY.find_recent(StoreReader(url), run_of(url), stability_settings(position, TAU))


def change(store: Path, statement: str, *values: Any) -> None:
    connection = sqlite3.connect(store)
    with connection:
        connection.execute(statement, values)
    connection.close()


def found(url: str, threshold: float = TAU) -> RedundancyReport:
    return computed_report(url, RUN, threshold)


def same_of(report: RedundancyReport) -> ClusterEvidence:
    """The cluster of the filters that are alike in GAP and place."""
    (one,) = (one for one in report.layers[0].clusters if one.filters == redundant.SAME)
    return one


def correlations(rows: np.ndarray) -> np.ndarray:
    """NumPy's r between the rows of a matrix."""
    return np.asarray(np.corrcoef(rows))


def spatial(made: Planted, layer: int) -> np.ndarray:
    """Pearson's r between the filters' maps over all places of all images, maps centred."""
    flat = made.maps(layer).reshape(redundant.IMAGES, stores.FILTERS[layer], -1)
    centred = flat - flat.mean(axis=2, keepdims=True)
    with np.errstate(invalid="ignore"):
        return correlations(centred.transpose(1, 0, 2).reshape(stores.FILTERS[layer], -1))


def test_what_was_planted_is_found_and_judged(report: RedundancyReport, made: Planted) -> None:
    first, second, third = report.layers
    by_filters = {one.filters: one for one in first.clusters}
    assert set(by_filters) == {redundant.SAME, redundant.MIRRORED}
    same, mirrored = by_filters[redundant.SAME], by_filters[redundant.MIRRORED]
    assert same.verdict is Verdict.CONFIRMED
    assert mirrored.verdict is Verdict.CANDIDATE
    r = correlations(made.gap(0).T.astype(np.float64)[[0, 1, 2, 3]])
    assert same.mean_r == pytest.approx(r[0, 1])
    assert mirrored.mean_r == mirrored.lowest_r == pytest.approx(r[2, 3])
    places = spatial(made, 0)
    assert same.spatial_r == pytest.approx(places[0, 1], abs=1e-6)
    assert mirrored.spatial_r == pytest.approx(places[2, 3], abs=1e-6)
    assert (same.map_images, report.map_images, report.images) == (redundant.IMAGES,) * 3
    (trio,) = second.clusters
    assert (trio.filters, trio.verdict) == (redundant.TRIO, Verdict.CONFIRMED)
    assert third.clusters == ()
    rows = [layer.row for layer in report.layers]
    assert [(row.filters, row.dead, row.constant) for row in rows] == [
        (6, 1, 1),
        (8, 0, 1),
        (16, 0, 0),
    ]
    assert [row.could_go for row in rows] == [1 + 1 + 1, 2 + 1, 0]
    assert [layer.confirmed for layer in report.layers] == [1, 2, 0]


def test_the_images_to_look_at_are_those_in_which_the_kept_filter_varies_most(
    report: RedundancyReport, made: Planted
) -> None:
    for layer in (0, 1):
        cluster = report.layers[layer].clusters[0]
        energy = made.maps(layer)[:, cluster.keep].var(axis=(1, 2))
        assert list(cluster.examples) == np.argsort(-energy)[:3].tolist()


def test_the_summary_says_what_could_go_and_why(report: RedundancyReport, tmp_path: Path) -> None:
    assert summary(report) == (
        "The others explain the maps of 3 filters at R² ≥ 0.7, on images that were not fitted. "
        "By GAP values 6 of 30 filters could go: 4 repeat others, in 3 clusters, and 2 never vary."
    )
    path = tmp_path / "other.db"
    redundant.write(path, redundant.planted(), maps="none")
    mapless = computed_report(f"sqlite:///{path}", RUN, TAU)
    assert mapless.map_images == 0
    every = [one for layer in mapless.layers for one in layer.clusters]
    assert len(every) == 3
    assert all(one.verdict is Verdict.CANDIDATE for one in every)
    assert all((one.spatial_r, one.spatial, one.examples) == (None, (), ()) for one in every)
    assert summary(mapless).endswith("No feature maps are stored that could confirm it.")


@pytest.mark.parametrize(("images", "few"), [(2, "1.00"), (4, "1.00"), (30, "0.36"), (63, "0.25")])
def test_few_images_give_no_verdict_and_no_count(tmp_path: Path, images: int, few: str) -> None:
    path = tmp_path / "few.db"
    redundant.write(path, redundant.planted(images=images))
    said = summary(computed_report(f"sqlite:///{path}", RUN, TAU))
    assert said == (
        f"From {images} images: r of unrelated filters scatters by ± {few} (1.96/√(n − 1)). "
        "Collect at least 64. Too few for a verdict on 30 filters."
    )


def test_what_is_confirmed_comes_before_what_is_suspected(report: RedundancyReport) -> None:
    confirmed, suspected = report.layers[0].clusters
    assert [confirmed.verdict, suspected.verdict] == [Verdict.CONFIRMED, Verdict.CANDIDATE]
    # By r alone either might come first.
    assert suspected.mean_r == pytest.approx(confirmed.mean_r)


def test_few_maps_leave_a_cluster_a_candidate(tmp_path: Path) -> None:
    path = tmp_path / "few.db"
    redundant.write(path, redundant.planted(), maps="last:20")
    same = same_of(computed_report(f"sqlite:///{path}", RUN, TAU))
    assert (same.verdict, same.spatial_r, same.map_images) == (Verdict.CANDIDATE, None, 20)
    report = computed_report(f"sqlite:///{path}", RUN, TAU)
    assert all((layer.plan, layer.confirmed) == (None, 0) for layer in report.layers)
    assert summary(report).endswith(
        "The feature maps of 20 images confirm nothing yet: 30 are needed."
    )


def halves(made: Planted, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a layer's maps, images × positions: of every other image, and of those between."""
    values = made.maps(layer)
    rows = values.transpose(0, 2, 3, 1).reshape(len(values), -1, stores.FILTERS[layer])
    first, second = rows[::2], rows[1::2]
    return first.reshape(-1, first.shape[-1]), second.reshape(-1, second.shape[-1])


def out_of_sample(made: Planted, layer: int, filter_: int, by: list[int]) -> float:
    """NumPy's R² of a filter by others: fitted on one half of the images, judged on the other."""
    first, second = halves(made, layer)
    design = np.column_stack([np.ones(len(first)), first[:, by]])
    fit, *_ = np.linalg.lstsq(design, first[:, filter_], rcond=None)
    truth = second[:, filter_]
    missed = truth - np.column_stack([np.ones(len(second)), second[:, by]]) @ fit
    return float(1 - (missed**2).sum() / ((truth - truth.mean()) ** 2).sum())


def test_a_sum_of_others_that_looks_like_none_of_them_is_confirmed(tmp_path: Path) -> None:
    made = redundant.planted()
    # In conv3 filter 9 is a sum of 2 and 5, as far as bytes can say it, and 12 a noisy one of 3, 4.
    maps = made.maps(2)
    noise = np.random.default_rng(8).standard_normal(maps[:, 0].shape)
    for filter_, values in (
        (9, maps[:, 2] + maps[:, 5]),
        (12, maps[:, 3] + maps[:, 4] + 1.5 * maps[:, 3].std() * noise),
    ):
        low, high = values.min(axis=(1, 2)), values.max(axis=(1, 2))
        made.low[2][:, filter_], made.step[2][:, filter_] = low, (high - low) / 255
        step = made.step[2][:, filter_, None, None]
        made.codes[2][:, filter_] = np.rint((values - low[:, None, None]) / step)
    path = tmp_path / "sums.db"
    redundant.write(path, made)
    layer = computed_report(f"sqlite:///{path}", RUN, TAU).layers[2]
    assert layer.plan is not None
    # Any of the three can be left out: each is a combination of the two others.
    (gone,) = layer.plan.confirmed & {2, 5, 9}
    others = sorted({2, 5, 9} - {gone})
    places = np.corrcoef(np.concatenate(halves(made, 2)), rowvar=False)
    assert np.abs(np.delete(places[gone], gone)).max() < 0.9
    one = next(one for one in layer.plan.explained if one.filter == gone)
    stay = list(layer.plan.stay)
    assert one.r2 == pytest.approx(out_of_sample(made, 2, gone, stay), abs=1e-3)
    assert sorted(one.by) == others
    assert one.r2_by == pytest.approx(out_of_sample(made, 2, gone, others), abs=1e-3)
    assert not layer.plan.confirmed & {3, 4, 12}
    # Bookkeeping: nothing is both kept and explained, and nothing is forgotten.
    assert sorted([*stay, *(other.filter for other in layer.plan.explained)]) == list(range(16))


def test_clusters_have_the_numbers_of_the_live_page(url: str, store: Path) -> None:
    # A former clustering with numbers of its own, which the page goes on with.
    layer = StoreReader(url).layers(RUN)[0]
    view = cluster_view(url, ClusterRequest(RUN, layer.position, METHOD, 0.5))
    assert view.labels.max() >= 2
    change(
        # The store is given numbers that no clustering would choose by itself.
        store,
        "UPDATE clusterings SET labels = ? WHERE layer = 0",
        packed_labels(np.where(view.labels >= 0, 9 - view.labels, -1)),
    )
    report = found(url)
    shown = cluster_view(url, ClusterRequest(RUN, layer.position, METHOD, TAU))
    expected = {
        int(label): tuple(np.flatnonzero(shown.labels == label).tolist())
        for label in set(shown.labels.tolist())
        if label >= 0 and (shown.labels == label).sum() > 1
    }
    assert {one.label: one.filters for one in report.layers[0].clusters} == expected
    assert min(expected) > 3


def packed_labels(labels: np.ndarray) -> bytes:
    return pack(labels.astype(np.int32))


def test_a_report_is_stored_and_found_again(url: str, store: Path) -> None:
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(TAU)) is None
    report = found(url)
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(TAU)) == report
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(0.8)) is None
    # What is stored is taken, not worked out again.
    change(store, "DELETE FROM feature_maps")
    assert found(url) == report
    # The maps are folded once, whatever the threshold.
    other = found(url, 0.8)
    assert other.map_images == redundant.IMAGES
    assert same_of(other).spatial_r == pytest.approx(1.0)


def test_a_damaged_or_outgrown_report_is_worked_out_again(tmp_path: Path, made: Planted) -> None:
    # Of this moment: a run whose collector was not heard of for long is no longer collected.
    store = tmp_path / "fresh.db"
    redundant.write(store, made)
    url = f"sqlite:///{store}"
    report = found(url)
    change(store, "UPDATE reports SET value = ?", b"broken")
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(TAU)) is None
    assert found(url) == report
    change(store, "UPDATE reports SET images = images - 1")
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(TAU)) is None
    # While its run is collected, it may be a little behind.
    change(store, "UPDATE runs SET state = 'collecting'")
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(TAU)) == report
    change(store, "UPDATE reports SET images = 10")
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(TAU)) is None


def test_images_with_damaged_maps_are_left_out(url: str, store: Path, made: Planted) -> None:
    change(store, "UPDATE feature_maps SET codes = substr(codes, 1, 20) WHERE ordinal = 7")
    report = found(url)
    assert report.map_images == redundant.IMAGES - 1
    assert same_of(report).verdict is Verdict.CONFIRMED
    assert all(7 not in one.examples for layer in report.layers for one in layer.clusters)


def test_what_the_maps_say_survives_the_store(url: str) -> None:
    reader, run = StoreReader(url), run_of(url)
    first = maps.computed_maps(url, reader, run, lambda _done: None)
    again = maps.computed_maps(url, reader, run, lambda _done: pytest.fail("folded again"))
    assert again.ordinals == first.ordinals == tuple(range(redundant.IMAGES))
    for one, other in zip(first.layers, again.layers, strict=True):
        np.testing.assert_allclose(other.r, one.r, atol=1e-7)
        np.testing.assert_array_equal(other.images, one.images)
        np.testing.assert_array_equal(other.strongest, one.strongest)


def test_a_store_that_cannot_be_written_costs_the_stored_copy_only(url: str, store: Path) -> None:
    for table in ("reports", "clusterings"):
        change(
            store,
            f"CREATE TRIGGER no_{table} BEFORE INSERT ON {table} "
            "BEGIN INSERT INTO nowhere VALUES (1); END",
        )
    report = found(url)
    assert len(report.layers[0].clusters) == 2
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(TAU)) is None
    held = computed_stability(url, RUN, 0, TAU)
    assert held.found.images == redundant.IMAGES
    assert stored_stability(url, 0) is None


def test_json_keeps_everything_and_adds_addresses_and_intervals(
    report: RedundancyReport, url: str
) -> None:
    values = json.loads(json.dumps(as_dict(report)))
    assert from_dict(values) == report
    assert json.loads(exported(report, run_of(url)))["run"]["name"] == "planted"
    assert (values["method"], values["threshold"], values["images"]) == (METHOD, TAU, 64)
    loose = found(url, 0.1)
    values = json.loads(json.dumps(as_dict(loose)))
    for layer, one in zip(values["layers"], loose.layers, strict=True):
        for written, cluster in zip(layer["clusters"], one.clusters, strict=True):
            assert written["addresses"] == [f"{layer['name']}:{f}" for f in cluster.filters]
            assert written["keep_address"] in written["addresses"]
            assert written["mean_r_95"] == list(fisher_interval(cluster.mean_r, 64))


# The command.


def test_the_command_prints_a_row_a_layer(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redundancy", "planted", "--store", str(store)]) == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[0].split()[:4] == ["layer", "filters", "dead", "constant"]
    first = lines[1].split()
    assert (first[0], first[1:4], first[-3:]) == ("conv1", ["6", "1", "1"], ["2", "3", "1"])
    assert [line.split()[0] for line in lines[1:4]] == ["conv1", "conv2", "conv3"]
    assert "64 images and the feature maps of 64 of them; clusters of r ≥ 0.7 on average." in text
    assert lines[-1].startswith("The others explain the maps of 3 filters at R² ≥ 0.7, on images")


def test_the_commands_json_is_the_report(
    store: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["redundancy", "1", "--threshold", "0.8", "--json", "--store", str(store)]) == 0
    assert from_dict(json.loads(capsys.readouterr().out)) == found(url, 0.8)


def test_the_command_refuses_in_one_line(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["redundancy", "1", "--threshold", "1.2", "--store", str(store)]) != 0
    assert "lies between 0.05 and 0.95, not 1.2" in capsys.readouterr().err
    stores.make_store(tmp_path / "one.db", 1)
    assert main(["redundancy", "1", "--store", str(tmp_path / "one.db")]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "needs at least 2 images" in line


# Does it hold?


def test_whether_it_holds_is_stored_and_found_again(url: str, store: Path) -> None:
    held = computed_stability(url, RUN, 0, TAU)
    assert (held.stored, held.found.images) == (64, 64)
    # The planted pairs are found in any sample.
    assert held.found.bootstrap == (1.0,) * 8
    assert stored_stability(url, 0) == held
    assert stored_stability(url, 1) is None
    change(store, "UPDATE reports SET value = ?", b"{}")
    assert stored_stability(url, 0) is None
    assert computed_stability(url, RUN, 0, TAU) == held


def test_rows_are_drawn_evenly_from_the_whole_run(
    url: str, made: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stability, "MOST_ROWS", 3)
    monkeypatch.setattr(stability, "_BLOCK", 2)
    seen: list[np.ndarray] = []

    def remember(rows: np.ndarray, *_rest: Any) -> Iterator[Stability]:
        seen.append(rows)
        yield Stability(len(rows), (), (), None)

    monkeypatch.setattr(analysis, "stability", remember)
    computed_stability(url, RUN, 1, TAU)
    np.testing.assert_array_equal(seen[0], made.gap(1)[[0, 31, 63]])


def test_too_few_images_do_not_hold(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "one.db", 1)
    with pytest.raises(TooFewImages, match="this layer has 1"):
        computed_stability(f"sqlite:///{tmp_path / 'one.db'}", RUN, 0, TAU)


def test_the_verdict_in_a_sentence() -> None:
    curve = (CurvePoint(32, 0.5, 0.4, 0.6), CurvePoint(64, 0.6, 0.5, 0.7))

    def said(enough: int | None, stored_: int = 130, points: Any = curve) -> str:
        return verdict(LayerStability(stored_, Stability(128, (0.9,), points, enough)))

    assert said(50) == "Enough: two samples of 50 images agree by ARI 0.8."
    assert said(100) == "Enough: two samples of 100 images would agree by ARI 0.8."
    assert said(2100) == (
        "Collect about 2,000 more images: two samples of 2,100 would agree by ARI 0.8."
    )
    assert said(None) == (
        "Not settled: two samples of 64 images agree by ARI 0.60, "
        "and more images have not brought them closer."
    )
    for few in ((), curve[:1]):
        assert said(None, points=few) == "Too few images to tell: collect at least 128."


def test_the_live_pages_table_has_the_interval_too(url: str) -> None:
    view = cluster_view(url, ClusterRequest(RUN, 2, METHOD, 0.1))
    rows = {row["cluster"]: row for row in graphs.table_rows(view)}
    assert rows
    for one in view.summaries:
        if one.size > 1:
            assert one.lowest_r is not None
            low, high = fisher_interval(one.lowest_r, redundant.IMAGES)
            said = f"95 % interval {low:.3f} to {high:.3f} (Fisher, 64 images)"
            assert rows[one.label]["lowestInterval"] == said


# The page's routes.


@pytest.fixture
def client(url: str) -> FlaskClient:
    return served.client(routes, served.context(url))


def test_the_routes_answer_once_it_is_worked_out(client: FlaskClient, url: str) -> None:
    (one,) = client.get("/redundancies/runs").get_json()["runs"]
    assert one["value"] == "1"
    said = client.get("/redundancies/of?run=1").get_json()
    report = found(url)
    assert said["summary"] == summary(report)
    (first, *_) = said["layers"]
    assert [one["verdict"] for one in first["clusters"]] == [
        one.verdict.value for one in report.layers[0].clusters
    ]
    written = client.get("/redundancies/json?run=1&threshold=0.7")
    assert written.headers["Content-Disposition"] == 'attachment; filename="redundancy-1-0.7.json"'
    assert from_dict(written.get_json()) == report
    held = client.get("/redundancies/stability?run=1&layer=conv1").get_json()
    assert held["verdict"] == verdict(computed_stability(url, RUN, 0, TAU))
    assert [point["images"] for point in held["curve"]] == [
        point.images for point in computed_stability(url, RUN, 0, TAU).found.curve
    ]


@pytest.mark.process
def test_a_report_under_way_says_so_and_its_file_is_refused(url: str) -> None:
    with closing(Workers(warm_up, 2)) as jobs:
        http = served.client(routes, served.context(url, jobs))
        begun = {"status": "running", "done": 0, "total": 0, "behind": False, "loading": False}
        assert http.get("/redundancies/of?run=1").get_json() == begun
        layer = http.get("/redundancies/stability?run=1&layer=conv1").get_json()
        assert layer == begun | {"behind": True}
        said = http.get("/redundancies/json?run=1&threshold=0.9").get_json()
        assert said["status"] == "refused"
        assert "not worked out yet" in said["message"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("of?run=x", "run is a number"),
        ("of?run=7", "no run 7"),
        ("of?run=1&threshold=much", "is no number"),
        ("of?run=1&threshold=1", "lies between 0.05 and 0.95"),
        ("stability?run=1&layer=conv9", "no layer 'conv9'"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(
    client: FlaskClient, address: str, words: str
) -> None:
    said = client.get(f"/redundancies/{address}").get_json()
    assert said["status"] == "refused"
    assert words in said["message"]


def test_without_a_store_there_are_no_runs(tmp_path: Path) -> None:
    assert listed(StoreReader(f"sqlite:///{tmp_path / 'none.db'}")) == {"runs": []}


def test_a_report_of_another_kind_is_none(url: str) -> None:
    keep_result(url, RUN, REPORT.name, "0.7", KeptResult(redundant.IMAGES, b"\x00"))
    assert REPORT.find_recent(StoreReader(url), run_of(url), report_settings(TAU)) is None
