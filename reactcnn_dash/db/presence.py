"""Whether the file that is written is still the store that others find at its path.

A file that was deleted, renamed or replaced takes every write as before, and all of it is lost with
the last process that has it open. So each transaction compares what is open with what is there,
and what is open is copied to a file of its own before the writer stops.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reactcnn_dash.db.errors import StoreGone

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreAddress

_KEY: Final = "reactcnn-anchor"


@dataclass(slots=True)
class _Anchor:
    """The files that a connection has open, by device and inode; None for one that is not there."""

    path: Path
    file: tuple[int, int] | None
    log: tuple[int, int] | None = None
    index: tuple[int, int] | None = None
    """Of the log: who is left with one of their own no longer sees what others write."""
    gone: str | None = None
    """What to tell of a store that is not there any more; it is copied once."""


def remember(connection: Connection, place: StoreAddress) -> None:
    """Note which file a connection for writing has open; to be called as soon as it is."""
    if place.path is not None:
        # Absolute: a process may change its working directory.
        path = place.path.absolute()
        connection.info[_KEY] = _Anchor(path, _identity(path))


def verify(connection: Connection, place: StoreAddress) -> None:
    """Make sure that a connection writes to the store at its path; it costs two looks at a folder.

    Raises:
        StoreGone: the file was deleted, renamed or replaced; the text names the copy of what was
            stored.
    """
    anchor: _Anchor | None = connection.info.get(_KEY)
    if anchor is None or (anchor.gone is None and _in_place(anchor)):
        return
    if anchor.gone is None:
        anchor.gone = _rescue(connection, anchor.path)
    raise StoreGone(
        f"{place}: the store was deleted, renamed or replaced while it was written: stopped; "
        f"{anchor.gone}"
    )


def close_nothing(connection: Connection) -> bool:
    """Keep a connection open for ever whose files are not at their path; say whether it is one.

    SQLite would end it by deleting the log at the path, and that may be another store's by now.
    """
    anchor: _Anchor | None = connection.info.get(_KEY)
    if anchor is None or (anchor.gone is None and _in_place(anchor)):
        return False
    # Not in a list of ours, which would be emptied, and the connection closed, as Python ends.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
    return True


def _in_place(anchor: _Anchor) -> bool:
    if _identity(anchor.path) != anchor.file:
        return False
    log, index = (
        _identity(anchor.path.with_name(f"{anchor.path.name}-{kind}")) for kind in ("wal", "shm")
    )
    # They are made by the first transaction.
    anchor.log = anchor.log or log
    anchor.index = anchor.index or index
    return (log, index) == (anchor.log, anchor.index)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _rescue(connection: Connection, path: Path) -> str:
    """Copy what a connection sees to a new file; return what to tell of it."""
    source = connection.connection.dbapi_connection
    if not isinstance(source, sqlite3.Connection):
        return "nothing could be saved"
    reason = "there is no folder to write in"
    for folder in (path.parent, Path.cwd(), Path(tempfile.gettempdir())):
        try:
            target = _new_file(folder, f"{path.name}.rescued")
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        try:
            with closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            reason = str(error)
            with suppress(OSError):
                target.unlink()
        else:
            _take_log_away(connection.info[_KEY])
            return f"all that was stored is in {target}"
    return f"what was stored could not be saved ({reason})"


def _take_log_away(anchor: _Anchor) -> None:
    """Remove our log from beside a file that took the store's place: it would be read as its own.

    All that is in it was copied. Where there is no other file it stays, for whoever moved the one.
    """
    here = _identity(anchor.path)
    log = anchor.path.with_name(f"{anchor.path.name}-wal")
    if here not in (None, anchor.file) and _identity(log) == anchor.log:
        for left in (log, anchor.path.with_name(f"{anchor.path.name}-shm")):
            with suppress(OSError):
                left.unlink()


def _new_file(folder: Path, name: str) -> Path:
    number = 1
    while True:
        path = folder / (name if number == 1 else f"{name}-{number}")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            number += 1
        else:
            return path
