"""Many collectors on one run: two against one on a core each, and two that are killed at random.

Into PostgreSQL, from pip, as a team does; its own processes have what the two cores leave.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash.db import RunState, StoreError, StoreReader
from tests import looking
from tests.benchmarks.postgres import AS_ANYWHERE
from tests.benchmarks.table import Result, at_least, at_most
from tests.collector.onnx_graphs import photos
from tests.collector.test_share import network
from tests.postgres import OwnServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

IMAGES: Final = 4096
BATCH: Final = 64
ROUNDS: Final = 3
KILLS: Final = 30
KILLED_IMAGES: Final = 24_000
PACE: Final = 250
"""Images a second of a worker that is going to be killed: it is, some dozens of images on."""
_LOOK: Final = 0.05
_FROM, _TO = 512, 3584
"""Images between which the clock runs: by then all workers are at work, and none waits yet."""


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure both; return their rows."""
    server = OwnServer(AS_ANYWHERE)
    try:
        rates: dict[int, list[float]] = {1: [], 2: []}
        images = folder / "images.npz"
        rng = np.random.default_rng(0)
        np.savez(images, images=rng.integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8))
        for turn in range(ROUNDS):
            for workers, found in rates.items():
                report(f"{workers} on one run, round {turn + 1} of {ROUNDS}")
                url = server.databases.make()
                found.append(at_work(url, images, workers))
                server.databases.drop(url)
        each = "; ".join(
            f"{workers}: " + ", ".join(f"{rate:.0f}" for rate in found)
            for workers, found in rates.items()
        )
        report(f"images a second by workers {each}")
        ratio = float(np.median(np.array(rates[2]) / np.array(rates[1])))
        what = "images/s, VGG-16, batch 64, every map, PostgreSQL: 2 workers on one shared run ÷ 1"
        return [at_least(what, ratio, 1.7), *killed(folder, server, report)]
    finally:
        server.close()


def start(url: str, core: int | None, *words: str) -> subprocess.Popen[bytes]:
    """Start a worker, on a core of its own or on any."""
    command = [sys.executable, "-m", "collector", "--share", "run", "--store", url, "--quiet"]
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    return subprocess.Popen([*pinned, *command, "--no-scores", *words])


def gathered(url: str) -> int:
    """Return how many images a shared run has, those behind gaps included."""
    try:
        shared = StoreReader(url).run("run").shared
    except StoreError:
        return 0
    return 0 if shared is None else shared.images


def at_work(url: str, images: Path, workers: int) -> float:
    """Return images a second of a run, between `_FROM` and `_TO` images."""
    cores = sorted(os.sched_getaffinity(0))
    words = ("--images", str(images), "--batch-size", str(BATCH), "--feature-maps", "all")
    processes = [start(url, cores[number % len(cores)], *words) for number in range(workers)]
    try:
        begun = 0.0
        while True:
            time.sleep(_LOOK)
            ended = [one.returncode for one in processes if one.poll() not in (None, 0)]
            if ended:
                raise RuntimeError(f"a worker ended with exit code {ended[0]}")
            there = gathered(url)
            if not begun and there >= _FROM and _at_work(url) == workers:
                begun, first = time.monotonic(), there
            if there >= _TO:
                return (there - first) / (time.monotonic() - begun)
    finally:
        _end(processes)


def _at_work(url: str) -> int:
    return int(looking.rows(url, "SELECT count(*) FROM workers WHERE images > 0")[0][0])


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for one in processes:
        one.terminate()
    for one in processes:
        one.wait()


def killed(folder: Path, server: OwnServer, report: Callable[[str], None]) -> list[Result]:
    """Kill one of two workers again and again; hold what is stored against a single collector's."""
    chance = random.Random(0)
    archive, model = folder / "photos.npz", network(folder)
    light = np.random.default_rng(1).random((KILLED_IMAGES, 1, 1, 1))
    labels = np.arange(KILLED_IMAGES) % 4
    pixels = (photos(KILLED_IMAGES) * light).astype(np.uint8)
    np.savez(archive, images=pixels, labels=labels)
    words = (
        *("--model", model, "--images", str(archive)),
        *("--batch-size", "32", "--feature-maps", "none"),
    )
    alone, url = str(folder / "alone.db"), server.databases.make()
    report("a single collector")
    single = [sys.executable, "-m", "collector", *words, "--store", alone, "--quiet"]
    subprocess.run([*single, "--no-scores"], check=True)
    report(f"two workers, {KILLS} kills")
    workers = [start(url, None, *words, "--pace", str(PACE)) for _ in range(2)]
    kills = 0
    try:
        while kills < KILLS:
            wanted = gathered(url) + chance.randrange(32, 400)
            while gathered(url) < wanted and any(one.poll() is None for one in workers):
                time.sleep(chance.random() * _LOOK)
            victim = chance.randrange(2)
            if workers[victim].poll() is not None:
                break
            workers[victim].kill()
            workers[victim].wait()
            workers[victim] = start(url, None, *words, "--pace", str(PACE))
            kills += 1
        for one in workers:
            one.wait()
    finally:
        _end(workers)
    return [
        Result("two workers, kills at random", f"≥ {KILLS}", str(kills), met=kills >= KILLS),
        *compared(url, alone),
    ]


def compared(url: str, alone: str) -> list[Result]:
    """Return how far a shared run is from that of one collector."""
    shared, single = StoreReader(url), StoreReader(alone)
    count, distinct = looking.rows(url, "SELECT count(*), count(DISTINCT ordinal) FROM images")[0]
    lost = KILLED_IMAGES - int(distinct)
    other = 0
    for ours, theirs in zip(
        shared.gap_blocks(1, 0, KILLED_IMAGES), single.gap_blocks(1, 0, KILLED_IMAGES), strict=True
    ):
        other += int((ours.rows != theirs.rows).any(axis=1).sum())
    parted = 0.0
    for layer in shared.layers(1):
        states = [reader.correlation_state(1, layer.position) for reader in (shared, single)]
        if None in states:
            return [Result("co-moments against one worker's", "≤ 1e-10", "missing", met=False)]
        mine, its = (state.comoment for state in states if state is not None)
        parted = max(parted, float(np.abs(mine - its).max() / np.abs(its).max()))
    finished = shared.run(1).state is RunState.FINISHED
    return [
        at_most("the same, rows lost", lost + (not finished), 0, "", 0),
        at_most("the same, rows doubled", int(count) - int(distinct), 0, "", 0),
        at_most("the same, rows that differ from one worker's", other, 0, "", 0),
        Result(
            "the same, co-moments against one worker's",
            "≤ 1e-10",
            f"{parted:.1e}",
            met=parted <= 1e-10,
        ),
    ]
