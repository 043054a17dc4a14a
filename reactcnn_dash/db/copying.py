"""A live store copied whole, and what is wrong with one that was copied as a mere file."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import update

from reactcnn_dash.db import models
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.driver_errors import translated
from reactcnn_dash.db.engine import read_engine, sqlite_connection, transaction
from reactcnn_dash.db.errors import StoreError, StoreMissing
from reactcnn_dash.db.opening import saving
from reactcnn_dash.db.records import RunState
from reactcnn_dash.db.version import require_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactcnn_dash.db.address import StoreUrl

_NETWORK: Final = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "9p", "sshfs",
)  # fmt: skip


def copy_store(
    url: StoreUrl,
    to: Path,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Copy a SQLite store to a file of its own, whole, beside collectors and pages.

    A run that is being collected is interrupted in the copy, and can be resumed there.

    Args:
        url: the store.
        to: the file to make.
        force: write over a file that exists.
        progress: told how many pages are left, and of how many.

    Raises:
        StoreMissing: if there is no store to copy.
        StoreError: if it is no file, the file exists, or one of them cannot be read or written.
    """
    place = StoreAddress.of(url)
    if place.path is None:
        raise StoreError(
            f"{place}: only a SQLite store is a file: use pg_dump, or move --keep to copy its runs"
        )
    if to.exists() and (not force or to.samefile(place.path)):
        raise StoreError(f"{to} exists: choose another name, or add --force")
    tell = progress or (lambda _left, _pages: None)
    part = to.with_name(f".{to.name}.partial")
    target = StoreAddress.of(str(part))
    try:
        with translated(place), read_engine(place).connect() as connection:
            with transaction(connection, place):
                if not require_head(connection, place):
                    raise StoreMissing(f"{place}: the store is empty: there is nothing to copy")
            source = sqlite_connection(connection)
            if source is None:
                raise StoreError(f"{place}: only a SQLite store can be copied")
            part.unlink(missing_ok=True)
            with translated(target), closing(sqlite3.connect(part)) as copy:
                # In one go: a writer between two steps would make it begin anew.
                source.backup(copy, progress=lambda _, left, pages: tell(left, pages))
        with saving(str(part)) as (changed, _):
            changed.execute(
                update(models.runs)
                .where(models.runs.c.state == RunState.COLLECTING)
                .values(state=RunState.INTERRUPTED, ended_at=models.runs.c.heartbeat_at)
            )
        with translated(target):
            part.replace(to)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """Return the kind of network file system that a file lies on, None for none or where unknown.

    SQLite's log needs memory that all its processes share, which no network has.

    Args:
        path: the file.
        mounts: the text of `/proc/self/mountinfo`; read if not given.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
    where = path.absolute()
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        words, described = fields.split(), rest.split()
        if len(words) < 5 or not described:
            continue
        point = Path(words[4].replace("\\040", " "))
        # Of two mounts at one place the later is seen.
        if where.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), described[0]
    return kind if kind.removeprefix("fuse.") in _NETWORK else None


def warnings_of(url: StoreUrl) -> list[str]:
    """Return a line for each reason for which a store is not safe where it is."""
    path = StoreAddress.of(url).path
    kind = None if path is None else network_file_system(path)
    if kind is None:
        return []
    return [
        f"{path}: on a network file system ({kind}), where SQLite's log does not work: a store "
        f"that several machines or processes use there can be damaged"
    ]
