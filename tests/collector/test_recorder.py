"""The writer thread: order, failures, the rate; and what the user sees of it."""

from __future__ import annotations

import dataclasses
import io
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.progress import Console, Silent
from collector.recorder import SAVE_EVERY, Rate, Recorder, joined
from collector.statistics import Statistics
from reactcnn_dash.db import ImageBatch, Layer, MapBatch, NewRun, RunBusy, RunWriter, StoreReader
from tests.collector.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAYERS = (Layer(0, "a", "Conv2D", "a", 2, 1, 1, 0),)


def writer(path: Path, feature_maps: str = "none") -> RunWriter:
    new = NewRun(
        name="run",
        model="m",
        checkpoint_sha256="0" * 64,
        parameters=1,
        checkpoint_source="m",
        image_source="s",
        image_identity="1" * 64,
        total=3000,
        batch_size=50,
        feature_maps=feature_maps,
        class_names=("x", "y"),
        image_shape=(1, 1, 1),
        layers=LAYERS,
    )
    return RunWriter.begin(str(path), new)


def batch(number: int, count: int = 50) -> ImageBatch:
    values = np.random.default_rng(number).random((count, 2)).astype(np.float32)
    return ImageBatch(
        start=50 * number,
        labels=np.zeros(count, np.int64),
        probabilities=values,
        pixels=np.full((count, 1, 1, 1), number, np.uint8),
        names=(None,) * count,
        gap=values,
    )


def test_batches_are_stored_in_order_with_states_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    reader = StoreReader(str(path))
    with writer(path) as run:
        recorder = Recorder(run, Statistics(LAYERS), depth=2, progress=Silent())
        for number in range(42):
            recorder.put(batch(number), number // 4, 3000 - number // 4)
        wait_until(lambda: reader.run(1).stored == 2100)
        during = reader.correlation_state(1, 0)
        recorder.put(batch(42), 0, 3000)
        recorder.close()
        run.finish()
    # 2,100 images are more than SAVE_EVERY: the state came with the batch, not with the end.
    assert during is not None
    assert during.covered >= SAVE_EVERY
    at_end = reader.correlation_state(1, 0)
    assert at_end is not None
    assert at_end.covered == 2112
    stored = reader.run(1)
    assert (stored.stored, stored.skipped, stored.total) == (2150, 0, 3000)
    assert stored.rate is not None
    for ordinal in (0, 49, 50, 2149):
        expected = batch(ordinal // 50).gap[ordinal % 50]
        np.testing.assert_array_equal(reader.gap_row(1, ordinal), expected)


def test_small_batches_are_stored_together_as_if_each_came_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (40, 2, 1, 1), np.uint8)
    low, step = rng.normal(size=(2, 40, 2)).astype(np.float32)
    values = rng.random((40, 2)).astype(np.float32)
    pixels = rng.integers(0, 256, (40, 1, 1, 1), np.uint8)

    def images(start: int, count: int) -> ImageBatch:
        part = slice(start, start + count)
        return ImageBatch(
            start=start,
            labels=np.arange(start, start + count) % 2,
            probabilities=values[part],
            pixels=pixels[part],
            names=tuple(f"{ordinal}.png" for ordinal in range(start, start + count)),
            gap=values[part],
            maps=(MapBatch(codes[part], low[part], step[part]),),
        )

    stores = []
    for name, sizes in (("alone.db", [40]), ("together.db", [1] * 21 + [3, 16])):
        path = tmp_path / name
        appended: list[int] = []
        with writer(path, feature_maps="all") as run:
            append = run.append

            def counted(
                batch: ImageBatch,
                *rest: object,
                append: Callable[..., None] = append,
                appended: list[int] = appended,
                **more: object,
            ) -> None:
                appended.append(len(batch.gap))
                append(batch, *rest, **more)

            run.append = counted  # type: ignore[method-assign]
            recorder = Recorder(run, Statistics(LAYERS), depth=32, progress=Silent())
            start = 0
            for size in sizes:
                recorder.put(images(start, size), 0, 40)
                start += size
                # All files of a batch may have been skipped.
                recorder.put(None, start, 40)
            recorder.close()
            run.finish()
        assert sum(appended) == 40
        with sqlite3.connect(path) as connection:
            rows = [
                connection.execute(f"select * from {table} order by 1, 2, 3").fetchall()
                for table in ("images", "feature_maps")
            ]
        connection.close()
        assert StoreReader(str(path)).run(1).skipped == 40
        stores.append(rows)
    assert len(appended) < len(sizes)
    assert stores[0] == stores[1]


def test_a_failure_reaches_the_caller_and_nothing_stored_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with writer(path) as run:
        recorder = Recorder(run, Statistics(LAYERS), depth=1, progress=Silent())
        recorder.put(batch(0), 0, 3000)
        wait_until(lambda: StoreReader(str(path)).run(1).stored == 50)
        with sqlite3.connect(path) as connection:
            connection.execute("update runs set writer = 'machine 1 somebody-else'")
        connection.close()

        def put_many() -> None:
            for number in range(1, 9):
                recorder.put(batch(number), 0, 3000)

        with pytest.raises(RunBusy):
            put_many()
        with pytest.raises(RunBusy):
            recorder.close()
    assert StoreReader(str(path)).run(1).stored == 50


def test_a_failure_of_the_last_batch_is_told_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with writer(path) as run:
        with sqlite3.connect(path) as connection:
            connection.execute("update runs set writer = 'machine 1 somebody-else'")
        connection.close()
        recorder = Recorder(run, Statistics(LAYERS), depth=2, progress=Silent())
        recorder.put(batch(0, count=2000), 0, 3000)
        with pytest.raises(RunBusy):
            recorder.close()


def test_rate_is_smoothed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("collector.recorder.time.monotonic", lambda: now)
    rate = Rate()
    assert rate.after(100) is None
    for _ in range(10):
        now += 0.5
        assert rate.after(50) == pytest.approx(100)
    now += 0.5
    slower = rate.after(5)
    assert slower is not None
    assert 85 < slower < 95
    for _ in range(100):
        now += 0.5
        slower = rate.after(5)
    assert slower == pytest.approx(10, rel=1e-3)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_shows_rate_stored_and_time_left_on_terminals_only() -> None:
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        console = Console(stream)
        console.start(10, 40)
        console.stored(20)
        console.notice("by the way")
        console.total(35)
        console.close()
        text = stream.getvalue()
        assert "by the way\n" in text
        assert ("30/35" in text) is shown
        assert ("images/s" in text) is shown
        assert ("<" in text) is shown


def test_batches_that_are_joined_keep_their_targets() -> None:
    parts = [
        dataclasses.replace(batch(number, 2), targets=np.full((2, 3), number, np.float32))
        for number in range(3)
    ]
    found = joined(parts).targets
    assert found is not None
    np.testing.assert_array_equal(found[:, 0], [0, 0, 1, 1, 2, 2])
    assert joined([batch(0, 2), batch(1, 2)]).targets is None
