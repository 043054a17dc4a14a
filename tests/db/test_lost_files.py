"""Stores that are taken away, cut short, or left in the middle of a change."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reactcnn_dash.db import (
    KeptResult,
    RunDeletion,
    RunState,
    RunWriter,
    StoreCorrupt,
    StoreError,
    StoreGone,
    StoreLocked,
    StoreReader,
    edit_run,
    keep_result,
)
from reactcnn_dash.db.writing import Gate
from tests.db.samples import batch, new_run

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]


def take_away(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def rename(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def replace(path: Path) -> None:
    other = path.with_name("other.db")
    with RunWriter.begin(str(other), new_run(name="another")) as writer:
        writer.append(batch(0, 1))
    other.replace(path)


def lose_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").unlink()


def lose_index(path: Path) -> None:
    """Readers and writers that come later have an index of their own, and see another log."""
    path.with_name(f"{path.name}-shm").unlink()


def become_a_folder(path: Path) -> None:
    path.rename(path.with_name("moved.db"))
    path.mkdir()


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_a_link(path: Path) -> None:
    other = path.with_name("other.db")
    shutil.copy(path, other)
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize(
    "fault",
    [
        take_away,
        rename,
        replace,
        lose_log,
        lose_index,
        become_a_folder,
        become_a_pipe,
        become_a_link,
    ],
)
def test_a_writer_whose_store_is_not_there_any_more_stops_and_saves_what_it_has(
    url: str, path: Path, fault: Callable[[Path], None]
) -> None:
    writer = RunWriter.begin(url, new_run())
    writer.append(batch(0, 4))
    fault(path)
    with pytest.raises(StoreGone) as told:
        writer.append(batch(4, 4))
    text = str(told.value)
    assert "\n" not in text
    rescued = Path(text.rpartition(" is in ")[2])
    assert rescued.parent == path.parent
    assert np.array_equal(StoreReader(str(rescued)).gap_rows(1, 0, 9), batch(0, 4).gap)
    for change in (writer.heartbeat, writer.finish):
        with pytest.raises(StoreGone):
            change()
    writer.close()
    if fault is replace:
        # What stands there now is another's, and whole.
        assert StoreReader(url).run(1).name == "another"
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_another_stores_log_is_not_deleted_by_who_had_the_path_before(url: str, path: Path) -> None:
    slow = RunWriter.begin(url, new_run())
    slow.append(batch(0, 4))
    take_away(path)
    with RunWriter.begin(url, new_run(name="next")) as writer:
        writer.append(batch(0, 4))
        log = path.with_name(f"{path.name}-wal")
        assert log.stat().st_size > 0
        slow.close()
        assert log.stat().st_size > 0
        writer.append(batch(4, 4))
    assert StoreReader(url).run(1).stored == 8


def test_a_deletion_stops_when_its_store_is_taken_away(url: str, path: Path) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        for start in range(0, 400, 40):
            writer.append(batch(start, 40))
        writer.finish()
    deletion = RunDeletion.begin(url, 1)

    def once(left: int) -> None:
        if left < 400:
            take_away(path)

    with pytest.raises(StoreGone):
        deletion.finish(once)
    assert not path.exists()


@pytest.mark.parametrize("cut", [1, 100, 5000, 16384, 40000])
def test_a_store_that_was_cut_short_is_not_opened(filled: str, path: Path, cut: int) -> None:
    os.truncate(path, path.stat().st_size - cut)
    openings: list[Callable[[], object]] = [
        lambda: StoreReader(filled).runs(),
        lambda: StoreReader(filled).frame(None, None),
        lambda: RunWriter.begin(filled, new_run()),
        lambda: RunWriter.resume(filled, "1"),
        lambda: edit_run(filled, 1, name="other"),
    ]
    for opening in openings:
        with pytest.raises(StoreCorrupt) as told:
            opening()
        assert "\n" not in str(told.value)


def test_a_reader_notices_that_its_store_is_cut_while_it_reads(filled: str, path: Path) -> None:
    reader = StoreReader(filled)
    assert reader.run(1).stored == 10
    os.truncate(path, path.stat().st_size - 7)
    with pytest.raises(StoreCorrupt, match="cut short"):
        reader.run(1)


def test_a_long_file_and_one_with_its_log_are_whole(filled: str, path: Path) -> None:
    with RunWriter.resume(filled, "1") as writer:
        writer.append(batch(10, 20))
        # The newest pages stand in the log alone.
        assert StoreReader(filled).run(1).stored == 30
    with path.open("ab") as file:
        file.write(bytes(100))
    assert StoreReader(filled).run(1).stored == 30


KILLED = """
import os, signal, sys
from tests.db.samples import batch, new_run
from reactcnn_dash.db import RunWriter
writer = RunWriter.begin(sys.argv[1], new_run())
for start in range(0, 80, 8):
    writer.append(batch(start, 8))
