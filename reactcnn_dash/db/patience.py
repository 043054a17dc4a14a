"""A database server that went away in the middle of a run: waited for, and asked what it stored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlalchemy import bindparam, select

from reactcnn_dash.db import queries
from reactcnn_dash.db.engine import transaction
from reactcnn_dash.db.errors import StoreError, StoreUnreachable
from reactcnn_dash.db.opening import close_writing, open_for_writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreAddress

    Patience: TypeAlias = Callable[[float, StoreUnreachable], bool]
    """Told for how many seconds the server is gone, and why; says whether to try once more."""

LONGEST_SECONDS: Final = 600.0
_PAUSE: Final = 0.25

_LOOK: Final = select(queries.runs.c.writer, queries.runs.c.beat).where(
    queries.runs.c.id == bindparam("run")
)


@dataclass(slots=True)
class Standing:
    """What the run's row says if all that its writer made was stored, and nobody took it over.

    Attributes:
        run_id: the run.
        owner: its writer's token.
        beat: the count, which goes up by one with every change that a writer makes.
        durable: whether its connection waits for the disk.
        given_up: whether the server was waited for in vain: it is not waited for again.
    """

    run_id: int
    owner: str
    beat: int
    durable: bool = False
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Reconnected:
    """A new connection, and whether the change that was cut short had been stored whole."""

    connection: Connection
    committed: bool


def wait_ten_minutes(seconds: float, _error: StoreUnreachable) -> bool:
    """Have patience for as long as a server takes to be upgraded."""
    return seconds < LONGEST_SECONDS


def reconnected(
    place: StoreAddress, standing: Standing, error: StoreUnreachable, patience: Patience
) -> Reconnected:
    """Wait for a server and connect to it again.

    Args:
        place: the store.
        standing: what the run's row said before the change that was cut short.
        error: how that was cut short; raised where patience ends.
        patience: whether to try once more.

    Raises:
        StoreError: the server did not come back, or has not all that it had acknowledged.
    """
    began = time.monotonic()
    # The first time at once: a server that was restarted is back already.
    while True:
        seconds = time.monotonic() - began
        if standing.given_up or not patience(seconds, error):
            standing.given_up = True
            raise error
        try:
            connection = open_for_writing(place, durable=standing.durable)
        except StoreUnreachable:
            time.sleep(_PAUSE)
            continue
        try:
            return Reconnected(connection, _committed(connection, place, standing))
        except StoreUnreachable:
            close_writing(connection)
            time.sleep(_PAUSE)
        except BaseException:
            close_writing(connection)
            raise


def _committed(connection: Connection, place: StoreAddress, standing: Standing) -> bool:
    """Say whether the change after `standing` is stored; no by a run that is somebody else's now.

    Raises:
        StoreError: less is stored than the server had acknowledged.
    """
    with transaction(connection, place, alone=False):
        row = connection.execute(_LOOK, {"run": standing.run_id}).first()
    if row is None:
        # Only its writer removes a run that it is at work on.
        return True
    if row.writer != standing.owner:
        return False
    if row.beat < standing.beat:
        raise StoreError(
            f"{place}: the database server came back without what it had acknowledged last "
            f"(synchronous_commit, or a replica that was behind): go on with --resume "
            f"{standing.run_id}"
        )
    return bool(row.beat == standing.beat + 1)
