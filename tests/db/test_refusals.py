from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import Engine, event

from reactcnn_dash.db import (
    Clustering,
    DamagedBlob,
    ImageNotFound,
    NotAStore,
    RunNotFound,
    RunState,
    RunWriter,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreReader,
    StoreReadOnly,
    check_writable,
    normalise_url,
    pack,
    save_clustering,
    upgrade,
)
from reactcnn_dash.db import engine as engine_module
from tests.db.samples import FILTERS, batch, files, new_run, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def one_line(error: pytest.ExceptionInfo[StoreError], place: object) -> bool:
    text = str(error.value)
    return str(place) in text and "\n" not in text and ":" in text


def openings(url: str, *, existing: bool = True) -> list[Callable[[], object]]:
    """Every way into a store; `existing` leaves out the one that makes it."""
    labels = Clustering(0, "louvain", 1.0, 1, np.zeros(3, np.int32))
    ways: list[Callable[[], object]] = [
        lambda: StoreReader(url).frame(None, None),
        lambda: StoreReader(url).runs(),
        lambda: RunWriter.resume(url, "1"),
        lambda: save_clustering(url, 1, labels),
        lambda: upgrade(url),
    ]
    return ways if existing else [*ways, lambda: RunWriter.begin(url, new_run())]


# --- what is not there -------------------------------------------------------------------------


def test_a_missing_store_is_missing_and_stays_so(path: Path, url: str) -> None:
    for opening in openings(url):
        with pytest.raises(StoreMissing, match="no such store") as error:
            opening()
        assert one_line(error, path)
    assert not path.exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    url = str(tmp_path / "nowhere" / "x.db")
    with pytest.raises(StoreMissing, match="there is no folder"):
        RunWriter.begin(url, new_run())


@pytest.mark.parametrize("made", [b"", None])
def test_an_empty_database_reads_as_a_store_without_runs(
    path: Path, url: str, made: bytes | None
) -> None:
    if made is None:
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA journal_mode = WAL")
            raw.execute("PRAGMA user_version = 0")
    else:
        path.write_bytes(made)
    reader = StoreReader(url)
    assert reader.frame(None, None) is None
    assert reader.latest_run() is None
    assert reader.runs() == ()
    with pytest.raises(RunNotFound):
        reader.run(1)
    with pytest.raises(ImageNotFound):
        reader.image(1, 0)
    with pytest.raises(StoreMissing, match="empty"):
        RunWriter.resume(url, "1")
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 1))
    assert reader.run(1).stored == 1


# --- what is something else --------------------------------------------------------------------


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE recipes (title TEXT)")


def foreign_alembic_database(path: Path) -> None:
    foreign_database(path)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE alembic_version (version_num TEXT)")
        raw.execute("INSERT INTO alembic_version VALUES ('0001')")
        raw.execute("UPDATE alembic_version SET version_num = '9f8e7d6c'")


