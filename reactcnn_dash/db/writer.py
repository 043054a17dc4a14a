"""The write side: one `RunWriter` appends one run; nothing else changes what is stored.

Each batch is one transaction: its images, GAP rows, feature maps, correlation states and the
counters of the run appear together or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sqlalchemy import Update, bindparam, delete, exists, func, insert, select, update

from reactcnn_dash.db import from_rows, models, queries
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.beginning import check_new, insert_run
from reactcnn_dash.db.engine import read_engine, transaction
from reactcnn_dash.db.errors import RunBusy
from reactcnn_dash.db.log import LogWatch
from reactcnn_dash.db.opening import close_writing, open_for_writing
from reactcnn_dash.db.ownership import judge, new_token, refuse_busy
from reactcnn_dash.db.packing import maps_kept, pack_batch, pack_state
from reactcnn_dash.db.patience import Lasting, changes_of_run
from reactcnn_dash.db.records import RunState
from reactcnn_dash.db.results import save_states
from reactcnn_dash.db.tallies import add_to_tally
from reactcnn_dash.db.targets import added

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreUrl
    from reactcnn_dash.db.records import (
        CorrelationState,
        Float32Array,
        ImageBatch,
        Layer,
        NewRun,
        Run,
    )

_runs = models.runs

_MINE = (_runs.c.id == bindparam("run"), _runs.c.writer == bindparam("owner"))
_BEAT = (
    update(_runs).where(*_MINE).values(heartbeat_at=bindparam("heartbeat"), beat=_runs.c.beat + 1)
)
_COUNTED = (
    "stored", "labelled", "correct", "error_sum", "error_count", "gap_low", "gap_high", "rate",
    "size",
)  # fmt: skip
_COUNT = _BEAT.where(_runs.c.stored == bindparam("before")).values(
    {name: bindparam(f"new_{name}") for name in _COUNTED}
)
_DROPPED = (
    models.feature_maps.c.run_id == bindparam("run"),
    models.feature_maps.c.ordinal < bindparam("oldest"),
)
_TRIM = delete(models.feature_maps).where(*_DROPPED)
_TRIMMED = select(
    func.coalesce(
        func.sum(
            func.length(models.feature_maps.c.scales) + func.length(models.feature_maps.c.codes)
        ),
        0,
    )
).where(*_DROPPED)
_ADD_IMAGES = insert(models.images)
_ADD_MAPS = insert(models.feature_maps)
_ADD_TARGETS = insert(models.targets)


@dataclass(slots=True)
class _Counters:
    """What the run's row says after the last acknowledged batch."""

    stored: int
    labelled: int
    correct: int
    error_sum: float | None
    error_count: int
    gap_low: Float32Array
    gap_high: Float32Array
    size: int


