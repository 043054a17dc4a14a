"""What is kept in memory: bounded, one version of each thing, made once for all who ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from reactcnn_dash.jobs.cache import Cache


def test_a_new_version_takes_the_place_of_the_old() -> None:
    cache: Cache[int] = Cache(8)
    for length in range(100):
        assert cache.of("run", partial(int, length), length) == length
    assert cache.get("run") == 99
    assert cache.of("run", lambda: pytest.fail("it is kept"), 99) == 99
    assert len(cache._kept) == 1


def test_bytes_are_bounded() -> None:
    cache: Cache[np.ndarray] = Cache(1000, lambda one: one.nbytes)
    for key in range(50):
        cache.of(key, lambda: np.zeros(300, np.uint8))
        assert cache._kept.currsize <= 1000
    assert cache.get(49) is not None
    assert cache.get(0) is None
    assert len(cache.of("large", lambda: np.zeros(2000, np.uint8))) == 2000
    assert cache.get("large") is None
    cache.put(49, np.zeros(2000, np.uint8))
    assert cache.get(49) is None


def test_many_who_ask_at_a_time_take_the_work_of_one() -> None:
    cache: Cache[int] = Cache(8)
    begun, others = threading.Event(), threading.Barrier(9)
    made: list[int] = []

    def make() -> int:
        begun.set()
        others.wait()
        made.append(1)
        return 7

    def ask(later: bool) -> int:
        if later:
            begun.wait()
            others.wait()
        return cache.of("key", make)

    with ThreadPoolExecutor(9) as threads:
        found = list(threads.map(ask, [False] + 8 * [True]))
    assert found == 9 * [7]
    assert made == [1]


def test_what_could_not_be_made_is_tried_again() -> None:
    cache: Cache[int] = Cache(8)
    with pytest.raises(ZeroDivisionError):
        cache.of("key", lambda: 1 // 0)
    assert cache.of("key", lambda: 3) == 3
    assert cache.of("none", lambda: None) is None  # type: ignore[arg-type, return-value]
    assert cache.of("none", lambda: 4) == 4
