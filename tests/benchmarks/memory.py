"""What the collector holds and how soon it begins, as whole processes; beside an older build.

``python -m tests.benchmarks --only memory --baseline DIR``: ``DIR`` is a checkout of that build,
for example one that ``git worktree add DIR COMMIT`` makes; it runs with this environment's
packages. Without it only what needs no other build is measured.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collector.frameworks.precision import named, processor_flags, units
from tests.benchmarks.table import Result, at_least, at_most, only_measured
from tests.benchmarks.turns import ratio
from tests.benchmarks.watching import most_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parents[2]
ROUNDS = 3
_IMPORTS = "import os; os.environ['TF_ENABLE_ONEDNN_OPTS'] = '1'; import tensorflow, keras"
_IMAGES = {1: 192, 64: 1024}


@dataclass(frozen=True, slots=True)
class Ran:
    """What one process of the collector did.

    Attributes:
        first: seconds from its start to its first stored image.
        rate: images a second from then on.
        seconds: from its start to its end.
        peak: largest resident memory, MB.
        size: bytes of its store.
    """

    first: float
    rate: float
    seconds: float
    peak: float
    size: int


def run(folder: Path, baseline: Path | None, report: Callable[[str], None]) -> list[Result]:
    """Measure memory and start; return the rows.

    Args:
        folder: for stores, temporary.
        baseline: a checkout of the build to compare with.
        report: told what is under way.
    """
    builds = {"now": HERE} | ({"then": baseline.resolve()} if baseline else {})
    results = []
    for size, images in _IMAGES.items():
        report(f"memory and start, batch {size}")
        ran: dict[str, list[Ran]] = {name: [] for name in builds}
        imports: list[float] = []
        for turn in range(ROUNDS):
            imports.append(_import_seconds())
            for name in list(builds)[:: 1 if turn % 2 else -1]:
                ran[name].append(_collect(builds[name], folder, images, size, "--no-scores"))
        now = ran["now"]
        peak = statistics.median(one.peak for one in now)
        if size == 1:
            shares = [one.first / alone for one, alone in zip(now, imports, strict=True)]
            results.append(
                at_most(
                    "start to first stored image ÷ importing TensorFlow and Keras alone "
                    f"({statistics.median(one.first for one in now):.1f} s)",
                    statistics.median(shares),
                    1.35,
                    "×",
                    2,
                )
            )
        if baseline is None:
            continue
        pairs = list(zip(now, ran["then"], strict=True))
        results += [
            at_most(
                f"peak resident memory ÷ the older build's, batch {size} ({peak:.0f} MB)",
                statistics.median(one.peak / other.peak for one, other in pairs),
                0.6 if size == 1 else 0.7,
                "×",
                2,
            ),
            at_least(
                f"images a second ÷ the older build's, every map stored, float32, batch {size}",
                statistics.median(one.rate / other.rate for one, other in pairs),
                1.0,
            ),
        ]
        if size == 64:
            smaller = statistics.median(one.size / other.size for one, other in pairs)
            results.append(
                at_most("bytes an image with every map ÷ the older build's", smaller, 0.85, "×", 2)
            )
    if baseline is not None:
        results += _against(builds, folder, report)
    report("collecting with scores and without")
    shares = []
    for _ in range(ROUNDS):
        without = _collect(HERE, folder, 3000, 64, "--no-scores", "--feature-maps", "none")
        scored = _collect(HERE, folder, 3000, 64, "--feature-maps", "none")
        shares.append((without.seconds - without.first) / (scored.seconds - scored.first))
    results.append(
        at_least("collecting with scores ÷ without, 3,000 images", statistics.median(shares), 0.97)
    )
    return results


def _against(
    builds: dict[str, Path], folder: Path, report: Callable[[str], None]
) -> list[Result]:  # fmt: skip
    """Return what else is set against the older build, batch 64: GAP alone."""
    report("GAP stored, in both precisions")
    plain = ("--no-scores", "--feature-maps", "none")
    rates: dict[str, list[float]] = {"now": [], "then": [], "brief": []}
    for _ in range(ROUNDS):
        for name in ("now", "then"):
            rates[name].append(_collect(builds[name], folder, 1024, 64, *plain).rate)
        brief = _collect(builds["now"], folder, 1024, 64, *plain, "--precision", "bfloat16")
        rates["brief"].append(brief.rate)
    row = (
        f"the same in bfloat16 ({named(units(processor_flags()))})",
        ratio(rates, "brief", "then"),
    )
    return [
        at_least(
            "images a second ÷ the older build's, GAP stored, float32, batch 64",
            ratio(rates, "now", "then"),
            1.0,
        ),
        at_least(*row, 3.0) if "amx_bf16" in processor_flags() else only_measured(*row),
    ]


def _import_seconds() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _collect(build: Path, folder: Path, images: int, size: int, *options: str) -> Ran:
    """Run the collector of a build over sample images.

    Raises:
        RuntimeError: it failed.
    """
    store = folder / f"{time.monotonic_ns()}.db"
    command = [sys.executable, "-m", "collector", "--store", str(store), "--images", "sample"]
    command += ["--limit", str(images), "--batch-size", str(size), "--quiet"]
    command += [] if "--feature-maps" in options else ["--feature-maps", "all"]
    return _watch([*command, *options], build, store, images)


def _watch(command: Sequence[str], build: Path, store: Path, images: int) -> Ran:
    environment = os.environ | {"PYTHONPATH": str(build)}
    begun = time.perf_counter()
    first: tuple[float, int] | None = None
    process = subprocess.Popen(command, cwd=build, env=environment)

    def look() -> None:
        nonlocal first
        if first is None and (count := _stored(store)):
            first = time.perf_counter(), count

    peak = most_memory(process, look)
    now = time.perf_counter()
    if process.returncode or first is None:
        msg = f"{build}: the collector ended with {process.returncode}"
        raise RuntimeError(msg)
    left = images - first[1]
    rate = left / (now - first[0])
    size = store.stat().st_size
    return Ran(first[0] - begun, rate, now - begun, peak / 1e6, size)


def _stored(store: Path) -> int:
    if not store.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT max(stored) FROM runs").fetchone()
    except sqlite3.Error:
        return 0
    return int(row[0] or 0)
