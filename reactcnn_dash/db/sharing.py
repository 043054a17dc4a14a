"""One run that several collectors append to, each a range of ordinals at a time.

A range is held by a worker as long as that lives; the range of one that is gone is taken over, and
goes on where its last acknowledged batch ended. A batch is one transaction: it is refused as a
whole where the range is not its worker's any more, so that nothing is counted twice. Readers see
the images before the first gap (`runs.stored`): whoever closes a gap counts what lies behind it,
and folds the correlation states of finished ranges into the run's, always in their order, so that
the sums do not depend on who was quick. Row locks are taken in the order ranges, workers, shares,
runs.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from reactcnn_dash.db import from_rows, models, queries
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.beginning import check_new, insert_run
from reactcnn_dash.db.copying import network_file_system
from reactcnn_dash.db.engine import insert_beside, read_engine, transaction
from reactcnn_dash.db.errors import RunBusy, RunNotFound, StoreError, StoreMissing
from reactcnn_dash.db.folding import Folding, more_errors
from reactcnn_dash.db.opening import close_writing, open_for_writing
from reactcnn_dash.db.ownership import HEARD, Heard, Process, new_token, process_of
from reactcnn_dash.db.packing import maps_kept, pack_batch, pack_state
from reactcnn_dash.db.patience import Lasting, changes_of_worker
from reactcnn_dash.db.records import STALL_SECONDS, RunState
from reactcnn_dash.db.results import save_states
from reactcnn_dash.db.tallies import add_to_tally
from reactcnn_dash.db.version import require_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table

    from reactcnn_dash.db.address import StoreUrl
    from reactcnn_dash.db.folding import Merge
    from reactcnn_dash.db.packing import PackedBatch, Rows
    from reactcnn_dash.db.records import CorrelationState, ImageBatch, NewRun, Run

_runs, _shares, _workers = models.runs, models.shares, models.workers
_ranges = models.ranges
_SHORTEST: Final = 256
_LONGEST: Final = 2048
_PARTS: Final = 64


@dataclass(slots=True)
class Lease:
    """A range of ordinals that a worker holds: `start` to `stop` - 1, the first `done` stored.

    `lost` says that another worker has taken it over.
    """

    start: int
    stop: int
    done: int
    lost: bool = False


class _Lost(Exception):
    """Ends a transaction, and is seen by nobody else."""


def range_size(total: int, batch_size: int) -> int:
    """Return how many images a range has: whole batches, and enough of them for many workers.

    A range costs the folding of its states, 0.2 s for VGG-16, and what a worker that was killed
    has left of it waits for another.
    """
    wanted = min(_LONGEST, max(_SHORTEST, total // _PARTS))
    return -(-wanted // batch_size) * batch_size


def require_shareable(place: StoreAddress, mounts: str | None = None) -> None:
    """Refuse a store that several processes cannot write safely.

    Args:
        place: the store.
        mounts: the text of `/proc/self/mountinfo`; read if not given.

    Raises:
        StoreError: it is a SQLite file on a network file system.
    """
    kind = None if place.path is None else network_file_system(place.path, mounts)
    if kind is not None:
        raise StoreError(
            f"{place}: on a network file system ({kind}), where SQLite's locks and log do not hold "
            f"between machines: share a run through PostgreSQL (--store postgresql://…) or on a "
            f"disk of one machine"
        )


def find_shared(url: StoreUrl, ref: str) -> Run | None:
    """Return the shared run of this id, or that began by this name; None if there is none yet.

    Raises:
        RunNotFound: `ref` is a number, and no run has it.
        RunBusy: the run is being deleted.
        StoreError: the run is not a shared one, or the store cannot be shared or read.
    """
    place = StoreAddress.of(url)
    require_shareable(place)
    try:
        with transaction(read_engine(place), place) as connection:
            if not require_head(connection, place):
                return None
            return _find(connection, ref, place)
    except StoreMissing:
        return None


def _find(connection: Connection, ref: str, place: StoreAddress) -> Run | None:
    key = select(_shares.c.run_id).where(_shares.c.key == ref)
    found = connection.execute(key).scalar()
    try:
        row = queries.find_run(connection, ref if found is None else int(found), str(place))
    except RunNotFound:
        if ref.isascii() and ref.isdigit():
            raise
        return None
    if row.state == RunState.DELETING:
        raise RunBusy(f"{place}: run {row.id} ({row.name}) is being deleted: wait for it")
    if row.shared_images is None:
        raise StoreError(
            f"{place}: run {row.id} ({row.name}) was begun by a single collector: share one of "
            f"another name"
        )
    return from_rows.run_of(row)


class SharedRun:
    """A worker's part in a shared run; made by `begin` or `join`. Several threads may use it.

    `run` is the run as it was when this worker came; `ended_it` says whether its last gap was
    closed by this worker.
    """

    def __init__(
        self,
        place: StoreAddress,
        connection: Connection,
        run: Run,
        merge: Merge,
        heard: Heard,
        *,
        durable: bool,
    ) -> None:
        self.run = run
        self.ended_it = False
        self._place = place
        self._heard = heard
        self._token = new_token()
        count = changes_of_worker(run.id, self._token)
        self.line = Lasting(place, connection, count, 0, f"--share {run.id}", durable)
        """How it writes; its `patience` waits for a server that is gone."""
        self._held: set[int] = set()
        self._lock = threading.Lock()
        rows = connection.execute(queries.LAYERS, {"run_id": run.id}).all()
        self.layers = tuple(from_rows.layer_of(row) for row in rows)
        self._writer = str(
            connection.execute(select(_runs.c.writer).where(_runs.c.id == run.id)).scalar_one()
        )
        self._kept = maps_kept(run.feature_maps)
        self._folding = Folding(run.id, self.layers, merge, self._kept)
        self._of_run = _ranges.c.run_id == run.id
        self._mine = (self._of_run, _ranges.c.owner == self._token)

    @classmethod
    def begin(
        cls,
        url: StoreUrl,
        key: str,
        new: NewRun,
        merge: Merge,
        *,
        images: int | None = None,
        in_any_order: bool = False,
        durable: bool = False,
        heard: Heard = HEARD,
    ) -> SharedRun | None:
        """Begin a shared run of `new.total` images; None if somebody else has just begun it.

        Args:
            url: the store, made at head when it is missing.
            key: what the run is called by those who join it.
            new: the run; its total is known.
            merge: gives the state of two ranges together, from those of the first and the second.
            images: how many a range has; see `range_size`.
            in_any_order: there are no ranges to take: batches are `put` as they come, however many.
            durable: wait for the disk at every batch.
            heard: what this process has heard of other workers.

        Raises:
            StoreError: if the store cannot be made, shared or written.
            ValueError: if `new` contradicts itself, or its total is not known.
        """
        check_new(new)
        if not new.total and not in_any_order:
            raise ValueError("a shared run needs to know how many images it will have")
        place = StoreAddress.of(url)
        require_shareable(place)
        connection = open_for_writing(place, durable=durable, create=True, wal=True, whole=True)
        try:
            run_id = None
            with transaction(connection, place):
                if _find(connection, key, place) is None:
                    run_id = insert_run(connection, new, f"shared {uuid.uuid4()}")
                    share = {"run_id": run_id, "key": key, "images": 0, "workers": 0}
                    connection.execute(insert(_shares).values(share))
                    if new.total and not in_any_order:
                        size = images or range_size(new.total, new.batch_size)
                        connection.execute(insert(_ranges), _cut(run_id, new.total, size))
            if run_id is not None:
                return cls._enter(place, connection, run_id, merge, heard, durable=durable)
            close_writing(connection)
        except IntegrityError:
            # On a database with several writers two may begin at once: one of them is the first.
            close_writing(connection)
            if find_shared(url, key) is None:
                raise
        except BaseException:
            close_writing(connection)
            raise
        return None

    @classmethod
    def join(
        cls,
        url: StoreUrl,
        run_id: int,
        merge: Merge,
        *,
        durable: bool = False,
        heard: Heard = HEARD,
    ) -> SharedRun:
        """Take part in a shared run; one that was interrupted goes on.

        Raises:
            RunNotFound: if the store has no such run.
            RunBusy: if it is being deleted.
            StoreError: if it is not shared, or the store cannot be shared or written.
        """
        place = StoreAddress.of(url)
        require_shareable(place)
        connection = open_for_writing(place, durable=durable, wal=True, whole=True)
        try:
            with transaction(connection, place):
                _find(connection, str(run_id), place)
            return cls._enter(place, connection, run_id, merge, heard, durable=durable)
        except BaseException:
            close_writing(connection)
            raise

    @classmethod
    def _enter(
        cls,
        place: StoreAddress,
        connection: Connection,
        run_id: int,
        merge: Merge,
        heard: Heard,
        *,
        durable: bool,
    ) -> SharedRun:
        with transaction(connection, place):
            row = queries.find_run(connection, run_id, str(place))
            shared = cls(place, connection, from_rows.run_of(row), merge, heard, durable=durable)
            connection.execute(insert(_workers).values(shared._new_worker(0)))
            shared._count_workers()
            going_on = (RunState.COLLECTING, RunState.INTERRUPTED)
            shared._say(state=RunState.COLLECTING, ended_at=None, only=going_on)
        return shared

    @property
    def url(self) -> str:
        """The store's URL."""
        return self._place.url.render_as_string(hide_password=False)

    def take(self) -> Lease | None:
        """Take the first range that nobody holds, or whose worker is gone; None if there is none.

        Raises:
            RunBusy: the run was taken from its workers, to be deleted say.
            StoreError: the store cannot be written.
        """
        with self._lock:
            row = self.line.make(self._take, alone=True)
            if row is None:
                return None
            self._held.add(row.start)
        return Lease(row.start, row.stop, row.done)

    def _take(self, connection: Connection) -> queries.AnyRow | None:
        unfinished = (self._of_run, _ranges.c.done < _ranges.c.stop - _ranges.c.start)
        # One that was taken as the server went away, and that nobody here knows of.
        unknown = _ranges.c.start.not_in(self._held)
        connection.execute(
            update(_ranges).where(*self._mine, *unfinished, unknown).values(owner=None)
        )
        free = select(*_ranges.c).where(*unfinished, _ranges.c.owner.is_(None))
        held = select(*_ranges.c).where(
            *unfinished, _ranges.c.owner.is_not(None), _ranges.c.owner != self._token
        )
        alive = self._alive()
        while True:
            rows = [*connection.execute(free.order_by(_ranges.c.start).limit(1))]
            rows += [one for one in connection.execute(held) if one.owner not in alive]
            if not rows:
                self._work(0, None)
                return None
            row: queries.AnyRow = min(rows, key=lambda one: int(one.start))
            same = _ranges.c.owner.is_not_distinct_from(row.owner)
            taken = update(_ranges).where(self._of_run, _ranges.c.start == row.start, same)
            # Where several write at a time, another worker may have been quicker.
            if connection.execute(taken.values(owner=self._token)).rowcount == 1:
                break
        self._work(0, None)
        if row.owner is not None:
            gone = (_workers.c.run_id == self.run.id, _workers.c.token == row.owner)
            connection.execute(delete(_workers).where(*gone))
            self._count_workers()
        self._say()
        return row

    def append(
        self,
        lease: Lease,
        batch: ImageBatch,
        states: Sequence[CorrelationState] = (),
        *,
        rate: float | None = None,
        skipped: int = 0,
    ) -> bool:
        """Store the next batch of a range, in one transaction.

        Args:
            lease: the range; `batch.start` must be its next ordinal.
            batch: the images.
            states: with the last batch of the range, one a layer over the rows of the range alone.
            rate: images a second of this worker.
            skipped: how many of the images could not be read.

        Returns:
            Whether it is stored; if not, the range is another worker's now, and `lost`.

        Raises:
            ValueError: the batch does not continue the range, or its arrays do not fit.
            RunBusy: the run was taken from its workers.
            StoreError: the store cannot be written.
        """
        done = lease.done + len(batch.labels)
        finished = lease.start + done == lease.stop
        if batch.start != lease.start + lease.done or lease.start + done > lease.stop:
            raise ValueError(f"the batch at image {batch.start} does not continue its range")
        if len(states) != (len(self.layers) if finished else 0):
            raise ValueError("the states of a range come with its last batch")
        packed = self._packed(batch)
        sums = {one["layer"]: one for one in map(pack_state, states)}
        held = {
            "done": done,
            "labelled": _ranges.c.labelled + packed.labelled,
            "correct": _ranges.c.correct + packed.correct,
            "owner": None if finished else self._token,
            **more_errors(_ranges, packed.errors),
        }
        begun = (_ranges.c.start == lease.start, _ranges.c.done == lease.done)

        def change(connection: Connection) -> bool:
            hold = update(_ranges).where(*self._mine, *begun).values(held)
            if connection.execute(hold).rowcount != 1:
                raise _Lost
            _add(connection, models.images, packed.images)
            if packed.feature_maps:
                _add(connection, models.feature_maps, packed.feature_maps)
            if packed.targets:
                _add(connection, models.targets, packed.targets)
            self._work(len(batch.labels), rate)
            row = self._locked()
            add_to_tally(connection, self.run.id, packed.images)
            grown, ended = self._folding.publish(connection, lease.start, sums)
            low = np.fmin(from_rows.floats_of(row.gap_low), packed.gap_low)
            high = np.fmax(from_rows.floats_of(row.gap_high), packed.gap_high)
            self._say(
                size=_runs.c.size + packed.size + grown,
                skipped=_runs.c.skipped + skipped,
                gap_low=from_rows.json_of(low),
                gap_high=from_rows.json_of(high),
            )
            return ended

        with self._lock:
            try:
                ended = self.line.make(change)
            except _Lost:
                lease.lost = True
                self._held.discard(lease.start)
                return False
            if finished:
                self._held.discard(lease.start)
        lease.done = done
        self.ended_it = self.ended_it or ended
        return True

    def put(self, key: str, batch: ImageBatch, *, rate: float | None = None) -> int | None:
        """Store a batch behind those that are there, in one transaction, unless it is there.

        Args:
            key: the batch, whoever computes it and however often.
            batch: the images; `start` is not looked at.
            rate: images a second of this worker.

        Returns:
            How many images the run has now; None if the batch was there already.

        Raises:
            RunBusy: the run was taken from its workers.
            StoreError: the store cannot be written.
        """
        packed = self._packed(batch)
        known = select(_ranges.c.start).where(self._of_run, _ranges.c.owner == key)
        count = len(batch.labels)

        def change(connection: Connection) -> int | None:
            row = self._locked()
            if connection.execute(known).first() is not None:
                self._work(0, rate)
                return None
            start = int(row.stored)
            here = {"run_id": self.run.id}
            images, maps, targets = (
                [one | {"ordinal": one["ordinal"] + start - batch.start} for one in rows]
                for rows in (packed.images, packed.feature_maps, packed.targets)
            )
            taken = here | {"start": start, "stop": start + count, "done": count}
            none = {"owner": key, "labelled": 0, "correct": 0, "folded": True}
            connection.execute(insert(_ranges).values(taken | none))
            connection.execute(insert(models.images), images)
            add_to_tally(connection, self.run.id, images)
            if maps:
                connection.execute(insert(models.feature_maps), maps)
            if targets:
                connection.execute(insert(models.targets), targets)
            self._work(count, rate)
            dropped = self._folding.drop_maps(connection, start + count)
            low = np.fmin(from_rows.floats_of(row.gap_low), packed.gap_low)
            high = np.fmax(from_rows.floats_of(row.gap_high), packed.gap_high)
            self._say(
                stored=start + count,
                labelled=_runs.c.labelled + packed.labelled,
                correct=_runs.c.correct + packed.correct,
                size=_runs.c.size + packed.size - dropped,
                gap_low=from_rows.json_of(low),
                gap_high=from_rows.json_of(high),
                **more_errors(_runs, packed.errors),
            )
            return start + count

        with self._lock:
            return self.line.make(change)

    def _packed(self, batch: ImageBatch) -> PackedBatch:
        run = self.run
        return pack_batch(
            run.id, batch, self.layers, self._kept, answers=run.answers, thresholds=run.thresholds
        )

    def save_states(self, states: Sequence[CorrelationState]) -> None:
        """Save states over the first images, unless there are ones over more of them."""
        rows = [pack_state(state) for state in states]

        def change(connection: Connection) -> None:
            self._work(0, None)
            self._say()
            for row in rows:
                key = {"run_id": self.run.id, "layer": row["layer"]}
                found = connection.execute(queries.STATE, key).first()
                if found is None or found.covered < row["covered"]:
                    grown = save_states(connection, self.run.id, [row])
                    self._say(size=_runs.c.size + grown)

        with self._lock:
            self.line.make(change, alone=True)

    def finish(self) -> None:
        """Mark a run finished whose batches were `put`, and see its workers off."""

        def change(connection: Connection) -> None:
            connection.execute(delete(_workers).where(_workers.c.run_id == self.run.id))
            self._count_workers()
            total = select(_runs.c.stored).where(_runs.c.id == self.run.id).scalar_subquery()
            self._say(state=RunState.FINISHED, ended_at=datetime.now(UTC), total=total)

        with self._lock:
            self.line.make(change, alone=True)

    def heartbeat(self) -> None:
        """Tell the other workers and the readers that this one lives; waits for a server."""

        def change(_: Connection) -> None:
            self._work(0, None)
            self._say()

        with self._lock:
            self.line.make(change)

    def progress(self) -> Run:
        """Return the run as it is now."""

        def read(connection: Connection) -> Run:
            return from_rows.run_of(queries.find_run(connection, self.run.id, str(self._place)))

        with self._lock:
            return self.line.read(read)

    def leave(self) -> None:
        """Leave what this worker holds to others; who leaves an unfinished run last interrupts it.

        A run that was taken from its workers is left as it is.
        """
        of_run = _workers.c.run_id == self.run.id

        def change(connection: Connection) -> None:
            connection.execute(update(_ranges).where(*self._mine).values(owner=None))
            gone = [self._token]
            found = connection.execute(select(_workers.c.token).where(of_run)).scalars()
            gone += [one for one in found if process_of(one) is Process.GONE]
            connection.execute(delete(_workers).where(of_run, _workers.c.token.in_(gone)))
            if not self._count_workers():
                ours = (_runs.c.id == self.run.id, _runs.c.writer == self._writer)
                connection.execute(
                    update(_runs)
                    .where(*ours, _runs.c.state == RunState.COLLECTING)
                    .values(state=RunState.INTERRUPTED, ended_at=datetime.now(UTC))
                )

        with self._lock:
            self.line.make(change, alone=True)
            self._held.clear()

    def close(self) -> None:
        """Release the store.

        Raises:
            StoreError: what the driver reports.
        """
        self.line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _alive(self) -> set[str]:
        """Return the tokens of the workers that are not known to be gone, by this one's clock."""
        rows = self.line.connection.execute(
            select(_workers.c.token, _workers.c.beat).where(_workers.c.run_id == self.run.id)
        ).all()
        return {
            row.token
            for row in rows
            if process_of(row.token) is not Process.GONE
            and self._heard.silence(row.token, row.beat)[0] <= STALL_SECONDS
        }

    def _count_workers(self) -> int:
        counted = select(func.count()).select_from(_workers)
        count = self.line.connection.execute(counted.where(_workers.c.run_id == self.run.id))
        left = int(count.scalar_one())
        share = update(_shares).where(_shares.c.run_id == self.run.id)
        self.line.connection.execute(share.values(workers=left))
        return left

    def _new_worker(self, beat: int) -> dict[str, object]:
        return {"run_id": self.run.id, "token": self._token, "beat": beat, "images": 0}

    def _work(self, images: int, rate: float | None) -> None:
        """Count a change of this worker, which others may have thought gone, and for the run."""
        me = (_workers.c.run_id == self.run.id, _workers.c.token == self._token)
        values: dict[str, Any] = {
            "beat": _workers.c.beat + 1,
            "images": _workers.c.images + images,
        }
        if rate is not None:
            values["rate"] = rate
        if self.line.connection.execute(update(_workers).where(*me).values(values)).rowcount != 1:
            self.line.connection.execute(
                insert(_workers).values(self._new_worker(self.line.made + 1))
            )
            self._count_workers()
        if images:
            self.line.connection.execute(
                update(_shares)
                .where(_shares.c.run_id == self.run.id)
                .values(images=_shares.c.images + images)
            )

    def _locked(self) -> queries.AnyRow:
        """Return the run's counters, which nobody else changes until this transaction ends."""
        self._say()
        return self.line.connection.execute(
            select(_runs.c.stored, _runs.c.gap_low, _runs.c.gap_high).where(
                _runs.c.id == self.run.id
            )
        ).one()

    def _say(self, *, only: Sequence[RunState] = (), **values: Any) -> None:
        """Change the run's row, and let it say that its workers live."""
        rates = select(func.sum(_workers.c.rate)).where(_workers.c.run_id == self.run.id)
        ours = [_runs.c.id == self.run.id, _runs.c.writer == self._writer]
        life = {
            "heartbeat_at": datetime.now(UTC),
            "beat": _runs.c.beat + 1,
            "rate": rates.scalar_subquery(),
        }
        change = update(_runs).where(*ours)
        if only:
            self.line.connection.execute(change.where(_runs.c.state.in_(only)).values(values))
        else:
            life |= values
        if self.line.connection.execute(change.values(life)).rowcount != 1:
            raise RunBusy.taken_over(self._place, self.run.id)


def _cut(run_id: int, total: int, size: int) -> Rows:
    none = {"done": 0, "owner": None, "labelled": 0, "correct": 0, "folded": False}
    return [
        {"run_id": run_id, "start": start, "stop": min(start + size, total)} | none
        for start in range(0, total, size)
    ]


def _add(connection: Connection, table: Table, rows: Rows) -> None:
    """Add rows but for those that are there."""
    connection.execute(insert_beside(connection, table).on_conflict_do_nothing(), rows)
