"""List the files of a folder: each once, hidden ones never, always in the same order."""

from __future__ import annotations

import hashlib
import heapq
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SYSTEM_FILES = frozenset({"__macosx", "desktop.ini", "thumbs.db"})


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a folder.

    Attributes:
        files: Paths relative to the folder with ``/`` between their parts, in the order of their
            display names.
        identity: SHA-256 (hex) over the files' paths and sizes; their contents are not read.
    """

    files: tuple[str, ...]
    identity: str


def display_name(path: str) -> str:
    """Return the path on one line, fit for UTF-8: anything that cannot be printed is escaped."""
    if path.isprintable():
        return path
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in path
    )


def scan(root: Path) -> Listing:
    """List the regular files below ``root``.

    Links are followed, but no folder is entered twice and none that contains ``root``, so loops
    end and nothing outside comes in by accident. Real folders come before links to them, so that
    a file is known by its real path. A link to nowhere is listed; reading it tells why it fails.

    Raises:
        OSError: A folder cannot be listed.
    """
    entered = {_key(ancestor.stat()) for ancestor in root.parents}
    sizes: dict[str, int] = {}
    folders = [""]
    links: list[str] = []
    while folders or links:
        folder = folders.pop() if folders else heapq.heappop(links)
        path = root / folder
        key = _key(path.stat())
        if key in entered:
            continue
        entered.add(key)
        with os.scandir(path) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
                    continue
                status = _status(entry)
                if status is None:
                    sizes[name] = -1
                elif stat.S_ISREG(status.st_mode):
                    sizes[name] = status.st_size
                elif stat.S_ISDIR(status.st_mode) and entry.is_symlink():
                    heapq.heappush(links, name)
                elif stat.S_ISDIR(status.st_mode):
                    folders.append(name)
    files = tuple(sorted(sizes, key=lambda name: (display_name(name), name)))
    digest = hashlib.sha256()
    for file in files:
        digest.update(os.fsencode(file) + b"\0%d\0" % sizes[file])
    return Listing(files, digest.hexdigest())


def _key(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Status of what the entry stands for, ``None`` for a link to nowhere."""
    try:
        return entry.stat()
    except OSError:
        return None
