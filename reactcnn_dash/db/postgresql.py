"""What PostgreSQL needs of its own: how its connections behave, and who writes beside whom."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import NullPool, create_engine, text

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_LOCK: Final = 0x5265616374434E4E
"""Key of the advisory lock of a store: "ReactCNN" in ASCII. Such locks are those of a database."""
_ALONE: Final = text(f"SELECT pg_advisory_xact_lock({_LOCK})")
_BESIDE: Final = text(f"SELECT pg_advisory_xact_lock_shared({_LOCK})")

_CONNECT_SECONDS: Final = 10
_KEPT: Final = 8
"""Connections for reading that stay open between two readings; a new one costs some 5 ms."""

_BYTES: Final = text(
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND data_type = 'bytea'"
)
_SIZE: Final = text(
    "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
    "WHERE c.relname IN ('images', 'feature_maps') AND c.relkind = 'r' "
    "AND c.relnamespace = current_schema()::regnamespace"
)


@lru_cache(maxsize=32)
def reading(url: URL, busy_seconds: float) -> Engine:
    """Return a process' engine for reading, whose transactions each see the store at one moment.

    Its connections are tried before they are used, so that a server that was restarted is noticed
    by nobody.

    Args:
        url: the store's.
        busy_seconds: how long a statement waits for a lock, such as that of an upgrade.
    """
    engine = create_engine(
        url,
        connect_args=_arguments(url, busy_seconds),
        pool_size=_KEPT,
        max_overflow=-1,
        pool_pre_ping=True,
        pool_recycle=600,
    )
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@lru_cache(maxsize=32)
def writing(url: URL, busy_seconds: float, *, durable: bool) -> Engine:
    """Return an engine for writing.

    A commit waits for the server's disk unless the server was set up not to; `durable` insists.
    """
    return create_engine(
        url,
        connect_args=_arguments(url, busy_seconds, "-c synchronous_commit=on" if durable else ""),
        poolclass=NullPool,
    )


def take_turn(connection: Connection, *, alone: bool) -> None:
    """Wait until this transaction may write; it is a transaction's first statement.

    One that looks before it changes is alone in the store, as with SQLite: what it saw still holds
    when it writes. Those that only add to a run that is theirs go on side by side.
    """
    connection.execute(_ALONE if alone else _BESIDE)


def store_as_written(connection: Connection) -> None:
    """Have the bytes of all tables stored without an attempt to compress them.

    They are compressed by what writes them; that the server tries once more took half of its time.
    """
    for table, column in connection.execute(_BYTES).all():
        connection.execute(
            text(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STORAGE EXTERNAL')
        )


def size_of_images(connection: Connection) -> int:
    """Return the bytes that images and feature maps take on the server's disk, indexes included."""
    return int(connection.execute(_SIZE).scalar_one())


def vacuum(connection: Connection) -> None:
    """Let the tables of images give what is free at their ends back to the server's disk.

    Others read and write meanwhile. Outside any transaction.
    """
    alone = connection.engine.execution_options(isolation_level="AUTOCOMMIT")
    with alone.connect() as quick:
        for table in ("feature_maps", "images"):
            quick.exec_driver_sql(f"VACUUM (TRUNCATE) {table}")


def _arguments(url: URL, busy_seconds: float, more: str = "") -> dict[str, object]:
    given = url.query.get("options", "")
    options = f"{given} -c lock_timeout={round(busy_seconds * 1000)} {more}".strip()
    return {
        "options": options,
        "client_encoding": "utf8",
        "connect_timeout": url.query.get("connect_timeout", _CONNECT_SECONDS),
        "application_name": url.query.get("application_name", "reactcnn"),
        # A server that vanished without a word is missed within half a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }
