"""Runs listed, written on and deleted: real files, beside real collectors, and killed midway."""

from __future__ import annotations

import dataclasses
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, event

from reactcnn_dash.db import (
    Clustering,
    ComparisonKey,
    EditRefused,
    RunBusy,
    RunDeletion,
    RunNotFound,
    RunState,
    RunWriter,
    StoreLocked,
    StoreMissing,
    StoreReader,
    delete_run,
    edit_run,
    save_clustering,
    save_comparison,
    upgrade,
)
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.models import metadata
from reactcnn_dash.db.opening import close_writing, open_for_writing
from tests import looking
from tests.db.samples import batch, files, new_run, state
from tests.db.test_processes import collecting, read_until
from tests.silence import fall_silent, fall_silent_for_certain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reactcnn_dash.db import StoreUrl

ROOT = Path(__file__).resolve().parents[2]
TABLES = tuple(name for name, table in metadata.tables.items() if "run_id" in table.c)


def fill(url: str, name: str, images: int, **changes: object) -> int:
    """A finished run with maps, states and a clustering; give its id."""
    with RunWriter.begin(url, new_run(name=name, **changes)) as writer:
        for start in range(0, images, 40):
            count = min(40, images - start)
            writer.append(batch(start, count))
        writer.save_states([state(layer, min(images, 8)) for layer in (0, 1)])
        writer.finish()
        run_id = writer.run.id
    save_clustering(url, run_id, Clustering(0, "louvain", 1.0, images, np.zeros(3, np.int32)))
    return run_id


def compared(url: str, a: int, b: int) -> None:
    save_comparison(url, ComparisonKey(a, b, "louvain", None, 1, 1), b"0")


def everything(url: StoreUrl, run_id: int) -> dict[str, list[tuple[object, ...]]]:
    """Every stored value of a run."""
    of_run = {table: f"SELECT * FROM {table} WHERE run_id = :run_id" for table in TABLES}
    found = of_run | {"run": "SELECT * FROM runs WHERE id = :run_id"}
    return {
        name: sorted(looking.rows(url, query, run_id=run_id), key=str)
        for name, query in found.items()
    }


def count(url: StoreUrl, table: str) -> int:
    return int(looking.rows(url, f"SELECT count(*) FROM {table}")[0][0])


def whole(url: StoreUrl) -> None:
    """Both databases see to their constraints themselves; a file may be damaged besides."""
    if StoreAddress.of(url).path is not None:
        assert looking.rows(url, "PRAGMA integrity_check") == [("ok",)]
        assert looking.rows(url, "PRAGMA foreign_key_check") == []


