"""What a first visit is shown: found in stores where it was planted, through the route."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash.callbacks.poll import answer
from reactcnn_dash.db import RunWriter, StoreReader
from reactcnn_dash.pages.live.visit_routes import blueprint
from reactcnn_dash.results.deviations.scores import RATE, SCORES, bring_up_to_date
from tests import colourful, served, stores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("visit") / "store.db"
    colourful.write(path)
    bring_up_to_date(str(path), 1)
    return path


def asked(path: Path) -> dict[str, Any]:
    reader = StoreReader(str(path))
    routes = served.client(blueprint, served.context(path))
    said: dict[str, Any] = routes.get(f"/first-visit/{reader.run(1).uuid}").get_json()
    assert said.pop("status") == "done"
    return said


def opened_on(path: Path) -> int | None:
    context = served.context(path)
    frame = answer(context, {"number": 1, "run": None, "ordinal": None, "find": "opening"})
    shown = frame["image"]["ordinal"]
    assert frame.get("found", shown) == shown
    return frame.get("found")


def test_the_planted_filter_cluster_and_odd_images_are_found(scored: Path) -> None:
    said = asked(scored)
    made = colourful.colourful()
    layer, number = colourful.RED
    found = said["filter"]
    assert (found["layer"], found["filter"], found["stimulus"]) == (layer, number, "red")
    assert found["r"] > 0.95
    assert found["mapped"]
    # The image shows what the filter answers to: it is among the reddest, and misclassified.
    reddest = np.argsort(-made.gap[:, number])[: colourful.IMAGES // 5]
    assert said["image"] in reddest
    assert said["image"] % 3 == 2
    cluster = said["cluster"]
    assert cluster["layer"] == 2
    assert cluster["size"] >= colourful.TOGETHER - 1
    assert cluster["mean"] > 0.9
    assert cluster["images"] == colourful.IMAGES
    reader = StoreReader(str(scored))
    scores = SCORES.find(reader, reader.run(1))
    assert scores is not None
    assert said["odd"] == len(scores.odd(RATE)) > 0
    assert said["image"] not in scores.odd(RATE)
    assert said["wrong"] == colourful.IMAGES // 3


def test_the_cluster_is_one_that_the_panel_shows(scored: Path) -> None:
    cluster = asked(scored)["cluster"]
    made = colourful.colourful()
    (kept,) = StoreReader(str(scored)).clusterings(1, cluster["layer"])
    mates = np.flatnonzero(kept.labels == cluster["cluster"])
    assert len(mates) == cluster["size"]
    offset = sum(stores.FILTERS[: cluster["layer"]])
    r = np.asarray(np.corrcoef(made.gap[:, offset + mates].T))
    inside = r[np.triu_indices(len(mates), 1)]
    assert cluster["mean"] == pytest.approx(inside.mean(), abs=1e-6)


def test_a_finished_run_opens_on_its_oddest_image(scored: Path) -> None:
    reader = StoreReader(str(scored))
    scores = SCORES.find(reader, reader.run(1))
    assert scores is not None
    assert opened_on(scored) == int(np.argmax(scores.scores))


def test_without_scores_it_opens_on_the_first_wrong_one(tmp_path: Path) -> None:
    colourful.write(tmp_path / "store.db", 64)
    assert opened_on(tmp_path / "store.db") == 2
    assert asked(tmp_path / "store.db")["odd"] == 0


def test_few_images_are_judged_in_nothing(tmp_path: Path) -> None:
    made = colourful.write(tmp_path / "store.db", 8)
    said = asked(tmp_path / "store.db")
    assert said["cluster"] is None
    found = said["filter"]
    assert found["stimulus"] is None
    assert found["layer"] == 0
    # What is said of it is true all the same: of its layer it answers most to the image.
    assert found["filter"] == int(np.argmax(made.gap[said["image"], : stores.FILTERS[0]]))


def test_where_nothing_is_wrong_odd_or_stored_there_is_still_a_filter(tmp_path: Path) -> None:
    made = stores.truth(6)
    made = dataclasses.replace(made, labels=np.full(6, -1))
    stores.make_store(tmp_path / "store.db", 6, made=made, maps=False)
    assert opened_on(tmp_path / "store.db") is None
    said = asked(tmp_path / "store.db")
    assert (said["odd"], said["wrong"], said["cluster"]) == (0, 0, None)
    assert not said["filter"]["mapped"]


def test_a_run_that_is_collected_opens_on_its_newest_image(tmp_path: Path) -> None:
    made = stores.truth(12)
    with RunWriter.begin(str(tmp_path / "store.db"), stores.new_run("live", 12)) as writer:
        stores.append(writer, made, 0, 8)
        assert opened_on(tmp_path / "store.db") is None


def test_a_run_without_images_has_nothing_to_show(tmp_path: Path) -> None:
    with RunWriter.begin(str(tmp_path / "store.db"), stores.new_run("live", 12)):
        said = asked(tmp_path / "store.db")
    assert said == {"image": None, "filter": None, "cluster": None, "odd": 0, "wrong": 0}