class RunWriter:
    """Appends images to one run; made by `begin` or `resume`, used by one thread at a time.

    `run` is the run as it was begun or resumed. Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        line: Lasting,
        owner: str,
        run: Run,
        layers: Sequence[Layer],
    ) -> None:
        self.run = run
        self.line = line
        """How it writes; its `patience` waits for a server that is gone."""
        self._place = place = line.place
        self._owner = owner
        self._layers = tuple(layers)
        self._log = LogWatch(place)
        self.held: int | None = None
        """Bytes of a log that cannot be folded into the store, since another process reads it."""
        self._kept = maps_kept(run.feature_maps)
        self._counters = _Counters(
            run.stored,
            run.labelled,
            run.correct,
            run.error_sum,
            run.error_count,
            run.gap_low,
            run.gap_high,
            run.size,
        )

    @classmethod
    def begin(cls, url: StoreUrl, new: NewRun, *, durable: bool = False) -> RunWriter:
        """Begin a run, in a store that is made at head when it is missing.

        Args:
            url: the store, as a URL or path.
            new: the run.
            durable: wait for the disk at every batch, so that even a power cut loses none.

        Raises:
            StoreError: if the store cannot be made or written.
            ValueError: if `new` contradicts itself.
        """
        check_new(new)
        place = StoreAddress.of(url)
        connection = open_for_writing(place, durable=durable, create=True, wal=True, whole=True)
        try:
            owner = new_token()
            with transaction(connection, place):
                run_id = insert_run(connection, new, owner)
                run = _run(connection, run_id)
            line = _line(place, connection, run_id, owner, 0, durable=durable)
            return cls(line, owner, run, new.layers)
        except BaseException:
            close_writing(connection)
            raise

    @classmethod
    def resume(cls, url: StoreUrl, run: str, *, durable: bool = False) -> RunWriter:
        """Go on with a run, named by its id or name (the newest of that name).

        Raises:
            RunNotFound: if the store has no such run.
            RunBusy: if a living process is collecting it.
            StoreError: if the store is missing or cannot be written.
        """
        place = StoreAddress.of(url)
        connection = open_for_writing(place, durable=durable, wal=True, whole=True)
        try:
            owner = new_token()
            alive = judge(lambda: queries.look_at_run(connection, run, place))
            with transaction(connection, place):
                row = queries.find_run(connection, run, str(place))
                _refuse_shared(row, place)
                refuse_busy(row, str(place), alive=alive(row))
                now = datetime.now(UTC)
                connection.execute(
                    update(_runs)
                    .where(_runs.c.id == row.id)
                    .values(
                        state=RunState.COLLECTING, writer=owner, heartbeat_at=now, ended_at=None
                    )
                )
                layers = connection.execute(queries.LAYERS, {"run_id": row.id}).all()
                resumed = _run(connection, row.id)
            line = _line(place, connection, row.id, owner, row.beat, durable=durable)
            return cls(line, owner, resumed, [from_rows.layer_of(row) for row in layers])
        except BaseException:
            close_writing(connection)
            raise

    @property
    def stored(self) -> int:
        """The number of acknowledged images, which is the next image's ordinal."""
        return self._counters.stored

    def append(
        self,
        batch: ImageBatch,
        states: Sequence[CorrelationState] = (),
        *,
        rate: float | None = None,
    ) -> None:
        """Store a batch, the states that cover it and the run's counters, in one transaction.

        When this returns the batch is acknowledged; when it raises nothing of it is stored. A
        database server that is gone is waited for, and whatever it had stored by then is not
        stored twice.

        Args:
            batch: the images; `batch.start` must equal `stored`.
            states: correlation states to save along.
            rate: images a second, smoothed, for the page.

        Raises:
            ValueError: if the batch does not continue the run or its arrays do not fit.
            RunBusy: if another process took the run over.
            StoreError: if the store cannot be written.
        """
        before = self._counters
        if batch.start != before.stored:
            msg = f"the batch starts at image {batch.start}, the run goes on at {before.stored}"
            raise ValueError(msg)
        run = self.run
        packed = pack_batch(
            run.id, batch, self._layers, self._kept, answers=run.answers, thresholds=run.thresholds
        )
        state_rows = [pack_state(state) for state in states]
        stored = before.stored + len(packed.images)
        old = {"run": self.run.id, "oldest": stored - (self._kept or stored)}

        def change(connection: Connection) -> _Counters:
            after = _Counters(
                stored=stored,
                labelled=before.labelled + packed.labelled,
                correct=before.correct + packed.correct,
                error_sum=added(before.error_sum, packed.errors),
                error_count=before.error_count + len(packed.errors),
                gap_low=np.fmin(before.gap_low, packed.gap_low),
                gap_high=np.fmax(before.gap_high, packed.gap_high),
                size=before.size + packed.size,
            )
            after.size += save_states(connection, self.run.id, state_rows)
            if old["oldest"] > 0:
                after.size -= int(connection.execute(_TRIMMED, old).scalar_one())
            # Before the rows: a writer that lost its run is told so, not that a row exists.
            self._count(before.stored, after, rate)
            connection.execute(_ADD_IMAGES, packed.images)
            add_to_tally(connection, self.run.id, packed.images)
            if packed.feature_maps:
                connection.execute(_ADD_MAPS, packed.feature_maps)
            if packed.targets:
                connection.execute(_ADD_TARGETS, packed.targets)
            if old["oldest"] > 0:
                # The dropped ones are the first of the index: the cost is that of the batch.
                connection.execute(_TRIM, old)
            return after

        self._counters = self.line.make(change)
        self.held = self._log.look(self.line.connection)

    def save_states(self, states: Sequence[CorrelationState]) -> None:
        """Save correlation states, each in place of the layer's former one."""
        rows = [pack_state(state) for state in states]

        def change(connection: Connection) -> int:
            grown = save_states(connection, self.run.id, rows)
            self._change({"size": self._counters.size + grown})
            return grown

        self._counters.size += self.line.make(change)

    def heartbeat(self) -> None:
        """Tell the readers that the collector is alive though no image came."""
        self.line.make(lambda _: self._change({}))

    def set_total(self, total: int | None) -> None:
        """Set the number of images expected, None when it is unknown."""
        self.line.make(lambda _: self._change({"total": total}))

    def set_skipped(self, skipped: int) -> None:
        """Set the number of images of the source that could not be read so far."""
        self.line.make(lambda _: self._change({"skipped": skipped}))

    def finish(self) -> None:
        """Mark the run finished."""
        self._end(RunState.FINISHED)

    def interrupt(self) -> None:
        """Mark the run interrupted."""
        self._end(RunState.INTERRUPTED)

    def abandon(self) -> None:
        """Remove the run, and a checkpoint that no other run uses, if it has no images."""
        if self.stored:
            return

        def change(connection: Connection) -> None:
            self._change({})
            connection.execute(delete(_runs).where(_runs.c.id == self.run.id))
            used = exists().where(_runs.c.checkpoint_id == self.run.checkpoint.id)
            checkpoints = models.checkpoints
            connection.execute(
                delete(checkpoints).where(checkpoints.c.id == self.run.checkpoint.id, ~used)
            )

        self.line.make(change, alone=True)

    def close(self) -> None:
        """Release the store; when nobody else uses it, it is a single file afterwards.

        Raises:
            StoreGone: the store is not at its path any more; the text names a copy of it.
        """
        self.line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _end(self, state: RunState) -> None:
        self.line.make(lambda _: self._change({"state": state, "ended_at": datetime.now(UTC)}))

    def _count(self, before: int, after: _Counters, rate: float | None) -> None:
        counted = {
            "before": before,
            "new_stored": after.stored,
            "new_labelled": after.labelled,
            "new_correct": after.correct,
            "new_error_sum": after.error_sum,
            # A run without targets is one of before they were known.
            "new_error_count": after.error_count or None,
            "new_gap_low": from_rows.json_of(after.gap_low),
            "new_gap_high": from_rows.json_of(after.gap_high),
            "new_rate": rate,
            "new_size": after.size,
        }
        self._update(_COUNT, counted)

    def _change(self, values: dict[str, Any]) -> None:
        self._update(_BEAT.values(values) if values else _BEAT, {})

    def _update(self, statement: Update, values: dict[str, Any]) -> None:
        mine = {"run": self.run.id, "owner": self._owner, "heartbeat": datetime.now(UTC)}
        if self.line.connection.execute(statement, mine | values).rowcount != 1:
            raise RunBusy.taken_over(self._place, self.run.id)


