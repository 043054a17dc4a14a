"""How connections behave, and the one place that begins and ends transactions.

Both SQLite and PostgreSQL are reached by URL; what SQLite needs of its own stands here, and what
PostgreSQL needs in `postgresql`.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.dialects import sqlite

from reactcnn_dash.db import postgresql, presence
from reactcnn_dash.db.driver_errors import permitted, refuse_odd_file, translated
from reactcnn_dash.db.errors import StoreReadOnly
from reactcnn_dash.db.wholeness import LengthCheck
from reactcnn_dash.db.writing import GATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Table
    from sqlalchemy.dialects import postgresql as postgresql_dialect

    from reactcnn_dash.db.address import StoreAddress

READ_ONLY = "REACTCNN_READ_ONLY"
"""The environment variable by which a process, and all that it starts, writes to no store."""

BUSY_SECONDS = 10.0
"""How long a statement waits for another process's transaction before `StoreLocked`."""

PAGE_SIZE = 16384
"""Bytes of a SQLite page of new stores.

Measured with VGG-16 at 32×32 and every feature map: 4,096 took a third more CPU an image, 32,768
7 % more space.
"""

_CHECKPOINT_BYTES = 4 * 2**20
_INCREMENTAL = 2
_LEAVING_SECONDS = 1.0
_PAUSE = 0.002


