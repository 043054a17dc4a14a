"""Opening a store for writing: made at head when wanted, never changed when it is not ours."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from reactcnn_dash.db.driver_errors import cannot_open, permitted, translated
from reactcnn_dash.db.engine import (
    enter_wal,
    leave_wal,
    read_engine,
    sqlite_connection,
    transaction,
    write_engine,
)
from reactcnn_dash.db.errors import StoreLocked, StoreMissing, StoreReadOnly
from reactcnn_dash.db.place import Place, require_driver
from reactcnn_dash.db.version import create_schema, require_head

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from reactcnn_dash.db.place import StoreUrl


def check_writable(url: StoreUrl) -> None:
    """Refuse a place where no run could begin; nothing there is made, changed or waited for.

    A store that somebody holds locked at this moment is not refused, since that passes.

    Raises:
        StoreError: saying what is wrong with the place.
    """
    place = Place.of(url)
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
    writable = path.parent.is_dir() and permitted(path.parent, os.W_OK)
    if path.is_dir() or (not path.exists() and not writable):
        raise cannot_open(path)
    if not writable:
        raise StoreReadOnly(f"{path}: the folder cannot be written: name a store elsewhere")
    if path.exists() and not permitted(path, os.W_OK):
        raise StoreReadOnly(f"{path}: the store cannot be written: change its permissions")


def open_for_writing(
    place: Place, *, durable: bool = False, create: bool = False, wal: bool = False
) -> Connection:
    """Give a connection to a store at head, outside a transaction.

    Args:
        place: the store.
        durable: wait for the disk at every commit.
        create: make the store when it is missing or empty.
        wal: put a SQLite store in WAL mode, for many transactions beside readers; `close_writing`
            undoes it.

    Raises:
        StoreError: if there is no store to write here.
    """
    require_driver(place)
    engine = write_engine(place, durable=durable, create=create)
    with translated(place):
        connection = engine.connect()
    try:
        _prepare(connection, place, create=create, wal=wal)
    except BaseException:
        connection.close()
        raise
    return connection


def close_writing(connection: Connection) -> None:
    """Close a connection that put the store in WAL mode; a store at rest is then one file."""
    raw = sqlite_connection(connection)
    if raw is not None:
        leave_wal(raw)
    connection.close()


def _prepare(connection: Connection, place: Place, *, create: bool, wal: bool) -> None:
    raw = sqlite_connection(connection)
    with transaction(connection, place):
        ready = require_head(connection, place)
    if not ready and not create:
        raise StoreMissing(f"{place}: the store is empty: collect a run first")
    with translated(place):
        if raw is not None and wal:
            enter_wal(raw)
    if not ready:
        with transaction(connection, place):
            # Another process may have made the schema since it was looked for.
            if not require_head(connection, place):
                create_schema(connection)
