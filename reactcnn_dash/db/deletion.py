"""Deleting runs: in small transactions beside collectors, with the space given back.

A run is first marked, and then loses its images from the last to the first; a deletion that was
killed is found by its mark and goes on where it stopped. The pages that come free leave a SQLite
file by incremental vacuum, a few at a time too. `VACUUM` would write the whole store anew under
one lock, and the collectors beside it would give up.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from shutil import disk_usage
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, func, or_, select, update

from reactcnn_dash.db import models, queries
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.columns import optional
from reactcnn_dash.db.driver_errors import translated
from reactcnn_dash.db.engine import (
    alone_with_log,
    can_shrink,
    sqlite_connection,
    transaction,
)
from reactcnn_dash.db.errors import RunBusy, StoreFull, StoreLocked
from reactcnn_dash.db.opening import close_writing, open_for_writing
from reactcnn_dash.db.ownership import give_up, judge, new_token, refuse_busy
from reactcnn_dash.db.pacing import Pace, shrink, size_on_server, vacuum_on_server
from reactcnn_dash.db.records import RunState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from sqlalchemy import Connection, Table

    from reactcnn_dash.db.address import StoreUrl

_ROOM = 2 * 2**20
"""Bytes of the disk that are room enough for the log."""
_CACHE_KIB = 64 * 1024
_LEAST = 256 * 1024
"""Bytes that the smallest step may write: its journal."""

_runs = models.runs


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did.

    `given_back` counts the bytes by which it made the store's file smaller, or those of PostgreSQL.
    A file that cannot shrink (`shrinks` is False: made by an older version and not upgraded since)
    keeps the space for what is stored next. So does PostgreSQL with what was not at an end.
    """

    run_id: int
    name: str
    given_back: int
    shrinks: bool
    on_server: bool = False
    """Whether the files are those of a database server."""


