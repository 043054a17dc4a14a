"""The long form of the fault suite: `python -m tests.faults`, a row of a table for each fault."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.faults import pages
from tests.faults.collectors import kill_collectors, kill_training
from tests.faults.disks import (
    FAILURES,
    build_shim,
    collect_on_full_disk,
    fail_nth,
    small_disk,
)
from tests.faults.killing import fail_at, kill_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STEP = 2
_MOST_PAGES = 4000
_HARMLESS = 30


def kills(number: int) -> tuple[str, str]:
    """Kill a collecting process so many times, each time in a store of its own."""
    chance = random.Random(2026)
    lost = half = acknowledged = 0
    for _ in range(number):
        with TemporaryDirectory(prefix="reactcnn-kill-") as folder:
            found = kill_once(Path(folder), chance)
        lost, half = lost + found.lost, half + found.half
        acknowledged += found.acknowledged
    name = f"a process that writes killed at {number} random moments"
    return name, f"{acknowledged:,} images acknowledged, {lost} lost, {half} half there"


def failing_writes() -> tuple[str, str]:
    """Let the store grow to 2, 4, 6 … pages, until a run succeeds."""
    lost = half = cases = 0
    for size in range(_STEP, _MOST_PAGES, _STEP):
        with TemporaryDirectory(prefix="reactcnn-full-") as folder:
            found, succeeded = fail_at(Path(folder), size)
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


def collectors(number: int) -> tuple[str, str]:
    """Kill real collectors, one image and 32 at a time, with every map; resume each."""
    chance, found = random.Random(2026), []
    for batch in (1, 32):
        with TemporaryDirectory(prefix="reactcnn-kill-") as folder:
            found.append(kill_collectors(Path(folder), batch, max(1, number // 2), chance))
    kills, seen, lost, half, differences = (
        sum(getattr(one, name) for one in found)
        for name in ("kills", "seen", "lost", "half", "differences")
    )
    return (
        f"`python -m collector` killed {kills} times, batch 1 and 32, every map, then resumed",
        f"{seen:,} images seen in the store, {lost} lost, {half} half there, "
        f"{differences} tables differ from an untouched run's",
    )


def trainings(number: int) -> tuple[str, str]:
    """Kill trainings 0 to 300 ms after a checkpoint; resume each."""
    chance, undone = random.Random(2026), 0
    for _ in range(number):
        with TemporaryDirectory(prefix="reactcnn-kill-") as folder:
            undone += bool(kill_training(Path(folder), chance.uniform(0.0, 0.3)))
    name = f"`collector train` killed {number} times 0–300 ms after a checkpoint, then resumed"
    return name, f"{undone} with an epoch's run missing or cut short"


def nth_writes(images: int = 12) -> Iterator[tuple[str, str]]:
    """Let the Nth write fail, for N = 1, 2, … until a run succeeds; in each way."""
    with TemporaryDirectory(prefix="reactcnn-shim-") as place:
        shim = build_shim(Path(place))
        if shim is None:
            yield "the Nth write fails", "not tried: there is no C compiler here"
            return
        for kind, reason in FAILURES.items():
            lost = half = cases = 0
            for nth in count(1):
                with TemporaryDirectory(prefix="reactcnn-nth-") as folder:
                    found, succeeded = fail_nth(Path(folder), shim, nth, reason, images)
                lost, half, cases = lost + found.lost, half + found.half, cases + 1
                # Some of the first writes may fail without harm.
                if succeeded and nth > _HARMLESS:
                    break
            yield (
                f"the Nth write fails ({kind}), N = 1 … {cases}, until a run succeeds",
                f"{lost} lost, {half} half there",
            )


def full_disks() -> tuple[str, str]:
    """Collect on a disk with less and less room."""
    with (
        TemporaryDirectory(prefix="reactcnn-disk-") as folder,
        small_disk(Path(folder), 16 * 2**20) as disk,
    ):
        if disk is None:
            return "a disk fills up", "not tried: this user cannot mount one"
        found = []
        for but in range(0, 4 * 2**20, 2**18):
            for path in disk.iterdir():
                path.unlink()
            found.append(collect_on_full_disk(disk, but))
    lost, half = sum(one.lost for one in found), sum(one.half for one in found)
    return f"a disk fills up, at {len(found)} sizes", f"{lost} lost, {half} half there"


def many_pages(number: int, minutes: float) -> tuple[str, str]:
    """Let so many pages look at a run that grows; give the 95th percentile and the memory."""
    with TemporaryDirectory(prefix="reactcnn-pages-") as folder:
        load = pages.run(Path(folder), number, minutes)
    said = (
        f"{len(load.polls):,} polls, p50 {load.percentile(50):.0f} ms, "
        f"p95 {load.percentile(95):.0f} ms; {len(load.others):,} other requests; "
        f"{len(load.failures)} failed; server {load.memory[-1][1]:.0f} MB"
    )
    return f"{number} pages for {minutes:g} minutes, a run of VGG-16's width growing", said


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    result.add_argument("--kills", type=int, default=140, help="writers killed (default: 140)")
    result.add_argument(
        "--collectors", type=int, default=60, help="collectors killed (default: 60)"
    )
    result.add_argument("--trainings", type=int, default=5, help="trainings killed (default: 5)")
    result.add_argument(
        "--requests", type=int, default=10_000, help="fuzzed requests (default: 10,000)"
    )
    result.add_argument("--pages", type=int, default=20, help="pages that poll (default: 20)")
    result.add_argument(
        "--minutes", type=float, default=30.0, help="how long they do (default: 30)"
    )
    return result


def _rows(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    yield kills(options.kills)
    yield collectors(options.collectors)
    yield trainings(options.trainings)
    yield failing_writes()
    yield from nth_writes()
    yield full_disks()
    yield fuzzed(options.requests)
    yield many_pages(options.pages, options.minutes)


def main(argv: Sequence[str] | None = None) -> int:
    """Run every fault; print the table."""
    options = parser().parse_args(argv)
    print("| fault | what was found |\n| --- | --- |")  # noqa: T201
    for name, said in _rows(options):
        print(f"| {name} | {said} |", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
