"""Opening a store for writing: made at head when wanted, never changed when it is not ours."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from reactcnn_dash.db import queries
from reactcnn_dash.db.address import StoreAddress, require_driver
from reactcnn_dash.db.driver_errors import (
    cannot_open,
    permitted,
    refuse_odd_file,
    translated,
)
from reactcnn_dash.db.engine import (
    enter_wal,
    leave_wal,
    read_engine,
    sqlite_connection,
    transaction,
    write_engine,
)
from reactcnn_dash.db.errors import StoreLocked, StoreMissing, StoreReadOnly
from reactcnn_dash.db.ownership import is_silent
from reactcnn_dash.db.presence import close_nothing, remember
from reactcnn_dash.db.version import create_schema, require_head
from reactcnn_dash.db.wholeness import LengthCheck, has_journal, require_sound
from reactcnn_dash.db.writing import GATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreUrl

_WAL: Final = "reactcnn-wal"
"""In a connection's info: whether it was this connection that put the store in WAL mode."""


def check_writable(url: StoreUrl) -> None:
    """Refuse a place where no run could begin; nothing there is made, changed or waited for.

    A store that somebody holds locked at this moment is not refused, since that passes.

    Raises:
        StoreError: saying what is wrong with the place.
    """
    place = StoreAddress.of(url)
    require_driver(place)
    if place.path is not None:
        _check_file(place.path)
        if not place.path.exists():
            return
    with suppress(StoreLocked), transaction(read_engine(place), place) as connection:
        raw = sqlite_connection(connection)
        if raw is not None:
            raw.execute("PRAGMA busy_timeout = 0")
        require_head(connection, place)


def _check_file(path: Path) -> None:
    # SQLite makes its journal beside the file.
    refuse_odd_file(path)
    writable = path.parent.is_dir() and permitted(path.parent, os.W_OK)
    if path.is_dir() or (not path.exists() and not writable):
        raise cannot_open(path)
    if not writable:
        raise StoreReadOnly(f"{path}: the folder cannot be written: name a store elsewhere")
    if path.exists() and not permitted(path, os.W_OK):
        raise StoreReadOnly(f"{path}: the store cannot be written: change its permissions")


def open_for_writing(
    place: StoreAddress,
    *,
    durable: bool = False,
    create: bool = False,
    wal: bool = False,
    whole: bool = False,
) -> Connection:
    """Return a connection to a store at head, outside a transaction.

    Args:
        place: the store.
        durable: wait for the disk at every commit.
        create: make the store when it is missing or empty.
        wal: put a SQLite store in WAL mode, for many transactions beside readers; `close_writing`
            undoes it.
        whole: look through all of a SQLite file whose last writer was killed.

    Raises:
        StoreError: if there is no store to write here.
    """
    require_driver(place)
    engine = write_engine(place, durable=durable, create=create)
    unfinished = place.path is not None and has_journal(place.path)
    with translated(place):
        connection = engine.connect()
    try:
        remember(connection, place)
        _prepare(connection, place, create=create, wal=wal)
        if unfinished and whole:
            _require_sound(connection, place)
    except BaseException:
        close_writing(connection)
        raise
    return connection


@contextmanager
def saving(url: StoreUrl) -> Iterator[tuple[Connection, StoreAddress]]:
    """Make one change to a store that is there: committed at the body's end, or not made at all.

    In WAL mode, so that a process that is killed in its middle leaves a store that all can read.

    Raises:
        StoreError: if the store is missing or cannot be written.
    """
    place = StoreAddress.of(url)
    with GATE.through():
        connection = open_for_writing(place, wal=True)
        try:
            with transaction(connection, place):
                yield connection, place
        finally:
            close_writing(connection)


def close_writing(connection: Connection) -> None:
    """Close a connection that put the store in WAL mode; a store at rest is then one file."""
    if connection.invalidated:
        # Its server went away; whatever else is asked of it would connect to that again.
        connection.close()
        return
    if close_nothing(connection):
        return
    raw = sqlite_connection(connection)
    if raw is not None and _WAL in connection.info:
        leave_wal(raw, patient=connection.info[_WAL])
    connection.close()


def _require_sound(connection: Connection, place: StoreAddress) -> None:
    """Look through a store whose last writer was killed, unless another one is at work in it."""
    raw = sqlite_connection(connection)
    with transaction(connection, place):
        writers = connection.execute(queries.WRITERS).all()
    if raw is None or place.path is None or any(not is_silent(one) for one in writers):
        return
    with translated(place):
        require_sound(raw, place.path)


def _prepare(connection: Connection, place: StoreAddress, *, create: bool, wal: bool) -> None:
    raw = sqlite_connection(connection)
    if raw is not None and place.path is not None:
        with translated(place):
            LengthCheck(place.path).require_whole(raw)
    with transaction(connection, place):
        ready = require_head(connection, place)
    if not ready and not create:
        raise StoreMissing(f"{place}: the store is empty: collect a run first")
    with translated(place):
        if raw is not None and wal:
            connection.info[_WAL] = enter_wal(raw)
    if not ready:
        with transaction(connection, place):
            # Another process may have made the schema since it was looked for.
            if not require_head(connection, place):
                create_schema(connection)
