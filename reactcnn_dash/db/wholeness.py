"""Whether a SQLite file is as long as it says, and sound after a process that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash.db.errors import StoreCorrupt

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_ADVICE: Final = "restore a copy, or save what is left with sqlite3's .recover"


def has_journal(path: Path) -> bool:
    """Say whether changes stand beside a file that are not in it yet, or not taken back yet."""
    return any(_length(path.with_name(f"{path.name}-{kind}")) for kind in ("wal", "journal"))


class LengthCheck:
    """Holds a file's length against what its header says, once for each state of the file.

    SQLite itself takes a last page that is there in part for a whole one, and reads zeros.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._whole: tuple[int, ...] | None = None

    def require_whole(self, connection: sqlite3.Connection) -> None:
        """Refuse a file that was cut short.

        Raises:
            StoreCorrupt: it was.
        """
        try:
            found = self._path.stat()
        except OSError:
            return
        state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if state == self._whole:
            return
        # Twice: between the two looks a writer may have folded its log into the file and left.
        if is_cut(connection, self._path) and is_cut(connection, self._path):
            raise StoreCorrupt(f"{self._path}: the store was cut short: {_ADVICE}")
        self._whole = state


def is_cut(connection: sqlite3.Connection, path: Path) -> bool:
    """Say whether a file is shorter than its header says, and no journal has the rest."""
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    return bool(_length(path) < size * pages and not has_journal(path))


def lacks_log(connection: sqlite3.Connection, path: Path) -> bool:
    """Say whether a file was copied or moved without the log that its header speaks of.

    A store at rest has none, and its header says so; one that is written has one with content.
    """
    if _length(path.with_name(f"{path.name}-wal")):
        return False
    return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Look through a whole file after a writer that was killed.

    Raises:
        StoreCorrupt: something in it is not as SQLite left it.
    """
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        reason = " ".join(str(found[0]).split())
        raise StoreCorrupt(f"{path}: the store is corrupt ({reason}): {_ADVICE}")


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
