"""Ways to do the same, timed in turn, so that what else the machine does meets all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Way = Callable[[], float]


@contextmanager
def timed(images: int) -> Iterator[list[float]]:
    """Time a block; the list holds images a second afterwards."""
    rate: list[float] = []
    start = time.perf_counter()
    yield rate
    rate.append(images / (time.perf_counter() - start))


def in_turn(rounds: int, ways: dict[str, Way]) -> dict[str, list[float]]:
    """Run all ways in turn; return their rates."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        names = list(ways)
        # Another order each time: what comes first must not always be the same.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            rates[name].append(ways[name]())
    return rates


def ratio(rates: dict[str, list[float]], ours: str, theirs: str) -> float:
    """Return the median over rounds of one way's rate over another's."""
    pairs = zip(rates[ours], rates[theirs], strict=True)
    return statistics.median(a / b for a, b in pairs)
