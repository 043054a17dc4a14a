"""The writer thread: batches go into the store while the next ones are computed."""

from __future__ import annotations

import math
import queue
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash.db import ImageBatch, MapBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.progress import Progress
    from collector.scoring import Scoring
    from collector.statistics import Statistics
    from reactcnn_dash.db import RunWriter

    Entry = tuple[ImageBatch | None, int, int | None]

SAVE_EVERY = 2048
"""Images between two savings of the correlation states.

Saving takes 0.1 s for the 4,224 filters of VGG-16; whoever reads a state folds the rows after it,
2,048 of a layer in about the same time.
"""
HEARTBEAT_SECONDS = 1.0
"""Longest silence towards the readers of the store."""

_GATHERED = 16
_GATHERING_SECONDS = 0.05
"""Small batches that come within this are stored together, up to so many images.

Half of what storing one image by itself takes goes into its transaction and statements, and nobody
who looks once a second sees so short a wait.
"""
_RATE_SECONDS = 5.0
_PATIENCE_SECONDS = 0.5


class Recorder:
    """Stores batches in their order, in a thread of its own, and keeps the heartbeat.

    While it runs nobody else may use ``writer``. A failure ends the thread and is raised in the
    caller's thread by the next :meth:`put`, or by :meth:`close`.

    Args:
        writer: where to.
        statistics: the states, which must have taken in exactly the stored rows.
        depth: how many batches may wait.
        progress: told about what is stored.
        scoring: given the GAP rows of what is stored, if there is any.
    """

    def __init__(
        self,
        writer: RunWriter,
        statistics: Statistics,
        *,
        depth: int,
        progress: Progress,
        scoring: Scoring | None = None,
    ) -> None:
        self._writer = writer
        self._statistics = statistics
        self._saved = statistics.covered
        self._progress = progress
        self._scoring = scoring
        self._rate = Rate()
        self._skipped = writer.run.skipped
        self._total = writer.run.total
        self._told = 0
        self._failure: BaseException | None = None
        self._entries: queue.Queue[Entry | None] = queue.Queue(depth)
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def put(self, batch: ImageBatch | None, skipped: int, total: int | None) -> None:
        """Hand a batch over; waits while the queue is full.

        Args:
            batch: the next images; ``None`` where all files were skipped.
            skipped: files of the run that were skipped so far.
            total: images that the run is to hold now.

        Raises:
            StoreError: an earlier batch could not be stored.
        """
        self._put((batch, skipped, total))

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

    def _put(self, entry: Entry | None) -> None:
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                self._entries.put(entry, timeout=_PATIENCE_SECONDS)
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
                entry = self._entries.get(timeout=HEARTBEAT_SECONDS)
            except queue.Empty:
                self._writer.heartbeat()
                continue
            entries, ended = self._gathered(entry)
            if entries:
                batches = [batch for batch, *_ in entries if batch is not None]
                _, skipped, total = entries[-1]
                self._record(joined(batches) if batches else None, skipped, total)
            if ended:
                break
        if self._statistics.covered > self._saved:
            self._writer.save_states(self._statistics.states())

    def _gathered(self, entry: Entry | None) -> tuple[list[Entry], bool]:
        """Return an entry with those that follow it closely, and whether the end came."""
        entries: list[Entry] = []
        images = 0
        until = time.monotonic() + _GATHERING_SECONDS
        while entry is not None:
            entries.append(entry)
            images += 0 if entry[0] is None else len(entry[0].gap)
            remaining = until - time.monotonic()
            if images >= _GATHERED or remaining <= 0:
                return entries, False
            try:
                entry = self._entries.get(timeout=remaining)
            except queue.Empty:
                return entries, False
        return entries, True

    def _tell_of_log(self, held: int | None) -> None:
        """Say once that a reader holds the log, and again each time that it has doubled."""
        if held is not None and held >= 2 * self._told:
            self._told = held
            self._progress.notice(
                f"another process has been reading the store for long: its log has grown to "
                f"{_mib(held)}, and shrinks when that one ends"
            )

    def _record(self, batch: ImageBatch | None, skipped: int, total: int | None) -> None:
        if batch is not None:
            self._statistics.add(batch.gap)
            covered = self._statistics.covered
            due = covered // SAVE_EVERY > self._saved // SAVE_EVERY
            states = self._statistics.states() if due else ()
            self._writer.append(batch, states, rate=self._rate.after(len(batch.gap)))
            if due:
                self._saved = covered
            if self._scoring is not None:
                self._scoring.take(batch.start, batch.gap)
            self._tell_of_log(self._writer.held)
            self._progress.stored(len(batch.gap))
        if skipped != self._skipped:
            self._writer.set_skipped(skipped)
            self._skipped = skipped
        if total != self._total:
            self._writer.set_total(total)
            self._progress.total(total)
            self._total = total


def joined(batches: Sequence[ImageBatch]) -> ImageBatch:
    """Return batches of one run that follow each other, at least one, as one batch."""
    first, *more = batches
    if not more:
        return first
    targets = [batch.targets for batch in batches if batch.targets is not None]
    return ImageBatch(
        start=first.start,
        labels=np.concatenate([batch.labels for batch in batches]),
        probabilities=np.concatenate([batch.probabilities for batch in batches]),
        pixels=np.concatenate([batch.pixels for batch in batches]),
        names=tuple(name for batch in batches for name in batch.names),
        gap=np.concatenate([batch.gap for batch in batches]),
        maps=tuple(
            MapBatch(
                np.concatenate([one.codes for one in layer]),
                np.concatenate([one.low for one in layer]),
                np.concatenate([one.step for one in layer]),
            )
            for layer in zip(*(batch.maps or () for batch in batches), strict=True)
        )
        or None,
        targets=np.concatenate(targets) if targets else None,
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


class Rate:
    """Images a second, exponentially smoothed over some seconds."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._value: float | None = None

    def after(self, images: int) -> float | None:
        """Return the rate now that ``images`` more are done; ``None`` the first time."""
        now = time.monotonic()
        last, self._last = self._last, now
        if last is None or now <= last:
            return self._value
        current = images / (now - last)
        weight = 1.0 if self._value is None else -math.expm1((last - now) / _RATE_SECONDS)
        self._value = current + (1 - weight) * ((self._value or 0.0) - current)
        return self._value
