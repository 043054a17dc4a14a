"""What the filter page says of a filter, against NumPy and SciPy over small real stores."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.stats
import sqlalchemy as sa

from reactcnn_dash import analysis
from reactcnn_dash.db import CorrelationState, Kernel, RunWriter, StoreReader, pack, replace_states
from reactcnn_dash.jobs.runner import UnderWay, Workers
from reactcnn_dash.pages.filter.routes import routes
from reactcnn_dash.results.clusters.clustering import warm_up
from reactcnn_dash.results.filters import facts
from reactcnn_dash.results.filters.history import Histories, kin
from reactcnn_dash.results.filters.sample import LayerSample, Samples
from reactcnn_dash.results.filters.service import Tops
from reactcnn_dash.results.filters.tops import (
    TopsOfRun,
    computed_tops,
    driven_by,
    find_tops,
)
from tests import served, stores
from tests.collector.waiting import wait_until
from tests.compared import other_checkpoint, write

if TYPE_CHECKING:
    from pathlib import Path

FILTERS = sum(stores.FILTERS)
IMAGES = 40
CONV2 = slice(6, 14)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def client(path: Path) -> Any:
    return served.client(routes, served.context(path))


def save_states(path: Path, run_id: int, made: stores.Truth) -> None:
    """Save the correlation states that a collector would have saved."""
    states = []
    for layer in stores.layers():
        rows = made.gap[:, layer.offset : layer.offset + layer.filters]
        found = analysis.CoMoments.of(rows)
        states.append(
            CorrelationState(
                layer=layer.position,
                covered=len(rows),
                n=found.n,
                mean=found.mean,
                comoment=found.comoment,
                low=found.low,
                high=found.high,
            )
        )
    replace_states(str(path), run_id, states)


def sorted_images(values: np.ndarray, chosen: np.ndarray, most: int) -> list[int]:
    """The images with the highest values, equal ones by ordinal, none at the lowest value."""
    ordinals = [k for k in np.flatnonzero(chosen).tolist() if values[k] > values.min()]
    return sorted(ordinals, key=lambda k: (-values[k], k))[:most]


def test_neighbours_and_their_intervals_are_scipys() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((60, 14)) + rng.choice([-2.0, 0.0, 2.0], 14) * rng.standard_normal(
        (60, 1)
    )
    rows[:, 4] = 1.5
    correlation = analysis.correlation(analysis.CoMoments.of(rows))
    nearest, opposite = facts.neighbours(correlation, 2)
    others = [f for f in range(14) if f not in (2, 4)]
    r = {f: scipy.stats.pearsonr(rows[:, 2], rows[:, f]) for f in others}
    falling = sorted(others, key=lambda f: -r[f].statistic)
    assert [one["filter"] for one in nearest] == falling[:8]
    left = [f for f in falling[::-1][:3] if r[f].statistic < 0 and f not in falling[:8]]
    assert [one["filter"] for one in opposite] == left
    for one in nearest + opposite:
        interval = r[one["filter"]].confidence_interval(0.95)
        assert one["r"] == pytest.approx(r[one["filter"]].statistic)
        assert (one["low"], one["high"]) == pytest.approx((interval.low, interval.high), abs=1e-4)
    assert facts.neighbours(correlation, 4) == ([], [])


def test_a_small_layer_names_no_filter_twice() -> None:
    rows = np.random.default_rng(1).standard_normal((30, 4))
    nearest, opposite = facts.neighbours(analysis.correlation(analysis.CoMoments.of(rows)), 0)
    assert sorted(one["filter"] for one in nearest) == [1, 2, 3]
    assert opposite == []


def test_the_state_of_a_filter() -> None:
    rows = np.array([[0.0, 2.0, 1.0], [0.0, 2.0, 4.0], [0.0, 2.0, 4.0]])
    moments = analysis.CoMoments.of(rows)
    dead, constant, active = (facts.state_of(facts.Marginals.of(moments), f) for f in range(3))
    assert (dead["dead"], dead["constant"]) == (True, True)
    assert (constant["dead"], constant["constant"], constant["mean"]) == (False, True, 2.0)
    assert (active["dead"], active["constant"], active["images"]) == (False, False, 3)
    assert active["mean"] == pytest.approx(3.0)
    assert active["deviation"] == pytest.approx(rows[:, 2].std(ddof=1))
    assert (active["low"], active["high"]) == (1.0, 4.0)
    nothing = facts.state_of(facts.Marginals.of(analysis.CoMoments.empty(3)), 1)
    assert (nothing["images"], nothing["mean"], nothing["low"], nothing["dead"]) == (
        0,
        None,
        None,
        False,
    )
    alone = facts.state_of(facts.Marginals.of(analysis.CoMoments.of(rows[:1])), 0)
    assert (alone["deviation"], alone["dead"]) == (None, False)


def test_points_are_spread_over_the_sample() -> None:
    rows = np.arange(4000, dtype=np.float32).reshape(2000, 2)
    rows[0, 1] = np.nan
    sample = LayerSample(np.arange(2000), rows, np.zeros(2000, np.int64))
    first, second = facts.points(sample, [0, 1])
    assert len(first) == len(second) == facts.POINTS
    assert (first[0], first[-1], second[0]) == (0.0, 3998.0, None)
    steps = np.diff(np.array(first, float))
    assert steps.max() - steps.min() <= 2.0


def test_a_kernel_whole_and_by_its_strongest_channels() -> None:
    rng = np.random.default_rng(2)
    colour = rng.standard_normal((6, 3, 3, 3)).astype(np.float32)
    deep = rng.standard_normal((8, 3, 3, 6)).astype(np.float32)
    kernels = [
        Kernel(
            name,
            weights if weights.shape[-1] < 5 else None,
            np.sqrt((weights**2).sum(3)),
            np.sqrt((weights**2).sum((1, 2))),
        )
        for name, weights in (("conv1", colour), ("conv2", deep))
    ]
    conv1, conv2, conv3 = stores.layers()
    first = facts.kernel_payload(kernels[0], 4, None)
    assert first is not None
    assert np.array(first["weights"]) == pytest.approx(colour[4], rel=1e-4)
    assert (first["size"], first["channels"], first["source"]) == ((3, 3), 3, None)
    second = facts.kernel_payload(kernels[1], 7, conv1)
    assert second is not None
    assert second["weights"] is None
    assert second["source"] == "conv1"
    norms = np.linalg.norm(deep[7].reshape(9, 6), axis=0)
    assert [one for one, _ in second["strongest"]] == np.argsort(-norms).tolist()
    assert np.array(second["spatial"]) == pytest.approx(np.linalg.norm(deep[7], axis=2), rel=1e-4)
    not_so_many = facts.kernel_payload(kernels[1], 7, conv2)
    assert not_so_many is not None
    assert not_so_many["source"] is None
    assert facts.kernel_payload(None, 0, conv3) is None


def test_an_image_without_label_has_the_class_of_its_prediction(path: Path) -> None:
    made = stores.truth(24)
    labels = made.labels.copy()
    labels[[1, 4, 5]] = -1
    probabilities = made.probabilities.copy()
    probabilities[5] = np.nan
    stores.make_store(
        path, 24, made=dataclasses.replace(made, labels=labels, probabilities=probabilities)
    )
    reader = StoreReader(str(path))
    expected = labels.copy()
    expected[[1, 4]] = made.probabilities[[1, 4]].argmax(1)
    assert reader.classes_of(1, range(reader.run(1).stored)).tolist() == expected.tolist()
    assert expected[5] == -1
    # Class 0 is a label like any other: some of its images were taken for something else.
    assert np.any((labels == 0) & (made.probabilities.argmax(1) > 0))


def test_a_sample_is_of_one_layer_and_knows_its_classes(path: Path) -> None:
    made = stores.make_store(path, IMAGES)
    reader = StoreReader(str(path))
    sample = Samples(reader).of(reader.run(1), stores.layers()[1])
    assert sample.ordinals.tolist() == list(range(IMAGES))
    assert np.array_equal(sample.rows, made.gap[:, CONV2])
    assert sample.classes.tolist() == made.labels.tolist()
    found = facts.classes_payload(sample, 3, 3)
    values = made.gap[:, 6 + 3]
    for number in range(3):
        mine = values[made.labels == number]
        assert found["means"][number] == pytest.approx(mine.mean())
        assert found["counts"][number] == np.histogram(mine, found["edges"])[0].tolist()


def check_tops(found: TopsOfRun | None, made: stores.Truth, images: int) -> None:
    assert found is not None
    assert found.images == images
    labels, gap = made.labels[:images], made.gap[:images]
    for f in range(FILTERS):
        low = float(gap[:, f].min())
        every = [top.ordinal for top in driven_by(found, f, None, low)]
        assert every == sorted_images(gap[:, f], np.ones(images, bool), 9)
        for number in range(3):
            mine = [top.ordinal for top in driven_by(found, f, number, low)]
            assert mine == sorted_images(gap[:, f], labels == number, 4)


def test_top_images_of_a_run_that_grows_go_on_from_the_stored_ones(path: Path) -> None:
    made = stores.truth(IMAGES)
    url = str(path)
    reader = StoreReader(url)
    with closing(RunWriter.begin(url, stores.new_run(total=IMAGES))) as writer:
        stores.append(writer, made, 0, 16)
        computed_tops(url, 1)
        check_tops(find_tops(reader, reader.run(1), FILTERS), made, 16)
        stores.append(writer, made, 16, IMAGES)
        writer.finish()
    # Rows that the stored ones cover are not read again: these would be noticed.
    with sa.create_engine(f"sqlite:///{path}").begin() as connection:
        other = {"gap": pack(np.full(FILTERS, 99, np.float32))}
        connection.execute(sa.text("UPDATE images SET gap = :gap WHERE ordinal < 16"), other)
    found = computed_tops(url, 1)
    check_tops(find_tops(reader, reader.run(1), FILTERS), made, IMAGES)
    check_tops(found, made, IMAGES)


def test_damaged_top_images_are_worked_out_again(path: Path) -> None:
    made = stores.make_store(path, IMAGES)
    computed_tops(str(path), 1)
    with sa.create_engine(f"sqlite:///{path}").begin() as connection:
        connection.execute(sa.text("UPDATE reports SET value = substr(value, 1, 300)"))
    reader = StoreReader(str(path))
    assert find_tops(reader, reader.run(1), FILTERS) is None
    computed_tops(str(path), 1)
    check_tops(find_tops(reader, reader.run(1), FILTERS), made, IMAGES)


@pytest.mark.process
def test_the_service_answers_at_once_and_once_done_from_the_store(path: Path) -> None:
    made = stores.make_store(path, IMAGES)
    reader = StoreReader(str(path))
    run = reader.run(1)
    with closing(Workers(warm_up, 2)) as jobs:
        service = Tops(reader, str(path), jobs)
        assert isinstance(service.ask(run, FILTERS), UnderWay)
        wait_until(lambda: isinstance(service.ask(run, FILTERS), TopsOfRun))
        found = service.ask(run, FILTERS)
        assert isinstance(found, TopsOfRun)
        check_tops(found, made, IMAGES)
    # Workers that were closed work again when they are asked: these are not.
    another = Tops(reader, str(path), jobs)
    assert isinstance(another.ask(run, FILTERS), TopsOfRun)
    assert not any(worker.started for worker in jobs._slow)


def test_a_history_is_the_experiments_by_epoch(path: Path) -> None:
    first = stores.truth(30)
    later = other_checkpoint(first, 3)
    write(path, "late", later, experiment="night", epoch=2)
    write(path, "early", first, experiment="night", epoch=1)
    write(path, "other", first, experiment="day", epoch=1)
    write(path, "alone", first)
    for run_id, made in ((1, later), (2, first), (3, first), (4, first)):
        save_states(path, run_id, made)
    reader = StoreReader(str(path))
    conv2 = stores.layers()[1]
    moments = Histories(reader).of(reader.run(1), conv2, 3)
    assert [one.run.name for one in moments] == ["early", "late"]
    for moment, made in zip(moments, (first, later), strict=True):
        values = made.gap[:, 6 + 3].astype(float)
        assert moment.state["mean"] == pytest.approx(values.mean())
        assert moment.state["deviation"] == pytest.approx(values.std(ddof=1), abs=1e-7)
        means = np.array([values[made.labels == number].mean() for number in range(3)])
        expected = analysis.selectivity(means)
        assert moment.selectivity == pytest.approx(expected, abs=1e-6)
    # The later checkpoint has this filter dead.
    assert [one.state["dead"] for one in moments] == [False, True]
    assert [one.run.name for one in Histories(reader).of(reader.run(4), conv2, 3)] == ["alone"]


def test_a_history_leaves_out_runs_without_such_a_layer_or_statistics(path: Path) -> None:
    first = stores.truth(12)
    write(path, "same", first)
    renamed = tuple(
        dataclasses.replace(layer, name=f"other{layer.position}") for layer in stores.layers()
    )
    write(path, "renamed", first, layers=renamed)
    write(path, "no states", first)
    write(path, "shown", first)
    for run_id in (1, 2, 4):
        save_states(path, run_id, first)
    reader = StoreReader(str(path))
    found = Histories(reader).of(reader.run(4), stores.layers()[0], 1)
    assert [one.run.name for one in found] == ["same", "shown"]


def test_a_long_history_keeps_the_newest_and_the_run_itself(path: Path) -> None:
    made = stores.truth(1)
    for number in range(70):
        write(path, f"run {number}", made, experiment="long", epoch=number)
    reader = StoreReader(str(path))
    found = kin(reader.run(3), reader.summaries())
    assert [one.id for one in found] == [3, *range(12, 71)]


def test_the_page_gets_a_filter_and_its_layer_is_checked(path: Path) -> None:
    made = stores.make_store(path, IMAGES)
    http = client(path)
    said = http.get("/filters/of?run=1&layer=conv2&filter=3").json
    r = np.asarray(np.corrcoef(made.gap[:, CONV2][:, 1:], rowvar=False))[2]
    assert (said["layer"], said["filter"], said["map"]) == (1, 3, [4, 4])
    assert [one["filter"] for one in said["nearest"]][:2] == [
        one + 1 for one in np.argsort(-r).tolist() if one != 2
    ][:2]
    assert said["kernel"] is None
    assert said["values"][0] == pytest.approx(made.gap[:, 6 + 3].tolist(), rel=1e-4)
    assert said["values"][1] == pytest.approx(
        made.gap[:, 6 + said["nearest"][0]["filter"]].tolist(), rel=1e-4
    )
    # Bare JSON: no NaN, which a browser does not read.
    dead = http.get("/filters/of?layer=conv1&filter=0")
    assert json.loads(dead.text, parse_constant=pytest.fail)["state"]["dead"]
    assert "no layer 'conv9'" in http.get("/filters/of?layer=conv9").json["message"]
    assert "has 8 filters: 0 to 7" in http.get("/filters/of?layer=conv2&filter=8").json["message"]
    assert "no run" in http.get("/filters/of?run=7").json["message"]
    assert "is a number" in http.get("/filters/of?filter=-1").json["message"]


def test_clusters_of_a_filter(path: Path) -> None:
    stores.make_store(path, IMAGES)
    http = client(path)
    found = http.get("/filters/clusters?layer=conv2&filter=3&method=leiden-cpm").json
    # Odd filters move together by their making, and filter 0 is dead.
    assert (found["size"], found["members"]) == (4, [1, 5, 7])
    assert found["lowestR"] > 0.9
    assert http.get("/filters/clusters?layer=conv2&filter=0").json["cluster"] == -1
    assert "No method" in http.get("/filters/clusters?method=guess").json["message"]


def test_maps_of_one_filter_where_they_are_stored(path: Path) -> None:
    made = stores.truth(12)
    with closing(RunWriter.begin(str(path), stores.new_run("few", 12, "last:4"))) as writer:
        for start in range(0, 12, 4):
            stores.append(writer, made, start, start + 4)
        writer.finish()
    body = client(path).get("/filters/maps?layer=conv2&filter=5&of=11,2,8").data
    assert list(body[:3]) == [1, 0, 1]
    assert np.frombuffer(body[4:20], "<f4").reshape(2, 2).tolist() == [
        [0, 0],
        [pytest.approx(0.01)] * 2,
    ]
    maps = np.frombuffer(body[20:], np.uint8).reshape(2, 4, 4)
    assert np.array_equal(maps, made.codes[1][[11, 8], 5])


def test_an_empty_store_says_what_to_do(path: Path) -> None:
    http = client(path)
    said = http.get("/filters/of").json
    assert (said["status"], said["empty"]["title"]) == ("empty", "No store yet")
    assert "python -m collector" in said["empty"]["command"]
    with closing(RunWriter.begin(str(path), stores.new_run())) as writer:
        assert "no images yet" in http.get("/filters/of").json["empty"]["title"]
        stores.append(writer, stores.truth(1), 0, 1)
    # Classes without images have no mean: JSON has no NaN for it.
    alone = json.loads(http.get("/filters/of?filter=1").text, parse_constant=pytest.fail)
    assert (alone["nearest"], alone["state"]["images"]) == ([], 1)
    assert "at least 2 images" in http.get("/filters/clusters?filter=1").json["message"]
