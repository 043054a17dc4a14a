"""What the drivers of SQLite and PostgreSQL report, as errors that a user can act on."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from reactcnn_dash.db.columns import DamagedValue
from reactcnn_dash.db.errors import (
    DamagedRow,
    NotAStore,
    NothingThere,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreReadOnly,
    StoreUnreachable,
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
        known = _translate(error.orig, place, lost=error.connection_invalidated)
        if known is None:
            raise
        raise known from error
    except (sqlite3.Error, OSError) as error:
        known = _translate(error, place)
        if known is None:
            raise
        raise known from error
    except DamagedValue as error:
        msg = f"{place}: a value of a run is damaged ({error}): {_RESTORE}, or delete the run"
        raise DamagedRow(msg) from error
    except (OverflowError, UnicodeEncodeError) as error:
        # Looked for by a number beyond 64 bits, or by text that is no Unicode: nothing is there.
        msg = f"{place}: nothing here has such a number or name"
        raise NothingThere(msg) from error


_FULL = "the disk is full: free some space and resume; what was stored before is safe"
_LOCKED = "another process keeps the store locked: end it or try again"
_RESTORE = "restore a copy"
_CORRUPT = f"the store is corrupt: {_RESTORE}, or save what is left with sqlite3's .recover"
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
    "53300": (StoreLocked, "the database server has no connection free: end some or try again"),
    "57014": (StoreLocked, "the database server cut a statement short: try again"),
    "40001": (StoreLocked, _LOCKED),
    "25006": (StoreReadOnly, "the database takes no changes now: name the one that does"),
}
_NOTHING_THERE = ("22003", "22021", "22P02", "22P05")
"""A number beyond what the column holds, or text that the database has no characters for."""
_GONE = ("57P01", "57P02", "57P03", "57P05", "25P03")
_SERVERS_OWN = ("22", "53", "54", "58", "XX")
"""Classes of what a server reports of itself, or of a value that is too long for it."""

_REFUSED = re.compile(
    r"password|authentication|no pg_hba\.conf entry|role \S+ (does not exist|is not permitted)|SSL"
)
_NO_DATABASE = re.compile(r'database "?([^"]*)"? does not exist')


def _translate(
    error: BaseException | None, place: StoreAddress, *, lost: bool = False
) -> StoreError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _translate_sqlite(int(code), str(error), place)
    if place.path is None and isinstance(error, Exception) and not isinstance(error, OSError):
        return _translate_postgresql(error, place, lost=lost)
    if isinstance(error, OSError) or type(error).__name__ == "OperationalError":
        first = next(iter(str(error).splitlines()), type(error).__name__)
        return StoreError(f"{place}: {first}")
    return None


def _translate_postgresql(
    error: Exception, place: StoreAddress, *, lost: bool
) -> StoreError | None:
    state = getattr(error, "sqlstate", None) or ""
    kind = type(error).__name__
    said = next(iter(str(error).splitlines()), kind)
    found: StoreError | None = None
    if state in _POSTGRESQL:
        known, text = _POSTGRESQL[state]
        found = known(f"{place}: {text}")
    elif state == "42501":
        found = StoreReadOnly(f"{place}: the database does not let this user ({said}): ask for it")
    elif state in ("42P01", "42703"):
        found = StoreCorrupt(f"{place}: the store is incomplete ({said}): restore a copy")
    elif state in _NOTHING_THERE or (not state and kind == "DataError"):
        found = NothingThere(f"{place}: nothing here has such a number or name")
    elif lost or state.startswith("08") or state in _GONE:
        text = f"{place}: the database server went away ({said}): start it again"
        found = StoreUnreachable(text)
    elif not state and kind == "OperationalError":
        found = _cannot_connect(said, place)
    elif state[:2] in _SERVERS_OWN:
        found = StoreError(f"{place}: {said}: see the database server's log")
    return found


def _cannot_connect(said: str, place: StoreAddress) -> StoreError:
    """Say why there is no connection; the driver has no code for that, only the server's words."""
    reason = said.rpartition(" failed: ")[2].removeprefix("FATAL:").strip()
    missing = _NO_DATABASE.search(reason)
    if missing is not None:
        return StoreMissing(f"{place}: no such database: make it first (createdb {missing[1]})")
    if _REFUSED.search(reason):
        return StoreError(
            f"{place}: the database server refuses ({reason}): check the user, and the password in "
            f"PGPASSWORD, ~/.pgpass or the URL"
        )
    return StoreUnreachable(
        f"{place}: the database server cannot be reached ({reason}): start it, or check host and "
        f"port"
    )


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


def refuse_odd_file(path: Path) -> None:
    """Refuse what is there and no file: SQLite would wait for ever at the end of a pipe.

    Raises:
        NotAStore: it is a pipe, a device or a socket.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        # SQLite says what is wrong, or makes the file.
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise NotAStore(f"{path}: a pipe or a device, not a store: name a file")


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
