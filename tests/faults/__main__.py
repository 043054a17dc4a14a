"""The long form of the fault suite: `python -m tests.faults`, a row of a table for each fault.

Each row is printed as soon as it is known. Ctrl-C prints what was found until then and ends.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tqdm import tqdm

from tests.faults import pages
from tests.faults.collectors import Kills, kill_collectors, kill_training, make_subject
from tests.faults.disks import FAILURES, collect_on_full_disk, fail_nth, small_disk
from tests.faults.killing import fail_at, kill_once
from tests.faults.writers import Writers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.faults.pages import Load

_STEP = 2
_MOST_PAGES = 4000
_HARMLESS = 30
_FUZZED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table so far, and which step of how many it was (0: nobody knows)."""

    fault: str
    found: str
    step: int
    steps: int = 0


def kills(options: argparse.Namespace) -> Iterator[Row]:
    """Kill a process that writes so many times, each time in a store of its own."""
    chance = random.Random(2026)
    lost = half = acknowledged = 0
    with TemporaryDirectory(prefix="reactcnn-") as place, Writers(Path(place)) as writers:
        for done in range(1, options.kills + 1):
            with TemporaryDirectory(prefix="reactcnn-kill-") as folder:
                found = kill_once(writers, Path(folder), chance)
            lost, half = lost + found.lost, half + found.half
            acknowledged += found.acknowledged
            yield Row(
                f"a process that writes killed at {done} random moments",
                f"{acknowledged:,} images acknowledged, {lost} lost, {half} half there",
                done,
                options.kills,
            )


def full_stores(_options: argparse.Namespace) -> Iterator[Row]:
    """Let the store grow to 2, 4, 6 … pages, until a run succeeds."""
    lost = half = 0
    with TemporaryDirectory(prefix="reactcnn-") as place, Writers(Path(place)) as writers:
        for cases, size in enumerate(range(_STEP, _MOST_PAGES, _STEP), start=1):
            with TemporaryDirectory(prefix="reactcnn-full-") as folder:
                found, succeeded = fail_at(writers, Path(folder), size)
            lost, half = lost + found.lost, half + found.half
            until = ", until a run succeeds" if succeeded else ""
            yield Row(
                f"store full at {cases} sizes{until}", f"{lost} lost, {half} half there", cases
            )
            if succeeded:
                break


def _nth_writes(kind: str, images: int = 12) -> Iterator[Row]:
    """Let the Nth write fail in some way, for N = 1, 2, … until a run succeeds."""
    lost = half = 0
    with TemporaryDirectory(prefix="reactcnn-") as place, Writers(Path(place)) as writers:
        if not writers.can_fail:
            yield Row(f"the Nth write fails ({kind})", "not tried: no C compiler is here", 0)
            return
        for nth in count(1):
            with TemporaryDirectory(prefix="reactcnn-nth-") as folder:
                found, succeeded = fail_nth(writers, Path(folder), nth, FAILURES[kind], images)
            lost, half = lost + found.lost, half + found.half
            # Some of the first writes may fail without harm.
            over = succeeded and nth > _HARMLESS
            until = ", until a run succeeds" if over else ""
            yield Row(
                f"the Nth write fails ({kind}), N = 1 … {nth}{until}",
                f"{lost} lost, {half} half there",
                nth,
            )
            if over:
                break


def full_disks(_options: argparse.Namespace) -> Iterator[Row]:
    """Collect on a disk with less and less room."""
    lost = half = 0
    with (
        TemporaryDirectory(prefix="reactcnn-") as place,
        Writers(Path(place)) as writers,
        TemporaryDirectory(prefix="reactcnn-disk-") as folder,
        small_disk(Path(folder), 16 * 2**20) as disk,
    ):
        if disk is None:
            yield Row("a disk fills up", "not tried: this user cannot mount one", 0)
            return
        sizes = range(0, 4 * 2**20, 2**18)
        for done, but in enumerate(sizes, start=1):
            for path in disk.iterdir():
                path.unlink()
            found = collect_on_full_disk(writers, disk, but)
            lost, half = lost + found.lost, half + found.half
            yield Row(
                f"a disk fills up, at {done} sizes",
                f"{lost} lost, {half} half there",
                done,
                len(sizes),
            )


def collectors(options: argparse.Namespace) -> Iterator[Row]:
    """Kill real collectors, one image and 32 at a time, with every map; resume each."""
    chance, before, each = random.Random(2026), Kills(0, 0, 0, 0, 0), (options.collectors + 1) // 2
    with TemporaryDirectory(prefix="reactcnn-") as place:
        subject = make_subject(Path(place))
        for batch in (1, 32):
            found = before
            with TemporaryDirectory(prefix="reactcnn-kill-") as folder:
                for now in kill_collectors(subject, Path(folder), batch, each, chance):
                    found = before + now
                    yield Row(
                        f"`python -m collector` killed {found.kills} times, batch 1 and 32, every "
                        "map, then resumed",
                        f"{found.seen:,} images seen in the store, {found.lost} lost, {found.half} "
                        f"half there, {found.differences} tables differ from an untouched run's",
                        found.kills,
                        2 * each,
                    )
            before = found