@pytest.mark.parametrize(
    "make",
    [
        foreign_database,
        foreign_alembic_database,
        lambda path: path.write_text("hello"),
        lambda path: path.write_bytes(bytes(range(256)) * 64),
        lambda path: path.mkdir(),
    ],
)
def test_another_file_is_refused_and_left_alone(
    path: Path, url: str, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for opening in openings(url, existing=False):
        with pytest.raises(NotAStore) as error:
            opening()
        assert one_line(error, path)
    assert before == (path.read_bytes() if path.is_file() else None)
    assert files(tmp_path) == [path.name]


@pytest.mark.parametrize(
    "text", ["", " ", "nonsense://x", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro"]
)
def test_a_url_that_cannot_be_a_store_is_refused(text: str) -> None:
    with pytest.raises(StoreError) as error:
        StoreReader(text)
    assert "\n" not in str(error.value)


def test_a_missing_driver_is_named() -> None:
    with pytest.raises(StoreError, match="pip install") as error:
        StoreReader("mssql+pymssql://user:secret@host/x")
    assert "secret" not in str(error.value)


def test_plain_paths_and_urls_are_normalised() -> None:
    assert normalise_url("reactcnn.db") == "sqlite:///reactcnn.db"
    assert normalise_url("/data/x.db") == "sqlite:////data/x.db"
    assert normalise_url("sqlite:///x.db") == "sqlite:///x.db"
    assert normalise_url("~/x.db") == f"sqlite:///{Path.home()}/x.db"
    url = "postgresql+psycopg://user:secret@host/x"
    assert normalise_url(url) == url


# --- what is damaged ---------------------------------------------------------------------------


def damage(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        assert raw.execute(statement).rowcount > 0


def test_a_damaged_gap_row_is_reported_and_skipped(path: Path, filled: str) -> None:
    damage(path, "UPDATE images SET gap = zeroblob(length(gap)) WHERE ordinal IN (3, 9)")
    reader = StoreReader(filled)
    truth = batch(0, 10).gap
    with pytest.raises(DamagedBlob, match="image 3: its GAP row"):
        reader.gap_row(1, 3)
    frame = reader.frame(None, None)
    assert frame is not None
    assert frame.gap is None
    assert frame.image is not None
    assert "image 9: its GAP row" in str(frame.damaged)
    kept = [0, 1, 2, 4, 5, 6, 7, 8]
    assert np.array_equal(reader.gap_rows(1, 0, 10), truth[kept])
    (block,) = reader.gap_blocks(1, 0, 10)
    assert (block.ordinals.tolist(), block.damaged) == (kept, (3, 9))


def test_a_block_of_damaged_rows_only_is_skipped(path: Path, filled: str) -> None:
    damage(path, "UPDATE images SET gap = x'00' WHERE ordinal < 4")
    reader = StoreReader(filled)
    blocks = list(reader.gap_blocks(1, 0, 10, size=4))
    assert [block.damaged for block in blocks] == [(0, 1, 2, 3), (), ()]
    assert reader.gap_rows(1, 0, 4).shape == (0, FILTERS)


@pytest.mark.parametrize("column", ["pixels", "probabilities"])
def test_a_damaged_image_is_reported_and_its_neighbours_are_not(
    path: Path, filled: str, column: str
) -> None:
    damage(path, f"UPDATE images SET {column} = substr({column}, 1, 20) WHERE ordinal = 5")
    reader = StoreReader(filled)
    with pytest.raises(DamagedBlob, match=f"image 5: its {column}"):
        reader.image(1, 5)
    frame = reader.frame(1, 5)
    assert frame is not None
    assert (frame.image, frame.gap is None) == (None, False)
    assert f"image 5: its {column}" in str(frame.damaged)
    assert reader.image(1, 4).ordinal == 4


@pytest.mark.parametrize("column", ["codes", "scales"])
def test_damaged_maps_states_and_clusterings_are_reported(
    path: Path, url: str, column: str
) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 4), [state(0, 4)])
    save_clustering(url, 1, Clustering(0, "louvain", 1.0, 4, np.zeros(3, np.int32)))
    damage(path, f"UPDATE feature_maps SET {column} = x'0102' WHERE ordinal = 2")
    damage(path, "UPDATE correlation_states SET moments = zeroblob(400)")
    damage(path, "UPDATE clusterings SET labels = x'00'")
    reader = StoreReader(url)
    uuid = reader.run(1).uuid
    with pytest.raises(DamagedBlob, match="image 2: its feature maps"):
        reader.feature_maps(uuid, 2, 1)
    assert reader.feature_maps(uuid, 3, 0) is not None
    with pytest.raises(DamagedBlob, match=r"layer 0.*rebuild"):
        reader.correlation_state(1, 0)
    # A clustering is computed again when it is not there.
    assert reader.clustering(1, 0, "louvain", 1.0) is None
    assert reader.clusterings(1) == ()


def test_a_state_of_the_wrong_kind_is_damaged(path: Path, url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 4), [state(0, 4)])
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE correlation_states SET moments = ?", (pack(np.zeros(11)),))
    with pytest.raises(DamagedBlob):
        StoreReader(url).correlation_state(1, 0)


def test_a_corrupt_file_is_told_apart_from_a_foreign_one(path: Path, url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        for start in range(0, 60, 20):
            writer.append(batch(start, 20))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    for opening in openings(url)[:4]:
        with pytest.raises(StoreCorrupt) as error:
            opening()
        assert one_line(error, path)


def test_a_store_without_one_of_its_tables_is_incomplete(path: Path, filled: str) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TABLE layers")
    with pytest.raises(StoreCorrupt, match="incomplete"):
        StoreReader(filled).layers(1)


# --- what is locked, full or closed to us ------------------------------------------------------


def test_a_locked_store_is_named_and_nothing_is_stored(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0.05)
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 2))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreLocked) as error:
                writer.append(batch(2, 2))
            assert one_line(error, path)
            with pytest.raises(StoreLocked):
                RunWriter.begin(url, new_run())
            # Reading goes on beside a writer.
            assert StoreReader(url).run(1).stored == 2
            other.execute("ROLLBACK")
        writer.append(batch(2, 2))
        assert StoreReader(url).run(1).stored == 4


