"""One command in a process of its own, that tells how far it is by lines of JSON.

For work that needs what no worker has loaded. The command's standard input stays open as long as it
is wanted: it ends, in good order, when that is closed, and so it does when this process dies.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reactcnn_dash.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

_REMEMBERED = 40


class CommandBusy(UserError):
    """Another command is under way."""


@dataclass(frozen=True, slots=True)
class CommandState:
    """How far a command is.

    Attributes:
        running: whether it goes on.
        phase: what it does, in its own word; empty before it said.
        done: steps done of that.
        total: of how many; 0 until it is known.
        notices: what it said, the oldest first.
        code: its exit code, None while it runs.
        failure: its last words if it failed, in one line.
        cancelled: whether it was told to end.
    """

    running: bool
    phase: str = ""
    done: int = 0
    total: int = 0
    notices: tuple[str, ...] = ()
    code: int | None = None
    failure: str | None = None
    cancelled: bool = False


class Command:
    """Runs a module of Python's as a command, one at a time; safe to share between threads.

    Args:
        busy: what is said to who begins another one meanwhile.
    """

    def __init__(self, busy: str) -> None:
        self._busy = busy
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._phase: tuple[str, int, int] = ("", 0, 0)
        self._notices: deque[str] = deque(maxlen=_REMEMBERED)
        self._said: deque[str] = deque(maxlen=_REMEMBERED)
        self._cancelled = False
        self._readers: list[threading.Thread] = []

    def start(self, words: Sequence[str]) -> None:
        """Begin ``python -m WORDS``.

        Raises:
            CommandBusy: the one before has not ended.
        """
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                raise CommandBusy(self._busy)
            self._phase, self._cancelled = ("", 0, 0), False
            self._notices.clear()
            self._said.clear()
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            self._readers = [
                threading.Thread(target=read, args=(stream,), daemon=True)
                for read, stream in (
                    (self._read_progress, process.stdout),
                    (self._read_words, process.stderr),
                )
            ]
            for reader in self._readers:
                reader.start()

    def state(self) -> CommandState | None:
        """Return how far it is, None if there was none yet."""
        with self._lock:
            process, readers = self._process, self._readers
        if process is None:
            return None
        code = process.poll()
        if code is not None:
            for reader in readers:
                reader.join()
        phase, done, total = self._phase
        failure = None
        if code:
            said = [line for line in self._said if line.strip()]
            failure = said[-1] if said else f"It ended with exit code {code}."
        return CommandState(
            running=code is None,
            phase=phase,
            done=done,
            total=total,
            notices=tuple(self._notices),
            code=code,
            failure=failure,
            cancelled=self._cancelled,
        )

    def cancel(self) -> None:
        """Let it end in good order; without one, nothing happens."""
        with self._lock:
            if self._process is None or self._process.stdin is None:
                return
            self._cancelled = self._process.poll() is None
            with suppress(OSError):
                self._process.stdin.close()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not.
        """
        if self._process is not None:
            self._process.wait(seconds)

    def _read_progress(self, stream: IO[str]) -> None:
        for line in stream:
            with suppress(ValueError, TypeError, AttributeError):
                said = json.loads(line)
                if "notice" in said:
                    self._notices.append(str(said["notice"]))
                elif "phase" in said:
                    self._phase = str(said["phase"]), int(said["done"]), int(said["total"])

    def _read_words(self, stream: IO[str]) -> None:
        for line in stream:
            self._said.append(line.rstrip("\n"))
