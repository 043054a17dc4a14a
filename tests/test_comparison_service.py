"""Comparisons for the page: real worker processes, and the routes over a real store."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash.db import RunWriter, StoreReader
from reactcnn_dash.jobs.runner import Jobs, UnderWay, Workers
from reactcnn_dash.jobs.worker import WorkLost
from reactcnn_dash.pages.compare.experiment import pairs_of
from reactcnn_dash.pages.compare.routes import routes
from reactcnn_dash.results.clusters.clustering import warm_up
from reactcnn_dash.results.comparison.comparing import Comparison, NotComparable
from reactcnn_dash.results.comparison.service import Comparisons
from reactcnn_dash.results.comparison.stored import Pair
from reactcnn_dash.results.epochs import in_order
from tests import served, stores
from tests.compared import chosen, other_checkpoint, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


IMAGES = 60


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs over the same images, in other orders, and a run over other images."""
    path = tmp_path_factory.mktemp("epochs") / "store.db"
    first = stores.truth(IMAGES)
    order = np.random.default_rng(1).permutation(IMAGES)
    write(path, "one", first, experiment="night", epoch=1)
    write(path, "two", other_checkpoint(first, 2), experiment="night", epoch=2)
    write(path, "three", chosen(other_checkpoint(first, 3), order), experiment="night", epoch=3)
    write(path, "strange", stores.truth(6, seed=9), experiment="odd", epoch=1)
    write(path, "single", first, experiment="odd", epoch=2)
    return path


@pytest.fixture
def store(tmp_path: Path, written: Path) -> Path:
    """A copy of that store, in which nothing is compared yet."""
    return shutil.copyfile(written, tmp_path / "store.db")


@pytest.fixture
def jobs() -> Iterator[Workers]:
    with closing(Workers(warm_up, 2)) as made:
        yield made


def comparisons(store: Path, jobs: Jobs) -> Comparisons:
    return Comparisons(StoreReader(str(store)), str(store), jobs)


def pair(a: int, b: int) -> Pair:
    return Pair(a, b, "leiden-cpm", None)


@pytest.fixture
def client(store: Path) -> Any:
    return served.client(routes, served.context(store))


def wait_for(service: Comparisons, key: Pair) -> Comparison:
    """Ask until the comparison is there, as the page does."""
    pause = threading.Event()
    for _ in range(600):
        found = service.ask(key)
        if isinstance(found, Comparison):
            return found
        pause.wait(0.1)
    raise TimeoutError


@pytest.mark.process
def test_a_run_that_grows_with_every_question_is_compared_all_the_same(
    store: Path, jobs: Workers
) -> None:
    service, made = comparisons(store, jobs), stores.truth(IMAGES)
    with RunWriter.begin(str(store), stores.new_run("growing", feature_maps="none")) as writer:
        stores.append(writer, made, 0, 30, maps=False)
        pause = threading.Event()
        found: Comparison | UnderWay | None = None
        growing = writer.run.id
        for stored in range(30, IMAGES):
            # As the page asks: of the runs as they stand at that moment.
            found = service.ask(pair(1, growing))
            if isinstance(found, Comparison):
                break
            stores.append(writer, made, stored, stored + 1, maps=False)
            pause.wait(0.5)
        assert isinstance(found, Comparison)
        assert found.images >= 30
        # A little more changes nothing, much more is compared anew.
        stores.append(writer, made, writer.stored, writer.stored + 1, maps=False)
        assert service.ask(pair(1, growing)) is found
        for stored in range(writer.stored, IMAGES):
            stores.append(writer, made, stored, stored + 1, maps=False)
        writer.finish()
    assert isinstance(service.ask(pair(1, growing)), UnderWay)
    assert wait_for(service, pair(1, growing)).images == IMAGES


def ask(client: Any, path: str, **values: Any) -> dict[str, Any]:
    """Ask a route for its answer."""
    answer = client.get(f"/comparisons/{path}", query_string=values)
    assert answer.status_code == 200
    said: dict[str, Any] = answer.get_json()
    return said


