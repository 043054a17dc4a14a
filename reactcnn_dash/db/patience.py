"""A connection that outlasts its database server: waited for, and asked what it had stored.

Whoever writes a run, alone or with others, makes its changes by a `Lasting`, each in a transaction
and once, however often the server goes away in the middle.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from sqlalchemy import select

from reactcnn_dash.db import models
from reactcnn_dash.db.driver_errors import translated
from reactcnn_dash.db.engine import transaction
from reactcnn_dash.db.errors import StoreError, StoreUnreachable
from reactcnn_dash.db.opening import close_writing, open_for_writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreAddress

    Patience: TypeAlias = Callable[[float, StoreUnreachable], bool]
    """Told for how many seconds the server is gone, and why; says whether to try once more."""
    Count: TypeAlias = Callable[[Connection], "int | None"]
    """Reads how many changes of a writer are stored, in a transaction; None if nobody knows."""

_T = TypeVar("_T")

LONGEST_SECONDS: Final = 600.0
_PAUSE: Final = 0.25
REMOVED: Final = -1
"""Counted where what was written is gone, as its writer wanted."""


def wait_ten_minutes(seconds: float, _error: StoreUnreachable) -> bool:
    """Have patience for as long as a server takes to be upgraded."""
    return seconds < LONGEST_SECONDS


def changes_of_run(run_id: int, owner: str) -> Count:
    """Return what counts the changes of a run's only writer."""
    look = select(models.runs.c.writer, models.runs.c.beat).where(models.runs.c.id == run_id)

    def count(connection: Connection) -> int | None:
        row = connection.execute(look).first()
        if row is None:
            # Only its writer removes a run that it is at work on.
            return REMOVED
        return int(row.beat) if row.writer == owner else None

    return count


def changes_of_worker(run_id: int, token: str) -> Count:
    """Return what counts the changes of one of a run's many workers."""
    workers = models.workers
    look = select(workers.c.beat).where(workers.c.run_id == run_id, workers.c.token == token)

    def count(connection: Connection) -> int | None:
        beat = connection.execute(look).scalar()
        return None if beat is None else int(beat)

    return count


@dataclass(eq=False)
class Lasting:
    """A writer's connection, and how many changes it has made by it; used by a thread at a time.

    Attributes:
        place: the store.
        connection: the one of now.
        count: reads how many of the changes are stored.
        made: how many there should be: each change adds one to what ``count`` reads.
        again: how a person goes on with the run, for the text of an error.
        durable: whether the connection waits for the disk.
        patience: whether to go on waiting for a server that is gone.
    """

    place: StoreAddress
    connection: Connection
    count: Count
    made: int
    again: str
    durable: bool = False
    patience: Patience = wait_ten_minutes
    _given_up: bool = field(default=False, init=False)

    def make(self, change: Callable[[Connection], _T], *, alone: bool = False) -> _T:
        """Make a change in one transaction, once, however often the server goes away.

        Args:
            change: makes it; may be called several times, each time in a transaction of its own.
            alone: see `engine.transaction`.

        Raises:
            StoreError: the server did not come back, or has not all that it had acknowledged.
        """
        while True:
            made: list[_T] = []
            try:
                with transaction(self.connection, self.place, alone=alone) as connection:
                    made.append(change(connection))
            except StoreUnreachable as error:
                committed = self._reconnected(error)
                # What was made is lost unless its end was reached, and the server says so.
                if not (made and committed):
                    continue
            self.made += 1
            return made[0]

    def read(self, read: Callable[[Connection], _T]) -> _T:
        """Read in a transaction that changes nothing, once the server is there."""
        while True:
            try:
                with transaction(self.connection, self.place, alone=False) as connection:
                    return read(connection)
            except StoreUnreachable as error:
                self._reconnected(error)

    def close(self) -> None:
        """Release the store.

        Raises:
            StoreGone: the store is not at its path any more; the text names a copy of it.
            StoreError: what else the driver reports.
        """
        if not self.connection.closed:
            with translated(self.place):
                close_writing(self.connection)

    def _reconnected(self, error: StoreUnreachable) -> bool:
        """Wait for the server; say whether the change that was cut short had been stored whole."""
        began = time.monotonic()
        # The first time at once: a server that was restarted is back already.
        while True:
            if self._given_up or not self.patience(time.monotonic() - began, error):
                self._given_up = True
                raise error
            try:
                connection = open_for_writing(self.place, durable=self.durable)
            except StoreUnreachable:
                time.sleep(_PAUSE)
                continue
            try:
                committed = self._committed(connection)
            except StoreUnreachable:
                close_writing(connection)
                time.sleep(_PAUSE)
            except BaseException:
                close_writing(connection)
                raise
            else:
                self.connection.close()
                self.connection = connection
                return committed

    def _committed(self, connection: Connection) -> bool:
        """Say whether one more change is stored than are known of; no if that cannot be told.

        Raises:
            StoreError: less is stored than the server had acknowledged.
        """
        with transaction(connection, self.place, alone=False):
            stored = self.count(connection)
        if stored is None or stored == REMOVED:
            return stored == REMOVED
        if stored < self.made:
            raise StoreError(
                f"{self.place}: the database server came back without what it had acknowledged "
                f"last (synchronous_commit, or a replica that was behind): go on with {self.again}"
            )
        return stored == self.made + 1