def is_one_file(url: str) -> bool:
    """Whether a store at rest is a file alone, out of WAL mode, which opens anywhere."""
    path = StoreAddress.of(url).path
    if path is None:
        return True
    return files(path.parent) == [path.name] and path.read_bytes()[18:20] == b"\1\1"


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is said to a SQLite file, or to a database server by SQLAlchemy."""
    found: list[str] = []

    def watch(raw: object, _record: object) -> None:
        if isinstance(raw, sqlite3.Connection):
            raw.set_trace_callback(found.append)

    def hear(
        connection: Connection, _cursor: object, text: str, values: object, *_: object
    ) -> None:
        if connection.dialect.name != "sqlite":
            found.append(f"{text} {values}")

    def end(connection: Connection) -> None:
        if connection.dialect.name != "sqlite":
            found.append("COMMIT")

    listeners = (("connect", watch), ("before_cursor_execute", hear), ("commit", end))
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    yield found
    for name, listener in listeners:
        event.remove(Engine, name, listener)


def test_summaries_say_of_every_run_what_the_run_says(url: str) -> None:
    fill(url, "first", 12, experiment="sweep", epoch=3)
    fill(url, "second", 5, checkpoint_sha256="c" * 64, total=None)
    RunWriter.begin(url, new_run(name="third")).close()
    edit_run(url, 1, note="seen", tags=["a", "b"])
    reader = StoreReader(url)
    summaries = reader.summaries()
    assert [one.id for one in summaries] == [3, 2, 1]
    for one in summaries:
        run = reader.run(one.id)
        for field in dataclasses.fields(one):
            if field.name == "authors":
                # Known to lists alone.
                assert one.authors == {}
                continue
            where: Any = run
            if field.name in ("model", "sha256"):
                where = run.checkpoint
            expected = (
                run.checkpoint.source
                if field.name == "checkpoint_source"
                else getattr(where, field.name)
            )
            assert getattr(one, field.name) == expected, field.name


def test_summaries_read_nothing_long(url: str, statements: list[str]) -> None:
    fill(url, "first", 4)
    statements.clear()
    StoreReader(url).summaries()
    read = [text for text in statements if "FROM runs" in text]
    assert len(read) == 1
    for column in ("class_names", "gap_low", "gap_high", "options"):
        assert column not in read[0]


def test_a_store_without_runs_has_no_summaries(url: str, path: Path) -> None:
    with pytest.raises(StoreMissing):
        StoreReader(url).summaries()
    path.touch()
    assert StoreReader(url).summaries() == ()


def test_a_run_is_renamed_annotated_and_tagged_while_it_is_collected(url: str) -> None:
    with RunWriter.begin(url, new_run(name="old")) as writer:
        writer.append(batch(0, 4))
        edit_run(url, 1, name="  a  new name ")
        writer.append(batch(4, 4))
        edit_run(url, 1, tags=["b", " a ", "b", ""], note=" what was seen \n")
        edit_run(url, 1)
        writer.finish()
    run = StoreReader(url).run("a new name")
    assert (run.id, run.tags, run.note) == (1, ("b", "a"), "what was seen")
    assert (run.stored, run.state) == (8, RunState.FINISHED)


def test_edits_that_cannot_be_are_refused_whole(filled: str) -> None:
    before = StoreReader(filled).run(1)
    for wrong in (
        {"name": " \n"},
        {"name": "x" * 201},
        {"tags": ["x" * 61]},
        {"note": "x" * 20001},
    ):
        with pytest.raises(EditRefused):
            edit_run(filled, 1, **({"note": "other"} | wrong))
    with pytest.raises(RunNotFound):
        edit_run(filled, 2, name="x")
    after = StoreReader(filled).run(1)
    assert (after.name, after.tags, after.note) == (before.name, before.tags, before.note)


def test_a_deleted_run_leaves_no_trace_and_the_others_as_they_were(url: str) -> None:
    for name in ("first", "second", "third"):
        fill(url, name, 200)
    compared(url, 1, 2)
    compared(url, 2, 3)
    compared(url, 1, 3)
    before = {run_id: everything(url, run_id) for run_id in (1, 3)}
    seen: list[int] = []
    done = delete_run(url, "second", seen.append)
    assert (done.run_id, done.name, done.shrinks) == (2, "second", True)
    assert seen[0] == 200
    assert seen == sorted(seen, reverse=True)
    assert len(seen) > 2
    assert {run_id: everything(url, run_id) for run_id in (1, 3)} == before
    assert all(rows == [] for rows in everything(url, 2).values())
    assert count(url, "comparisons") == 1
    whole(url)
    assert is_one_file(url)
    # The numbers of deleted runs are not given again: links to them stay dead.
    assert fill(url, "fourth", 4) == 4


@pytest.mark.parametrize("gone", [1, 2])
def test_the_file_is_as_small_as_if_the_run_had_never_been(
    url: str, path: Path, tmp_path: Path, gone: int
) -> None:
    alone = tmp_path / "alone.db"
    fill(str(alone), "kept", 300)
    for name in ("one", "two"):
        fill(url, name, 300)
    before = path.stat().st_size
    done = delete_run(url, gone)
    after = path.stat().st_size
    # Pages that are half full, and the longer list of tables, may make a difference of a few.
    assert after - alone.stat().st_size <= 3 * 16384
    assert done.given_back == before - after > 0


def test_a_checkpoint_goes_with_its_last_run(url: str) -> None:
    fill(url, "a", 4)
    fill(url, "b", 4)
    fill(url, "c", 4, checkpoint_sha256="c" * 64)
    delete_run(url, "a")
    assert count(url, "checkpoints") == 2
    delete_run(url, "b")
    assert looking.rows(url, "SELECT sha256 FROM checkpoints") == [("c" * 64,)]
    delete_run(url, "c")
    assert count(url, "checkpoints") == 0
    assert StoreReader(url).latest_run() is None
    assert fill(url, "d", 4) == 4


def test_a_run_without_images_is_deleted_too(url: str) -> None:
    RunWriter.begin(url, new_run()).interrupt()
    assert delete_run(url, 1).run_id == 1
    assert count(url, "layers") == count(url, "runs") == 0
    with pytest.raises(RunNotFound):
        delete_run(url, 1)


def test_no_transaction_of_a_deletion_is_long(url: str, statements: list[str]) -> None:
    fill(url, "long", 400)
    statements.clear()
    delete_run(url, 1)
    # A statement is told once more when it meets the rows that refer to its own.
    texts = dict.fromkeys(text for text in statements if text.startswith("DELETE FROM images"))
    cuts = [statements.index(text) for text in texts]
    assert len(cuts) >= 4
    for one, following in pairwise(cuts):
        assert "COMMIT" in statements[one:following]
    # Free pages leave the file as they come, not all at the end.
    meanwhile = statements[cuts[0] : cuts[-1]]
    assert not url.startswith("sqlite") or any(
        text.startswith("PRAGMA incremental_vacuum") for text in meanwhile
    )


def test_a_run_that_is_being_collected_is_refused_until_its_process_ends(url: str) -> None:
    with collecting(url, "hold") as process:
        read_until(process, "stored 4")
        before = everything(url, 1)
        with pytest.raises(RunBusy, match=r"run 1 \(trial\) is being collected"):
            delete_run(url, 1)
        assert everything(url, 1) == before
        process.kill()
        process.wait()
        delete_run(url, 1)
    assert count(url, "images") == 0


def test_a_stalled_run_is_deleted_and_its_collector_is_told(url: str) -> None:
    slow = RunWriter.begin(url, new_run())
    slow.append(batch(0, 2))
    fall_silent_for_certain(url, 11)
    assert StoreReader(url).summaries()[0].state is RunState.STALLED
    deletion = RunDeletion.begin(url, 1)
    with pytest.raises(RunBusy, match="taken over"):
        slow.append(batch(2, 2))
    deletion.finish()
    with pytest.raises(RunBusy, match="taken over"):
        slow.heartbeat()
    slow.close()
    assert count(url, "images") == 0


@pytest.mark.process
def test_a_collector_goes_on_beside_a_deletion(url: str) -> None:
    fill(url, "large", 2000)
    steps = 0

    def let_in(left: int) -> None:
        """Between two steps of the deletion, wait for the collector's next batch."""
        nonlocal steps
        read_until(process, f"stored {StoreReader(url).run(2).stored + 4}")
        steps += 1

    with collecting(url, "begin") as process:
        read_until(process, "stored 4")
        delete_run(url, "large", let_in)
        assert steps >= 2
        read_until(process, f"stored {StoreReader(url).run(2).stored + 8}")
        process.send_signal(signal.SIGKILL)
        process.wait()
    run = StoreReader(url).run(2)
    truth = batch(0, run.stored)
    assert np.array_equal(StoreReader(url).gap_rows(2, 0, 10**6), truth.gap)
    assert [one.id for one in StoreReader(url).summaries()] == [2]
    whole(url)