class RunDeletion:
    """One run on its way out; made by `begin`, which marks it, and done by `finish`.

    Attributes:
        run_id: the run's id.
        name: its name.
        images: how many images it had when it was marked.
    """

    def __init__(
        self, place: StoreAddress, owner: str, *, run_id: int, name: str, images: int, size: int
    ) -> None:
        self.run_id = run_id
        self.name = name
        self.images = images
        self._place = place
        self._owner = owner
        self._size = size
        self._given_back = 0

    @classmethod
    def begin(cls, url: StoreUrl, ref: int | str) -> RunDeletion:
        """Mark a run, named by id, UUID or name, as being deleted, or take over a stopped deletion.

        A stalled run may be deleted: should its collector come to life again, it is told that the
        run was taken over, and stops.

        Raises:
            RunNotFound: if the store has no such run.
            RunBusy: if a living process is collecting or deleting it.
            StoreError: if the store is missing or cannot be written.
        """
        place = StoreAddress.of(url)
        # The log and its index take more room than a journal.
        return cls._begin(place, ref, wal=not _is_cramped(place))

    @classmethod
    def _begin(cls, place: StoreAddress, ref: int | str, *, wal: bool) -> RunDeletion:
        connection = open_for_writing(place, wal=wal)
        try:
            alive = judge(lambda: queries.look_at_run(connection, ref, place, brief=True))
            with transaction(connection, place):
                row = queries.find_run(connection, ref, str(place), brief=True)
                if row.state != RunState.DELETING:
                    refuse_busy(row, str(place), alive=alive(row))
                elif alive(row):
                    raise RunBusy(
                        f"{place}: run {row.id} ({row.name}) is being deleted already: wait for it"
                    )
                owner = new_token()
                now = datetime.now(UTC)
                connection.execute(
                    update(_runs)
                    .where(_runs.c.id == row.id)
                    .values(
                        state=RunState.DELETING,
                        writer=owner,
                        heartbeat_at=now,
                        ended_at=row.ended_at or row.heartbeat_at,
                    )
                )
            return cls(place, owner, run_id=row.id, name=row.name, images=row.stored, size=row.size)
        finally:
            close_writing(connection)

    def finish(self, progress: Callable[[int], None] | None = None) -> Deleted:
        """Delete the run and all that belongs to it, and give the space back.

        Args:
            progress: called with the number of images left, outside any transaction. What it
                raises stops the deletion; the run stays marked, and the rest of it whole.

        Raises:
            RunBusy: if another process took the deletion over.
            StoreError: if the store cannot be written.
        """
        try:
            if _is_cramped(self._place):
                self._make_room()
            return self._finish(progress)
        except BaseException:
            # It may not be possible to write that down, and to delete again must be.
            give_up(self._owner)
            raise

    def _make_room(self) -> None:
        """Return a little space back where there is none to work in: image by image.

        What a step changes is written down before it is done, and that takes room. Alone with the
        store the log needs no index beside it; feature maps go first, since that changes the fewest
        pages; and each step leaves more room to the next.

        Raises:
            StoreFull: there is no room for the smallest step, or no way to make any.
        """
        connection = open_for_writing(self._place)
        try:
            raw = sqlite_connection(connection)
            if raw is not None and can_shrink(raw):
                alone_with_log(raw)
                raw.execute("PRAGMA secure_delete = OFF")
                # Another process that has the store open has a log there already.
                with suppress(StoreLocked):
                    for table in (models.feature_maps, models.images):
                        self._take_last(connection, raw, table)
        except StoreFull as error:
            raise StoreFull(
                f"{self._place}: the disk is full: a deletion begins with some {_LEAST // 1024} KB "
                "of room; free as much, and delete again"
            ) from error
        finally:
            with suppress(StoreFull), translated(self._place):
                close_writing(connection)

    def _take_last(self, connection: Connection, raw: sqlite3.Connection, table: Table) -> None:
        """Delete the last images of a table one by one, until there is room or none is left."""
        of_run = table.c.run_id == self.run_id
        last = select(func.max(table.c.ordinal, type_=optional(table.c.ordinal))).where(of_run)
        while self._given_back < _ROOM:
            with transaction(connection, self._place):
                ordinal = connection.execute(last).scalar_one()
                if ordinal is None:
                    return
                connection.execute(delete(table).where(of_run, table.c.ordinal == ordinal))
            with translated(self._place):
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._given_back += shrink(raw, self._place, Pace(1))
            with translated(self._place):
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _finish(self, progress: Callable[[int], None] | None) -> Deleted:
        connection = open_for_writing(self._place, wal=True)
        try:
            raw = sqlite_connection(connection)
            shrinks = raw is None or can_shrink(raw)
            before = None if raw is not None else size_on_server(connection, self._place)
            if raw is not None:
                # Debian's SQLite overwrites what is deleted: ten times the time, for pages that
                # leave the file anyway.
                raw.execute("PRAGMA secure_delete = OFF")
                # An image stands anywhere in the indexes by answers: what of them does not fit in
                # memory is written once a step and page, half as much again at 60,000 images.
                raw.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._delete_results(connection)
            self._delete_images(connection, raw if shrinks else None, progress)
            self._delete_run(connection)
            if raw is not None:
                if shrinks:
                    self._given_back += shrink(raw, self._place, Pace())
                with translated(self._place):
                    # The file itself shrinks as the log is folded into it.
                    raw.execute("PRAGMA wal_checkpoint(PASSIVE)")
            elif before is not None:
                self._given_back = vacuum_on_server(connection, self._place, before)
            return Deleted(self.run_id, self.name, self._given_back, shrinks, raw is None)
        finally:
            with translated(self._place):
                close_writing(connection)

    def _delete_results(self, connection: Connection) -> None:
        comparisons = models.comparisons
        with transaction(connection, self._place):
            self._hold(connection, self.images)
            connection.execute(
                delete(comparisons).where(
                    or_(comparisons.c.run_a == self.run_id, comparisons.c.run_b == self.run_id)
                )
            )
            for table in (models.clusterings, models.correlation_states, models.tallies):
                connection.execute(delete(table).where(table.c.run_id == self.run_id))

    def _delete_images(
        self,
        connection: Connection,
        shrinking: sqlite3.Connection | None,
        progress: Callable[[int], None] | None,
    ) -> None:
        left, images, pages = self.images, Pace(), Pace()
        # From the last to the first: what came last stands at the file's end, and is cut off there
        # instead of being moved first.
        while left:
            if progress is not None:
                progress(left)
            left = max(0, left - images.step)
            began = time.monotonic()
            with transaction(connection, self._place):
                self._hold(connection, left)
                for table in (models.feature_maps, models.targets, models.images):
                    gone = (table.c.run_id == self.run_id, table.c.ordinal >= left)
                    connection.execute(delete(table).where(*gone))
            images.took(time.monotonic() - began)
            # Free pages must not pile up: SQLite looks through all of them for each that it takes.
            if shrinking is not None:
                self._given_back += shrink(shrinking, self._place, pages)

    def _delete_run(self, connection: Connection) -> None:
        checkpoints = models.checkpoints
        with transaction(connection, self._place):
            self._hold(connection, 0)
            of_run = _runs.c.id == self.run_id
            checkpoint = connection.execute(queries.RUN_CHECKPOINT, {"run_id": self.run_id})
            unused = (
                checkpoints.c.id == int(checkpoint.scalar_one()),
                ~exists().where(_runs.c.checkpoint_id == checkpoints.c.id),
            )
            connection.execute(delete(_runs).where(of_run))
            connection.execute(delete(checkpoints).where(*unused))

    def _hold(self, connection: Connection, left: int) -> None:
        """Say in the run's row how far the deletion is, and make sure that it is still ours."""
        result = connection.execute(
            update(_runs)
            .where(_runs.c.id == self.run_id, _runs.c.writer == self._owner)
            .values(
                stored=left,
                size=self._size * left // self.images if self.images else 0,
                heartbeat_at=datetime.now(UTC),
                beat=_runs.c.beat + 1,
            )
        )
        if result.rowcount != 1:
            msg = f"{self._place}: the deletion of run {self.run_id} was taken over: stop here"
            raise RunBusy(msg)


def delete_run(
    url: StoreUrl, ref: int | str, progress: Callable[[int], None] | None = None
) -> Deleted:
    """Delete a run, named by id, UUID or name, and give its space back; see `RunDeletion`."""
    return RunDeletion.begin(url, ref).finish(progress)


def _is_cramped(place: StoreAddress) -> bool:
    return place.path is not None and disk_usage(place.path.parent).free < _ROOM
