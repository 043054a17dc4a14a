"""One worker process: work of some seconds or minutes, and how far it is."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, NoReturn, ParamSpec, Self, TypeVar

from reactcnn_dash.db.writing import end_by_sigterm
from reactcnn_dash.errors import FAILED, UserError
from reactcnn_dash.jobs.helping import Helper, Lent

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from ctypes import Array, c_int64
    from multiprocessing.connection import Connection

    P = ParamSpec("P")
    T = TypeVar("T")

_ENDING_SECONDS = 3.0

_CONTEXT = get_context("spawn")
"""Spawned, not forked: the server has threads."""


class WorkLost(UserError):
    """A worker process ended in the middle of its work."""

    exit_code = FAILED

    def __init__(self) -> None:
        super().__init__(
            "The background process ended before it was done, perhaps for want of memory. "
            "Load the page again to try once more."
        )


class Worker:
    """One process that does one thing after another; it starts with the first, and ends with us.

    Args:
        helper: another worker, to which its work may hand parts of itself; see :func:`helper`.
    """

    def __init__(self, *, helper: Worker | None = None) -> None:
        self._lock = threading.Lock()
        self._helper = helper
        self._lent: Lent | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._progress: Array[c_int64] = _CONTEXT.RawArray("q", 2)

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let the process do some work; its function and arguments must be picklable."""
        with self._lock:
            # A process that was killed while it had nothing to do breaks its pool too.
            if self._pool is not None:
                with suppress(BrokenProcessPool):
                    return self._pool.submit(work, *args, **kwargs)
            self._end()
            if self._helper is not None:
                self._lent = Lent(self._helper)
            helping = None if self._lent is None else self._lent.far_end
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                mp_context=_CONTEXT,
                initializer=_begin,
                initargs=(self._progress, helping),
            )
            return self._pool.submit(work, *args, **kwargs)

    @property
    def started(self) -> bool:
        """Whether it has been given work since it was made, or closed."""
        return self._pool is not None

    @property
    def progress(self) -> tuple[int, int]:
        """What the work under way said last by :func:`report_progress`: done, of how much."""
        return self._progress[0], self._progress[1]

    def forget_progress(self) -> None:
        """Before work of another kind: nothing is known of it yet."""
        self._progress[:] = [0, 0]

    def close(self) -> None:
        """End the process; work that has not begun is given up. The next work starts another."""
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        if self._lent is not None:
            self._lent.close()
        self._pool = self._lent = None


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def end_children() -> None:
    """End every process that this one started, whatever it is doing; a change to a store is made.

    SIGTERM waits while a process changes a store (see `reactcnn_dash.db.writing`), and so do we,
    for a moment.
    """
    children = active_children()
    for child in children:
        child.terminate()
    deadline = time.monotonic() + _ENDING_SECONDS
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
        if child.is_alive():
            child.kill()


def leave() -> NoReturn:
    """End this process at once, and every process of it, whatever they are doing.

    Python's own way out would first wait for the work of every `ProcessPoolExecutor`.
    """
    end_children()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Here:
    """What a worker process knows of the one that started it."""

    progress: Array[c_int64] | None = None
    helper: Helper | None = None


def report_progress(done: int, total: int) -> None:
    """Say how far the work is; in a process that is no worker, nobody listens."""
    if _Here.progress is not None:
        _Here.progress[:] = [done, total]


def helper() -> Helper | None:
    """Return what takes parts of this worker's work; None where no other worker helps it."""
    return _Here.helper


def _begin(progress: Array[c_int64], helping: Connection | None) -> None:
    _Here.progress = progress
    _Here.helper = None if helping is None else Helper(helping)
    # Ctrl-C is for the process that started this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_by_sigterm()
    end_with_parent()


def end_with_parent() -> None:
    """Let this process end when its parent does, however that ends."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
