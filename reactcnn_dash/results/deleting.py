"""Runs deleted for the page: one after the other, in a thread, so that no request waits for it.

SQLite works without Python's lock, in transactions of a few hundredths of a second: the page goes
on while a run of many gigabytes goes.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reactcnn_dash.db import RunDeletion, RunNotFound, RunState, StoreError, StoreReader
from reactcnn_dash.results.text import deleted_text

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger("reactcnn_dash")

_STOPPING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class News:
    """Something that every page should say; ``number`` rises from one to the next."""

    number: int
    text: str
    failed: bool


class _Stopped(Exception):
    """The server ends before the deletion does."""


class Deleter:
    """Deletes runs in the background; safe to use from several threads.

    A server that ends leaves a run half deleted and marked so: the next one goes on where it
    stopped (:meth:`go_on`), or whoever deletes it again.

    Args:
        url: the store's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[RunDeletion | None] = queue.SimpleQueue()
        self._pending: set[int] = set()
        self._news: list[News] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, run_ids: Sequence[int]) -> list[str]:
        """Mark runs as being deleted, and delete them by and by.

        Returns:
            A line for each run that may not be deleted. A run that is gone already is none.
        """
        refused = []
        for run_id in run_ids:
            with self._lock:
                if run_id in self._pending:
                    continue
                self._pending.add(run_id)
            try:
                deletion = RunDeletion.begin(self._url, run_id)
            except RunNotFound:
                self._forget(run_id)
            except StoreError as error:
                self._forget(run_id)
                refused.append(str(error))
            else:
                self._queue.put(deletion)
                self._start()
        return refused

    def go_on(self) -> None:
        """Delete what is left of runs whose deletion was cut short, by a server that was killed.

        A run that has no layers was on its way from another store, and is left to who moves it.
        """
        reader = StoreReader(self._url)
        with suppress(StoreError):
            for run in reader.summaries():
                if run.state is RunState.HALF_DELETED and _has_layers(reader, run.id):
                    self.ask([run.id])

    def pending(self) -> frozenset[int]:
        """Return the ids of the runs that are being deleted or wait for it."""
        with self._lock:
            return frozenset(self._pending)

    def news(self, heard: int | None) -> tuple[int, list[News]]:
        """Return the number of the newest news, and what came after the number that was heard."""
        with self._lock:
            count = len(self._news)
            return count, [] if heard is None else self._news[heard:]

    def close(self) -> None:
        """Stop between two transactions."""
        self._stopping.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(_STOPPING_SECONDS)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="deleter", daemon=True)
                self._thread.start()
                atexit.register(self.close)

    def _work(self) -> None:
        while (deletion := self._queue.get()) is not None and not self._stopping.is_set():
            try:
                done = deletion.finish(self._go_on)
            except _Stopped:
                return
            except StoreError as error:
                self._say(f"{deletion.name} could not be deleted: {error}", failed=True)
            except Exception as error:
                # A thread has nobody above it who would tell.
                log.exception("Deleting run %s failed", deletion.run_id)
                kind = type(error).__name__
                self._say(f"{deletion.name} could not be deleted: {kind}; see the log", failed=True)
            else:
                self._say(deleted_text(done, self._url), failed=False)
            finally:
                self._forget(deletion.run_id)

    def _go_on(self, _left: int) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _say(self, text: str, *, failed: bool) -> None:
        with self._lock:
            self._news.append(News(len(self._news) + 1, text, failed))

    def _forget(self, run_id: int) -> None:
        with self._lock:
            self._pending.discard(run_id)


def _has_layers(reader: StoreReader, run_id: int) -> bool:
    try:
        return bool(reader.layers(run_id))
    except RunNotFound:
        return False
