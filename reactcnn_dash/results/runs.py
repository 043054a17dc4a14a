"""The runs of a store as rows, for the runs page and the command line; and what changed of them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from reactcnn_dash.db import RunSummary, StoreReader

FRESH_SECONDS = 0.5
"""Pages that look within this time of each other share one reading of the store."""


class RunRow(TypedDict):
    """A run as JSON, see ``row_of``."""

    id: int
    uuid: str
    name: str
    model: str
    sha256: str
    checkpoint: str
    experiment: str | None
    epoch: int | None
    source: str
    stored: int
    total: int | None
    accuracy: float | None
    error: float | None
    state: str
    started: str
    ended: str | None
    seconds: float
    bytes: int
    odd: int | None
    precision: str
    tags: list[str]
    note: str
    authors: dict[str, list[str]]


def row_of(run: RunSummary) -> RunRow:
    """Return a run as JSON.

    ``accuracy`` is None without labels, ``error``, the mean absolute error of a network of values,
    without targets, ``total`` when it is unknown; ``started`` and ``ended`` are
    ISO 8601 in UTC; ``seconds`` is how long the run took, or has been heard of so far; ``bytes`` is
    the size of its values in the store; ``odd`` counts its odd images, None while
    nobody has looked for them; ``authors`` says of ``name``, ``note`` and ``tags`` who
    wrote them and when, where that is known.
    """
    last = run.ended_at or run.heartbeat_at
    # A clock that was set back while the run went on says nothing about how long it took.
    took = max(0.0, (last - run.created_at).total_seconds())
    return {
        "id": run.id,
        "uuid": run.uuid,
        "name": run.name,
        "model": run.model,
        "sha256": run.sha256,
        "checkpoint": run.checkpoint_source,
        "experiment": run.experiment,
        "epoch": run.epoch,
        "source": run.image_source,
        "stored": run.stored,
        "total": run.total,
        "accuracy": round(run.correct / run.labelled, 6) if run.labelled else None,
        "error": run.mean_error,
        "state": str(run.state),
        "started": run.created_at.isoformat(timespec="seconds"),
        "ended": None if run.ended_at is None else run.ended_at.isoformat(timespec="seconds"),
        "seconds": round(took, 1),
        "bytes": run.size,
        "odd": run.odd,
        "precision": run.precision,
        "tags": list(run.tags),
        "note": run.note,
        "authors": {what: [who["by"], who["at"]] for what, who in run.authors.items()},
    }


@dataclass(slots=True)
class _Known:
    """A row as it was last seen, and in which version of the list it became so."""

    summary: RunSummary
    row: RunRow
    version: int


@dataclass(slots=True)
class Changes:
    """What a page must change to show the list of now.

    ``whole`` says that ``rows`` are all runs and that everything else is to be forgotten; ``runs``
    is how many the store has; ``damaged`` says in a line each which are left out.
    """

    version: int
    runs: int
    whole: bool
    rows: list[RunRow]
    removed: list[int] = field(default_factory=list)
    damaged: tuple[str, ...] = ()


class RunsFeed:
    """Says what changed in the list of runs since a page last asked; shared by all pages.

    Args:
        reader: the store.
    """

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        # Versions go on rising over a restart of the server, so that a page left open notices.
        self._first = self._version = time.time_ns() // 1_000_000
        self._known: dict[int, _Known] = {}
        self._gone: dict[int, int] = {}
        self._damaged: tuple[str, ...] = ()
        self._read_at = float("-inf")

    def since(self, version: int | None, *, now: bool = False) -> Changes:
        """Return the changes since ``version``, or every run for None or an unknown version.

        Args:
            version: that of the page's last answer.
            now: read the store again however fresh the last reading is.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock:
            if now or time.monotonic() - self._read_at > FRESH_SECONDS:
                self._read()
            if version is None or not self._first <= version <= self._version:
                version = -1
            return Changes(
                version=self._version,
                runs=len(self._known),
                whole=version < 0,
                rows=[one.row for one in self._known.values() if one.version > version],
                removed=[run_id for run_id, at in self._gone.items() if at > version],
                damaged=self._damaged,
            )

    def _read(self) -> None:
        listing = self._reader.listing()
        self._damaged = listing.damaged
        found = {run.id: run for run in listing.runs}
        version = self._version + 1
        changed = False
        for run_id in [run_id for run_id in self._known if run_id not in found]:
            del self._known[run_id]
            self._gone[run_id] = version
            changed = True
        known: dict[int, _Known] = {}
        for run_id, run in found.items():
            before = self._known.get(run_id)
            if before is None or before.summary != run:
                before = _Known(run, row_of(run), version)
                self._gone.pop(run_id, None)
                changed = True
            known[run_id] = before
        self._known = known
        if changed:
            self._version = version
        self._read_at = time.monotonic()
