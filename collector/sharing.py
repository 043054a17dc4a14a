"""Taking part in a shared run: ranges are taken, computed and stored until none is left."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from collector.batches import as_stored, read_ahead
from collector.frameworks.protocol import IN_FLIGHT
from collector.images import Skipped, joined
from collector.loop import Clock, Patience
from collector.recorder import HEARTBEAT_SECONDS, Rate
from reactcnn_dash.analysis.correlation import Accumulator
from reactcnn_dash.db import (
    ImageBatch,
    MapBatch,
    RunState,
    StoreError,
    StoreReader,
    StoreUnreachable,
)
from reactcnn_dash.results.moments import state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from collector.frameworks.protocol import Capture
    from collector.images import ImageChunk, ImageSource, LabelFit
    from collector.progress import Progress
    from collector.signals import StopSignals
    from reactcnn_dash.db import CorrelationState, Layer, Lease, Run, SharedRun

_T = TypeVar("_T")

_CHUNK = 64
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a worker works with; see ``loop.Work``."""

    source: ImageSource
    labels: LabelFit
    capture: Capture
    pace: float | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What a worker did.

    Attributes:
        images: how many it stored.
        stored: images of the run before its first gap.
        skipped: files that it could not read; each keeps its place.
        interrupted: number of the signal that ended it early.
    """

    images: int
    stored: int
    skipped: tuple[Skipped, ...]
    interrupted: int | None


def take_part(part: Part, shared: SharedRun, *, signals: StopSignals, progress: Progress) -> Taken:
    """Compute ranges of a shared run until it is finished or a signal comes.

    However it ends, ranges that were not finished are given back. ``shared`` stays open.

    Raises:
        StoreError: something could not be stored; what was stored before is safe.
    """
    worker = _Worker(part, shared, progress)
    shared.line.patience = Patience(signals, progress)
    before = shared.run.shared
    progress.start(before.images if before else 0, shared.run.total)
    try:
        # The matrices of one chunk are small: more BLAS threads only take time from the network.
        with threadpool_limits(limits=1, user_api="blas"), _beating(shared) as failed:
            worker.work(signals, failed)
        run = shared.progress()
    finally:
        progress.close()
        # The reason is on its way to the user; a store that fails cannot be told about it.
        with suppress(StoreError):
            shared.leave()
    caught = None if run.state is RunState.FINISHED else signals.caught
    return Taken(worker.images, run.stored, tuple(worker.skipped), caught)


@contextmanager
def _beating(shared: SharedRun) -> Iterator[Callable[[], None]]:
    """Let the worker count as alive while the body runs, which asks what is given for faults."""
    over, faults = threading.Event(), list[BaseException]()

    def beat() -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            try:
                shared.heartbeat()
            except BaseException as error:  # noqa: BLE001 - raised again in the worker's thread
                faults.append(error)
                return

    def failed() -> None:
        if faults:
            raise faults[0]

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield failed
    finally:
        over.set()
        thread.join()


@dataclass(slots=True, eq=False)
class _Range:
    """A range in work: its lease, and the co-moments over what of it is stored or read."""

    lease: Lease
    sums: Sums


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A batch of a range; ``missing`` are its places, from 0 on, whose files cannot be read."""

    range: _Range
    start: int
    chunk: ImageChunk
    missing: dict[int, Skipped] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.chunk) + len(self.missing)


class _Idle:
    """All ranges are done or held by others."""