@pytest.mark.process
def test_a_comparison_is_waited_for_once_and_then_stored(store: Path, jobs: Workers) -> None:
    service, key = comparisons(store, jobs), pair(1, 3)
    assert isinstance(service.ask(key), UnderWay)
    found = wait_for(service, key)
    assert service.ask(key) is found
    assert found.images == IMAGES

    class Idle(Jobs):
        """Does nothing."""

        def ask(self, *_words: Any) -> Any:
            pytest.fail("it stands in the store")

    # Another server finds it in the store, and begins no work.
    assert isinstance(comparisons(store, Idle()).ask(key), Comparison)


@pytest.mark.process
def test_two_that_are_asked_for_are_computed_one_after_the_other(
    store: Path, jobs: Workers
) -> None:
    service, keys = comparisons(store, jobs), [pair(1, b) for b in (2, 3)]
    assert all(isinstance(service.ask(key), UnderWay) for key in keys)
    assert service.ask(keys[1]) == UnderWay(behind=True)
    assert [wait_for(service, key).b.name for key in keys] == ["two", "three"]


@pytest.mark.process
def test_a_run_that_grew_is_compared_anew(store: Path) -> None:
    service, made = comparisons(store, Jobs()), stores.truth(IMAGES)
    writer = RunWriter.begin(str(store), stores.new_run("growing", None, "none"))
    stores.append(writer, made, 0, 20, maps=False)
    key = pair(1, writer.run.id)
    assert wait_for(service, key).images == 20
    stores.append(writer, made, 20, 50, maps=False)
    writer.close()
    assert wait_for(service, key).images == 50


@pytest.mark.process
def test_a_refusal_is_raised_each_time(store: Path, jobs: Workers) -> None:
    service = comparisons(store, jobs)
    for _ in range(2):
        with pytest.raises(NotComparable, match="no image in common"):
            wait_for(service, pair(1, 4))


@pytest.mark.process
def test_a_process_that_ends_is_told_and_another_takes_its_place(
    store: Path, jobs: Workers
) -> None:
    (slow,) = jobs._slow
    killed = slow.submit(os.getpid).result()
    # Kept busy, so that the comparison is still waiting when its process is gone.
    slow.submit(stuck_for_ever)
    service = comparisons(store, jobs)
    assert isinstance(service.ask(pair(1, 2)), UnderWay)
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(WorkLost, match="ended before it was done"):
        wait_for(service, pair(1, 2))
    assert wait_for(service, pair(1, 2)).images == IMAGES


def stuck_for_ever() -> None:
    threading.Event().wait()


def test_what_can_be_picked(client: Any, store: Path) -> None:
    said = ask(client, "runs")
    assert [one["value"] for one in said["runs"]] == ["5", "4", "3", "2", "1"]
    reader = StoreReader(str(store))
    known = reader.predictions(reader.run(3))
    right = 100 * (known.predictions == known.labels).mean()
    assert said["runs"][2]["label"].startswith(f"#3 · three · epoch 3 · {right:.1f} % right · ")
    assert {one["value"]: one["label"] for one in said["experiments"]} == {
        "odd": "odd · 2 epochs",
        "night": "night · 3 epochs",
    }


def test_pages_of_changed_images_and_pairs(client: Any, store: Path) -> None:
    found = ask(client, "of", a=1, b=3)
    changed = found["changed"]
    assert changed["all"] == changed["corrected"] + changed["broken"] + changed["between"]
    page = ask(client, "changed", a=1, b=3, kind="corrected", offset=0)
    assert page["total"] == changed["corrected"] == len(page["hits"])
    reader = StoreReader(str(store))
    for a, b, label, before, after in page["hits"]:
        images = reader.image(1, a), reader.image(3, b)
        assert images[0].sha256 == images[1].sha256
        assert label == images[0].label == after == images[1].prediction
        assert before == images[0].prediction != label
    middle = page["hits"][1][0]
    pair = ask(client, "image", a=1, b=3, image=middle, kind="corrected")
    assert (pair["place"], pair["previous"], pair["next"]) == (
        1,
        page["hits"][0][0],
        page["hits"][2][0],
    )
    assert ask(client, "changed", a=1, b=3, offset=1000)["hits"] == []


