"""A process, looked at from outside until it ends."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

_PAUSE = 0.01


def most_memory(process: subprocess.Popen[bytes], look: Callable[[], object] = bool) -> int:
    """Return the most resident memory, in bytes, that a process has until it ends.

    What the system itself remembers of it begins, on Linux, with the memory of the process that
    started it.

    Args:
        process: has just been started.
        look: called whenever its memory is looked at.
    """
    most, inside = 0, psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.Error):
            most = max(most, inside.memory_info().rss)
        look()
        time.sleep(_PAUSE)
    return most
