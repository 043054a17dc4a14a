"""What was read or made last, kept in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from cachetools import LRUCache

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


def _one(_value: object) -> int:
    return 1


class Cache(Generic[T]):
    """The values that were asked for last, one for each key; safe to share between threads.

    Args:
        most: how many are kept, or how many bytes of them.
        size: gives the bytes of a value; without it values are counted. One that is larger than
            ``most`` is not kept.
    """

    def __init__(self, most: int, size: Callable[[T], int] = _one) -> None:
        self._lock = threading.Lock()
        self._size = size
        self._kept: LRUCache[Hashable, tuple[Hashable, T]] = LRUCache(
            most, getsizeof=lambda one: size(one[1])
        )
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable) -> T | None:
        """Return the value of a key, None where none is kept."""
        with self._lock:
            kept = self._kept.get(key)
            return None if kept is None else kept[1]

    def put(self, key: Hashable, value: T, version: Hashable = None) -> None:
        """Keep the value of a key, in place of the one before."""
        with self._lock:
            self._kept.pop(key, None)
            if self._size(value) <= self._kept.maxsize:
                self._kept[key] = version, value

    def of(self, key: Hashable, make: Callable[[], T], version: Hashable = None) -> T:
        """Return the value of a key, made where it is not kept.

        Who asks while it is being made waits for it, so that many who ask at a time take the
        memory of one. ``None`` is not kept.

        Args:
            key: names the value.
            make: makes it.
            version: of which state of the key the value is, such as the length of a run that
                grows: the value of another version is replaced, and none piles up.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] == version:
                return kept[1]
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                with self._lock:
                    kept = self._kept.get(key)
                if kept is not None and kept[0] == version:
                    return kept[1]
                made = make()
                if made is not None:
                    self.put(key, made, version)
                return made
        finally:
            with self._lock:
                self._making.pop(key, None)
