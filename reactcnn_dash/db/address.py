"""Where a store is: a SQLAlchemy URL, or the plain path of a SQLite file."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from reactcnn_dash.db.errors import StoreError

StoreUrl: TypeAlias = str | os.PathLike[str]
"""How a store is named: a SQLAlchemy URL, or the path of a SQLite file."""


def normalise_url(text: StoreUrl) -> str:
    """Return the SQLAlchemy URL of a store that was named by URL or by plain path.

    `reactcnn.db` becomes `sqlite:///reactcnn.db`, and so does `pathlib.Path("reactcnn.db")`.

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


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        msg = f"{text.split('://', maxsplit=1)[0]}://…: not a database URL that is understood"
        raise StoreError(msg) from error
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
        return str(self.path) if self.path is not None else self.url.render_as_string()


def require_driver(place: StoreAddress) -> None:
    """Refuse a URL whose driver is not installed.

    Raises:
        StoreError: naming the missing package.
    """
    name = place.url.get_dialect().driver
    if place.path is None and importlib.util.find_spec(name) is None:
        raise StoreError(f"{place}: the database driver is missing: pip install {name}")
