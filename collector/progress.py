"""What the user sees while a run goes on; the loop only knows :class:`Progress`."""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from reactcnn_dash.printing import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO


class Progress:
    """Told about a run's progress, from more than one thread; by itself it shows nothing."""

    def start(self, stored: int, total: int | None) -> None:
        """Show that the run begins with ``stored`` images of ``total``."""

    def stored(self, count: int) -> None:
        """``count`` more images are safely stored."""

    def total(self, total: int | None) -> None:
        """Take note of another number of images expected."""

    def working(self, what: str, done: int, total: int) -> None:
        """Work that comes after the run is at ``done`` of ``total`` steps; 0 of 0 at first."""

    def notice(self, text: str) -> None:
        """Something that the user should know, one line."""

    def close(self) -> None:
        """Show that the run is over."""


class Silent(Progress):
    """Shows nothing."""


class Lines(Progress):
    """Writes a line of JSON for each step, for a program that shows it; see ``follow_input``."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()
        self._done = 0
        self._total: int | None = None

    def start(self, stored: int, total: int | None) -> None:
        """Images are run through the network from now on."""
        self._done, self._total = stored, total
        self._collected()

    def stored(self, count: int) -> None:
        """More images are stored."""
        self._done += count
        self._collected()

    def total(self, total: int | None) -> None:
        """Take a changed number of images."""
        self._total = total

    def working(self, what: str, done: int, total: int) -> None:
        """Say how far some work is."""
        self.say({"phase": what, "done": done, "total": total})

    def notice(self, text: str) -> None:
        """Say what the user should know."""
        self.say({"notice": text})

    def say(self, values: Mapping[str, Any]) -> None:
        """Write one line."""
        with self._lock, contextlib.suppress(OSError):
            self._stream.write(f"{json.dumps(values)}\n")
            self._stream.flush()

    def _collected(self) -> None:
        self.working("collecting", self._done, self._total or 0)


def follow_input(seconds: float = 20.0) -> None:
    """Let this process end when its standard input does: whoever began it is gone, or wants that.

    As by Ctrl-C; if that has led to nothing after so many seconds, at once.
    """

    def watch() -> None:
        with contextlib.suppress(OSError, ValueError):
            while os.read(sys.stdin.fileno(), 4096):
                pass
        _thread.interrupt_main(signal.SIGINT)
        time.sleep(seconds)
        os._exit(128 + signal.SIGINT)

    threading.Thread(target=watch, name="input", daemon=True).start()


class Console(Progress):
    """Writes notices to a stream and, when that is a terminal, a bar below them."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: Any = None

    def start(self, stored: int, total: int | None) -> None:
        """Begin the bar, with images a second, images stored and time left."""
        self._begin("stored", total=total, initial=stored, unit=" images")

    def working(self, what: str, done: int, total: int) -> None:
        """Begin a bar of its own for this work, or move it on."""
        if self._bar is None:
            self._begin(what, bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}")
        if self._bar is not None:
            # What is done may begin anew: the profile first, then the images.
            self._bar.n, self._bar.total = done, total or None
            with contextlib.suppress(OSError):
                self._bar.refresh()

    def _begin(self, what: str, **options: Any) -> None:
        if not self._stream.isatty():
            return
        from tqdm import tqdm  # noqa: PLC0415 - --help must be quick

        self._bar = tqdm(desc=what, file=self._stream, dynamic_ncols=True, smoothing=0.1, **options)

    def stored(self, count: int) -> None:
        """Move the bar on."""
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.update(count)

    def total(self, total: int | None) -> None:
        """Correct the bar's end."""
        if self._bar is not None:
            self._bar.total = total
            with contextlib.suppress(OSError):
                self._bar.refresh()

    def notice(self, text: str) -> None:
        """Write one line, above the bar if there is one."""
        text = printable(text)
        # A closed terminal takes nothing any more; the run ends in good order all the same.
        with contextlib.suppress(OSError):
            if self._bar is not None:
                self._bar.write(text, file=self._stream)
            else:
                self._stream.write(f"{text}\n")
                self._stream.flush()

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.close()
            self._bar = None
