"""What the page is told of the model at hand: differences, classes, refusals, without a model."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest
from flask import Flask

from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs.messages import Message
from reactcnn_dash.pages.live import model_routes
from reactcnn_dash.pages.live.model_routes import (
    class_map_payload,
    difference_codes,
    shown_classes,
    what_if_payload,
)
from reactcnn_dash.pages.routes import layer_response
from tests import served, stores

if TYPE_CHECKING:
    from pathlib import Path


def test_a_code_is_the_signed_root_of_the_share_of_the_span() -> None:
    layers = stores.layers()
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(2, 30)).astype(np.float32)
    after[0] = before[0]
    after[7], before[9] = np.nan, np.inf
    span = np.array([0.5, 2.0, 0.0], np.float32)
    codes = difference_codes(before, after, layers, span)
    for i in range(30):
        width = span[0 if i < 6 else 1 if i < 14 else 2]
        if i in (7, 9):
            assert codes[i] == 255
            continue
        moved = float(after[i]) - float(before[i])
        share = min(1.0, abs(moved) / width) ** 0.5 if width else 0.0
        assert abs(int(codes[i]) - 127 * (1 + np.sign(moved) * share)) <= 0.5
    assert codes[0] == 127


def test_of_many_classes_the_largest_of_both_and_the_label_are_shown() -> None:
    few = np.array([0.1, 0.9], np.float32)
    assert shown_classes(few, few, None) == [0, 1]
    before, after = np.zeros((2, 1000), np.float32)
    before[[7, 3, 500, 2, 1]] = [0.5, 0.2, 0.1, 0.1, 0.05]
    after[[900, 7]] = [0.8, 0.1]
    shown = shown_classes(before, after, 42)
    assert shown[:5] == [7, 3, 2, 500, 1]
    assert {900, 42} <= set(shown)
    assert len(shown) == len(set(shown)) <= 11


def test_the_payload_says_what_is_nan_and_which_class_is_predicted(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    reader = StoreReader(str(tmp_path / "store.db"))
    run, layers = reader.run(1), reader.layers(1)
    gap = reader.gap_row(1, 2)
    arrays = {
        "before": np.array([0.25, 0.5, 0.25], np.float32),
        "after": np.array([0.25, np.nan, 0.75], np.float32),
        "gap_before": gap,
        "gap_after": gap,
    }
    payload = what_if_payload(Message({}, arrays), run, layers, None)
    assert payload["classes"] == [(0, 0.25, 0.25), (1, 0.5, None), (2, 0.25, 0.75)]
    assert (payload["before"], payload["after"]) == (1, None)
    assert set(base64.b64decode(payload["codes"])) == {127}


def test_a_class_map_is_scaled_to_its_largest() -> None:
    values = np.array([[0.0, 0.5], [1.0, 0.25]], np.float32)
    payload = class_map_payload(Message({"before_softmax": True}, {"map": values}))
    assert list(base64.b64decode(payload["codes"])) == [0, 128, 255, 64]
    assert not payload["nowhere"]
    assert class_map_payload(Message({"before_softmax": False}, {"map": 0 * values}))["nowhere"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("what-if/0?off=", "off names filters"),
        ("what-if/0?off=0:1;x", "off names filters"),
        ("what-if/0?off=0:1&instead=half", "zero or their mean"),
        ("what-if?off=0:" + ",".join(map(str, range(5000))), "At most 4,096 filters"),
        ("grad-cam/0?class=x&layer=0", "class is a number"),
        ("grad-cam/0?class=1", "layer is a number"),
    ],
)
def test_what_no_page_asks_is_refused_in_one_line(path: str, words: str, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    context = served.context(tmp_path / "store.db")
    uuid = context.reader.run(1).uuid
    said = served.client(model_routes.blueprint, context).get(f"/model/{uuid}/{path}").get_json()
    assert said["status"] == "refused"
    assert words in said["message"]
    assert context.model.pid is None


def test_an_answer_without_maps_is_not_kept_by_the_browser(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "with.db", 4)
    stores.make_store(tmp_path / "without.db", 4, maps=False)
    for name, lasting in (("with", True), ("without", False)):
        context = served.context(tmp_path / f"{name}.db")
        answer = layer_response(context, context.reader.run(1).uuid, 2, 1)
        assert ("immutable" in answer.headers["Cache-Control"]) == lasting
        assert ("no-store" in answer.headers["Cache-Control"]) != lasting


@pytest.mark.parametrize(("asked", "stored"), [("", 4), ("&stored=3", 3), ("&stored=9", 4)])
def test_a_run_that_grows_is_asked_about_as_it_was(asked: str, stored: int, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    run = StoreReader(str(tmp_path / "store.db")).run(1)
    with Flask(__name__).test_request_context(f"/?off=0:1{asked}"):
        question = model_routes._over_run(run)
    assert (question["ask"], question["stored"]) == ("what-if-run", stored)
