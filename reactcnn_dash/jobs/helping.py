"""A worker hands parts of its work to another, through the process that started both.

Two cores, two workers: while one is busy for long, the other waits for a click, and helps.
"""

from __future__ import annotations

import pickle
import queue
import threading
from concurrent.futures import Future
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    T = TypeVar("T")


class Submits(Protocol):
    """Whatever work can be handed to: an executor, a worker, a helper."""

    def submit(self, work: Callable[..., T], /, *args: Any) -> Future[T]:
        """Have some work done."""


class Helper:
    """The worker's end: takes work, one piece at a time, so that the rest can still be cancelled.

    Args:
        connection: to the process that started this one.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Any]] = queue.SimpleQueue()
        threading.Thread(target=self._hand_over, daemon=True).start()

    def submit(self, work: Callable[..., T], /, *args: Any) -> Future[T]:
        """Have some work done; its function and arguments must be picklable."""
        future: Future[T] = Future()
        self._waiting.put((future, (work, args)))
        return future

    def _hand_over(self) -> None:
        while True:
            future, task = self._waiting.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                self._connection.send(task)
                error, result = self._connection.recv()
            except (EOFError, OSError) as lost:
                error, result = lost, None
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


class Lent:
    """The other end: passes a worker's tasks on, until it is closed.

    Args:
        to: does them.
    """

    def __init__(self, to: Submits) -> None:
        self._to = to
        self._near_end, self.far_end = Pipe()
        threading.Thread(target=self._pass_on, daemon=True).start()

    def close(self) -> None:
        """Break off, however the worker ended."""
        # This end's thread sees the end of the other as the end of what it reads.
        self.far_end.close()

    def _pass_on(self) -> None:
        with self._near_end:
            while True:
                try:
                    # As it came: unpacking it here would hold up the server.
                    task = self._near_end.recv_bytes()
                    self._near_end.send_bytes(self._done(task))
                except (EOFError, OSError):
                    return

    def _done(self, task: bytes) -> bytes:
        try:
            return self._to.submit(_do, task).result()
        except Exception as error:  # noqa: BLE001 - told to who waits for it
            return pickle.dumps((OSError(str(error)), None))


def _do(task: bytes) -> bytes:
    work, args = pickle.loads(task)
    try:
        return pickle.dumps((None, work(*args)))
    except Exception as error:  # noqa: BLE001 - told to who waits for it
        return pickle.dumps((error, None))
