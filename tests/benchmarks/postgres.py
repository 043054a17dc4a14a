"""The collector into PostgreSQL against the collector into SQLite, and a poll of each.

The server is one from pip on a unix socket, whose commits wait for the disk as anywhere.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from reactcnn_dash.db import StoreReader
from tests.benchmarks.collecting import Bench
from tests.benchmarks.table import Result, at_least, at_most
from tests.benchmarks.turns import in_turn, ratio
from tests.postgres import OwnServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAGES = 512
SIZE = 64
ROUNDS = 5
POLLS = 400
AS_ANYWHERE = "fsync = on\nfull_page_writes = on\nshared_buffers = 128MB\n"


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure both; return their rows."""
    server = OwnServer(AS_ANYWHERE)
    try:
        bench = Bench(folder, IMAGES)
        file = str(folder / "reactcnn.db")
        database = server.databases.make()
        report("collecting into both databases")
        # Each into one store, round after round, as a team does.
        rates = in_turn(
            ROUNDS,
            {
                "sqlite": lambda: bench.collector(SIZE, IMAGES, "all", store=file),
                "postgresql": lambda: bench.collector(SIZE, IMAGES, "all", store=database),
            },
        )
        found = ratio(rates, "postgresql", "sqlite")
        each = {name: statistics.median(all_of) for name, all_of in rates.items()}
        report(", ".join(f"{name}: {rate:.0f} images/s" for name, rate in each.items()))
        report("polling both")
        polls = {name: _poll(url) for name, url in (("SQLite", file), ("PostgreSQL", database))}
    finally:
        server.close()
    what = f"images/s, batch {SIZE}, every map: into PostgreSQL ÷ into SQLite"
    return [
        at_least(what, found, 0.9),
        *(
            at_most(f"reading for a poll, {name}, p50", seconds * 1000, 50, "ms")
            for name, seconds in polls.items()
        ),
    ]


def _poll(url: str) -> float:
    """Return the median of seconds that a reader takes for the newest run and image."""
    reader = StoreReader(url)
    times = []
    for _ in range(POLLS):
        begun = time.perf_counter()
        reader.frame(None, None)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
