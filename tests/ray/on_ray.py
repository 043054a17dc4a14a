"""A real Ray on this machine: two workers, one of them killed, every image once.

`make test-ray`: not part of the suite, since Ray is an extra.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import ray

from collector.errors import CollectorError, ResumeError
from collector.ray import collect
from reactcnn_dash.db import RunState, StoreError, StoreReader
from reactcnn_dash.results.moments import current_moments
from tests.collector.onnx_graphs import photos
from tests.collector.test_share import network
from tests.collector.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGES = 600


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def pixels() -> Any:
    light = np.random.default_rng(1).random((IMAGES, 1, 1, 1))
    return (photos(IMAGES) * light).astype(np.uint8)


def dataset(pixels: Any) -> Any:
    rows = [
        {"image": one, "class": number % 4, "file": f"{number:03}.png"}
        for number, one in enumerate(pixels)
    ]
    return ray.data.from_items(rows, override_num_blocks=12)


def test_a_worker_that_is_killed_costs_no_image_and_doubles_none(
    tmp_path: Path, pixels: Any
) -> None:
    model, store = network(tmp_path), str(tmp_path / "ray.db")
    reader = StoreReader(store)

    def others() -> list[int]:
        """The processes that take part, but for this one."""
        try:
            if reader.run(1).stored < 64:
                return []
        except StoreError:
            return []
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            tokens = connection.execute("SELECT token FROM workers").fetchall()
        found = {int(token.split(" ")[2]) for (token,) in tokens}
        return sorted(found - {os.getpid()})

    def kill_one() -> None:
        wait_until(lambda: len(others()) == 2)
        killed.append(others()[0])
        os.kill(killed[0], signal.SIGKILL)

    killed: list[int] = []
    thread = threading.Thread(target=kill_one)
    thread.start()
    run = collect(
        dataset(pixels),
        model,
        store=store,
        name="on ray",
        label="class",
        path="file",
        batch_size=8,
        feature_maps="last:50",
    )
    thread.join()
    assert killed
    assert (run.state, run.stored, run.total) == (RunState.FINISHED, IMAGES, IMAGES)
    assert run.shared is not None
    assert run.shared.workers == 0
    names = [reader.image(1, ordinal).name for ordinal in range(IMAGES)]
    assert sorted(str(one) for one in names) == [f"{number:03}.png" for number in range(IMAGES)]
    for ordinal in range(0, IMAGES, 37):
        image = reader.image(1, ordinal)
        number = int(str(image.name)[:3])
        np.testing.assert_array_equal(image.pixels, pixels[number])
        assert image.label == number % 4
    assert len(reader.images_with_maps(1)) == 50
    gap = reader.gap_rows(1, 0, IMAGES).astype(np.float64)
    for layer in reader.layers(1):
        moments, images = current_moments(reader, 1, layer)
        rows = gap[:, layer.offset : layer.offset + layer.filters]
        true = (rows - rows.mean(0)).T @ (rows - rows.mean(0))
        assert images == moments.n == IMAGES
        assert np.abs(moments.comoment - true).max() <= 1e-10 * np.abs(true).max()
        state = reader.correlation_state(1, layer.position)
        assert state is not None
        assert state.covered == IMAGES // 64 * 64


def test_a_run_that_was_interrupted_is_taken_up_again(tmp_path: Path, pixels: Any) -> None:
    model, store = network(tmp_path), str(tmp_path / "ray.db")

    def break_off(row: dict[str, Any]) -> dict[str, Any]:
        if row["file"] != "400.png":
            return row
        while StoreReader(store).run("on ray").stored < 64:
            time.sleep(0.05)
        raise RuntimeError("the reading fails here")

    named: dict[str, Any] = {"store": store, "label": "class", "path": "file"}
    with pytest.raises(Exception, match="the reading fails here"):
        collect(
            dataset(pixels).map(break_off), model, name="on ray", batch_size=8, workers=1, **named
        )
    reader = StoreReader(store)
    before = reader.run("on ray")
    assert before.state is not RunState.FINISHED
    assert 0 < before.stored < IMAGES
    with pytest.raises(ResumeError, match="weights"):
        collect(dataset(pixels), network(tmp_path, "other.onnx", seed=1), resume="on ray", **named)
    with pytest.raises(ResumeError, match="--batch-size 8"):
        collect(dataset(pixels), model, resume="on ray", batch_size=16, **named)
    with pytest.raises(CollectorError, match="no run 'another'"):
        collect(dataset(pixels), model, resume="another", **named)
    # In other blocks than before: images are known by themselves, not by their batches.
    again = dataset(pixels).repartition(7)
    run = collect(again, model, resume=before.id, **named)
    assert (run.id, run.state, run.stored) == (before.id, RunState.FINISHED, IMAGES)
    names = [str(reader.image(run.id, ordinal).name) for ordinal in range(IMAGES)]
    assert sorted(names) == [f"{number:03}.png" for number in range(IMAGES)]
    gap = reader.gap_rows(run.id, 0, IMAGES).astype(np.float64)
    for layer in reader.layers(run.id):
        moments, images = current_moments(reader, run.id, layer)
        rows = gap[:, layer.offset : layer.offset + layer.filters]
        true = (rows - rows.mean(0)).T @ (rows - rows.mean(0))
        assert images == moments.n == IMAGES
        assert np.abs(moments.comoment - true).max() <= 1e-10 * np.abs(true).max()
    assert collect(again, model, resume="on ray", **named).stored == IMAGES


def test_what_is_no_image_is_refused_before_a_run_begins(tmp_path: Path) -> None:
    model, store = network(tmp_path), str(tmp_path / "ray.db")
    floats = ray.data.from_items([{"image": np.zeros((12, 12, 3))}])
    with pytest.raises(CollectorError, match="images must be uint8"):
        collect(floats, model, store=store)
    with pytest.raises(CollectorError, match="no images"):
        collect(ray.data.from_items([]), model, store=store)
    assert not (tmp_path / "ray.db").exists()
