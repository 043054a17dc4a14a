"""Ctrl-C, SIGTERM, a closed terminal: the first ends a run after its batch, the next at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any, Self

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_NAP = 0.05


class StopNow(KeyboardInterrupt):
    """A signal came while there was no batch to finish.

    Attributes:
        exit_code: what the process should return, 128 + the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class StopSignals:
    """Catches SIGINT, SIGTERM and SIGHUP while the block runs; former handlers return afterwards.

    A signal raises :class:`StopNow` until :meth:`finish_batches` was called; from then on it is
    only noted in :attr:`caught`, for the loop to see, and a second one ends the process.
    """

    def __init__(self) -> None:
        self.caught: int | None = None
        self._graceful = False
        self._former: dict[int, Any] = {}

    def __enter__(self) -> Self:
        # Python delivers signals to the main thread only; elsewhere there is nothing to catch.
        if threading.current_thread() is threading.main_thread():
            for number in _caught():
                self._former[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def finish_batches(self) -> None:
        """Let the current batch be finished on the first signal from now on."""
        self._graceful = True

    def wait_until(self, moment: float) -> None:
        """Sleep until ``time.monotonic()`` reaches ``moment`` or a signal comes.

        In naps, since waking a lock from a signal handler can block for ever.
        """
        while self.caught is None and (left := moment - time.monotonic()) > 0:
            time.sleep(min(left, _NAP))

    def _handle(self, number: int, _frame: Any) -> None:
        if not self._graceful:
            raise StopNow(number)
        if self.caught is not None:
            os._exit(128 + number)
        self.caught = number


def _caught() -> list[int]:
    numbers = [int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)]
    # `nohup` lets a process ignore the end of its terminal: it goes on.
    return [
        number
        for number in numbers
        if number != getattr(signal, "SIGHUP", None)
        or signal.getsignal(number) is not signal.SIG_IGN
    ]