def test_a_store_locked_whole_is_named_by_the_reader(
    filled: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0.05)
    reader = StoreReader(filled)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreLocked):
            reader.frame(None, None)
    assert reader.run(1).stored == 10


@pytest.fixture
def connections(path: Path) -> Iterator[list[sqlite3.Connection]]:
    """The driver's connections that the test opens, to the file at `path`."""
    del path
    found: list[sqlite3.Connection] = []

    def remember(raw: sqlite3.Connection, _record: object) -> None:
        found.append(raw)

    event.listen(Engine, "connect", remember)
    yield found
    event.remove(Engine, "connect", remember)


@pytest.mark.parametrize(("durable", "level"), [(False, 1), (True, 2)])
def test_durable_waits_for_the_disk_at_every_batch(
    url: str, connections: list[sqlite3.Connection], durable: bool, level: int
) -> None:
    ways: list[Callable[[], RunWriter]] = [
        lambda: RunWriter.begin(url, new_run(), durable=durable),
        lambda: RunWriter.resume(url, "1", durable=durable),
    ]
    for way in ways:
        with way() as writer:
            writer.interrupt()
            raw = connections[-1]
            assert raw.execute("PRAGMA synchronous").fetchone() == (level,)
            assert raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
            assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def append_for_ever(writer: RunWriter) -> None:
    while True:
        writer.append(batch(writer.stored, 4))


def test_a_full_disk_loses_nothing_that_was_acknowledged(
    url: str, tmp_path: Path, path: Path, connections: list[sqlite3.Connection]
) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        (raw,) = connections
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {pages + 20}")
        with pytest.raises(StoreFull, match="disk is full") as error:
            append_for_ever(writer)
        assert one_line(error, path)
        stored = writer.stored
        reader = StoreReader(url)
        assert 0 < stored == reader.run(1).stored
        assert np.array_equal(reader.gap_rows(1, 0, 1000), batch(0, stored).gap)
        # With room again the same writer goes on with the same batch.
        raw.execute("PRAGMA max_page_count = 100000")
        writer.append(batch(stored, 4))
        writer.finish()
    assert reader.run(1).stored == stored + 4
    assert reader.run(1).state is RunState.FINISHED
    assert files(tmp_path) == [path.name]