def killed_midway(url: str, run: str, steps: int) -> None:
    command = [sys.executable, "-m", "tests.db.deleting", url, run]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(steps):
            read_until(process, "left")
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


@pytest.mark.process
def test_a_killed_deletion_leaves_the_rest_whole_and_can_be_finished(url: str) -> None:
    fill(url, "kept", 60)
    fill(url, "large", 3000)
    fill(url, "later", 60)
    kept = {run_id: everything(url, run_id) for run_id in (1, 3)}
    killed_midway(url, "large", 3)
    whole(url)
    half = StoreReader(url).run("large")
    assert half.state is RunState.HALF_DELETED
    assert 0 < half.stored < 3000
    left = looking.rows(url, "SELECT count(*), max(ordinal) FROM images WHERE run_id = 2")
    assert left == [(half.stored, half.stored - 1)]
    assert half.size < StoreReader(url).run("kept").size * 50
    # What is left is no run any more: nobody may go on with it.
    with pytest.raises(RunBusy, match="is being deleted; should that have stopped, finish it"):
        RunWriter.resume(url, "large")
    with pytest.raises(RunBusy, match="is being deleted"):
        edit_run(url, 2, name="x")
    # Its process is gone, so nobody has to wait for its heartbeat to age.
    delete_run(url, "large")
    assert {run_id: everything(url, run_id) for run_id in (1, 3)} == kept
    assert all(rows == [] for rows in everything(url, 2).values())
    whole(url)
    assert is_one_file(url)
    if url.startswith("sqlite"):
        assert looking.rows(url, "PRAGMA freelist_count") == [(0,)]


def test_what_progress_raises_stops_the_deletion_in_good_order(url: str) -> None:
    fill(url, "large", 400)

    class Enough(Exception):
        pass

    def stop(left: int) -> None:
        if left < 400:
            raise Enough

    with pytest.raises(Enough):
        delete_run(url, 1, stop)
    assert is_one_file(url)
    assert 0 < StoreReader(url).run(1).stored < 400
    whole(url)
    # It is known here that it has ended, so the same process may finish it at once.
    delete_run(url, 1)
    assert count(url, "runs") == 0
    assert is_one_file(url)


