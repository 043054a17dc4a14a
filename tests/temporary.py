"""Where tests make their files: in memory, where the machine has a folder there with room."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 2 * 2**30
"""Bytes that must be free; the tests hold some 400 MB at a time."""


def make_in_memory() -> None:
    """Let this process and those that it starts make their temporary files in memory.

    A store waits for the disk several times until it is at rest, and these are gone a moment later.
    Whoever sets `TMPDIR` has said where they go.
    """
    if "TMPDIR" in os.environ or not _MEMORY.is_dir():
        return
    found = os.statvfs(_MEMORY)
    # Libraries that a test compiles are loaded from there.
    if found.f_flag & os.ST_NOEXEC or found.f_bavail * found.f_frsize < _ROOM:
        return
    os.environ["TMPDIR"] = str(_MEMORY)
    # Asked for already by pytest, and kept.
    tempfile.tempdir = None
