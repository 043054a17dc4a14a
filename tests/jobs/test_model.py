"""The process that holds a run's model: a real one, with a real model and a real store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs.messages import BrokenMessage, Message, read_message, write_message
from reactcnn_dash.jobs.model import ModelAtHand, ModelLost, ModelRefused
from reactcnn_dash.jobs.runner import UnderWay
from tests.at_hand import make_runs

if TYPE_CHECKING:
    from pathlib import Path

    from reactcnn_dash.db import Run

pytestmark = pytest.mark.process

WHAT_IF = {"ask": "what-if", "ordinal": 3, "off": [[0, [1, 4]]], "instead": "zero"}
OVER_RUN = {"ask": "what-if-run", "off": [[0, [1, 4]]], "instead": "mean"}


def answer(model: ModelAtHand, run: Run, question: dict[str, Any]) -> Message:
    """Ask until there is an answer."""
    deadline = time.monotonic() + 240
    while isinstance(found := model.ask(run.uuid, question), UnderWay):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def gone(pid: int) -> bool:
    """Whether a process has ended, in less than a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(tmp_path_factory.mktemp("at-hand"))


def run_of(folder: Path, name: str = "one") -> Run:
    return StoreReader(str(folder / "store.db")).run(name)


def test_it_answers_as_plain_keras_does_and_is_one_process_at_a_time(folder: Path) -> None:
    true = json.loads((folder / "truth.json").read_text())
    run = run_of(folder)
    with closing(ModelAtHand(str(folder / "store.db"))) as model:
        assert model.pid is None
        first = model.ask(run.uuid, WHAT_IF)
        assert isinstance(first, UnderWay)
        assert first.loading
        found = answer(model, run, WHAT_IF)
        np.testing.assert_allclose(found.arrays["before"], true["before"], atol=1e-6)
        np.testing.assert_allclose(found.arrays["after"], true["zero"], atol=1e-6)
        assert found.arrays["gap_after"][[1, 4]].tolist() == [0, 0]
        stored_gap = StoreReader(str(folder / "store.db")).gap_row(run.id, 3)
        np.testing.assert_allclose(found.arrays["gap_before"], stored_gap, atol=1e-5)
        pid = model.pid
        with pytest.raises(ModelRefused, match="no such filters"):
            answer(model, run, {**WHAT_IF, "off": [[1, [7]]]})
        # What is cancelled is given up, and the model stays.
        assert isinstance(model.ask(run.uuid, OVER_RUN), UnderWay)
        model.cancel(run.uuid, OVER_RUN)
        assert model.answer(run.uuid, OVER_RUN) is None
        counts = answer(model, run, OVER_RUN).head
        assert model.pid == pid
        assert counts["images"] == counts["labelled"] == 70
        assert (counts["before"], counts["after"]) == (true["right"], true["rightAfter"])
        assert (counts["same"], counts["lost"]) == (true["same"], true["lost"])
        # Another run's model takes its place.
        assert isinstance(model.ask(run_of(folder, "two").uuid, WHAT_IF), UnderWay)
        assert pid is not None
        assert gone(pid)
        pid = model.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        with pytest.raises(ModelLost, match="ended before it had answered"):
            answer(model, run_of(folder, "two"), WHAT_IF)
        # Maps that the run let go of are those that it would have kept, and no more are kept.
        two = run_of(folder, "two")
        reader = StoreReader(str(folder / "store.db"))
        assert reader.image_maps(two.uuid, 3) is None
        assert answer(model, two, {"ask": "maps", "ordinal": 3}).head["stored"]
        again, whole = (reader.image_maps(one.uuid, 3) for one in (two, run))
        assert again is not None
        assert whole is not None
        for found, stored in zip(again, whole, strict=True):
            for name in ("codes", "low", "step"):
                np.testing.assert_array_equal(getattr(found, name), getattr(stored, name))
        assert reader.images_with_maps(two.id) == (3, *range(63, 70))


def test_it_ends_when_nobody_asks(folder: Path) -> None:
    with closing(ModelAtHand(str(folder / "store.db"), idle_seconds=0.0)) as model:
        assert isinstance(model.ask(run_of(folder).uuid, WHAT_IF), UnderWay)
        deadline = time.monotonic() + 60
        while model.pid is not None:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_it_ends_when_the_server_is_killed(folder: Path) -> None:
    script = f"""
import sys, time
from reactcnn_dash.jobs.model import ModelAtHand
model = ModelAtHand("store.db")
model.ask({run_of(folder).uuid!r}, {WHAT_IF!r})
print(model.pid, flush=True)
time.sleep(600)
"""
    server = subprocess.Popen(
        [sys.executable, "-c", script], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    server.kill()
    server.wait()
    assert gone(pid)


def test_a_model_that_is_gone_or_another_is_one_line(folder: Path) -> None:
    here = folder / "small.keras"
    kept = here.read_bytes()
    run = run_of(folder)
    with closing(ModelAtHand(str(folder / "store.db"))) as model:
        try:
            here.unlink()
            with pytest.raises(
                ModelLost, match=r"not on this machine any more: there is no .*ras\."
            ):
                answer(model, run, WHAT_IF)
            here.write_bytes(b"no model")
            with pytest.raises(ModelLost, match=r"small\.keras"):
                answer(model, run, WHAT_IF)
            shutil.copy(folder / "other.keras", here)
            with pytest.raises(ModelLost, match="has changed since run 2: its weights are not"):
                answer(model, run, WHAT_IF)
        finally:
            here.write_bytes(kept)


def test_messages_keep_words_and_arrays(tmp_path: Path) -> None:
    path = tmp_path / "messages"
    arrays = {"a": np.arange(6, dtype=">i4").reshape(2, 3), "b": np.zeros((0, 4), np.float32)}
    with path.open("wb") as stream:
        write_message(stream, {"id": 1, "text": "über\n"}, arrays)
        write_message(stream, {"id": 2})
        stream.write(b'{"head": {}, "arrays": [["a", "<f4", [5]]]}\nshort')
    with path.open("rb") as stream:
        first, second = read_message(stream), read_message(stream)
        assert first is not None
        assert second is not None
        assert (first.head, second.head) == ({"id": 1, "text": "über\n"}, {"id": 2})
        np.testing.assert_array_equal(first.arrays["a"], arrays["a"])
        assert first.arrays["b"].shape == (0, 4)
        assert read_message(stream) is None


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b'{"head": 1, "arrays": []}\n',
        b'{"head": {}, "arrays": [["a", "|O", [2]]]}\n',
        b'{"head": {}, "arrays": [["a", "<f4", [-2]]]}\n',
    ],
)
def test_what_is_no_message_is_refused(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "messages"
    path.write_bytes(line)
    with path.open("rb") as stream, pytest.raises(BrokenMessage):
        read_message(stream)
