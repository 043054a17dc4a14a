"""Disks that are full, and writes that fail: what is left in the store afterwards."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tests.faults.killing import Found, look
from tests.faults.writers import Fate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.writers import Writers

FAILURES: Final = {"full": errno.ENOSPC, "broken": errno.EIO, "half written": 0}


def fail_nth(
    writers: Writers, folder: Path, nth: int, reason: int, images: int = 40
) -> tuple[Found, bool]:
    """Let the Nth write to a store fail; say too whether the run succeeded all the same."""
    return _collect(writers, folder, images, Fate(nth=nth, reason=reason))


def fail_beyond(writers: Writers, folder: Path, size: int, images: int = 200) -> tuple[Found, bool]:
    """Let no file grow beyond so many bytes; say too whether the run succeeded."""
    return _collect(writers, folder, images, Fate(size=size))


def _collect(writers: Writers, folder: Path, images: int, fate: Fate) -> tuple[Found, bool]:
    path = folder / "store.db"
    written = writers.write(path, images, fate)
    return look(path, written.said), written.exit_code == 0


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path | None]:
    """Give a disk of so many bytes, None where this user cannot mount one."""
    ask = [] if os.geteuid() == 0 else ["sudo", "-n"]
    options = ["-t", "tmpfs", "-o", f"size={size},mode=777", "reactcnn-faults", str(folder)]
    mounted = shutil.which((ask or ["mount"])[0]) is not None and (
        subprocess.run([*ask, "mount", *options], capture_output=True, check=False).returncode == 0
    )
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run([*ask, "umount", "-l", str(folder)], check=True)


def fill(disk: Path, but: int) -> Path:
    """Fill a disk but for so many bytes; give the file that does."""
    filler = disk / "filler"
    filler.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - but)))
    return filler


def collect_on_full_disk(writers: Writers, disk: Path, but: int) -> Found:
    """Collect on a disk with so many bytes free, until it is full or the run has ended."""
    filler = fill(disk, but)
    path = disk / "store.db"
    written = writers.write(path, 4000, Fate())
    filler.unlink()
    return look(path, written.said)
