"""Where a store is: a SQLAlchemy URL, or the plain path of a SQLite file."""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from reactcnn_dash.db.errors import StoreError

StoreUrl: TypeAlias = str | os.PathLike[str]
"""How a store is named: a SQLAlchemy URL, or the path of a SQLite file."""

_POSTGRESQL: Final = "postgresql+psycopg"
_SECRETS: Final = ("password", "sslpassword")
"""What a URL may hold, behind its question mark, that nobody else should read."""


def normalise_url(text: StoreUrl) -> str:
    """Return the SQLAlchemy URL of a store that was named by URL or by plain path.

    `reactcnn.db` becomes `sqlite:///reactcnn.db`, and so does `pathlib.Path("reactcnn.db")`.
    `postgresql://`, `postgres://` and those that name a driver mean psycopg 3.

    Raises:
        TypeError: for what is neither text nor a path.
        StoreError: for an empty or unreadable URL, an unknown kind of database, or a database in
            memory, which two processes cannot share.
    """
    text = _text(text)
    if not text:
        raise StoreError("the store has no name: give a path or a database URL")
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).expanduser())).render_as_string()
    return _parse(text).render_as_string(hide_password=False)


def _text(url: StoreUrl) -> str:
    path = os.fspath(url)
    if not isinstance(path, str):
        raise TypeError(f"a store is named by text or a path, not by {type(path).__name__}")
    # Spaces around words that were typed are none of the name; a path means what it says.
    return path.strip() if isinstance(url, str) else path


def without_password(url: StoreUrl) -> str:
    """Return a store's name as it may be shown and written down; a file's as it is."""
    place = StoreAddress.of(url)
    return os.fspath(url) if place.path is not None else str(place)


def put_password_away(url: str) -> str:
    """Take the password out of a store's URL, and leave it to the driver's own variable.

    So it stands in no message, no file and no command line of a process that is started from here,
    and all of them connect with it. What has no password stays as it was written.

    Raises:
        StoreError: for a URL that cannot be understood.
    """
    if "://" not in url:
        return url
    parsed = _parse(url.strip())
    found = parsed.password or parsed.query.get("password")
    if parsed.get_backend_name() != "postgresql" or not isinstance(found, str):
        return url
    os.environ["PGPASSWORD"] = found
    kept = {name: value for name, value in parsed.query.items() if name != "password"}
    bare = URL.create(
        parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database, kept
    )
    return bare.render_as_string()


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
        if url.drivername.partition("+")[0] in ("postgresql", "postgres"):
            url = url.set(drivername=_POSTGRESQL)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        kind = re.match(r"[a-z0-9+]*", text)
        msg = f"{kind[0] if kind else ''}://…: not a database URL that is understood"
        raise StoreError(msg) from error
    if "@" in f"{url.host}{url.database}" and url.get_backend_name() != "sqlite":
        # Part of a password was taken for something that may be shown.
        raise StoreError(
            f"{url.drivername}://…: not a database URL that is understood: in a password @ is "
            f"written %40, / %2F and : %3A"
        )
    if url.get_backend_name() == "sqlite":
        database = url.database or ":memory:"
        if database == ":memory:" or database.startswith("file:") or url.query:
            raise StoreError(f"{text}: a SQLite store must be a plain file, sqlite:///PATH")
    return url


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A store's address: its URL, and for SQLite the file (None otherwise)."""

    url: URL
    path: Path | None

    @classmethod
    def of(cls, text: StoreUrl) -> StoreAddress:
        """Return the place named by a URL or path; see `normalise_url` for what is refused."""
        url = _parse(normalise_url(text))
        is_file = url.get_backend_name() == "sqlite"
        return cls(url, Path(url.database or "") if is_file else None)

    def __str__(self) -> str:
        """Return it as it may be shown, and be given to `--store` again: without its password."""
        if self.path is not None:
            return str(self.path)
        name = self.url.drivername
        shown = URL.create(
            "postgresql" if name == _POSTGRESQL else name,
            self.url.username,
            None,
            self.url.host,
            self.url.port,
            self.url.database,
            {key: value for key, value in self.url.query.items() if key not in _SECRETS},
        )
        return shown.render_as_string()


def require_driver(place: StoreAddress) -> None:
    """Refuse a URL whose driver is not installed.

    Raises:
        StoreError: naming the missing package.
    """
    if place.path is not None:
        return
    name = place.url.get_dialect().driver
    try:
        # Imported and not only looked for: psycopg is there, and fails, without its libpq.
        importlib.import_module(name)
    except ImportError as error:
        package = "'reactcnn[postgres]'" if name == "psycopg" else name
        msg = f"{place}: the database driver is missing: pip install {package}"
        raise StoreError(msg) from error
