"""Opening a store for writing: made at head when wanted, never changed when it is not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash.db.driver_errors import translated
from reactcnn_dash.db.engine import (
    enter_wal,
    leave_wal,
    sqlite_connection,
    transaction,
    write_engine,
)
from reactcnn_dash.db.errors import StoreMissing
from reactcnn_dash.db.place import require_driver
from reactcnn_dash.db.version import create_schema, require_head

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reactcnn_dash.db.place import Place


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
