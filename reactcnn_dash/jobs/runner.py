"""Where work is done that a page must not wait for: by worker processes, or at once in a test."""

from __future__ import annotations

import threading
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cachetools import TTLCache

from reactcnn_dash.jobs.worker import Worker, WorkLost, cores

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from concurrent.futures import Future

T = TypeVar("T")

UNCLAIMED: Final = 16
"""Results that wait for somebody to ask for them."""
UNCLAIMED_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Work that is not done yet: ask again.

    Attributes:
        done: steps done.
        total: of how many; 0 until it is known.
        behind: whether other work must end before it begins.
        loading: whether a model is still being loaded.
    """

    done: int = 0
    total: int = 0
    behind: bool = False
    loading: bool = False


class Jobs:
    """Does work for the pages where it is asked for: in tests, and without a page.

    :class:`Workers` has it done elsewhere.
    """

    def ask(self, name: Hashable, work: Callable[..., T], *args: Any) -> T | UnderWay:
        """Return the result of work that takes its time, or how far it is: then ask again.

        Nothing queues: work begins when it is asked for and a worker is free, and what nobody asks
        for any more is never begun. A result is given once; who wants it twice keeps it.

        Args:
            name: what names the work: while it is under way it is not begun a second time.
            work: the function; it and its arguments must be picklable.
            args: its arguments.

        Raises:
            WorkLost: the worker process ended.
            Exception: what ``work`` raised.
        """
        return self.wait(name, work, *args)

    def wait(self, name: Hashable, work: Callable[..., T], *args: Any) -> T:  # noqa: ARG002
        """Return the result of work of a second at most, see :meth:`ask`; waits for it.

        Who asks for the same at the same time gets the same answer.

        Raises:
            WorkLost: the worker process ended, and another one too.
            Exception: what ``work`` raised.
        """
        return work(*args)

    def expect(self) -> None:
        """Somebody is going to ask soon: let a worker begin to load what it needs."""

    def when_started(self, begin: Callable[[], None]) -> None:
        """Have something done once a server has begun that stays; in tests there is none."""

    def close(self) -> None:
        """End all workers."""


class Workers(Jobs):
    """Worker processes, at most as many as there are cores.

    One is kept for what a click waits for, and helps the others meanwhile; the others do what takes
    its time. On a single core one worker does both.

    Args:
        warm_up: imports what the work needs, before the first is asked for.
        count: how many processes, at most.
    """

    def __init__(self, warm_up: Callable[[], Any], count: int | None = None) -> None:
        self._warm_up = warm_up
        count = cores() if count is None else count
        self._quick = Worker()
        self._slow = [Worker(helper=self._quick) for _ in range(count - 1)] or [self._quick]
        self._begin: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._awaited: dict[Hashable, Future[Any]] = {}
        self._under_way: dict[Hashable, tuple[Worker, Future[Any]]] = {}
        self._done: TTLCache[Hashable, Future[Any]] = TTLCache(UNCLAIMED, UNCLAIMED_SECONDS)

    def start(self) -> None:
        """Start the worker of the clicks ahead of the first one, and what waits for a server."""
        self._quick.submit(self._warm_up)
        for begin in self._begin:
            begin()

    def when_started(self, begin: Callable[[], None]) -> None:
        """See ``Jobs.when_started``."""
        self._begin.append(begin)

    def expect(self) -> None:
        """See ``Jobs.expect``."""
        with self._lock:
            if not any(worker.started for worker in self._slow):
                self._slow[0].submit(self._warm_up)

    def ask(self, name: Hashable, work: Callable[..., T], *args: Any) -> T | UnderWay:
        """See ``Jobs.ask``."""
        with self._lock:
            self._take_in()
            done = self._done.pop(name, None)
            if done is None:
                return self._step(name, work, *args)
        try:
            result: T = done.result()
        except BrokenProcessPool as error:
            raise WorkLost from error
        return result

    def wait(self, name: Hashable, work: Callable[..., T], *args: Any) -> T:
        """See ``Jobs.wait``."""
        try:
            return self._shared(name, work, *args)
        except BrokenProcessPool:
            pass
        try:
            return self._shared(name, work, *args)
        except BrokenProcessPool as error:
            raise WorkLost from error

    def close(self) -> None:
        """See ``Jobs.close``."""
        with self._lock:
            for worker in (self._quick, *self._slow):
                worker.close()
            self._awaited.clear()
            self._under_way.clear()
            self._done.clear()

    def _step(self, name: Hashable, work: Callable[..., T], *args: Any) -> UnderWay:
        running = self._under_way.get(name)
        if running is not None:
            return UnderWay(*running[0].progress)
        busy = [worker for worker, _ in self._under_way.values()]
        free = [worker for worker in self._slow if worker not in busy]
        if not free:
            return UnderWay(behind=True)
        # One that has loaded all it needs is sooner done than one that must start.
        worker = next((one for one in free if one.started), free[0])
        worker.forget_progress()
        self._under_way[name] = worker, worker.submit(work, *args)
        return UnderWay()

    def _take_in(self) -> None:
        for name, (_, future) in list(self._under_way.items()):
            if future.done():
                del self._under_way[name]
                self._done[name] = future

    def _shared(self, name: Hashable, work: Callable[..., T], *args: Any) -> T:
        with self._lock:
            future = self._awaited.get(name)
            if future is None or future.done():
                future = self._awaited[name] = self._quick.submit(work, *args)
        try:
            result: T = future.result()
        finally:
            with self._lock:
                if self._awaited.get(name) is future:
                    del self._awaited[name]
        return result
