"""What was worked out is kept: in memory, and in the store where that can be written to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cachetools import LRUCache

from reactcnn_dash.db import StoreError
from reactcnn_dash.jobs.runner import UnderWay

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from reactcnn_dash.jobs.runner import Jobs

T = TypeVar("T")


def keep(save: Callable[[], bool | None]) -> bool:
    """Store something; return whether it is stored: ``save`` may say False where it does not.

    A store that is read-only or busy costs the stored copy, not the answer: it is worked out again
    next time, and nothing is lost.
    """
    try:
        return save() is not False
    except StoreError:
        return False


def found_or_computed(
    find: Callable[[], T | None], compute: Callable[[], T], save: Callable[[T], None]
) -> T:
    """Return what the store holds, or else what is computed, and stored where that can be done.

    Raises:
        StoreError: the store cannot be read.
        Exception: what ``compute`` raises.
    """
    known = find()
    if known is None:
        known = made = compute()
        keep(lambda: save(made))
    return known


class Kept(Generic[T]):
    """Results of one kind for the pages: from memory, or from the store, or else by a job.

    Args:
        jobs: do what is not there yet.
        kind: names the results among those of other kinds.
        most: how many stay in memory.
    """

    def __init__(self, jobs: Jobs, kind: str, most: int) -> None:
        self._jobs = jobs
        self._kind = kind
        self._lock = threading.Lock()
        self._kept: LRUCache[Hashable, T] = LRUCache(most)
        self._waiting: set[Hashable] = set()

    def ask(
        self,
        key: Hashable,
        find: Callable[[], T | None],
        may_stand: Callable[[T], bool],
        work: Callable[..., T],
        *args: Any,
    ) -> T | UnderWay:
        """Return a result, or how far it is: then ask again.

        Args:
            key: names the result.
            find: looks for it in the store.
            may_stand: whether a former result is still recent enough.
            work: works it out in another process, and keeps it in the store.
            args: the arguments of ``work``.

        Raises:
            WorkLost: the worker process ended.
            StoreError: the store cannot be read.
            Exception: what ``work`` raised.
        """
        with self._lock:
            known = self._kept.get(key)
            if known is not None and may_stand(known):
                return known
            found = self._from_job(key, work, args) if key in self._waiting else find()
            if found is None:
                found = self._from_job(key, work, args)
            if not isinstance(found, UnderWay):
                self._kept[key] = found
            return found

    def _from_job(
        self, key: Hashable, work: Callable[..., T], args: tuple[Any, ...]
    ) -> T | UnderWay:
        # Who waits for a job takes its result, even where the store has it by now: left behind, it
        # would be taken for the result of the next job. However far the run has grown meanwhile,
        # it is what is known by now.
        self._waiting.discard(key)
        found = self._jobs.ask((self._kind, key), work, *args)
        if isinstance(found, UnderWay):
            self._waiting.add(key)
        return found
