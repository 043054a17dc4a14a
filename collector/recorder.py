"""The writer thread: batches go into the store while the next ones are computed."""

from __future__ import annotations

import math
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from reactcnn_dash.db import ImageBatch, MapBatch, RunWriter

if TYPE_CHECKING:
    from collector.capture import Captured
    from collector.images import ImageChunk
    from collector.progress import Progress
    from collector.statistics import Statistics

SAVE_EVERY = 2048
"""Images between two savings of the correlation states.

Saving takes 0.1 s for the 4,224 filters of VGG-16; whoever reads a state folds the rows after it,
2,048 of a layer in about the same time.
"""
HEARTBEAT_SECONDS = 1.0
"""Longest silence towards the readers of the store."""

_RATE_SECONDS = 5.0
_PATIENCE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A batch with what the network said about it, ``None`` for one without images."""

    batch: ImageChunk
    captured: Captured | None
    total: int | None
    skipped: int


class Recorder:
    """Stores jobs in their order, in a thread of its own, and keeps the heartbeat.

    While it runs nobody else may use ``writer``. A failure ends the thread and is raised in the
    caller's thread by the next :meth:`put`, or by :meth:`close`.

    Args:
        writer: where to.
        statistics: the states, which must have taken in exactly the stored rows.
        depth: how many jobs may wait.
        progress: told about what is stored.
    """

    def __init__(
        self, writer: RunWriter, statistics: Statistics, *, depth: int, progress: Progress
    ) -> None:
        self._writer = writer
        self._statistics = statistics
        self._saved = statistics.covered
        self._progress = progress
        self._rate = Rate()
        self._skipped = writer.run.skipped
        self._total = writer.run.total
        self._failure: BaseException | None = None
        self._jobs: queue.Queue[Job | None] = queue.Queue(depth)
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        """Hand a job over; waits while the queue is full.

        Raises:
            StoreError: an earlier job could not be stored.
        """
        self._put(job)

    def close(self) -> None:
        """Wait until everything is stored, the states included.

        Raises:
            StoreError: something could not be stored; what was stored before is safe.
        """
        try:
            self._put(None)
        finally:
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _put(self, job: Job | None) -> None:
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                self._jobs.put(job, timeout=_PATIENCE_SECONDS)
            except queue.Full:
                continue
            return

    def _work(self) -> None:
        # The matrices of one chunk are small: more BLAS threads only take time from the network.
        with threadpool_limits(limits=1, user_api="blas"):
            try:
                self._record_all()
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                self._failure = error

    def _record_all(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=HEARTBEAT_SECONDS)
            except queue.Empty:
                self._writer.heartbeat()
                continue
            if job is None:
                break
            self._record(job)
        if self._statistics.covered > self._saved:
            self._writer.save_states(self._statistics.states())

    def _record(self, job: Job) -> None:
        if job.captured is not None:
            batch = _image_batch(self._writer.stored, job.batch, job.captured)
            self._statistics.add(batch.gap)
            covered = self._statistics.covered
            due = covered // SAVE_EVERY > self._saved // SAVE_EVERY
            states = self._statistics.states() if due else ()
            self._writer.append(batch, states, rate=self._rate.after(len(job.batch)))
            if due:
                self._saved = covered
            self._progress.stored(len(job.batch))
        if job.skipped != self._skipped:
            self._writer.set_skipped(job.skipped)
            self._skipped = job.skipped
        if job.total != self._total:
            self._writer.set_total(job.total)
            self._progress.total(job.total)
            self._total = job.total


class Rate:
    """Images a second, exponentially smoothed over some seconds."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._value: float | None = None

    def after(self, images: int) -> float | None:
        """The rate now that ``images`` more are done; ``None`` the first time."""
        now = time.monotonic()
        last, self._last = self._last, now
        if last is None or now <= last:
            return self._value
        current = images / (now - last)
        weight = 1.0 if self._value is None else -math.expm1((last - now) / _RATE_SECONDS)
        self._value = current + (1 - weight) * ((self._value or 0.0) - current)
        return self._value


def _image_batch(start: int, batch: ImageChunk, captured: Captured) -> ImageBatch:
    maps = None
    if captured.maps is not None:
        maps = tuple(MapBatch(one.codes, one.low, one.step) for one in captured.maps)
    return ImageBatch(
        start=start,
        labels=batch.labels,
        probabilities=captured.probabilities,
        pixels=batch.pixels,
        names=batch.names,
        gap=captured.gap,
        maps=maps,
    )
