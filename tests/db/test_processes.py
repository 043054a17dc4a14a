from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import Engine, event

from reactcnn_dash.db import (
    RunBusy,
    RunState,
    RunWriter,
    StoreReader,
    replace_states,
)
from tests import looking
from tests.db.samples import batch, files, new_run, state
from tests.silence import fall_silent, fall_silent_for_certain

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def collecting(url: str, mode: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.db.collecting", url, mode]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> int:
    """Read the process's lines up to the one that starts with `text`; give its number."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(text):
            return int(line.split()[1])
    pytest.fail(f"the process ended before {text!r}")


def rows(url: str, run_id: int = 1) -> dict[str, list[tuple[object, ...]]]:
    """All rows that a resumed run must have in common with an uninterrupted one."""
    of_run = f"WHERE run_id = {run_id} ORDER BY"
    counts = "stored, labelled, correct, skipped, state"
    ranges = "CAST(gap_low AS TEXT), CAST(gap_high AS TEXT)"
    image = "label, prediction, misclassified, finite, name, sha256, probabilities, pixels, gap"
    queries = {
        "images": f"SELECT ordinal, {image}, confidence FROM images {of_run} ordinal",
        "maps": f"SELECT ordinal, scales, codes FROM feature_maps {of_run} ordinal",
        "states": f"SELECT layer, covered, n, moments FROM correlation_states {of_run} layer",
        "run": f"SELECT {counts}, {ranges} FROM runs WHERE id = {run_id}",
    }
    return {name: looking.rows(url, query) for name, query in queries.items()}


@pytest.mark.process
@pytest.mark.parametrize("acknowledged", [4, 24, 100])
def test_a_killed_writer_leaves_every_acknowledged_image_whole(
    url: str, tmp_path: Path, acknowledged: int
) -> None:
    with collecting(url, "begin") as process:
        read_until(process, f"stored {acknowledged}")
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read() if process.stdout else ""
        assert process.wait() == -signal.SIGKILL
    said = [int(line.split()[1]) for line in rest.splitlines() if line.startswith("stored")]
    known = max([acknowledged, *said])

    reader = StoreReader(url)
    run = reader.run(1)
    # One batch may have been committed that the process had no time to speak of.
    assert run.stored in (known, known + 4)
    truth = batch(0, run.stored)
    assert np.array_equal(reader.gap_rows(1, 0, 10**6), truth.gap)
    for ordinal in range(run.stored):
        assert np.array_equal(reader.image(1, ordinal).pixels, truth.pixels[ordinal])
        kept = [reader.feature_maps(run.uuid, ordinal, layer) for layer in (0, 1)]
        assert all(maps is not None for maps in kept) == (ordinal >= run.stored - 20)
    covered = reader.correlation_state(1, 1)
    assert covered is not None
    assert covered.covered == run.stored
    if url.startswith("sqlite"):
        assert looking.rows(url, "PRAGMA integrity_check") == [("ok",)]
    assert looking.rows(url, "SELECT count(*) FROM images") == [(run.stored,)]

    # The process is gone, so nobody has to wait for its heartbeat to age.
    total = run.stored + 8
    with RunWriter.resume(url, "trial") as writer:
        assert writer.stored == run.stored
        while writer.stored < total:
            images = batch(writer.stored, 4)
            writer.append(images, [state(layer, writer.stored + 4) for layer in (0, 1)])
        writer.finish()
    if url.startswith("sqlite"):
        assert files(tmp_path) == ["reactcnn.db"]

    with RunWriter.begin(url, new_run(feature_maps="last:20")) as writer:
        while writer.stored < total:
            images = batch(writer.stored, 4)
            writer.append(images, [state(layer, writer.stored + 4) for layer in (0, 1)])
        writer.finish()
    assert rows(url) == rows(url, 2)


@pytest.mark.process
def test_a_run_that_is_being_collected_is_busy_until_its_process_ends(url: str) -> None:
    with collecting(url, "hold") as process:
        read_until(process, "stored 4")
        with pytest.raises(RunBusy, match=r"run 1 \(trial\) is being collected"):
            RunWriter.resume(url, "1")
        with pytest.raises(RunBusy):
            replace_states(url, 1, [])
        # Others may use the store meanwhile.
        with RunWriter.begin(url, new_run(name="other")) as writer:
            writer.append(batch(0, 2))
        assert StoreReader(url).run(1).stored == 4
        process.kill()
        process.wait()
        with RunWriter.resume(url, "1") as writer:
            assert writer.stored == 4


def test_a_writer_that_stalled_and_lost_its_run_stores_nothing_more(url: str) -> None:
    slow = RunWriter.begin(url, new_run())
    slow.append(batch(0, 2))
    fall_silent_for_certain(url)
    with RunWriter.resume(url, "1") as quick:
        quick.append(batch(2, 2))
        changes: list[Callable[[], None]] = [
            lambda: slow.append(batch(2, 2)),
            slow.heartbeat,
            slow.finish,
            lambda: slow.save_states([state(0, 2)]),
        ]
        for change in changes:
            with pytest.raises(RunBusy, match="taken over"):
                change()
        assert StoreReader(url).run(1).stored == quick.stored == 4
        assert StoreReader(url).correlation_state(1, 0) is None
    slow.close()


@pytest.mark.process
def test_a_fresh_heartbeat_from_another_machine_is_respected(url: str) -> None:
    RunWriter.begin(url, new_run()).close()
    # Here no process has this number; there it may.
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    fall_silent(url, 0)
    looking.change(url, "UPDATE runs SET writer = :writer", writer=f"elsewhere/- {gone.pid} x")
    with pytest.raises(RunBusy):
        RunWriter.resume(url, "1")


def test_a_resumed_run_is_collecting_again_with_its_counters(filled: str) -> None:
    before = StoreReader(filled).run(1)
    with RunWriter.resume(filled, "trial") as writer:
        run = StoreReader(filled).run(1)
        assert run.state is RunState.COLLECTING
        assert run.ended_at is None
        assert writer.stored == run.stored == 10
        writer.append(batch(10, 12))
        run = StoreReader(filled).run(1)
        truth = batch(0, 22)
        assert run.labelled == (truth.labels >= 0).sum()
        assert run.labelled > before.labelled
        assert run.gap_high.tolist() == [truth.gap[:, :3].max(), truth.gap[:, 3:].max()]


@pytest.mark.process
def test_two_collectors_make_one_store_together(url: str) -> None:
    with collecting(url, "hold") as one, collecting(url, "hold") as two:
        runs = {read_until(process, "run") for process in (one, two)}
        for process in (one, two):
            read_until(process, "stored 4")
    assert runs == {1, 2}
    assert [run.stored for run in StoreReader(url).runs()] == [4, 4]


def test_a_store_that_another_collector_makes_meanwhile_is_used(url: str, path: Path) -> None:
    made: list[RunWriter] = []

    def make_it_first(raw: sqlite3.Connection, _record: object) -> None:
        def watch(statement: str) -> None:
            # The store was looked into and found empty; now it is about to be made.
            if statement.startswith("PRAGMA journal_mode = WAL") and not made:
                event.remove(Engine, "connect", make_it_first)
                made.append(RunWriter.begin(url, new_run(name="first")))

        raw.set_trace_callback(watch)

    event.listen(Engine, "connect", make_it_first)
    with RunWriter.begin(url, new_run(name="second")) as second:
        assert second.run.id == 2
        second.append(batch(0, 2))
    made[0].append(batch(0, 1))
    made[0].close()
    assert [run.stored for run in StoreReader(url).runs()] == [2, 1]


@pytest.mark.process
def test_polls_go_on_while_collectors_come_and_go(url: str, tmp_path: Path) -> None:
    RunWriter.begin(url, new_run()).close()
    reader = StoreReader(url)
    seen = set()
    with collecting(url, "come-and-go") as process:
        while process.poll() is None:
            frame = reader.frame(None, None)
            assert frame is not None
            assert frame.damaged is None
            seen.add((frame.run.id, frame.run.stored))
        assert process.returncode == 0
    assert len(seen) > 3
    assert reader.run(9).stored == 4
    if url.startswith("sqlite"):
        assert files(tmp_path) == ["reactcnn.db"]


def test_a_reader_sees_the_store_that_stands_there_now(url: str, path: Path) -> None:
    reader = StoreReader(url)
    RunWriter.begin(url, new_run(name="first")).close()
    assert reader.run(1).name == "first"
    path.unlink()
    RunWriter.begin(url, new_run(name="again")).close()
    assert reader.run(1).name == "again"
