"""Deviations for the pages: what is stored at once, the rest by a background process."""

from __future__ import annotations

import threading
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

from reactcnn_dash import analysis
from reactcnn_dash.db import RunState, StoreReader
from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs import process as background
from reactcnn_dash.results.deviations.profile import class_quantiles, due
from reactcnn_dash.results.deviations.scores import bring_up_to_date, stored_profile, stored_scores

if TYPE_CHECKING:
    from concurrent.futures import Future

    from reactcnn_dash.analysis import FilterQuantiles
    from reactcnn_dash.db import Run
    from reactcnn_dash.results.deviations.profile import RunProfile
    from reactcnn_dash.results.deviations.scores import RunScores

KEPT = 2
"""Profiles that stay in memory, each of some 60 MB for VGG-16."""

KEPT_CLASSES = 16
"""Distributions of one class that stay in memory, each of 1.1 MB for VGG-16."""

BEHIND = 64
"""Images without a score that a run which is collected may have before they are scored."""


class TooEarly(UserError):  # noqa: N818 - named for what is wrong, like the store's errors
    """A run has too few images to say what is usual for it."""


@dataclass(frozen=True, slots=True)
class Working:
    """A profile that is being made, or images that are being scored."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """What is known of a run; ``working`` tells whether more is on its way."""

    run: Run
    profile: RunProfile
    scores: RunScores
    working: bool


class DeviationService:
    """Gives profiles and scores that are stored, and has those made that are due.

    Args:
        url: the store's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._reader = StoreReader(url)
        self._lock = threading.Lock()
        self._process = background.Background()
        self._under_way: dict[str, Future[None]] = {}
        self._profiles: LRUCache[tuple[str, int], RunProfile] = LRUCache(KEPT)
        self._classes: LRUCache[tuple[str, int, int], FilterQuantiles | None]
        self._classes = LRUCache(KEPT_CLASSES)

    def ask(self, uuid: str) -> Ready | Working:
        """Return what is known of a run, or how far it is: then ask again.

        Raises:
            TooEarly: the run has too few images yet.
            background.WorkLost: the background process ended.
            analysis.TooFewRows: too few of its images are usable.
            StoreError: the run is not there, or the store cannot be read or written.
        """
        run = self._reader.run(uuid)
        self._finish(uuid)
        scores = stored_scores(self._reader, run)
        profile = self._profile(run, scores.profile) if scores is not None else None
        if _is_behind(run, profile, scores):
            self._start(run)
        with self._lock:
            working = uuid in self._under_way
        if profile is not None and scores is not None:
            return Ready(run, profile, scores, working)
        if not working:
            collecting = run.state is RunState.COLLECTING
            needed = analysis.WARM_UP if collecting else analysis.MINIMUM_ROWS
            raise TooEarly(
                f"What is usual for this run can be told from {needed} images on; "
                f"it has {run.stored:,}."
            )
        return Working(*self._process.progress)

    def stored(self, uuid: str) -> RunScores | None:
        """Return the scores that the store holds of a run; nothing is started.

        Raises:
            StoreError: the run is not there, or the store cannot be read.
        """
        return stored_scores(self._reader, self._reader.run(uuid))

    def class_quantiles(self, known: Ready, number: int) -> FilterQuantiles | None:
        """Return ``profile.class_quantiles`` of a run as it was profiled.

        Raises:
            StoreError: the store cannot be read.
        """
        key = (known.run.uuid, known.profile.images, number)
        with self._lock:
            if key in self._classes:
                return self._classes[key]
        found = class_quantiles(self._reader, known.run, number)
        with self._lock:
            self._classes[key] = found
        return found

    def close(self) -> None:
        """Stop the background process."""
        with self._lock:
            self._process.close()
            self._under_way.clear()

    def _profile(self, run: Run, images: int) -> RunProfile | None:
        key = (run.uuid, images)
        with self._lock:
            if key in self._profiles:
                return self._profiles[key]
        found = stored_profile(self._reader, run)
        # Between a new profile and the scores by it, the former scores have none.
        if found is None or found.images != images:
            return None
        with self._lock:
            self._profiles[key] = found
        return found

    def _start(self, run: Run) -> None:
        with self._lock:
            if run.uuid not in self._under_way:
                self._under_way[run.uuid] = self._process.submit(
                    bring_up_to_date, self._url, run.id
                )

    def _finish(self, uuid: str) -> None:
        with self._lock:
            running = self._under_way.get(uuid)
            if running is None or not running.done():
                return
            del self._under_way[uuid]
        try:
            running.result()
        except BrokenProcessPool as error:
            self.close()
            raise background.WorkLost from error


def _is_behind(run: Run, profile: RunProfile | None, scores: RunScores | None) -> bool:
    if due(run, profile):
        return True
    if profile is None or scores is None:
        return False
    missing = run.stored - len(scores.scores)
    return missing >= (BEHIND if run.state is RunState.COLLECTING else 1)
