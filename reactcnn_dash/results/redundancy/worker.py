"""Work that a page asks for again and again until it is there."""

from __future__ import annotations

import threading
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cachetools import LRUCache

from reactcnn_dash.jobs.process import Background, WorkLost

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from concurrent.futures import Future

T = TypeVar("T")

KEPT = 16
"""Results that stay in memory."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that is not done yet.

    Attributes:
        done: steps done.
        total: of how many; 0 until it is known.
        behind: whether the process is still busy with something else.
    """

    done: int
    total: int
    behind: bool = False


class Worker(Generic[T]):
    """One background process that does one thing at a time: what is asked for when it is free.

    Nothing queues. Who waits asks again, and what nobody asks for any more is never begun.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = Background()
        self._now: tuple[Hashable, Future[T]] | None = None
        self._kept: LRUCache[Hashable, T] = LRUCache(KEPT)

    def start(self, work: Callable[[], Any]) -> None:
        """Start the process ahead of its first work, with something of no matter."""
        self._process.submit(work)

    def ask(self, key: Hashable, work: Callable[..., T], *args: Any) -> T | Waiting:
        """Return the result of some work, or how far it is.

        Args:
            key: what names the result.
            work: a picklable function.
            args: its arguments, picklable too.

        Raises:
            WorkLost: the background process ended.
            Exception: what ``work`` raised.
        """
        with self._lock:
            self._finish(key)
            if key in self._kept:
                return self._kept[key]
            if self._now is None:
                self._now = key, self._process.submit(work, *args)
                return Waiting(0, 0)
            done, total = self._process.progress
            return Waiting(done, total, behind=self._now[0] != key)

    def close(self) -> None:
        """Stop the process."""
        with self._lock:
            self._process.close()
            self._now = None

    def _finish(self, asked: Hashable) -> None:
        """Take in what is done; an error is for who asked for that work, and for nobody else."""
        if self._now is None or not self._now[1].done():
            return
        (key, future), self._now = self._now, None
        error = future.exception()
        if error is None:
            self._kept[key] = future.result()
            return
        if isinstance(error, BrokenProcessPool):
            self._process.close()
            error = WorkLost()
        if key == asked:
            raise error
