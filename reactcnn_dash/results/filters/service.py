"""Top images for the page: from the store, or from a background process, never waited for."""

from __future__ import annotations

import threading
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cachetools import LRUCache

from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs.process import Background, WorkLost
from reactcnn_dash.results.filters.tops import (
    StoredTops,
    computed_tops,
    kept_classes,
    stored_tops,
    unpack_tops,
)
from reactcnn_dash.results.freshness import fresh

if TYPE_CHECKING:
    from concurrent.futures import Future

    from reactcnn_dash.db import Report, Run

KEPT: Final = 4
"""Runs whose top images stay in memory."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Top images that are being looked for.

    Attributes:
        done: images looked at so far.
        images: images of the run; 0 until it is this run's turn.
    """

    done: int
    images: int


class TopsService:
    """Gives the top images that are stored at once, and has the others worked out run by run.

    Args:
        url: the store's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._reader = StoreReader(url)
        self._lock = threading.Lock()
        self._process = Background()
        self._under_way: dict[str, Future[Report]] = {}
        self._kept: LRUCache[str, StoredTops] = LRUCache(KEPT)

    def ask(self, run: Run, filters: int) -> StoredTops | Waiting:
        """Return the top images of a run with ``filters`` filters, or how far they are.

        Raises:
            WorkLost: the background process ended.
            StoreError: the store cannot be read.
        """
        with self._lock:
            kept = self._kept.get(run.uuid)
            if kept is not None and fresh(run, kept.images):
                return kept
            running = self._under_way.get(run.uuid)
            if running is not None and not running.done():
                return self._waiting(run.uuid)
        if running is not None:
            report = self._result(run.uuid, running)
            found = unpack_tops(report, filters, kept_classes(run, filters))
        else:
            found = stored_tops(self._reader, run, filters)
            found = found if found is not None and fresh(run, found.images) else None
        with self._lock:
            if found is None:
                if run.uuid not in self._under_way:
                    self._under_way[run.uuid] = self._process.submit(
                        computed_tops, self._url, run.id
                    )
                return self._waiting(run.uuid)
            self._under_way.pop(run.uuid, None)
            self._kept[run.uuid] = found
        return found

    def close(self) -> None:
        """Stop the background process."""
        with self._lock:
            self._process.close()
            self._under_way.clear()

    def _waiting(self, uuid: str) -> Waiting:
        # One run after another: the progress is that of the first that is not done.
        first = next((one for one, future in self._under_way.items() if not future.done()), None)
        return Waiting(*self._process.progress) if uuid == first else Waiting(0, 0)

    def _result(self, uuid: str, done: Future[Report]) -> Report:
        try:
            return done.result()
        except BrokenProcessPool as error:
            self.close()
            raise WorkLost from error
        except Exception:
            with self._lock:
                self._under_way.pop(uuid, None)
            raise
