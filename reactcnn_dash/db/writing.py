"""The gate that all of a process's changes to stores go through, so that it can end between two."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from reactcnn_dash.db.errors import StoreLocked

if TYPE_CHECKING:
    from collections.abc import Iterator


class Gate:
    """Counts the changes under way; safe to use from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._within = threading.local()
        self._shut = False
        self._exit_code: int | None = None

    @contextmanager
    def through(self) -> Iterator[None]:
        """Make a change, or a part of one: until the body ends, neither `shut` nor `leave` do.

        Raises:
            StoreLocked: the gate is shut.
        """
        if getattr(self._within, "it", False):
            yield
            return
        with self._changed:
            if self._shut:
                raise StoreLocked("this process is ending: nothing more is stored by it")
            self._inside += 1
        self._within.it = True
        try:
            yield
        finally:
            self._within.it = False
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()
                if not self._inside and self._exit_code is not None:
                    os._exit(self._exit_code)

    def shut(self, seconds: float) -> bool:
        """Let no more changes begin, and wait for those under way; say whether they all ended."""
        with self._changed:
            self._shut = True
            return self._changed.wait_for(lambda: self._inside == 0, seconds)

    def leave(self, exit_code: int) -> None:
        """End this process at once, or as soon as the change under way is made."""
        with self._changed:
            self._exit_code = exit_code
            if not self._inside:
                os._exit(exit_code)


GATE: Final = Gate()
"""Of this process."""


def finish_writing(seconds: float) -> bool:
    """Let this process change no store any more, and wait for the changes under way.

    Args:
        seconds: how long to wait.

    Returns:
        Whether all of them ended.
    """
    return GATE.shut(seconds)


def end_by_sigterm() -> None:
    """Let SIGTERM end this process between two changes; for a process without a handler."""
    signal.signal(signal.SIGTERM, lambda number, _frame: GATE.leave(128 + number))