def trainings(options: argparse.Namespace) -> Iterator[Row]:
    """Kill trainings 0 to 300 ms after a checkpoint; resume each."""
    chance, undone = random.Random(2026), 0
    with TemporaryDirectory(prefix="reactcnn-") as place:
        subject = make_subject(Path(place))
        for done in range(1, options.trainings + 1):
            with TemporaryDirectory(prefix="reactcnn-kill-") as folder:
                undone += bool(kill_training(subject, Path(folder), chance.uniform(0.0, 0.3)))
            yield Row(
                f"`collector train` killed {done} times 0–300 ms after a checkpoint, then resumed",
                f"{undone} with an epoch's run missing or cut short",
                done,
                options.trainings,
            )


def fuzzed(options: argparse.Namespace) -> Iterator[Row]:
    """Fuzz every route, a thousand requests at a time, until one is an error of the server."""
    steps = -(-options.requests // _FUZZED_AT_ONCE)
    for step in range(1, steps + 1):
        done = min(step * _FUZZED_AT_ONCE, options.requests)
        now = done - (step - 1) * _FUZZED_AT_ONCE
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += [f"--hypothesis-seed={step}", "tests/faults/test_fuzz.py"]
        environment = os.environ | {"FUZZED_REQUESTS": str(now)}
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        well = ended.returncode == 0
        said = "no error of the server" if well else " ".join(ended.stdout.split())[-300:]
        yield Row(f"{done:,} requests out of order, every route", said, step, steps)
        if not well:
            return


def many_pages(options: argparse.Namespace) -> Iterator[Row]:
    """Let so many pages look at a run that grows; give the 95th percentile and the memory."""
    with TemporaryDirectory(prefix="reactcnn-pages-") as folder:
        for load in pages.run(Path(folder), options.pages, options.minutes):
            minutes, memory = load.memory[-1]
            yield Row(
                f"{options.pages} pages for {minutes:.3g} minutes, a run of VGG-16's width growing",
                _load(load, memory),
                int(60 * minutes),
                int(60 * options.minutes),
            )


def _load(load: Load, memory: float) -> str:
    times = ""
    if load.polls:
        times = f", p50 {load.percentile(50):.0f} ms, p95 {load.percentile(95):.0f} ms"
    return (
        f"{len(load.polls):,} polls{times}; {len(load.others):,} other requests; "
        f"{len(load.failures)} failed; server {memory:.0f} MB"
    )


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "kills": kills,
    "collectors": collectors,
    "trainings": trainings,
    "stores": full_stores,
    "writes-full": lambda _: _nth_writes("full"),
    "writes-broken": lambda _: _nth_writes("broken"),
    "writes-half": lambda _: _nth_writes("half written"),
    "disks": full_disks,
    "requests": fuzzed,
    "pages": many_pages,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    add = result.add_argument
    add("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
        help=f"these parts alone, of {', '.join(PARTS)} (default: all)")  # fmt: skip
    add("--kills", type=int, default=200, help="writers killed (default: 200)")
    add("--collectors", type=int, default=60, help="collectors killed (default: 60)")
    add("--trainings", type=int, default=5, help="trainings killed (default: 5)")
    add("--requests", type=int, default=10_000, help="fuzzed requests (default: 10,000)")
    add("--pages", type=int, default=20, help="pages that poll (default: 20)")
    add("--minutes", type=float, default=30.0, help="how long they do (default: 30)")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Go through the faults and print the table; return 130 if it was stopped."""
    options = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _say("| fault | what was found |\n| --- | --- |")
    for name in options.only:
        row, stopped = _last(name, PARTS[name](options))
        if row is not None:
            _say(f"| {row.fault} | {row.found} |")
        if stopped:
            sys.stderr.write("stopped: the parts after it were not tried\n")
            return 130
    return 0


def _last(name: str, rows: Iterator[Row]) -> tuple[Row | None, bool]:
    """Go through a part with a bar; give its last row, and whether somebody stopped it."""
    row = None
    with tqdm(desc=name, file=sys.stderr, leave=False, disable=None) as bar:
        try:
            for row in rows:
                bar.total = row.steps or None
                bar.n = row.step
                bar.set_postfix_str(row.found)
        except KeyboardInterrupt:
            return row, True
    return row, False


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
