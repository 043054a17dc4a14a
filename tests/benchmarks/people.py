"""Many people at one server while a run is collected: polls, the collector's speed, memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import psutil

from reactcnn_dash.db import StoreReader
from tests.benchmarks.page import Poller
from tests.benchmarks.table import Result, at_most
from tests.browser.conftest import start_server, stop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAGES = 64
IMAGES = 16_000
BATCH = 32
_WARM = 2_000
"""Images before the clock starts: the network is compiled with the first of them."""
_LOOK = 0.05
_EVERY = 5.0


@dataclass(slots=True)
class Watched:
    """What the people saw; safe to share between threads.

    Attributes:
        polls: seconds of each poll.
        last: the answer that each page got last, zstd-compressed JSON.
        failures: what went wrong.
    """

    polls: list[float] = field(default_factory=list)
    last: dict[int, bytes] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def watch(address: str, pages: int, ending: threading.Event, every: float = 1.0) -> Watched:
    """Poll as so many pages do that follow the newest image, until told to end.

    Args:
        address: of the server.
        pages: how many.
        ending: set when it is enough; every page then ends after its next poll.
        every: seconds from one poll of a page to its next; no page waits for another.
    """
    seen = Watched()

    def look(number: int) -> None:
        poller = Poller(address)
        # Pages are opened at any moment of a second.
        ending.wait(every * number / pages)
        while True:
            begun = time.monotonic()
            try:
                seconds, answer = poller.newest()
            except (OSError, ValueError, LookupError, TypeError) as error:
                seen.failures.append(repr(error))
                return
            seen.polls.append(seconds)
            seen.last[number] = answer
            if ending.wait(max(0.0, every - (time.monotonic() - begun))):
                return

    threads = [threading.Thread(target=look, args=(number,)) for number in range(pages)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def collecting(store: Path, images: Path, name: str) -> float:
    """Collect a run; return its images a second, from the first `_WARM` on."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "collector", "--images", str(images), "--name", name),
            *("--batch-size", str(BATCH), "--store", str(store), "--quiet", "--no-scores"),
        ]
    )
    begun = 0.0
    try:
        running = True
        while running:
            time.sleep(_LOOK)
            running = process.poll() is None
            run = StoreReader(str(store)).latest_run() if store.exists() else None
            if run is None or run.name != name:
                continue
            if not begun and run.stored >= _WARM:
                begun, first = time.monotonic(), run.stored
            if run.stored == IMAGES:
                return (IMAGES - first) / (time.monotonic() - begun)
    finally:
        process.wait()
    raise RuntimeError(f"the collector ended with exit code {process.returncode}")


def run(folder: Path, minutes: float, report: Callable[[str], None]) -> list[Result]:
    """Measure with and without people in turn, for at least so many minutes with them."""
    store, images = folder / "people.db", folder / "images.npz"
    rng = np.random.default_rng(0)
    np.savez(images, images=rng.integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8))
    alone: list[float] = []
    beside: list[float] = []
    memory: list[tuple[float, float]] = []
    polls: list[float] = []
    failures: list[str] = []
    report("collecting alone")
    collecting(store, images, "warm")
    alone.append(collecting(store, images, "alone 0"))
    process, address = start_server(store)
    server = psutil.Process(process.pid)
    try:
        while sum(_spans(memory)) < 60 * minutes:
            report(f"{PAGES} pages at 1 Hz beside a collector")
            ending = threading.Event()
            seen: list[Watched] = []
            people = threading.Thread(
                target=lambda done=ending, into=seen: into.append(watch(address, PAGES, done))
            )
            people.start()
            measuring = threading.Thread(target=_remember, args=(server, memory, ending))
            measuring.start()
            beside.append(collecting(store, images, f"beside {len(beside)}"))
            ending.set()
            people.join()
            measuring.join()
            polls += seen[0].polls
            failures += seen[0].failures
            report("collecting alone")
            alone.append(collecting(store, images, f"alone {len(alone)}"))
    finally:
        stop(process)
    report(
        "server's memory, MB: "
        + json.dumps([round(mb) for _, mb in memory[:: len(memory) // 20 + 1]])
    )
    report(f"alone {_listed(alone)}, beside {_listed(beside)} images a second")
    slower = 100 * (1 - statistics.mean(beside) / statistics.mean(alone))
    # The first fifth is a server that has just met its pages.
    settled = [mb for _, mb in memory[len(memory) // 5 :]]
    return [
        at_most(f"{PAGES} pages at 1 Hz beside a collector, failed polls", len(failures), 0, "", 0),
        at_most(
            "the same, a poll at the pages, p95", 1000 * float(np.percentile(polls, 95)), 50, "ms"
        ),
        at_most("the same, the collector slower by", slower, 12, "%"),
        at_most("the same, the server's memory grows by", settled[-1] - settled[0], 20, "MB"),
    ]


def _remember(
    server: psutil.Process, memory: list[tuple[float, float]], ending: threading.Event
) -> None:
    while True:
        memory.append((time.monotonic(), server.memory_info().rss / 1e6))
        if ending.wait(_EVERY):
            return


def _spans(memory: list[tuple[float, float]]) -> list[float]:
    """Return the seconds between looks that follow each other; pauses between runs are none."""
    gaps = [after - before for (before, _), (after, _) in pairwise(memory)]
    return [gap for gap in gaps if gap < 2 * _EVERY]


def _listed(rates: list[float]) -> str:
    return ", ".join(f"{rate:.0f}" for rate in rates)
