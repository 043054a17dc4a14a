"""The model at hand: a process that holds the model of one run, and what it was asked.

It is started when somebody asks, takes seconds to load the model, and ends when nobody has asked
for some minutes, when another run's model is wanted, and with this process, however that ends: its
input is a pipe from here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from cachetools import LRUCache

from reactcnn_dash.errors import FAILED, UserError
from reactcnn_dash.jobs.messages import BrokenMessage, Message, read_message, write_message
from reactcnn_dash.jobs.runner import UnderWay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMAND: Final = (sys.executable, "-m", "collector.at_hand")
IDLE_SECONDS: Final = 300.0
WAITED_SECONDS: Final = 10.0
"""Who looks at a page that waits for an answer asks again sooner than that."""
GIVEN_UP_SECONDS: Final = 90.0
"""So does a page that nobody looks at: browsers let it ask once a minute."""
KEPT_BYTES: Final = 2**27
"""Of answers that are kept, of the run whose model is at hand."""


class ModelLost(UserError):
    """The model is not at hand, or its process ended; the text says why."""

    exit_code = FAILED


class ModelRefused(UserError):
    """The model's process has no answer to a question; the text says why."""


@dataclass(slots=True, eq=False)
class _Pending:
    """A question under way."""

    number: int
    asked_at: float
    done: int = 0
    total: int = 0


@dataclass(slots=True, eq=False)
class _Process:
    """A process, and what it was asked; shared by those who ask and the thread that listens."""

    run: str
    child: subprocess.Popen[bytes]
    ready: bool = False
    pending: dict[str, _Pending] = field(default_factory=dict)
    answers: LRUCache[str, Message | UserError] = field(
        default_factory=lambda: LRUCache(KEPT_BYTES, getsizeof=_size)
    )


class ModelAtHand:
    """Answers questions by the model of a run; safe to share between threads.

    Args:
        url: the store.
        idle_seconds: after how long without a question the process ends.
        command: starts the process.
    """

    def __init__(
        self,
        url: str,
        *,
        idle_seconds: float = IDLE_SECONDS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._url = url
        self._idle = idle_seconds
        self._command = command
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._lost: dict[str, str] = {}
        self._asked_at = 0.0
        self._number = 0

    @property
    def pid(self) -> int | None:
        """The id of the process, None while there is none."""
        with self._lock:
            return None if self._process is None else self._process.child.pid

    def ask(self, run: str, question: Mapping[str, Any]) -> Message | UnderWay:
        """Return the answer to a question, or how far it is: then ask again.

        Args:
            run: the uuid of the run.
            question: for ``collector.at_hand``; the same question is answered once.

        Raises:
            ModelLost: the model cannot be loaded, or its process ended; asked once more, it is
                tried anew.
            ModelRefused: the process has no answer.
        """
        key = json.dumps(question, sort_keys=True)
        with self._lock:
            now = time.monotonic()
            lost = self._lost.pop(run, None)
            if lost is not None:
                raise ModelLost(lost)
            process = self._process
            if process is not None and process.run != run:
                if _is_waited_for(process, now):
                    return UnderWay(behind=True)
                self._end()
                process = None
            self._asked_at = now
            if process is None:
                process = self._process = self._start(run)
            known = process.answers.get(key)
            if isinstance(known, Message):
                return known
            if known is not None:
                # Said once: what was wrong may have been mended.
                del process.answers[key]
                raise known
            return self._await(process, key, question, now)

    def cancel(self, run: str, question: Mapping[str, Any]) -> None:
        """Return a question up; the model stays at hand."""
        key = json.dumps(question, sort_keys=True)
        with self._lock:
            process = self._process
            if process is not None and process.run == run:
                self._cancel(process, key)

    def answer(self, run: str, question: Mapping[str, Any]) -> Message | None:
        """Return the answer to a question that was asked, None where it is not known."""
        with self._lock:
            process = self._process
            if process is None or process.run != run:
                return None
            known = process.answers.get(json.dumps(question, sort_keys=True))
            return known if isinstance(known, Message) else None

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._end()

    def _await(
        self, process: _Process, key: str, question: Mapping[str, Any], now: float
    ) -> UnderWay:
        pending = process.pending.get(key)
        if pending is None:
            self._number += 1
            pending = process.pending[key] = _Pending(self._number, now)
            _tell(process, {**question, "id": pending.number})
        pending.asked_at = now
        return UnderWay(pending.done, pending.total, loading=not process.ready)

    def _start(self, run: str) -> _Process:
        child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process = _Process(run, child)
        _tell(process, {"store": self._url, "run": run})
        for work in (self._listen, self._watch):
            threading.Thread(target=work, args=(process,), daemon=True).start()
        return process

    def _listen(self, process: _Process) -> None:
        """Take in what a process says, until it ends."""
        message: Message | None = None
        lost = None
        try:
            while (message := read_message(_pipe(process.child.stdout))) is not None:
                with self._lock:
                    lost = _take(process, message) or lost
        except (BrokenMessage, OSError) as error:
            lost = str(error)
        process.child.kill()
        process.child.wait()
        with self._lock:
            if self._process is process:
                # Ended by itself: whoever waits is told.
                self._process = None
                self._lost[process.run] = lost or (
                    "The process that holds the model ended before it had answered, perhaps for "
                    "want of memory. Ask again to try once more."
                )

    def _watch(self, process: _Process) -> None:
        """End a process that nobody asks any more."""
        while process.child.poll() is None:
            with self._lock:
                if self._process is not process:
                    return
                now = time.monotonic()
                left = self._asked_at + self._idle - now
                if left <= 0:
                    self._end()
                    return
                self._give_up(process, now)
            try:
                process.child.wait(min(left, WAITED_SECONDS))
            except subprocess.TimeoutExpired:
                continue

    def _give_up(self, process: _Process, now: float) -> None:
        for key, pending in list(process.pending.items()):
            if now - pending.asked_at > GIVEN_UP_SECONDS:
                self._cancel(process, key)

    def _cancel(self, process: _Process, key: str) -> None:
        pending = process.pending.pop(key, None)
        if pending is not None:
            _tell(process, {"ask": "cancel", "id": pending.number})

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            # Its input ends, and so does it, once a change to the store that it is making is made.
            _pipe(process.child.stdin).close()


def _size(known: Message | UserError) -> int:
    arrays = known.arrays.values() if isinstance(known, Message) else ()
    return 1000 + sum(array.nbytes for array in arrays)


def _is_waited_for(process: _Process, now: float) -> bool:
    return any(now - one.asked_at <= WAITED_SECONDS for one in process.pending.values())


def _take(process: _Process, message: Message) -> str | None:
    """Take in a message; return why the model is not at hand, None while it may be."""
    head = message.head
    status, number = head.get("status"), head.get("id")
    if status == "lost":
        return str(head["message"])
    if status == "ready":
        process.ready = True
        return None
    key = next((key for key, one in process.pending.items() if one.number == number), None)
    if key is None:
        return None
    if status == "running":
        process.pending[key].done, process.pending[key].total = head["done"], head["total"]
        return None
    del process.pending[key]
    refused = ModelRefused(str(head["message"])) if status == "refused" else None
    known = refused or message
    if _size(known) > KEPT_BYTES:
        known = ModelRefused("The answer is too large for the page: store the maps with the run.")
    process.answers[key] = known
    return None


def _tell(process: _Process, head: Mapping[str, Any]) -> None:
    try:
        write_message(_pipe(process.child.stdin), head)
    except (OSError, ValueError):
        # It has ended: the thread that listens says so.
        return


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ModelLost("The process that holds the model has no pipe.")
    return stream
