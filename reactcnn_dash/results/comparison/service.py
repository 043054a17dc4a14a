"""Comparisons for the page: from the store, or from a background process, never waited for."""

from __future__ import annotations

import threading
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache

from reactcnn_dash import analysis
from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs import process as background
from reactcnn_dash.results.comparison.stored import (
    computed_comparison,
    key_of,
    stored_comparison,
    unpack_comparison,
)
from reactcnn_dash.results.freshness import fresh

if TYPE_CHECKING:
    from concurrent.futures import Future

    from reactcnn_dash.db import ComparisonKey
    from reactcnn_dash.results.comparison.comparing import Comparison

    Pair = tuple[int, int, str, float | None]

KEPT = 8
"""Comparisons that stay in memory."""
KEPT_KEYS = 256
"""Pairs of runs of which it is remembered how many images their comparison is of."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A comparison that is being computed.

    Attributes:
        folded: images folded so far.
        images: images in common; 0 until they are known.
    """

    folded: int
    images: int


def warm_up() -> None:
    """Import what a comparison needs, here and in the helper, before the first is asked for."""
    moments = analysis.CoMoments.of(np.eye(4))
    background.helper().submit(analysis.cluster_both, moments, moments)
    analysis.compare_layer(
        analysis.CrossMoments.of(np.eye(4), np.eye(4)), analysis.cluster_both(moments, moments)
    )


class ComparisonService:
    """Gives comparisons that are stored at once, and has the others computed one by one.

    Args:
        url: the store's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._reader = StoreReader(url)
        self._lock = threading.Lock()
        self._process = background.Background()
        self._warm: Future[None] | None = None
        self._under_way: dict[ComparisonKey, Future[bytes]] = {}
        self._kept: LRUCache[ComparisonKey, Comparison] = LRUCache(KEPT)
        self._current: LRUCache[Pair, ComparisonKey] = LRUCache(KEPT_KEYS)

    def start(self) -> None:
        """Start the background processes ahead of the first comparison."""
        with self._lock:
            if self._warm is None:
                self._warm = self._process.submit(warm_up)

    def key(
        self, a: int | str, b: int | str, method: str, parameter: float | None
    ) -> ComparisonKey:
        """Return what names the comparison of two runs as they stand now.

        A run that is collected grows with every question: while its comparison is under way, and
        until it has grown as far as its clusters may (``fresh.fresh``), it counts as it
        stood when it was first asked for.

        Raises:
            StoreError: a run is not there, or the store cannot be read.
        """
        now = key_of(self._reader, a, b, method, parameter)
        pair = (now.a, now.b, now.method, now.parameter)
        runs = [self._reader.run(run) for run in (now.a, now.b)]
        with self._lock:
            before = self._current.get(pair)
            if before is not None:
                running = self._under_way.get(before)
                under_way = running is not None and not running.done()
                images = (before.images_a, before.images_b)
                if under_way or all(map(fresh, runs, images)):
                    return before
            self._current[pair] = now
        return now

    def ask(self, key: ComparisonKey) -> Comparison | Waiting:
        """Return a comparison, or how far it is: then ask again.

        Raises:
            NotComparable: no common image or no common layer.
            background.WorkLost: the background process ended.
            analysis.TooFewImages: fewer usable images in common than a correlation needs.
            StoreError: a run is not there, or the store cannot be read.
        """
        with self._lock:
            if key in self._kept:
                return self._kept[key]
            running = self._under_way.get(key)
            if running is not None and not running.done():
                return self._waiting(key)
        packed = self._computed(key, running) if running else stored_comparison(self._reader, key)
        with self._lock:
            if packed is None:
                if key not in self._under_way:
                    self._under_way[key] = self._process.submit(computed_comparison, self._url, key)
                return self._waiting(key)
        found = unpack_comparison(self._reader, packed)
        with self._lock:
            self._under_way.pop(key, None)
            self._kept[key] = found
        return found

    def close(self) -> None:
        """Stop the background processes."""
        with self._lock:
            self._process.close()
            self._under_way.clear()
            self._warm = None

    def _waiting(self, key: ComparisonKey) -> Waiting:
        # One thing after another: the progress is that of the first that is not done.
        first = next(one for one, future in self._under_way.items() if not future.done())
        return Waiting(*self._process.progress) if key == first else Waiting(0, 0)

    def _computed(self, key: ComparisonKey, done: Future[bytes]) -> bytes:
        try:
            return done.result()
        except BrokenProcessPool as error:
            self.close()
            raise background.WorkLost from error
        except Exception:
            with self._lock:
                self._under_way.pop(key, None)
            raise