def _line(
    place: StoreAddress,
    connection: Connection,
    run_id: int,
    owner: str,
    beat: int,
    *,
    durable: bool,
) -> Lasting:
    count, again = changes_of_run(run_id, owner), f"--resume {run_id}"
    return Lasting(place, connection, count, beat, again, durable)


def require_free(url: StoreUrl, run_id: int) -> None:
    """Refuse a run that cannot be resumed now, without touching the store.

    Raises:
        RunNotFound: if the store has no such run.
        RunBusy: if a living process is collecting it, it is shared, or it is being deleted.
        StoreError: if the store is missing or cannot be read.
    """
    place = StoreAddress.of(url)
    engine = read_engine(place)

    def look() -> queries.AnyRow:
        with transaction(engine, place) as connection:
            row = queries.find_run(connection, run_id, str(place))
        _refuse_shared(row, place)
        return row

    alive = judge(look)
    row = look()
    refuse_busy(row, str(place), alive=alive(row))


def _refuse_shared(row: queries.AnyRow, place: StoreAddress) -> None:
    """Refuse a run that several collectors share: there may be images behind a gap."""
    if row.shared_images is not None:
        raise RunBusy(
            f"{place}: run {row.id} ({row.name}) is shared by several collectors: take part in it "
            f"with --share {row.id}"
        )


def _run(connection: Connection, run_id: int) -> Run:
    return from_rows.run_of(connection.execute(queries.RUN_BY_ID, {"run_id": run_id}).one())
