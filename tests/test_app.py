"""The app over a real store, through Flask's test client: poll, routes, errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa

from reactcnn_dash.app import create_server
from reactcnn_dash.callbacks import clusters, poll, runs
from reactcnn_dash.db import NewRun, RunWriter, StoreReader
from reactcnn_dash.jobs.runner import Jobs
from tests import served, stores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


def ask(url: str, **request: Any) -> dict[str, Any]:
    return dict(poll.answer(served.context(url), request))


def client(url: str) -> Any:
    return create_server(StoreReader(url), url, Jobs()).test_client()


def test_no_store_yet_then_an_empty_run_then_images(url: str, tmp_path: Path) -> None:
    assert ask(url)["empty"]["title"] == "No store yet"
    writer = RunWriter.begin(url, stores.new_run())
    assert ask(url)["empty"]["title"] == "The run has no images yet"
    stores.append(writer, stores.truth(4), 0, 4)
    assert ask(url)["image"]["ordinal"] == 3
    assert ask(url)["run"]["state"] == "collecting"
    writer.close()


def test_a_poll_asks_for_one_image_of_one_run(url: str, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 6, name="first")
    stores.make_store(tmp_path / "store.db", 8, name="second")
    assert ask(url)["run"]["name"] == "second"
    first = ask(url, run=1, ordinal=2)
    assert (first["run"]["name"], first["run"]["latest"], first["image"]["ordinal"]) == (
        "first",
        2,
        2,
    )
    assert ask(url, run=7)["gone"]


def test_next_misclassified(url: str, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 9)
    found = ask(url, run=1, ordinal=0, find="next-misclassified")
    assert (found["found"], found["image"]["ordinal"]) == (2, 2)
    assert ask(url, run=1, ordinal=2, find="next-misclassified")["found"] == 5
    last = ask(url, run=1, ordinal=8, find="next-misclassified")
    assert (last["found"], last["image"]["ordinal"]) == (2, 2)
    assert last["info"] == "After the last misclassified image: this is the first again."


def test_a_foreign_file_is_a_notice_not_a_failure(url: str, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("a shopping list\n" * 200)
    answer = ask(url)
    assert str(tmp_path / "store.db") in answer["notice"]
    assert "\n" not in answer["notice"]


def test_a_deleted_and_remade_store_is_picked_up(url: str, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, 5, name="old")
    context = served.context(url)
    old = poll.answer(context, {})
    for file in tmp_path.iterdir():
        file.unlink()
    assert "empty" in poll.answer(context, {})
    stores.make_store(path, 3, name="new")
    seen = {"uuid": old["run"]["uuid"], "ordinal": 2}
    new = poll.answer(context, {"seen": seen})
    assert new["run"]["name"] == "new"
    assert new["image"]["ordinal"] == 2


def test_pages_that_follow_a_run_share_what_was_read_a_moment_ago(url: str, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    stores.make_store(store, 5, name="first")
    context, moment = served.context(url), [0.0]
    followers = poll.Followers(context, lambda: moment[0])
    uuid = poll.answer(context, {})["run"]["uuid"]

    def page(shown: int | None, **change: Any) -> dict[str, Any]:
        seen = {"uuid": uuid} | ({} if shown is None else {"ordinal": shown})
        return dict(followers.answer({"run": None, "ordinal": None, "seen": seen} | change))

    # A page has an image, and others have none or an older one.
    assert [("image" in page(shown)) for shown in (4, 3, None, 4)] == [False, True, True, False]
    assert page(3) == poll.answer(context, {"seen": {"uuid": uuid, "ordinal": 3}})
    stores.make_store(store, 3, name="second")
    moment[0] = 0.09
    assert page(3)["run"]["name"] == "first"
    # Who asks for something of its own, or has seen nothing, is never given another's answer.
    assert page(3, run=1, ordinal=2)["image"]["ordinal"] == 2
    assert page(3, run=2)["run"]["name"] == "second"
    assert followers.answer({})["run"]["name"] == "second"
    moment[0] = 0.11
    newest = page(2)
    assert (newest["run"]["name"], newest["image"]["ordinal"]) == ("second", 2)
    assert "model" in newest
    assert newest == poll.answer(context, {"seen": {"uuid": uuid, "ordinal": 2}})
    store.unlink()
    moment[0] = 0.3
    assert "empty" in page(2)


def test_pixels_and_maps_come_back_bit_for_bit(url: str, tmp_path: Path) -> None:
    made = stores.make_store(tmp_path / "store.db", 5)
    uuid = StoreReader(url).run(1).uuid
    with client(url) as http:
        pixels = http.get(f"/runs/{uuid}/images/3")
        assert np.array_equal(np.frombuffer(pixels.data, np.uint8), made.pixels[3].ravel())
        assert "immutable" in pixels.headers["Cache-Control"]
        for layer in stores.layers():
            answer = http.get(f"/runs/{uuid}/images/3/layers/{layer.position}")
            n = layer.filters
            part = slice(layer.offset, layer.offset + n)
            assert np.array_equal(np.frombuffer(answer.data, "<f4", n), made.gap[3, part])
            step = np.frombuffer(answer.data, "<f4", n, offset=8 * n)
            assert np.all(step == np.float32(0.01))
            codes = np.frombuffer(answer.data, np.uint8, offset=12 * n)
            assert np.array_equal(codes, made.codes[layer.position][3].ravel())


def test_a_layer_without_stored_maps_still_has_its_exact_gap(url: str, tmp_path: Path) -> None:
    made = stores.make_store(tmp_path / "store.db", 2, maps=False)
    uuid = StoreReader(url).run(1).uuid
    with client(url) as http:
        body = http.get(f"/runs/{uuid}/images/1/layers/1").data
    assert np.array_equal(np.frombuffer(body, "<f4"), made.gap[1, 6:14])


def test_routes_answer_what_is_missing_with_404_and_damage_with_410(
    url: str, tmp_path: Path
) -> None:
    stores.make_store(tmp_path / "store.db", 2)
    uuid = StoreReader(url).run(1).uuid
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        damaged = b"RC" + bytes(60)
        connection.execute(
            sa.text("UPDATE images SET pixels = :blob WHERE ordinal = 1"), {"blob": damaged}
        )
    engine.dispose()
    with client(url) as http:
        assert http.get(f"/runs/{uuid}/images/9").status_code == 404
        assert http.get(f"/runs/{uuid}/images/0/layers/3").status_code == 404
        assert http.get("/runs/nobody/images/0/layers/0").status_code == 404
        answer = http.get(f"/runs/{uuid}/images/1")
        assert answer.status_code == 410
        assert "image 1" in answer.text


def test_a_poll_through_dash_is_small_and_compressed(url: str, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    body = {
        "output": "frame.data",
        "outputs": {"id": "frame", "property": "data"},
        "inputs": [{"id": "request", "property": "data", "value": {"number": 7}}],
        "changedPropIds": ["request.data"],
        "state": [],
    }
    with client(url) as http:
        answer = http.post(
            "/_dash-update-component",
            json=body,
            headers={"Accept-Encoding": "gzip", "Origin": "http://localhost"},
        )
    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == "gzip"
    import gzip

    frame = json.loads(gzip.decompress(answer.data))["response"]["frame"]["data"]
    assert frame["asked"] == 7
    assert frame["image"]["ordinal"] == 3


def test_the_run_list_is_newest_first_and_empty_without_a_store(url: str, tmp_path: Path) -> None:
    assert runs.options(StoreReader(url)) == []
    stores.make_store(tmp_path / "store.db", 1, name="one")
    stores.make_store(tmp_path / "store.db", 1, name="two")
    listed = runs.options(StoreReader(url))
    assert [entry["value"] for entry in listed] == ["2", "1"]
    assert listed[0]["label"].startswith("#2 · two · 100.0 % right · ")


def cluster_answer(url: str, **change: Any) -> tuple[Any, Any, Any, Any]:
    request = {
        "run": 1,
        "layer": 2,
        "method": "louvain",
        "parameter": 1.0,
        "keep": False,
        "number": 1,
    }
    found: Any = clusters.answer(served.context(url).clusters, request | change)
    return found["clusters"], found["elements"], found["layout"], found["rows"]


def test_clusters_of_a_layer_are_the_planted_groups(url: str, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 60)
    payload, elements, layout, rows = cluster_answer(url)
    labels = payload["labels"]
    assert labels[0] == -1
    assert payload["dead"] == 1
    assert len(set(labels[1::2])) == 1
    assert len(set(labels[2::2])) == 1
    assert labels[1] != labels[2]
    assert (payload["clusters"], payload["images"]) == (2, 60)
    assert layout["name"] == "cose"
    nodes = [e for e in elements if "source" not in e["data"]]
    edges = [e for e in elements if "source" in e["data"]]
    assert len(nodes) == 16
    assert all("position" in node for node in nodes)
    # A spanning tree inside each cluster: eight filters and seven filters.
    assert len(edges) == 7 + 6
    gap = stores.truth(60).gap[:, 14:]
    r = np.atleast_2d(np.corrcoef(gap[:, 1:].T))
    for row in rows:
        inside = [i - 1 for i, label in enumerate(labels) if label == row["cluster"]]
        pairs = r[np.ix_(inside, inside)][np.triu_indices(len(inside), 1)]
        assert row["size"] == len(inside)
        assert row["mean"] == pytest.approx(pairs.mean(), abs=1e-3)
        assert row["lowest"] == pytest.approx(pairs.min(), abs=1e-3)


def test_an_update_moves_no_node_and_lays_out_nothing(url: str, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 20)
    _, elements, layout, _ = cluster_answer(url, keep=True)
    assert not any("position" in element for element in elements)
    assert not isinstance(layout, dict)


def test_one_image_gives_no_clusters_but_says_how_many_are_needed(url: str, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 1)
    payload, elements, _, rows = cluster_answer(url)
    assert "2" in payload["message"]
    assert (elements, rows) == ([], [])


def test_a_clustering_is_stored_and_keeps_its_numbers(url: str, tmp_path: Path) -> None:
    made = stores.truth(80)
    run: NewRun = stores.new_run()
    writer = RunWriter.begin(url, run)
    for start in range(0, 40, 4):
        stores.append(writer, made, start, start + 4)
    first = cluster_answer(url)[0]
    reader = StoreReader(url)
    assert reader.clustering(1, 2, "louvain", 1.0).images == 40  # type: ignore[union-attr]
    stores.append(writer, made, 40, 44)
    assert cluster_answer(url)[0]["images"] == 40
    for start in range(44, 80, 4):
        stores.append(writer, made, start, start + 4)
    second = cluster_answer(url)[0]
    assert second["images"] == 80
    assert second["labels"] == first["labels"]
    writer.close()
