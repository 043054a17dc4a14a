"""SQLite's log, which grows for as long as somebody reads the store as it once was."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from reactcnn_dash.db.engine import sqlite_connection

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreAddress

LARGE_BYTES: Final = 32 * 2**20
"""A log is folded into the store at 4 MiB, and is made anew from its beginning when it can be."""
_EVERY_SECONDS: Final = 1.0


class LogWatch:
    """Folds a log that has grown large into the store as soon as its readers leave.

    Args:
        place: the store.
    """

    def __init__(self, place: StoreAddress) -> None:
        self._path: Path | None = None
        if place.path is not None:
            path = place.path.absolute()
            self._path = path.with_name(f"{path.name}-wal")
        self._next = 0.0

    def look(self, connection: Connection) -> int | None:
        """Return the log's bytes if a reader keeps it from being folded in, None if all is well.

        To be called between transactions; it costs one look at a file, and more where it is large.
        """
        if self._path is None:
            return None
        try:
            size = self._path.stat().st_size
        except OSError:
            return None
        if size < LARGE_BYTES or time.monotonic() < self._next:
            return None if size < LARGE_BYTES else size
        self._next = time.monotonic() + _EVERY_SECONDS
        raw = sqlite_connection(connection)
        if raw is None:
            return None
        before = raw.execute("PRAGMA busy_timeout").fetchone()[0]
        # No waiting: whoever reads is in nobody's way but the log's.
        raw.execute("PRAGMA busy_timeout = 0")
        try:
            held, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            raw.execute(f"PRAGMA busy_timeout = {before}")
        return size if held else None
