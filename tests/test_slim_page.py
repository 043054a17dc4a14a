"""The slim page's routes over a real store, and a network that is really made by it."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.arguments import parse
from reactcnn_dash.db import StoreReader, delete_run
from reactcnn_dash.pages.slim.routes import routes
from reactcnn_dash.results.slimming import trial
from reactcnn_dash.vocabulary import (
    IMAGE_SETS,
    PACKAGED,
    SLIM_BUDGETS,
    SLIM_METHODS,
    SLIM_SHARES,
)
from tests import served, slimmed, stores

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from reactcnn_dash.db import Run

DEADLINE = 240.0


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    slimmed.write(path)
    return path


@pytest.fixture
def client(store: Path) -> FlaskClient:
    return served.client(routes, served.context(store))


def said(client: FlaskClient, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.get_json()


def post(client: FlaskClient, address: str, body: Any) -> Any:
    return client.post(address, json=body).get_json()


def test_a_networks_slim_ones_stand_with_what_was_measured(client: FlaskClient) -> None:
    found = said(client, "/slims/of?run=1")
    assert found["origin"] is None
    assert found["run"]["name"] == "whole"
    first, second = found["points"]
    assert first["parameters"] == pytest.approx(494 / 1234)
    assert first["multiplyAdds"] == pytest.approx(0.55)
    assert first["accuracy"]["before"] == 0.92
    assert first["accuracy"]["after"] == 0.9
    assert first["speed"] == [100.0, 180.0]
    assert (first["before"], first["after"], first["images"]) == (1, 2, 12)
    assert [(one["before"], one["after"]) for one in first["layers"]] == [(6, 3), (8, 4), (16, 8)]
    assert first["gone"] == 15
    assert first["asked"] == "40 % of the parameters"
    assert [one["file"] for one in (first, second)] == [True, False]
    assert [one["slimmedWith"] for one in (first, second)] == [False, True]


def test_the_run_of_a_slim_network_leads_to_the_whole_one(client: FlaskClient) -> None:
    found = said(client, "/slims/of?run=2")
    assert found["origin"] == {"run": 1, "name": "small-cnn"}
    assert found["points"] == []


def test_filters_that_go_are_those_that_the_channel_map_lacks(client: FlaskClient) -> None:
    found = said(client, "/slims/gone?id=1")
    for layer, kept in zip(stores.layers(), slimmed.KEPT, strict=True):
        assert found["layers"][layer.name] == [i for i in range(layer.filters) if i not in kept]


def test_model_and_channel_map_are_handed_over(client: FlaskClient, store: Path) -> None:
    answer = client.get("/slims/model?id=1")
    assert answer.data == b"not read by a page"
    assert "slim-0.keras" in answer.headers["Content-Disposition"]
    answer = client.get("/slims/channels?id=1")
    assert json.loads(answer.data)["layers"] == slimmed.channels()
    assert "slim-0-channels.json" in answer.headers["Content-Disposition"]
    # Another file by now: it is not handed out as if it were the network that was measured.
    store.with_name("slim-0.keras").write_bytes(b"something else")
    assert "is not on the machine" in client.get("/slims/model?id=1").get_json()["message"]
    assert said(client, "/slims/of?run=1")["points"][0]["file"] is False
    store.with_name("slim-0.keras").unlink()
    assert "is not on the machine" in client.get("/slims/model?id=1").get_json()["message"]
    assert "is not on the machine" in client.get("/slims/model?id=2").get_json()["message"]


def test_deleting_the_slim_run_leaves_the_point_without_it(
    client: FlaskClient, store: Path
) -> None:
    delete_run(str(store), 2)
    first = said(client, "/slims/of?run=1")["points"][0]
    assert (first["before"], first["after"]) == (1, None)
    assert first["accuracy"]["after"] == 0.9


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/slims/of?run=99", "no run"),
        ("/slims/of", "run is a number"),
        ("/slims/gone?id=99", "not in the store"),
        ("/slims/model?id=99", "not in the store"),
        ("/slims/recipe?run=1&calibration=1&evaluation=1&budget=parameters&share=0&method=refit",
         "2 to 98"),
        ("/slims/recipe?run=1&calibration=1&evaluation=1&budget=bytes&share=9&method=refit",
         "no budget"),
        ("/slims/recipe?run=1&calibration=x&evaluation=1&budget=parameters&share=9&method=refit",
         "calibration is a number"),
        ("/slims/recipe?run=1&calibration=1&evaluation=1&budget=parameters&share=9&method=;rm",
         "method of the list"),
    ],
)  # fmt: skip
def test_what_no_page_asks_is_refused_in_a_line(
    client: FlaskClient, address: str, words: str
) -> None:
    answer = client.get(address).get_json()
    assert answer["status"] == "refused"
    assert words in answer["message"]


def asked(**more: Any) -> dict[str, Any]:
    return {
        "run": 1, "calibration": 1, "evaluation": 1, "budget": "parameters", "share": 40,
        "method": "refit",
    } | more  # fmt: skip


def recipe(client: FlaskClient, **more: Any) -> Any:
    query = "&".join(f"{name}={value}" for name, value in asked(**more).items())
    return said(client, f"/slims/recipe?{query}")


def test_what_cannot_be_made_here_has_its_command(client: FlaskClient) -> None:
    found = recipe(client, method="l1")
    assert found["obstacle"] == "The model's file, made up, is not on the machine of this server."
    assert "slim --model 'made up'" in found["command"]
    assert "--parameters 40%" in found["command"]
    assert "--method l1" in found["command"]
    begun = post(client, "/slims/try", asked())
    assert begun["status"] == "refused"
    assert "not on the machine" in begun["message"]
    assert said(client, "/slims/trial")["state"] == "idle"


def test_a_command_reads_networks_and_images_as_the_runs_did(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "a.db", 4)
    plain = StoreReader(str(tmp_path / "a.db")).run(1)
    np.savez(tmp_path / "images.npz", images=np.zeros((4, 8, 8, 3), np.uint8))
    images = {"images": str(tmp_path / "images.npz")}

    def of(**options: str) -> Run:
        checkpoint = dataclasses.replace(plain.checkpoint, source=PACKAGED[0])
        return dataclasses.replace(plain, checkpoint=checkpoint, options=images | options)

    def wanted(run: Run, first: Run, second: Run) -> trial.Wanted:
        return trial.Wanted(run, first, second, "parameters", 40, "refit")

    usual, keras = of(reading="pillow", pixel_range="-1-1"), of(reading="keras")
    network = of(preprocess="imagenet", pixel_range="imagenet", classes="imagenet", reading="keras")
    signed = of(value_range="-1,1")
    for asked_, given, not_given in (
        (wanted(usual, usual, usual), ["--pixel-range=-1-1"], ["--reading", "--preprocess"]),
        (wanted(network, keras, keras),
         ["--preprocess=imagenet", "--classes=imagenet", "--reading=keras"], ["--pixel-range"]),
        (wanted(network, signed, signed), ["--value-range=-1,1"], ["--reading"]),
    ):  # fmt: skip
        assert trial.obstacle(asked_) is None
        command = trial.words(asked_, "a.db", "slim.keras")
        assert set(given) <= set(command)
        assert not any(word.startswith(tuple(not_given)) for word in command)
        # The collector takes it.
        assert parse(command[1:]).command == "slim"
    for asked_, text in (
        (wanted(of(custom="/own.py"), usual, usual), "with --custom, which the page does not slim"),
        (wanted(usual, usual, keras), "with different --reading"),
        (wanted(usual, signed, usual), "with different --value-range"),
        (wanted(of(classes="/no/such.txt"), usual, usual), "/no/such.txt, is not on this machine"),
    ):
        assert text in str(trial.obstacle(asked_))


@pytest.mark.parametrize("budget", SLIM_BUDGETS)
@pytest.mark.parametrize("method", SLIM_METHODS)
def test_the_collector_takes_every_choice_of_the_page(budget: str, method: str) -> None:
    for share in (SLIM_SHARES[0], SLIM_SHARES[-1]):
        parse(["slim", f"--{budget}", f"{share}%", "--method", method])


def test_packaged_networks_and_images_are_there_by_name() -> None:
    from collector.frameworks.registry import framework_of
    from collector.images import open_images

    for model in PACKAGED:
        framework_of(model).check(model)
    assert "sample" in IMAGE_SETS
    assert len(open_images("sample"))


@pytest.fixture
def collected(tmp_path: Path) -> Path:
    """A store with a run of a tiny network over images on this machine."""
    return slimmed.collect(tmp_path)


def until(client: FlaskClient, *states: str) -> Any:
    late = time.monotonic() + DEADLINE
    while True:
        trial_ = said(client, "/slims/trial")
        if trial_["state"] in states:
            return trial_
        assert time.monotonic() < late, trial_
        time.sleep(0.05)


@pytest.mark.process
@pytest.mark.fitting
def test_a_network_is_made_measured_and_found_by_the_page(collected: Path) -> None:
    client = served.client(routes, served.context(collected))
    assert recipe(client, share=60)["obstacle"] is None
    begun = post(client, "/slims/try", asked(share=60))
    assert begun["state"] == "running"
    again = post(client, "/slims/try", asked(share=50))
    assert "Another network is being made" in again["message"]
    trial_ = until(client, "made", "failed")
    assert trial_["state"] == "made", trial_["message"]
    [point] = said(client, "/slims/of?run=1")["points"]
    assert point["parameters"] <= 0.6
    assert point["slimmedWith"] is True
    # The whole network's run is the one that was there.
    assert (point["before"], point["after"]) == (1, 2)
    reader = StoreReader(str(collected))
    assert point["accuracy"]["before"] == reader.run(1).correct / 96
    assert point["accuracy"]["after"] == reader.run(2).correct / 96

    import keras

    path = collected.with_name("store-slim") / f"{point['name']}.keras"
    assert client.get(f"/slims/model?id={point['id']}").data == path.read_bytes()
    whole = keras.saving.load_model(collected.with_name("tiny.keras"))
    slim = keras.saving.load_model(path)
    assert point["parametersCount"] == slim.count_params() < whole.count_params()
    gone = said(client, f"/slims/gone?id={point['id']}")["layers"]
    kept = [i for i in range(8) if i not in gone["first"]]
    np.testing.assert_array_equal(
        slim.get_layer("first").get_weights()[0],
        whole.get_layer("first").get_weights()[0][..., kept],
    )


@pytest.mark.process
@pytest.mark.fitting
def test_a_network_that_is_cancelled_leaves_nothing_half(collected: Path) -> None:
    client = served.client(routes, served.context(collected))
    client.post("/slims/try", json=asked(share=60))
    cancelled = post(client, "/slims/cancel", {})
    assert cancelled["message"] in ("Ending …", "Cancelled.")
    assert until(client, "cancelled", "made", "failed")["state"] == "cancelled"
    folder = collected.with_name("store-slim")
    assert list(folder.glob(".partial*")) == []
    assert said(client, "/slims/of?run=1")["points"] == []
    # What cannot be done is told in the command's own words, and another can begin.
    client.post("/slims/try", json=asked(share=2))
    failed = until(client, "failed", "made")
    assert failed["state"] == "failed"
    assert "the narrowest that tiny can be has" in failed["message"]
