"""The collecting loop: read, compute and store side by side until the images or the user end it."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.batches import as_stored, batches, read_ahead, resized_notice
from collector.errors import CollectorError
from collector.frameworks.protocol import IN_FLIGHT
from collector.images import none_readable
from collector.recorder import Recorder
from reactcnn_dash.db import ImageBatch, StoreError, wait_ten_minutes

if TYPE_CHECKING:
    from collector.frameworks.protocol import Capture
    from collector.images import ImageChunk, ImageSource, LabelFit, Skipped
    from collector.progress import Progress
    from collector.scoring import Scoring
    from collector.signals import StopSignals
    from collector.statistics import Statistics
    from reactcnn_dash.db import RunWriter, StoreUnreachable

_QUEUE_BYTES = 64 * 2**20
_LONGEST_QUEUE = 32
_QUIET_SECONDS = 1.0
"""A server may be gone for so long without a word about it."""


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """Everything that one pass of the loop works with.

    Attributes:
        source: where the images come from.
        position: where in the source to begin.
        labels: how its labels become the model's classes.
        capture: the network, made ready.
        image_bytes: roughly what one image takes while it waits to be stored.
        statistics: the correlation states over what the run holds already.
        limit: number of images of the whole run, ``None`` for all.
        pace: images a second at most, ``None`` for no limit.
    """

    source: ImageSource
    position: int
    labels: LabelFit
    capture: Capture
    image_bytes: int
    statistics: Statistics
    limit: int | None
    pace: float | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went on.

    Attributes:
        stored: images in the store now, those of earlier passes included.
        skipped: files passed over in this pass.
        interrupted: number of the signal that ended it early, ``None`` if it is finished.
    """

    stored: int
    skipped: tuple[Skipped, ...]
    interrupted: int | None


def collect(
    work: Work,
    writer: RunWriter,
    *,
    signals: StopSignals,
    progress: Progress,
    scoring: Scoring | None = None,
) -> Outcome:
    """Bring a run to its end, or to the end of the batch at which a signal came.

    The run is marked finished or interrupted; when it ends without a single image it is removed.
    ``writer`` stays open, and what ``scoring`` has to do at the end is left to do.

    Raises:
        StoreError: something could not be stored; what was stored before is safe.
        CollectorError: none of the images could be read.
    """
    run = writer.run
    total = expected(work, run.skipped)
    progress.start(run.stored, total)
    writer.line.patience = Patience(signals, progress)
    try:
        outcome = _compute(work, writer, signals, progress, scoring)
        _end(writer, outcome)
    except BaseException:
        # The reason is on its way to the user; a store that fails cannot be told about it.
        with contextlib.suppress(StoreError):
            writer.interrupt() if writer.stored else writer.abandon()
        raise
    finally:
        progress.close()
    if not outcome.stored and outcome.interrupted is None:
        raise CollectorError(none_readable(outcome.skipped))
    return outcome


def expected(work: Work, skipped: int) -> int:
    """Return how many images the run will hold when no further file is skipped."""
    readable = len(work.source) - skipped
    return readable if work.limit is None else min(work.limit, readable)


def _compute(
    work: Work,
    writer: RunWriter,
    signals: StopSignals,
    progress: Progress,
    scoring: Scoring | None,
) -> Outcome:
    run = writer.run
    size = run.batch_size
    depth = max(2, min(_LONGEST_QUEUE, _QUEUE_BYTES // (size * work.image_bytes)))
    recorder = Recorder(writer, work.statistics, depth=depth, progress=progress, scoring=scoring)
    skipped: list[Skipped] = []
    before = work.position - run.stored
    resized = False
    # Who watches at a pace wants to see an image when it is computed, not one image later.
    waiting = 0 if work.pace is not None else IN_FLIGHT - 1
    network = _Network(work, recorder, run.stored)
    try:
        clock = Clock(work.pace)
        most = None if work.limit is None else work.limit - run.stored
        reading = batches(
            work.source, run.image_shape, size=size, position=work.position, most=most
        )
        for batch in read_ahead(reading):
            skipped.extend(batch.skipped)
            if batch.resized_from and not resized:
                resized = True
                progress.notice(resized_notice(batch.resized_from, run.image_shape))
            network.submit(batch, before + len(skipped))
            network.record(waiting)
            signals.wait_until(clock.next(len(batch)))
            if signals.caught is not None:
                break
        network.record(0)
    finally:
        network.close()
        recorder.close()
    return Outcome(writer.stored, tuple(skipped), signals.caught)


class _Network:
    """Batches on their way through the network, handed to the recorder in their order."""

    def __init__(self, work: Work, recorder: Recorder, stored: int) -> None:
        self._work = work
        self._recorder = recorder
        self._next = stored
        self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="network")
        self._under_way: deque[tuple[Future[ImageBatch | None], int]] = deque()

    def submit(self, chunk: ImageChunk, skipped: int) -> None:
        batch = self._pool.submit(_batch, self._work, chunk, self._next)
        self._next += len(chunk)
        self._under_way.append((batch, skipped))

    def record(self, waiting: int) -> None:
        """Hand the oldest batches over, but for the last ``waiting``."""
        while len(self._under_way) > waiting:
            batch, skipped = self._under_way.popleft()
            self._recorder.put(batch.result(), skipped, expected(self._work, skipped))

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _batch(work: Work, chunk: ImageChunk, start: int) -> ImageBatch | None:
    """Return what is stored of a chunk; ``None`` if all of its files were skipped."""
    if not len(chunk):
        return None
    return as_stored(chunk, work.capture(chunk.given), work.labels, start)


class Clock:
    """When the next batch may begin, so that there are no more images a second than asked for."""

    def __init__(self, pace: float | None) -> None:
        self._pace = pace
        self._due = time.monotonic()

    def next(self, images: int) -> float:
        """Moment before which no more may be computed after these; the past without a pace."""
        if self._pace is not None:
            # Time that was lost is not made up for: nobody can watch a sprint.
            self._due = max(self._due + images / self._pace, time.monotonic())
        return self._due


class Patience:
    """Waits for a database server that is gone, until it has taken too long or a signal comes."""

    def __init__(self, signals: StopSignals, progress: Progress) -> None:
        self._signals = signals
        self._progress = progress
        self._told = False
        self._before = 0.0

    def __call__(self, seconds: float, error: StoreUnreachable) -> bool:
        """See ``reactcnn_dash.db.patience.Patience``."""
        # Told anew each time that it goes away.
        self._told = self._told and seconds >= self._before
        self._before = seconds
        if not self._told and seconds >= _QUIET_SECONDS:
            self._told = True
            self._progress.notice(f"{error}; the run waits for it (Ctrl-C ends it)")
        return self._signals.caught is None and wait_ten_minutes(seconds, error)


def _end(writer: RunWriter, outcome: Outcome) -> None:
    if not outcome.stored:
        writer.abandon()
    elif outcome.interrupted is None:
        writer.finish()
    else:
        writer.interrupt()
