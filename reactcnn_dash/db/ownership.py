"""Who is collecting a run, and whether it lives: two writers never share one run.

A writer counts upwards in the run's row as long as it lives. Whoever looks twice sees by its own
clock whether the count goes on, and two clocks need not agree. On the writer's own machine its
process tells at once.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reactcnn_dash.db.errors import RunBusy
from reactcnn_dash.db.records import STALL_SECONDS, RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactcnn_dash.db.queries import AnyRow

LOOK_SECONDS: Final = 2.5
"""How long a count is watched that should have moved long ago; a living writer counts each second.
"""

_UNKNOWN: Final = "-"
_PROCESS: Final = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_REMEMBERED: Final = 1024
_PAUSE: Final = 0.1
_SAME_TIME: Final = 1.0
"""Seconds by which clocks that are set by the network may differ."""


class Process(Enum):
    """What is known of a writer's process."""

    RUNS = auto()
    GONE = auto()
    ELSEWHERE = auto()


def new_token() -> str:
    """Return a token of this process that no other writer has.

    Machine, boot and process id, when the process started, a random part.
    """
    process = os.getpid()
    return f"{_machine()} {_boot()} {process} {_started(process)} {uuid.uuid4()}"


def give_up(token: str) -> None:
    """Let this process know that a writer of its own has ended, though the store was not told."""
    _ENDED_HERE.add(token)


def process_of(token: str) -> Process:
    """Say what is known of the process that made a token; its writer may be gone before it."""
    if token in _ENDED_HERE:
        return Process.GONE
    words = token.split(" ")
    # Of a version that noted neither boot nor start there are three.
    numbered = words[1:2] if len(words) == 3 else words[2:3]
    if os.name != "posix" or words[0] != _machine() or not any(map(_PROCESS.fullmatch, numbered)):
        return Process.ELSEWHERE
    process = int(numbered[0])
    if len(words) == 3:
        return Process.RUNS if _exists(process) else Process.GONE
    boot, started = words[1], " ".join(words[3:4])
    if boot != _boot() or not _exists(process):
        return Process.GONE
    # A number that is used again belongs to a process that started later.
    return Process.RUNS if started == _started(process) else Process.GONE


@dataclass(slots=True)
class _Count:
    """A writer's count; since when it is known, whether it came soon after another, last seen."""

    beat: int
    since: float
    moved: bool
    seen: float


class Heard:
    """What a process has heard of writers: their counts, and when it first saw each.

    By its own monotonic clock. Safe to use from several threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Count] = OrderedDict()

    def silence(self, writer: str, beat: int) -> tuple[float, bool]:
        """Return for how many seconds the count has been known, and whether it was seen to move."""
        with self._lock:
            now = self._clock()
            known = self._known.get(writer)
            if known is None or known.beat != beat:
                # After a long time without a look nobody knows when it moved.
                moved = known is not None and now - known.seen <= STALL_SECONDS
                known = self._known[writer] = _Count(beat, now, moved, now)
            known.seen = now
            self._known.move_to_end(writer)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            return now - known.since, known.moved

    def forget(self) -> None:
        """Know as little as a process that begins."""
        with self._lock:
            self._known.clear()


_ENDED_HERE: Final[set[str]] = set()

HEARD: Final = Heard()
"""Of this process: what one reader has heard all of them know."""


def is_silent(row: AnyRow) -> bool:
    """Say whether the writer of a run, given as its row, has fallen silent, as far as is known.

    Where nothing was heard yet the two clocks have to do, until a second look knows better.
    """
    if process_of(row.writer) is Process.GONE:
        return True
    silence, moved = HEARD.silence(row.writer, row.beat)
    if silence > STALL_SECONDS or moved:
        return silence > STALL_SECONDS
    age = _age(row)
    return age > STALL_SECONDS or (age < -_SAME_TIME and silence >= LOOK_SECONDS)


def is_certain(row: AnyRow) -> bool:
    """Say whether what is known is enough to tell whether a run's writer lives."""
    if process_of(row.writer) is Process.GONE:
        return True
    silence, moved = HEARD.silence(row.writer, row.beat)
    return moved or silence >= LOOK_SECONDS or -_SAME_TIME <= _age(row) <= STALL_SECONDS


def judge(read: Callable[[], AnyRow]) -> Callable[[AnyRow], bool]:
    """Find out whether the writer of a run lives, and give what tells it of the run's row.

    It waits where one look cannot tell: some seconds where the writer's process runs here and has
    not counted for long, until the count is due for certain where it runs elsewhere. So it must be
    asked outside a transaction; inside one, what it gave holds for the row that is found there.

    Args:
        read: reads the run's row in a transaction of its own.
    """
    first = last = read()
    if RunState(first.state) in (RunState.COLLECTING, RunState.DELETING) and not is_certain(first):
        here = process_of(first.writer) is Process.RUNS
        deadline = time.monotonic() + (LOOK_SECONDS if here else STALL_SECONDS)
        while _same(last, first) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            last = read()
    watched = last is not first

    def alive(row: AnyRow) -> bool:
        if watched and _same(row, first):
            return False
        return not _same(row, first) or not is_silent(row)

    return alive


def _same(one: AnyRow, other: AnyRow) -> bool:
    return bool(one.writer == other.writer and one.beat == other.beat)


def refuse_busy(row: AnyRow, place: str, *, alive: bool) -> None:
    """Refuse a run, given as its row, that a living process is collecting.

    Args:
        row: the run's row.
        place: names the store in the text.
        alive: whether its writer lives, see `is_alive`.

    Raises:
        RunBusy: if one is, or if the run is being deleted.
    """
    if row.state == RunState.DELETING:
        raise RunBusy(
            f"{place}: run {row.id} ({row.name}) is being deleted; should that have stopped, "
            f"finish it: python -m reactcnn_dash delete {row.id} --store {place}"
        )
    if row.state == RunState.COLLECTING and alive:
        raise RunBusy(
            f"{place}: run {row.id} ({row.name}) is being collected by another process: "
            f"stop that one first"
        )


def _age(row: AnyRow) -> float:
    """Return the seconds since the last count as the clocks have it.

    Negative when they disagree.
    """
    heartbeat_at: datetime = row.heartbeat_at
    return (datetime.now(UTC) - heartbeat_at).total_seconds()


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(process: int) -> str:
    """Return when a process started, in ticks since the boot: no clock can change that."""
    try:
        # Its name may hold anything; after it come the state and numbers.
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _UNKNOWN
    return text.rpartition(")")[2].split()[19]


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _UNKNOWN


@cache
def _machine() -> str:
    # Containers may share a host name while their process ids mean different processes.
    namespace = Path("/proc/self/ns/pid")
    space = namespace.readlink().name if namespace.is_symlink() else "-"
    return f"{socket.gethostname()}/{space}".replace(" ", "-")
