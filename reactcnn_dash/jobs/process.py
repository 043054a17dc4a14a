"""Heavy work in a process of its own, so that a page's requests never wait for it."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

from reactcnn_dash.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from ctypes import Array, c_int64

    P = ParamSpec("P")
    T = TypeVar("T")

_CONTEXT = get_context("spawn")
"""Spawned, not forked: the server has threads."""


class WorkLost(UserError):  # noqa: N818 - named for what is wrong, like the store's errors
    """The background process ended in the middle of its work."""

    def __init__(self) -> None:
        super().__init__(
            "The background process ended before it was done, perhaps for want of memory. "
            "Load the page again to try once more."
        )


class Background:
    """One process that does one thing after another; it starts with the first, and ends with us.

    Args:
        niceness: by how much it gives way to other processes, 0 to 19, where there is such a thing.
    """

    def __init__(self, *, niceness: int = 0) -> None:
        self._lock = threading.Lock()
        self._niceness = niceness
        self._pool: ProcessPoolExecutor | None = None
        self._progress: Array[c_int64] = _CONTEXT.RawArray("q", 2)

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let the process do some work; its function and arguments must be picklable."""
        with self._lock:
            # A process that was killed while it had nothing to do breaks its pool too.
            if self._pool is not None:
                with suppress(BrokenProcessPool):
                    return self._pool.submit(work, *args, **kwargs)
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                mp_context=_CONTEXT,
                initializer=_begin,
                initargs=(self._progress, self._niceness),
            )
            return self._pool.submit(work, *args, **kwargs)

    @property
    def progress(self) -> tuple[int, int]:
        """What the work under way said last by :func:`report`: done, of how much."""
        return self._progress[0], self._progress[1]

    def close(self) -> None:
        """End the process; work that has not begun is given up. The next work starts another."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def end_children() -> None:
    """End every process that this one started, whatever it is doing."""
    for child in active_children():
        child.terminate()


def leave() -> NoReturn:
    """End this process at once, and every process of it, whatever they are doing.

    Python's own way out would first wait for the work of every `ProcessPoolExecutor`.
    """
    end_children()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Here:
    """What this process knows of the one that started it."""

    progress: Array[c_int64] | None = None


def report(done: int, total: int) -> None:
    """Say how far the work is; in a process that no `Background` started, nobody listens."""
    if _Here.progress is not None:
        _Here.progress[:] = [done, total]


@functools.cache
def helper() -> ProcessPoolExecutor:
    """Return a second process for the work of this one: made at the first call, then kept."""
    pool = ProcessPoolExecutor(max_workers=1, mp_context=_CONTEXT, initializer=_begin)
    # A process that ends waits for its own before the pool would tell them to end, and closes its
    # queues (priority 10) even before: so this comes first.
    Finalize(None, pool.shutdown, exitpriority=20)
    return pool


def _begin(progress: Array[c_int64] | None = None, niceness: int = 0) -> None:
    _Here.progress = progress
    # Ctrl-C is for the process that started this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
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
