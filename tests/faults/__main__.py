"""The long form of the fault suite: `python -m tests.faults`, a row of a table for each fault."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import psutil

from tests import stores
from tests.benchmarks.page import Poller
from tests.browser.conftest import start_server, stop
from tests.faults.killing import fail_at, kill_once

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEP = 2
_MOST_PAGES = 4000


def kills(count: int) -> tuple[str, str]:
    """Kill a collecting process so many times, each time in a store of its own."""
    chance = random.Random(2026)
    lost = half = acknowledged = 0
    for _ in range(count):
        with TemporaryDirectory(prefix="reactcnn-kill-") as folder:
            found = kill_once(Path(folder), chance)
        lost, half = lost + found.lost, half + found.half
        acknowledged += found.acknowledged
    name = f"collector killed at {count} random moments"
    return name, f"{acknowledged:,} images acknowledged, {lost} lost, {half} half there"


def failing_writes() -> tuple[str, str]:
    """Let the store grow to 2, 4, 6 … pages, until a run succeeds."""
    lost = half = cases = 0
    for pages in range(_STEP, _MOST_PAGES, _STEP):
        with TemporaryDirectory(prefix="reactcnn-full-") as folder:
            found, succeeded = fail_at(Path(folder), pages)
        lost, half, cases = lost + found.lost, half + found.half, cases + 1
        if succeeded:
            break
    return f"store full at {cases} sizes, until a run succeeds", f"{lost} lost, {half} half there"


def fuzzed(requests: int) -> tuple[str, str]:
    """Fuzz every route."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/faults/test_fuzz.py"]
    environment = os.environ | {"FUZZED_REQUESTS": str(requests)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = "no error of the server" if done.returncode == 0 else done.stdout.strip()[-300:]
    return f"{requests:,} requests out of order, every route", said


def pages(count: int, minutes: float) -> tuple[str, str]:
    """Let so many pages poll at 2 Hz for so long; give the 95th percentile and the memory."""
    with TemporaryDirectory(prefix="reactcnn-pages-") as folder:
        path = Path(folder) / "store.db"
        stores.make_store(path, 400)
        process, address = start_server(path)
        until = time.monotonic() + 60 * minutes
        taken: list[float] = []
        failures: list[str] = []

        def poll(number: int) -> None:
            poller = Poller(address)
            while time.monotonic() < until:
                try:
                    taken.append(poller.ask(number % 400)[0])
                except OSError as error:
                    failures.append(str(error))
                time.sleep(0.5)

        threads = [threading.Thread(target=poll, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        memory = psutil.Process(process.pid).memory_info().rss / 1e6
        stop(process)
    p95 = 1000 * float(np.percentile(taken, 95))
    said = f"{len(taken):,} polls, p95 {p95:.0f} ms, {len(failures)} failed, server {memory:.0f} MB"
    return f"{count} pages for {minutes:g} minutes", said


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    result.add_argument("--kills", type=int, default=200, help="random kills (default: 200)")
    result.add_argument(
        "--requests", type=int, default=10_000, help="fuzzed requests (default: 10,000)"
    )
    result.add_argument("--pages", type=int, default=20, help="pages that poll (default: 20)")
    result.add_argument(
        "--minutes", type=float, default=30.0, help="how long they do (default: 30)"
    )
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run every fault; print the table."""
    options = parser().parse_args(argv)
    print("| fault | what was found |\n| --- | --- |")  # noqa: T201
    for name, said in (
        kills(options.kills),
        failing_writes(),
        fuzzed(options.requests),
        pages(options.pages, options.minutes),
    ):
        print(f"| {name} | {said} |", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
