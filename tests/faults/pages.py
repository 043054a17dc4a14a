"""Many pages before one server while a run grows: how fast it answers, and the memory it takes."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import numpy as np
import psutil

from tests.faults import growing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
RATE: Final = 20.0
"""Images a second of the run that grows."""
_PAUSE: Final = 0.5
REST: Final = 0.25
"""Seconds between two of a page's requests that are no polls."""
_PATIENCE: Final = 30.0
_EVERY: Final = 5.0


@dataclass(slots=True)
class Load:
    """What many pages saw; memory in MB, `memory` with the minutes since the first poll.

    `until` is the moment at which they leave, by `time.monotonic`.
    """

    until: float
    polls: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)

    def percentile(self, of: float) -> float:
        """Give a percentile of the polls, in milliseconds."""
        return 1000 * float(np.percentile(self.polls, of))


def run(
    folder: Path, pages: int, minutes: float, *, tree: Path = ROOT, rest: float = REST
) -> Iterator[Load]:
    """Let so many pages look at a run of VGG-16's width that grows.

    Each page polls twice a second as the live page does, and by a second connection asks for what
    a person would see on it and on the filter's page.

    Args:
        folder: where the store is made.
        pages: how many pages.
        minutes: how long.
        tree: the version of the product to serve by; its collector writes the run too.
        rest: seconds between two such requests; 0 asks faster than pages can.

    Yields:
        What was seen so far, every few seconds, and at the end.
    """
    store = folder / "store.db"
    images = int(60 * minutes * RATE) + 2000
    environment = os.environ | {"PYTHONPATH": str(tree)}
    grower = subprocess.Popen(
        [sys.executable, growing.__file__, str(store), str(images), str(RATE)],
        stdout=subprocess.PIPE, text=True, cwd=tree, env=environment, start_new_session=True,
    )  # fmt: skip
    assert grower.stdout is not None
    grower.stdout.readline()
    server = subprocess.Popen(
        [sys.executable, "-m", "reactcnn_dash", "--store", str(store), "--port", "0"],
        stderr=subprocess.PIPE, text=True, cwd=tree, env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        yield from _watch(server, pages, 60 * minutes, rest)
    finally:
        for process in (server, grower):
            process.terminate()
            process.wait(timeout=30)


def _watch(
    server: subprocess.Popen[str], pages: int, seconds: float, rest: float
) -> Iterator[Load]:
    address, begun = _address(server), time.monotonic()
    load = Load(begun + seconds)
    threads = [
        threading.Thread(target=_guarded, args=(load, work, _Page(address, number, rest)))
        for number in range(pages)
        for work in (_poll, _look)
    ]
    for thread in threads:
        thread.start()
    watched = psutil.Process(server.pid)

    def measured() -> Load:
        load.memory.append(((time.monotonic() - begun) / 60, watched.memory_info().rss / 1e6))
        return load

    try:
        while (now := time.monotonic()) < load.until:
            yield measured()
            time.sleep(min(_EVERY, max(0.01, load.until - now)))
    finally:
        load.until = 0.0
        for thread in threads:
            thread.join()
    yield measured()


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    for line in server.stderr:
        found = re.search(r"http://\S+/", line)
        if found:
            return found.group()
    raise RuntimeError(f"the server ended with exit code {server.wait()}")


class _Page:
    """One connection of a page."""

    def __init__(self, address: str, number: int, rest: float) -> None:
        self.number = number
        self.rest = rest
        self.run: dict[str, Any] = {}
        self._origin = address.rstrip("/")
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=_PATIENCE)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[float, bytes]:
        """Ask; give the seconds and the answer.

        Raises:
            OSError: there was no answer, or one that says that the server is at fault.
        """
        headers = {"Origin": self._origin, "Content-Type": "application/json"}
        begun = time.perf_counter()
        sent = None if body is None else json.dumps(body)
        try:
            self._connection.request("GET" if sent is None else "POST", path, sent, headers)
            answer = self._connection.getresponse()
            data = answer.read()
        except http.client.HTTPException as error:
            self._connection.close()
            raise OSError(f"{path}: {error!r}") from error
        if answer.status >= 500:
            raise OSError(f"{path}: {answer.status} {data[:200]!r}")
        return time.perf_counter() - begun, data

    def poll(self) -> float:
        """Poll as the live page does, following the newest image."""
        value: dict[str, Any] = {"number": 1, "run": None, "ordinal": None}
        if self.run:
            value["seen"] = {"uuid": self.run["uuid"], "ordinal": -1}
        seconds, data = self.ask(
            "/_dash-update-component",
            {
                "output": "frame.data",
                "outputs": {"id": "frame", "property": "data"},
                "inputs": [{"id": "request", "property": "data", "value": value}],
                "changedPropIds": ["request.data"],
                "state": [],
            },
        )
        self.run = json.loads(data)["response"]["frame"]["data"]["run"]
        return seconds


def _poll(load: Load, page: _Page) -> None:
    while time.monotonic() < load.until:
        load.polls.append(page.poll())
        time.sleep(_PAUSE)


def _look(load: Load, page: _Page) -> None:
    page.poll()
    uuid, run = page.run["uuid"], page.run["id"]
    for step in count():
        if step % 10 == 0:
            page.poll()
        stored = page.run["stored"]
        layer = (page.number + step) % len(growing.VGG16)
        which = f"run={run}&layer=conv{layer + 1}&filter={(7 * step) % 64}"
        for path in (
            f"/runs/{uuid}/images/{stored - 1}",
            f"/runs/{uuid}/images/{stored - 1}/layers/{layer}",
            f"/filters/of?{which}",
            f"/filters/history?{which}",
            f"/filters/tops?{which}",
            f"/deviations/{uuid}",
            f"/deviations/{uuid}/images/{stored - 1}",
            f"/runs/{uuid}/search?of=wrong",
            f"/runs/{uuid}/thumbnails?of={','.join(map(str, range(min(60, stored))))}",
        ):
            if time.monotonic() > load.until:
                return
            load.others.append(page.ask(path)[0])
            time.sleep(page.rest)


def _guarded(load: Load, work: Callable[[Load, _Page], None], page: _Page) -> None:
    while time.monotonic() < load.until:
        try:
            work(load, page)
        except OSError as error:
            load.failures.append(str(error))
            time.sleep(_PAUSE)