def test_two_deletions_of_one_run_do_not_meet(url: str) -> None:
    fill(url, "once", 40)
    first = RunDeletion.begin(url, 1)
    with pytest.raises(RunBusy, match="is being deleted already"):
        RunDeletion.begin(url, 1)
    # The first says nothing for long enough to be taken for dead.
    fall_silent_for_certain(url, 11)
    second = RunDeletion.begin(url, 1)
    with pytest.raises(RunBusy, match="taken over"):
        first.finish()
    second.finish()
    assert count(url, "runs") == 0


def without_shrinking(path: Path) -> None:
    """Make a store's file as an older version would have made it."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA auto_vacuum = NONE")
        raw.execute("VACUUM")


def test_a_file_of_an_older_version_keeps_the_space_until_it_is_upgraded(
    url: str, path: Path
) -> None:
    fill(url, "one", 300)
    fill(url, "two", 300)
    without_shrinking(path)
    before = path.stat().st_size
    done = delete_run(url, "one")
    assert (done.shrinks, done.given_back) == (False, 0)
    assert path.stat().st_size == before
    kept = everything(path, 2)
    result = upgrade(url)
    assert (result.before, result.made_to_shrink, result.backup) == (result.after, True, None)
    assert path.stat().st_size <= before - 6 * 16384
    assert everything(path, 2) == kept
    assert not upgrade(url).made_to_shrink
    assert delete_run(url, "two").given_back > 0


def test_an_upgrade_that_may_not_write_the_file_anew_says_so(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(url, "one", 4)
    without_shrinking(path)
    monkeypatch.setattr("reactcnn_dash.db.engine.BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as reading:
        connections: list[sqlite3.Connection] = []

        def hold(raw: sqlite3.Connection, _record: object) -> None:
            connections.append(raw)
            # The first looks at the schema, the second is about to write the file anew.
            if len(connections) == 2:
                reading.execute("BEGIN")
                reading.execute("SELECT count(*) FROM images").fetchone()

        event.listen(Engine, "connect", hold)
        try:
            result = upgrade(url)
        finally:
            event.remove(Engine, "connect", hold)
        assert not result.made_to_shrink
        assert "keeps the store locked" in str(result.stays_large)
    assert upgrade(url).made_to_shrink


def test_a_locked_store_is_an_error_and_the_run_stays(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(url, "one", 4)
    monkeypatch.setattr("reactcnn_dash.db.engine.BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            delete_run(url, 1)
    assert StoreReader(url).run(1).state is RunState.FINISHED


@pytest.mark.long
def test_a_deletion_that_fell_silent_is_told_from_one_that_goes_on(url: str) -> None:
    fill(url, "one", 4)
    RunDeletion.begin(url, 1)
    reader = StoreReader(url)
    assert reader.run(1).state is reader.summaries()[0].state is RunState.DELETING
    fall_silent(url, 11)
    assert reader.run(1).state is reader.summaries()[0].state is RunState.HALF_DELETED
    delete_run(url, 1)
    assert reader.summaries() == ()


def test_writers_that_come_and_go_at_once_wait_for_each_other(path: Path) -> None:
    """The log is made by who comes and folded by who leaves: SQLite itself waits for neither."""
    url = str(path)
    fill(url, "one", 4)
    place = StoreAddress.of(url)

    gone = threading.Event()

    def come_and_go() -> None:
        for _ in range(120):
            close_writing(open_for_writing(place, wal=True))
            # Who never pauses lets nobody else in, and that is not what is asked here.
            time.sleep(0.004)

    def look() -> None:
        reader = StoreReader(url)
        while not gone.wait(0.001):
            reader.summaries()

    with ThreadPoolExecutor(4) as pool:
        looking_on = [pool.submit(look) for _ in range(2)]
        try:
            for each in [pool.submit(come_and_go) for _ in range(2)]:
                each.result()
        finally:
            gone.set()
        for each in looking_on:
            each.result()
    # Who left beside a reader may have left the log to the next.
    close_writing(open_for_writing(place, wal=True))
    assert path.read_bytes()[18:20] == b"\1\1"
    whole(url)


def test_each_run_says_where_it_had_its_weights_from(url: str) -> None:
    for place in ("trained · epoch 3", "here/epoch-3.keras", "there/epoch-3.keras"):
        with RunWriter.begin(url, new_run(checkpoint_source=place)) as writer:
            writer.finish()
    reader = StoreReader(url)
    places = [reader.run(run).checkpoint.source for run in (1, 2, 3)]
    assert places == ["trained · epoch 3", "here/epoch-3.keras", "there/epoch-3.keras"]
    assert len({reader.run(run).checkpoint.id for run in (1, 2, 3)}) == 1
    # Of runs of former versions nothing else is known, so it stays.
    assert {run.checkpoint_source for run in reader.summaries()} == {"trained · epoch 3"}
