"""What the drivers of SQLite and PostgreSQL report, as errors that a user can act on."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from reactcnn_dash.db.errors import (
    NotAStore,
    NothingThere,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreReadOnly,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reactcnn_dash.db.address import StoreAddress


def permitted(path: Path, mode: int) -> bool:
    """Say whether this process may use a file or folder as `mode` says: `os.R_OK`, `os.W_OK`."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def translated(place: StoreAddress) -> Iterator[None]:
    """Turn driver errors of the body into `StoreError`s."""
    try:
        yield
    except DBAPIError as error:
        known = _translate(error.orig, place)
        if known is None:
            raise
        raise known from error
    except (sqlite3.Error, OSError) as error:
        known = _translate(error, place)
        if known is None:
            raise
        raise known from error
    except (OverflowError, UnicodeEncodeError) as error:
        # Looked for by a number beyond 64 bits, or by text that is no Unicode: nothing is there.
        msg = f"{place}: nothing here has such a number or name"
        raise NothingThere(msg) from error


_FULL = "the disk is full: free some space and resume; what was stored before is safe"
_LOCKED = "another process keeps the store locked: end it or try again"
_CORRUPT = "the store is corrupt: restore a copy, or save what is left with sqlite3's .recover"
_READ_ONLY = "the store cannot be written: change its permissions or copy it elsewhere"

_SQLITE = {
    sqlite3.SQLITE_FULL: (StoreFull, _FULL),
    sqlite3.SQLITE_BUSY: (StoreLocked, _LOCKED),
    sqlite3.SQLITE_LOCKED: (StoreLocked, _LOCKED),
    sqlite3.SQLITE_PROTOCOL: (StoreLocked, _LOCKED),
    sqlite3.SQLITE_CORRUPT: (StoreCorrupt, _CORRUPT),
    sqlite3.SQLITE_NOTADB: (NotAStore, "not a store: name another file"),
    sqlite3.SQLITE_READONLY: (StoreReadOnly, _READ_ONLY),
    sqlite3.SQLITE_PERM: (StoreReadOnly, _READ_ONLY),
}
_UNFINISHED = (
    sqlite3.SQLITE_READONLY_ROLLBACK,
    sqlite3.SQLITE_READONLY_RECOVERY,
    sqlite3.SQLITE_READONLY_CANTLOCK,
)
_POSTGRESQL = {
    "53100": (StoreFull, _FULL),
    "55P03": (StoreLocked, _LOCKED),
    "40P01": (StoreLocked, _LOCKED),
    "XX001": (StoreCorrupt, "the store is corrupt: restore a copy"),
    "XX002": (StoreCorrupt, "the store is corrupt: restore a copy"),
    "25006": (StoreReadOnly, "the store cannot be written: ask for the right to write"),
    "42501": (StoreReadOnly, "the store cannot be written: ask for the right to write"),
    "3D000": (StoreMissing, "no such database: create it first"),
}


def _translate(error: BaseException | None, place: StoreAddress) -> StoreError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _translate_sqlite(int(code), str(error), place)
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state in _POSTGRESQL:
        kind, text = _POSTGRESQL[state]
        return kind(f"{place}: {text}")
    if isinstance(error, OSError) or type(error).__name__ == "OperationalError":
        first = next(iter(str(error).splitlines()), type(error).__name__)
        return StoreError(f"{place}: {first}")
    return None


def _translate_sqlite(code: int, text: str, place: StoreAddress) -> StoreError | None:
    # A disk that fills while the log's index grows is reported as an I/O error of its own.
    primary = sqlite3.SQLITE_FULL if code == sqlite3.SQLITE_IOERR_SHMSIZE else code & 0xFF
    # Opened for reading, a folder only fails once it is read.
    if primary == sqlite3.SQLITE_IOERR and place.path is not None and place.path.is_dir():
        primary = sqlite3.SQLITE_CANTOPEN
    if code in _UNFINISHED and place.path is not None:
        return _unfinished(place.path)
    if primary in _SQLITE:
        kind, advice = _SQLITE[primary]
        return kind(f"{place}: {advice}")
    if primary == sqlite3.SQLITE_CANTOPEN and place.path is not None:
        return cannot_open(place.path)
    if primary == sqlite3.SQLITE_ERROR and text.startswith("no such "):
        return StoreCorrupt(f"{place}: the store is incomplete ({text}): restore a copy")
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM):
        return StoreError(f"{place}: {text}: check the disk")
    return None


def _unfinished(path: Path) -> StoreError:
    beside = "-journal" if path.with_name(f"{path.name}-journal").exists() else "-wal"
    return StoreReadOnly(
        f"{path}: a writer was killed in the middle of a change, and to take that back the file "
        f"and its folder must be writable: copy it together with its {beside} file to a folder of "
        f"your own"
    )


def cannot_open(path: Path) -> StoreError:
    """Say why SQLite does not open a file."""
    if path.is_dir():
        return NotAStore(f"{path}: a folder, not a store: name a file in it")
    if not path.parent.is_dir():
        return StoreMissing(f"{path}: there is no folder {path.parent}: make it first")
    if not path.exists():
        if permitted(path.parent, os.W_OK):
            return StoreMissing(f"{path}: no such store")
        return StoreReadOnly(f"{path}: the folder cannot be written: name a store elsewhere")
    if path.with_name(f"{path.name}-wal").exists():
        return StoreReadOnly(
            f"{path}: its writer was killed and its folder cannot be written: copy the file and "
            f"its -wal file to a folder of your own"
        )
    return StoreReadOnly(f"{path}: the store cannot be opened: change its permissions")
