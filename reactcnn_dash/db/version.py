"""Which schema a store has, told without importing Alembic: that keeps a read of the page fast."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    inspect,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateIndex, CreateTable

from reactcnn_dash.db import postgresql
from reactcnn_dash.db.errors import NotAStore, StoreCorrupt, StoreNewer, StoreOutdated
from reactcnn_dash.db.models import metadata

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.schema import DDLElement

    from reactcnn_dash.db.address import StoreAddress

HEAD = "0009"
"""The newest migration. Revisions are four digits, so that older and newer compare as text."""

_VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
# Not by `to_regclass`, which within a transaction remembers that there was no such table before
# another process made it.
_THERE = text(
    f"SELECT 1 FROM pg_class WHERE relname = '{_VERSION.name}' AND pg_table_is_visible(oid)"
)
_REVISION = re.compile(r"\d{4}")


def create_schema(connection: Connection) -> None:
    """Make all tables, at head, in an empty database."""
    for statement in _statements(connection.dialect):
        connection.exec_driver_sql(statement)
    if connection.dialect.name == "postgresql":
        postgresql.store_as_written(connection)
    connection.execute(_VERSION.insert(), {"version_num": HEAD})


@lru_cache(maxsize=8)
def _statements(dialect: Dialect) -> tuple[str, ...]:
    """Return the SQL that makes all tables; to write it out again was half of making a store."""
    made: list[DDLElement] = []
    for table in (*metadata.sorted_tables, _VERSION):
        made += [CreateTable(table), *map(CreateIndex, table.indexes)]
    return tuple(str(one.compile(dialect=dialect)) for one in made)


def revision(connection: Connection, place: StoreAddress) -> str | None:
    """Return the store's schema revision, None for a database without any table.

    Raises:
        NotAStore: if the database belongs to something else.
        StoreCorrupt: if it is a store that does not say of which version.
    """
    found = _read(connection)
    if found is not None and len(found) == 1 and found[0] == HEAD:
        return HEAD
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    ours = {"runs", "feature_maps", "correlation_states"} <= tables
    if ours and (found is None or len(found) != 1):
        raise StoreCorrupt(
            f"{place}: the store does not say its version, or says {len(found or ())} of them: "
            f"restore a copy"
        )
    if not ours or found is None or len(found) != 1 or not _REVISION.fullmatch(found[0]):
        raise NotAStore(f"{place}: a database of something else, not a store: name another one")
    return found[0]


def require_head(connection: Connection, place: StoreAddress) -> bool:
    """Make sure that the store has this version's schema; False for a database without tables.

    Raises:
        NotAStore, StoreOutdated, StoreNewer: when it has not; the text says what to do.
    """
    found = revision(connection, place)
    if found is None:
        return False
    if found < HEAD:
        raise StoreOutdated(
            f"{place}: made by an older version; upgrade it (a backup is kept): "
            f"python -m reactcnn_dash upgrade --store {place}"
        )
    if found > HEAD:
        raise StoreNewer.at(place)
    return True


def _read(connection: Connection) -> list[str] | None:
    # PostgreSQL would void the transaction at a missing table, so it is asked first.
    if connection.dialect.name == "postgresql":
        if connection.execute(_THERE).scalar() is None:
            return None
    elif connection.dialect.name != "sqlite" and not inspect(connection).has_table(_VERSION.name):
        return None
    try:
        return [
            str(row[0])
            for row in connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        ]
    except OperationalError as error:
        if "no such" not in str(error.orig):
            raise
        return None
