"""Long changes in small steps: a collector beside them waits no longer than for one of them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from reactcnn_dash.db import postgresql
from reactcnn_dash.db.driver_errors import translated
from reactcnn_dash.db.engine import transaction
from reactcnn_dash.db.errors import StoreLocked

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreAddress

HELD_SECONDS = 0.05
"""How long a transaction of a long change should hold the store: a collector waits no longer."""
_FIRST_STEP = 16
_LONGEST_STEP = 4096


class Pace:
    """How many rows or pages one transaction takes, so that it holds the store `HELD_SECONDS`."""

    def __init__(self, first: int = _FIRST_STEP) -> None:
        self.step = first

    def took(self, seconds: float) -> None:
        """Learn from a step that took so long, and leave the store to others as long."""
        fitting = int(self.step * HELD_SECONDS / max(seconds, 1e-6))
        self.step = max(1, min(fitting, 2 * self.step, _LONGEST_STEP))
        time.sleep(seconds)


def shrink(raw: sqlite3.Connection, place: StoreAddress, pace: Pace) -> int:
    """Take the pages that are free now out of the file, some at a time; give their bytes."""
    given_back = 0
    with translated(place):
        size = _pragma(raw, "page_size")
        # Counted once: a collector that drops old maps frees pages for ever.
        free = _pragma(raw, "freelist_count")
        while free > 0:
            before, step = _pragma(raw, "page_count"), pace.step
            began = time.monotonic()
            # Not `execute`, which stops at a pragma's first page.
            raw.executescript(f"PRAGMA incremental_vacuum({step})")
            pace.took(time.monotonic() - began)
            given_back += max(0, before - _pragma(raw, "page_count")) * size
            free -= step
    return given_back


def _pragma(raw: sqlite3.Connection, name: str) -> int:
    return int(raw.execute(f"PRAGMA {name}").fetchone()[0])


def size_on_server(connection: Connection, place: StoreAddress) -> int:
    """Return how many bytes a database server's tables of images take."""
    with transaction(connection, place, alone=False):
        return postgresql.size_of_images(connection)


def vacuum_on_server(connection: Connection, place: StoreAddress, before: int) -> int:
    """Let a database server clear away what was deleted; return the bytes that it gave back.

    Args:
        connection: to it.
        place: the store.
        before: its size before, see :func:`size_on_server`.
    """
    # What was deleted is gone already; a server that is busy sees to its tables by itself.
    with suppress(StoreLocked), translated(place):
        postgresql.vacuum(connection)
    return max(0, before - size_on_server(connection, place))