class Sums:
    """The co-moments of all layers over the rows of one range."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers
        self._sums = [Accumulator(layer.filters, block=_CHUNK) for layer in layers]

    def add(self, rows: NDArray[np.float32]) -> None:
        """Take in (B, F) GAP rows."""
        for layer, sums in zip(self._layers, self._sums, strict=True):
            sums.add(rows[:, layer.offset : layer.offset + layer.filters])

    def states(self, covered: int) -> tuple[CorrelationState, ...]:
        """One state a layer, of a range that ends before the ordinal ``covered``."""
        pairs = zip(self._layers, self._sums, strict=True)
        return tuple(state_of(layer.position, covered, sums.state()) for layer, sums in pairs)


class _Worker:
    def __init__(self, part: Part, shared: SharedRun, progress: Progress) -> None:
        self.images = 0
        self.skipped: list[Skipped] = []
        self._part = part
        self._shared = shared
        self._run = shared.run
        self._progress = progress
        self._rate = Rate()
        self._over = False
        self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="network")
        self._under_way: deque[tuple[Future[ImageBatch], _Piece]] = deque()

    def work(self, signals: StopSignals, failed: Callable[[], None]) -> None:
        """Take ranges until there are none; ``failed`` raises what befell the heartbeat."""
        clock = Clock(self._part.pace)
        waiting = 0 if self._part.pace is not None else IN_FLIGHT - 1
        try:
            with closing(read_ahead(self._pieces())) as pieces:
                for piece in pieces:
                    failed()
                    if isinstance(piece, _Idle):
                        self._record(0)
                        signals.wait_until(time.monotonic() + _LOOK_SECONDS)
                    else:
                        batch = self._pool.submit(_compute, self._part, self._shared, piece)
                        self._under_way.append((batch, piece))
                        self._record(waiting)
                        signals.wait_until(clock.next(len(piece)))
                    if signals.caught is not None:
                        break
                # The one that is read ahead takes no further range.
                self._over = True
            self._record(0)
        finally:
            self._over = True
            self._pool.shutdown(cancel_futures=True)

    def _pieces(self) -> Iterator[_Piece | _Idle]:
        """Yield the batches of ranges taken one after the other, idle while none is free."""
        while not self._over:
            lease = self._shared.take()
            if lease is not None:
                yield from self._pieces_of(_Range(lease, self._restored(lease)))
            elif self._shared.progress().state is RunState.FINISHED:
                return
            else:
                yield _Idle()

    def _pieces_of(self, held: _Range) -> Iterator[_Piece]:
        lease, size = held.lease, self._run.batch_size
        first = lease.start + lease.done
        for start in range(first, lease.stop, size):
            if lease.lost or self._over:
                return
            yield self._read(held, start, min(start + size, lease.stop))

    def _read(self, held: _Range, start: int, stop: int) -> _Piece:
        source, shape = self._part.source, self._run.image_shape
        chunk = source.read(start, stop, shape)
        if not chunk.skipped:
            return _Piece(held, start, chunk)
        # Which of them it is, only a look at each tells.
        each = [source.read(one, one + 1, shape) for one in range(start, stop)]
        missing = {place: one.skipped[0] for place, one in enumerate(each) if one.skipped}
        return _Piece(held, start, joined(each), missing)

    def _restored(self, lease: Lease) -> Sums:
        """Return the sums over what another worker has stored of a range."""
        sums = Sums(self._shared.layers)
        if lease.done:
            filters = sum(layer.filters for layer in self._shared.layers)
            # A row that is damaged counts as one without finite values.
            rows = np.full((lease.done, filters), np.nan, np.float32)
            reader = StoreReader(self._shared.url)
            blocks = partial(reader.gap_blocks, self._run.id, lease.start, lease.start + lease.done)
            for block in self._once_there(lambda: list(blocks())):
                rows[block.ordinals - lease.start] = block.rows
            sums.add(rows)
        return sums

    def _once_there(self, read: Callable[[], _T]) -> _T:
        """Read something; a database server that is gone is waited for."""
        while True:
            try:
                return read()
            except StoreUnreachable:
                self._shared.heartbeat()

    def _record(self, waiting: int) -> None:
        """Store the oldest batches, but for the last ``waiting``."""
        while len(self._under_way) > waiting:
            future, piece = self._under_way.popleft()
            batch = future.result()
            lease, sums = piece.range.lease, piece.range.sums
            if lease.lost:
                continue
            sums.add(batch.gap)
            stop = batch.start + len(batch.gap)
            states = sums.states(stop) if stop == lease.stop else ()
            rate = self._rate.after(len(batch.gap))
            if not self._shared.append(lease, batch, states, rate=rate, skipped=len(piece.missing)):
                self._progress.notice(
                    f"images {lease.start:,} to {lease.stop - 1:,} were taken over by another "
                    "worker, which thought this one gone"
                )
                continue
            self.images += len(batch.gap)
            self.skipped.extend(piece.missing.values())
            self._progress.stored(len(batch.gap))


def _compute(part: Part, shared: SharedRun, piece: _Piece) -> ImageBatch:
    """Return what is stored of a piece; of a file that cannot be read, a row without values.

    In a run of a single collector the next image takes their place; here each ordinal is decided
    before the images are read.
    """
    run, chunk = shared.run, piece.chunk
    count = len(piece)
    there = np.array([place not in piece.missing for place in range(count)])
    names: list[str | None] = [None] * count
    for place, skipped in piece.missing.items():
        names[place] = skipped.name
    for place, name in zip(np.flatnonzero(there).tolist(), chunk.names, strict=True):
        names[place] = name
    labels = np.full(count, -1, np.int64)
    pixels = np.zeros((count, *run.image_shape), np.uint8)
    probabilities = np.full((count, len(run.class_names)), np.nan, np.float32)
    gap = np.full((count, sum(layer.filters for layer in shared.layers)), np.nan, np.float32)
    maps: tuple[MapBatch, ...] | None = None
    targets: NDArray[np.float32] | None = None
    if len(chunk):
        read = as_stored(chunk, part.capture(chunk.given), part.labels, piece.start)
        if not piece.missing:
            return read
        labels[there], pixels[there], gap[there] = read.labels, read.pixels, read.gap
        probabilities[there] = read.probabilities
        if read.maps is not None:
            maps = tuple(_spread(one, there) for one in read.maps)
        if read.targets is not None:
            targets = np.full((count, read.targets.shape[1]), np.nan, np.float32)
            targets[there] = read.targets
    return ImageBatch(piece.start, labels, probabilities, pixels, tuple(names), gap, maps, targets)


def _spread(maps: MapBatch, there: NDArray[np.bool_]) -> MapBatch:
    """Return the maps of the images that are there, among those of ones that are not finite."""
    codes = np.zeros((len(there), *maps.codes.shape[1:]), np.uint8)
    low = np.zeros((len(there), maps.low.shape[1]), np.float32)
    step = np.full_like(low, np.nan)
    codes[there], low[there], step[there] = maps.codes, maps.low, maps.step
    return MapBatch(codes, low, step)


def speaks_of(run: Run) -> str:
    """How a worker introduces the run that it takes part in."""
    shared = run.shared
    if shared is None or not shared.images:
        return "begins, shared"
    others = "no other worker" if shared.workers <= 1 else f"{shared.workers - 1} at work"
    return f"is shared, {shared.images:,} images stored, {others}"