@pytest.mark.parametrize(
    ("path", "values", "message"),
    [
        ("of", {"a": 1}, "b is a number, not ''."),
        ("of", {"a": 1, "b": 99}, "no run 99"),
        ("of", {"a": 1, "b": 2, "method": "magic"}, "No method 'magic'"),
        ("of", {"a": 1, "b": 2, "parameter": "much"}, "is no number"),
        ("of", {"a": 1, "b": 2, "parameter": 3}, "lies between 0.05 and 0.95"),
        ("of", {"a": 1, "b": 4}, "no image in common"),
        ("layer", {"a": 1, "b": 2, "layer": "conv9"}, "no layer 'conv9' in common"),
        ("image", {"a": 1, "b": 2, "image": 400}, "not among the images in common"),
        ("changed", {"a": 1, "b": 2, "kind": "odd", "offset": 0}, "No kind of changed images"),
        ("experiment", {"name": "nowhere"}, "has 0 runs"),
        ("experiment", {"name": "night", "against": "dawn"}, "last, previous, first"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    client: Any, path: str, values: dict[str, Any], message: str
) -> None:
    ask(client, "of", a=1, b=2)
    said = ask(client, path, **values)
    assert said["status"] == "refused"
    assert message in said["message"]


@pytest.mark.process
@pytest.mark.parametrize("path", ["layer", "changed", "image", "json"])
def test_parts_of_a_comparison_are_refused_until_it_is_there(
    store: Path, jobs: Workers, path: str
) -> None:
    client = served.client(routes, served.context(store, jobs))
    values = {"a": 3, "b": 2, "layer": "conv1", "offset": 0, "image": 0}
    said = ask(client, path, **values)
    assert said["status"] == "refused"
    assert "not computed yet" in said["message"]


@pytest.mark.process
def test_a_comparison_under_way_says_how_far_it_is(store: Path, jobs: Workers) -> None:
    client = served.client(routes, served.context(store, jobs))
    begun = {"status": "running", "done": 0, "total": 0, "behind": False, "loading": False}
    assert ask(client, "of", a=1, b=2) == begun
    experiment = ask(client, "experiment", name="night", against="last")
    assert {name: experiment[name] for name in begun} == begun | {"behind": True}
    assert [pair["a"] for pair in experiment["pairs"]] == [1, 2]


def test_an_experiment_pair_by_pair(client: Any) -> None:
    last = ask(client, "experiment", name="night", against="last")
    assert [(pair["a"], pair["b"]) for pair in last["pairs"]] == [(1, 3), (2, 3)]
    before = ask(client, "experiment", name="night", against="previous")
    assert [(pair["a"], pair["b"]) for pair in before["pairs"]] == [(1, 2), (2, 3)]
    first = ask(client, "experiment", name="night", against="first")
    assert [(pair["a"], pair["b"]) for pair in first["pairs"]] == [(1, 2), (1, 3)]
    assert last["pairs"][1] == before["pairs"][1]
    of = ask(client, "of", a=2, b=3)
    assert last["pairs"][1]["cka"] == [layer["cka"] for layer in of["layers"]]
    assert last["pairs"][1]["accuracy"] == of["accuracy"]


def test_a_pair_of_an_experiment_that_does_not_compare_is_said(client: Any) -> None:
    said = ask(client, "experiment", name="odd", against="last")
    assert "no image in common" in said["pairs"][0]["message"]
    assert said["known"] == 1


def night(store: Path) -> list[str]:
    """Names of an experiment's runs in their order."""
    runs = [run for run in StoreReader(store).summaries() if run.experiment == "night"]
    return [run.name for run in in_order(runs)]


def test_epochs_are_in_order_whatever_the_order_of_collecting(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for name, epoch in (("first", None), ("late", 8), ("early", 2), ("final", None), ("mid", 4)):
        write(path, name, stores.truth(8), experiment="night", epoch=epoch)
    # What has no epoch stands behind what was collected before it.
    assert night(path) == ["first", "early", "final", "mid", "late"]


def test_where_epochs_repeat_every_run_stands_in_the_order_of_time(
    store: Path, client: Any
) -> None:
    written = ["one", "two", "three"]
    assert night(store) == written
    for name, epoch in (("again", 2), ("first again", 1), ("none", None), ("third", 3)):
        write(store, name, stores.truth(8), experiment="night", epoch=epoch)
        written.append(name)
        assert night(store) == written
    runs = [run for run in StoreReader(store).summaries() if run.experiment == "night"]
    names = [(a.name, b.name) for a, b in pairs_of(in_order(runs), "previous")]
    assert names == list(itertools.pairwise(written))
    said = ask(client, "experiment", name="night", against="previous")
    assert [run["name"] for run in said["runs"]] == written