os.kill(os.getpid(), signal.SIGKILL)
"""


def python(code: str, *words: str) -> int:
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, check=False)
    return done.returncode


@pytest.mark.process
def test_after_a_kill_a_writer_looks_through_the_store(url: str, path: Path) -> None:
    assert python(KILLED, url) == -signal.SIGKILL
    log = path.with_name(f"{path.name}-wal")
    kept = path.with_name("kept")
    shutil.copy(path, kept)
    shutil.copy(log, f"{kept}-wal")
    with RunWriter.resume(str(kept), "1") as writer:
        assert writer.stored == 80
        writer.interrupt()
    # The same with a page of the table of images that holds something else.
    with closing(sqlite3.connect(kept)) as raw:
        page, size = raw.execute(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master"
            " WHERE name = 'ix_images_search'"
        ).fetchone()
    text = bytearray(kept.read_bytes())
    text[(page - 1) * size : page * size] = b"\x0d" + bytes(size - 1)
    kept.write_bytes(text)
    (kept.with_name("kept-wal")).write_bytes(log.read_bytes()[:32])
    with pytest.raises(StoreCorrupt):
        RunWriter.resume(str(kept), "1")


CHANGED = """
import os, signal, sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
# So little memory that pages reach the file before the change is made.
raw.execute("PRAGMA cache_size = 1")
raw.execute("BEGIN IMMEDIATE")
raw.execute("UPDATE images SET pixels = randomblob(300000)")
raw.execute("UPDATE runs SET name = 'half a change'")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def hot(filled: str, path: Path) -> str:
    """A store at rest in the middle of whose change a process was killed."""
    assert python(CHANGED, str(path)) == -signal.SIGKILL
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    return filled


@pytest.mark.process
def test_half_a_change_is_taken_back_by_whoever_opens_the_store(hot: str, path: Path) -> None:
    reader = StoreReader(hot)
    assert reader.run(1).name == "trial"
    assert np.array_equal(reader.image(1, 3).pixels, batch(0, 10).pixels[3])
    with RunWriter.resume(hot, "1") as writer:
        writer.append(batch(10, 2))
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.process
def test_who_may_not_write_is_told_of_the_half_change(hot: str, path: Path) -> None:
    path.chmod(0o444)
    path.parent.chmod(0o555)
    for folder in path.parents:
        if folder.owner() == "root" and folder != path.parent and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    code = (
        "import os, sys; sys.path.insert(0, os.getcwd())\n"
        "from reactcnn_dash.db import StoreReader, StoreReadOnly\n"
        # Root may write everywhere.
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: StoreReader(sys.argv[1]).runs()\n"
        "except StoreReadOnly as error:\n"
        "    text = str(error)\n"
        "    sys.exit(0 if '-journal' in text and 'killed' in text else 3)\n"
        "sys.exit(4)"
    )
    assert python(code, hot) == 0


SAVING = """
import os, signal, sys, threading
from reactcnn_dash.db import KeptResult, keep_result
import reactcnn_dash.db.kept_results as reports
from sqlalchemy import event, Engine

def stop(*_): os.kill(os.getpid(), signal.SIGKILL)

@event.listens_for(Engine, "after_cursor_execute")
def look(connection, cursor, statement, *_):
    if statement.startswith("INSERT INTO reports"): stop()

keep_result(sys.argv[1], 1, "profile", "x", KeptResult(10, os.urandom(30_000_000)))
"""


@pytest.mark.process
def test_a_save_that_is_killed_leaves_a_store_that_reads(filled: str, path: Path) -> None:
    assert python(SAVING, filled) == -signal.SIGKILL
    assert not path.with_name(f"{path.name}-journal").exists()
    reader = StoreReader(filled)
    assert reader.run(1).stored == 10
    assert reader.kept(1, "profile", "x") is None
    keep_result(filled, 1, "profile", "x", KeptResult(10, b"whole"))
    assert reader.kept(1, "profile", "x") == KeptResult(10, b"whole")


def test_a_process_ends_between_two_changes() -> None:
    gate = Gate()
    begun, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def change() -> None:
        with gate.through():
            begun.set()
            go_on.wait(10)
            ended.append("change")

    thread = threading.Thread(target=change)
    thread.start()
    begun.wait(10)
    assert not gate.shut(0.01)
    with pytest.raises(StoreLocked), gate.through():
        pass
    go_on.set()
    assert gate.shut(10)
    assert ended == ["change"]
    thread.join()


TERMINATED = """
import os, signal, sys
from reactcnn_dash.db import KeptResult, keep_result
from reactcnn_dash.db.writing import end_by_sigterm
from sqlalchemy import event, Engine

@event.listens_for(Engine, "after_cursor_execute")
def look(connection, cursor, statement, *_):
    if statement.startswith("INSERT INTO reports"): os.kill(os.getpid(), signal.SIGTERM)

end_by_sigterm()
keep_result(sys.argv[1], 1, "profile", "x", KeptResult(10, b"kept"))
sys.exit(5)
"""


@pytest.mark.process
def test_a_save_ends_before_a_process_that_was_told_to_end(filled: str) -> None:
    assert python(TERMINATED, filled) == 128 + signal.SIGTERM
    assert StoreReader(filled).kept(1, "profile", "x") == KeptResult(10, b"kept")


def test_a_run_of_a_store_that_is_taken_away_is_whole_in_the_rescued_file(
    url: str, path: Path
) -> None:
    writer = RunWriter.begin(url, new_run())
    writer.append(batch(0, 6))
    take_away(path)
    with pytest.raises(StoreError):
        writer.append(batch(6, 2))
    rescued = str(path.with_name(f"{path.name}.rescued"))
    assert StoreReader(rescued).run(1).state in (RunState.COLLECTING, RunState.STALLED)