def read_engine(place: StoreAddress) -> Engine:
    """Return an engine whose connections can only read; those of SQLite are closed after each use.

    Opening creates no file, and a store that was deleted and made again is noticed.
    """
    if place.path is None:
        return postgresql.reading(place.url, BUSY_SECONDS)
    path = place.path
    check = LengthCheck(path)

    def connect() -> sqlite3.Connection:
        connection = _open_for_reading(path)
        try:
            check.require_whole(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    return _sqlite_engine(connect, "BEGIN")


def write_engine(
    place: StoreAddress, *, durable: bool = False, create: bool = False, foreign_keys: bool = True
) -> Engine:
    """Return an engine for writing, whose transactions take the write lock as they begin.

    Args:
        place: the store.
        durable: wait for the disk at every commit (SQLite `synchronous=FULL`, PostgreSQL
            `synchronous_commit=on`).
        create: make the SQLite file when it is missing.
        foreign_keys: enforce them; a migration that makes a SQLite table anew must not.

    Raises:
        StoreReadOnly: this process, or the one that started it, was told to write nothing.
    """
    if os.environ.get(READ_ONLY, "").lower() not in ("", "0", "no", "false"):
        raise StoreReadOnly(f"{place}: nothing is written here: {READ_ONLY} is set")
    if place.path is None:
        return postgresql.writing(place.url, BUSY_SECONDS, durable=durable)
    path = place.path

    def connect() -> sqlite3.Connection:
        new = create and _is_empty(path)
        connection = _connect(path, "rwc" if create else "rw")
        if new:
            # Too late once it was looked into. Said to a store that exists it would change it.
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            let_shrink(connection)
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        return connection

    return _sqlite_engine(connect, "BEGIN IMMEDIATE")


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return True


def _sqlite_engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    # The driver's own BEGIN is deferred and late; ours says what it is for.
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw = sqlite_connection(connection)
        if raw is not None:
            raw.execute(begin)

    return engine


def _connect(path: Path, mode: str, options: str = "") -> sqlite3.Connection:
    refuse_odd_file(path)
    # Resolved at each call: a relative path means the working directory, as for every program.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}{options}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = _text
    return connection


def _text(raw: bytes) -> str | bytes:
    """Return text; what is none stays bytes, and is found to be damaged by its own column.

    SQLite's driver would end the whole statement, and with it the list of all other runs.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _open_for_reading(path: Path) -> sqlite3.Connection:
    _undo_change(path)
    if _frozen_wal_store(path):
        return _connect(path, "ro", "&immutable=1")
    return _connect(path, "ro")


def _undo_change(path: Path) -> None:
    """Let SQLite take back a change in whose middle a writer was killed, where that may be.

    Who only reads cannot, and is refused; a store is unreadable until somebody does it.
    """
    journal = path.with_name(f"{path.name}-journal")
    try:
        unfinished = journal.stat().st_size > 0
    except OSError:
        return
    if unfinished and permitted(path, os.W_OK) and permitted(path.parent, os.W_OK):
        with closing(_connect(path, "rw")) as connection:
            # The first read does it; a writer that lives holds a lock that says so.
            connection.execute("PRAGMA schema_version").fetchone()


def _frozen_wal_store(path: Path) -> bool:
    """Say whether the file is in WAL mode, complete, and in a folder where nobody can write.

    SQLite refuses such a file, since it cannot make the shared index beside it; but nothing can
    change it either, so it may be read as it is.
    """
    if permitted(path.parent, os.W_OK) or not permitted(path, os.R_OK):
        return False
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size:
        return False
    if path.with_name(f"{path.name}-shm").exists():
        return False
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\2\2"


def let_shrink(connection: sqlite3.Connection) -> None:
    """Let a file give free pages back; it holds for a new file, and for an old one at `VACUUM`.

    Incremental, not full: only a deletion pays for it. Storing took no longer than without.
    """
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")


def can_shrink(connection: sqlite3.Connection) -> bool:
    """Say whether `PRAGMA incremental_vacuum` makes the file smaller."""
    return bool(connection.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL)


def enter_wal(connection: sqlite3.Connection) -> bool:
    """Let readers and the writer work side by side (SQLite's write-ahead log).

    Returns:
        Whether it is this connection that put the store in that mode.
    """
    before = connection.execute("PRAGMA journal_mode").fetchone()[0]
    _change_journal(connection, "WAL", BUSY_SECONDS)
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_BYTES // size}")
    connection.execute(f"PRAGMA journal_size_limit = {2 * _CHECKPOINT_BYTES}")
    return bool(before != "wal")


def alone_with_log(connection: sqlite3.Connection) -> None:
    """Take the store for this connection alone, with a log that has no index file beside it."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")


def leave_wal(connection: sqlite3.Connection, *, patient: bool = True) -> None:
    """Fold the log into the file, so that a store at rest is one file that opens anywhere.

    A store that another process is using stays in WAL mode: that process does it when it leaves.

    Args:
        connection: the connection that leaves.
        patient: try for a moment, since a reader may be about to leave; else once.
    """
    # Also with any other fault (a full disk) the log stays, and nothing in it is lost.
    with suppress(sqlite3.OperationalError):
        _change_journal(connection, "DELETE", _LEAVING_SECONDS if patient else 0.0)


def _change_journal(connection: sqlite3.Connection, mode: str, seconds: float) -> None:
    """Change the journal mode; SQLite itself does not wait here for who is done in a moment."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return


def insert_beside(
    connection: Connection, table: Table
) -> sqlite.Insert | postgresql_dialect.Insert:
    """Return an INSERT that can say what to do about rows that are there already."""
    if connection.dialect.name == "postgresql":
        # A fortieth of a server's start, for those who have it.
        from sqlalchemy.dialects import postgresql as dialect  # noqa: PLC0415

        return dialect.insert(table)
    return sqlite.insert(table)


def sqlite_connection(connection: Connection) -> sqlite3.Connection | None:
    """Return the driver's connection when it is SQLite's, None otherwise."""
    raw = connection.connection.dbapi_connection
    return raw if isinstance(raw, sqlite3.Connection) else None


@contextmanager
def transaction(
    source: Engine | Connection, place: StoreAddress, *, alone: bool = True
) -> Iterator[Connection]:
    """Run the body in one transaction: committed at its end, rolled back when it raises.

    A connection of an engine is for reading, and is given back afterwards; a connection that is
    given is for writing, and is left open.

    Args:
        source: where to.
        place: the store.
        alone: let nobody else write meanwhile. With SQLite nobody can; with PostgreSQL those who
            only write what is theirs need not wait for each other.

    Raises:
        StoreGone: for a store that is not at its place any more, see `presence`.
        StoreError: for what the driver reports and a user can act on. Broken constraints and
            faulty statements are faults of the program and come through as they are.
    """
    with translated(place):
        if isinstance(source, Connection):
            presence.verify(source, place)
            with GATE.through(), source.begin():
                if place.path is None:
                    postgresql.take_turn(source, alone=alone)
                yield source
            presence.verify(source, place)
        else:
            with source.begin() as connection:
                yield connection