def test_a_run_that_cannot_begin_on_a_full_disk_leaves_no_run(
    filled: str, connections: list[sqlite3.Connection]
) -> None:
    def small(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute("PRAGMA max_page_count = 1")

    event.listen(Engine, "connect", small)
    try:
        with pytest.raises(StoreFull):
            RunWriter.begin(filled, new_run(options={"note": "x" * 100_000}))
    finally:
        event.remove(Engine, "connect", small)
    assert [run.id for run in StoreReader(filled).runs()] == [1]


@contextmanager
def unprivileged() -> Iterator[None]:
    """Act as a user whom permissions bind, also where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that everybody may read and nobody may write, once `chmod` has been called on it."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def close_folder(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)


def test_a_read_only_store_is_read_and_its_writer_refused(closed_folder: Path) -> None:
    path = closed_folder / "reactcnn.db"
    with RunWriter.begin(str(path), new_run()) as writer:
        writer.append(batch(0, 3))
        writer.finish()
    close_folder(closed_folder)
    with unprivileged():
        frame = StoreReader(str(path)).frame(None, None)
        assert frame is not None
        assert frame.run.stored == 3
        writing: list[Callable[[], object]] = [
            lambda: RunWriter.resume(str(path), "1"),
            lambda: RunWriter.begin(str(path), new_run()),
        ]
        for opening in writing:
            with pytest.raises(StoreReadOnly) as error:
                opening()
            assert one_line(error, path)
        with pytest.raises(StoreReadOnly, match="folder cannot be written"):
            RunWriter.begin(str(closed_folder / "other.db"), new_run())
    assert files(closed_folder) == [path.name]


def test_a_place_where_nothing_can_be_written_is_refused_beforehand(closed_folder: Path) -> None:
    path = closed_folder / "reactcnn.db"
    open_folder = closed_folder / "open"
    open_folder.mkdir()
    RunWriter.begin(str(path), new_run()).close()
    close_folder(closed_folder)
    open_folder.chmod(0o777)
    with unprivileged():
        for place, part in (
            (path, "folder cannot be written"),
            (closed_folder / "new.db", "folder cannot be written"),
        ):
            with pytest.raises(StoreReadOnly, match=part) as error:
                check_writable(place)
            assert one_line(error, place)
        check_writable(open_folder / "new.db")
    assert files(closed_folder) == ["open", path.name]
    assert files(open_folder) == []


def test_a_file_that_may_not_be_written_is_refused_beforehand(closed_folder: Path) -> None:
    path = closed_folder / "reactcnn.db"
    RunWriter.begin(str(path), new_run()).close()
    path.chmod(0o444)
    closed_folder.chmod(0o777)
    with unprivileged(), pytest.raises(StoreReadOnly, match="store cannot be written") as error:
        check_writable(path)
    assert one_line(error, path)
    check_writable(path)


def test_a_wal_store_in_a_read_only_folder_is_read_when_it_is_whole(closed_folder: Path) -> None:
    path = closed_folder / "reactcnn.db"
    with RunWriter.begin(str(path), new_run()) as writer:
        writer.append(batch(0, 3))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
    close_folder(closed_folder)
    with unprivileged():
        assert StoreReader(str(path)).run(1).stored == 3
    assert files(closed_folder) == [path.name]


def test_a_log_that_cannot_be_read_in_a_read_only_folder_is_explained(closed_folder: Path) -> None:
    made = closed_folder / "made.db"
    path = closed_folder / "reactcnn.db"
    with RunWriter.begin(str(made), new_run()) as writer:
        writer.append(batch(0, 3))
        # As after a kill: the file and its log, without the index of the log.
        for suffix in ("", "-wal"):
            shutil.copy(f"{made}{suffix}", f"{path}{suffix}")
    close_folder(closed_folder)
    with unprivileged(), pytest.raises(StoreReadOnly, match="copy the file and its -wal") as error:
        StoreReader(str(path)).frame(None, None)
    assert one_line(error, path)


def test_a_store_that_may_not_be_read_is_named(closed_folder: Path) -> None:
    path = closed_folder / "reactcnn.db"
    RunWriter.begin(str(path), new_run()).close()
    path.chmod(0)
    closed_folder.chmod(0o555)
    with unprivileged(), pytest.raises(StoreReadOnly, match="permissions"):
        StoreReader(str(path)).runs()


@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "link to a pipe"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "store.db"
    if kind == "device":
        place = Path("/dev/zero")
    elif kind == "socket":
        bound = socket.socket(socket.AF_UNIX)
        bound.bind(str(place))
        bound.close()
    else:
        os.mkfifo(place)
    if kind == "link to a pipe":
        place = tmp_path / "link.db"
        place.symlink_to(tmp_path / "store.db")
    ways: list[Callable[[], object]] = [*openings(str(place)), lambda: check_writable(str(place))]
    for way in ways:
        with pytest.raises(NotAStore) as refused:
            way()
        assert one_line(refused, place)
    assert files(tmp_path) == ([] if kind == "device" else files(tmp_path))


def test_a_link_to_a_store_is_one_and_a_link_to_nothing_is_missing(
    tmp_path: Path, filled: str, path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert StoreReader(str(link)).run(1).stored == StoreReader(filled).run(1).stored
    with RunWriter.begin(str(link), new_run(name="by the link")) as writer:
        writer.append(batch(0, 2))
        writer.finish()
    assert StoreReader(filled).run("by the link").stored == 2
    for nowhere in (tmp_path / "gone.db", tmp_path / "circle.db"):
        nowhere.symlink_to(nowhere.name if nowhere.stem == "circle" else "not there")
        with pytest.raises(StoreError) as told:
            StoreReader(str(nowhere)).runs()
        assert one_line(told, nowhere)


@pytest.mark.parametrize("rows", [("0008", "0009"), (), ("",), ("9999",)])
def test_a_store_that_does_not_say_its_version_once_is_refused(
    filled: str, path: Path, rows: tuple[str, ...]
) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DELETE FROM alembic_version")
        raw.executemany("INSERT INTO alembic_version VALUES (?)", [(one,) for one in rows])
    for way in openings(filled):
        with pytest.raises(StoreError) as told:
            way()
        assert one_line(told, path)
