"""What was read or made last, kept in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from cachetools import LRUCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Cache(Generic[T]):
    """The values that were asked for last, by key; safe to share between threads.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[Hashable, T] = LRUCache(most)

    def get(self, key: Hashable) -> T | None:
        """Return the value of a key, None where none is kept."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: Hashable, value: T) -> None:
        """Keep the value of a key."""
        with self._lock:
            self._kept[key] = value

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key, made where it is not kept."""
        with self._lock:
            if key in self._kept:
                return self._kept[key]
        made = make()
        self.put(key, made)
        return made
