"""Deviations for the pages: what is kept at once, the rest by jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reactcnn_dash import analysis
from reactcnn_dash.db import RunState
from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs.cache import Cache
from reactcnn_dash.jobs.runner import UnderWay
from reactcnn_dash.results.deviations.profile import class_quantiles
from reactcnn_dash.results.deviations.scores import (
    PROFILE,
    SCORES,
    Known,
    behind,
    bring_up_to_date,
)

if TYPE_CHECKING:
    from reactcnn_dash.analysis import FilterQuantiles
    from reactcnn_dash.db import Run, StoreReader
    from reactcnn_dash.jobs.runner import Jobs
    from reactcnn_dash.results.deviations.profile import RunProfile
    from reactcnn_dash.results.deviations.scores import RunScores

KEPT: Final = 2
"""Profiles that stay in memory, each of some 60 MB for VGG-16."""

KEPT_CLASSES: Final = 16
"""Distributions of one class that stay in memory, each of 1.1 MB for VGG-16."""


class TooEarly(UserError):
    """A run has too few images to say what is usual for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """What is known of a run; ``working`` tells whether more is on its way."""

    run: Run
    profile: RunProfile
    scores: RunScores
    working: bool


class Deviations:
    """Gives profiles and scores, and has those made that are due.

    Args:
        reader: the store.
        url: its URL.
        jobs: make what is due.
    """

    def __init__(self, reader: StoreReader, url: str, jobs: Jobs) -> None:
        self._reader = reader
        self._url = url
        self._jobs = jobs
        self._profiles: Cache[RunProfile | None] = Cache(KEPT)
        self._unsaved: Cache[Known] = Cache(KEPT)
        self._former: Cache[Known] = Cache(KEPT)
        # None, for a class with too few images, is worth to be kept too.
        self._classes: Cache[tuple[FilterQuantiles | None]] = Cache(KEPT_CLASSES)

    def ask(self, uuid: str) -> Ready | UnderWay:
        """Return what is known of a run, or how far it is: then ask again.

        Raises:
            TooEarly: the run has too few images yet.
            WorkLost: the worker process ended.
            analysis.TooFewRows: too few of its images are usable.
            StoreError: the run is not there, or the store cannot be read.
        """
        run = self._reader.run(uuid)
        known = self._known(run)
        working = False
        if known is None or behind(run, known.scores):
            if known is None and not self._possible(run):
                raise _too_early(run)
            name = ("deviations", uuid)
            made = self._jobs.ask(
                name, bring_up_to_date, self._url, run.id, self._unsaved.get(uuid)
            )
            working = isinstance(made, UnderWay)
            if isinstance(made, UnderWay):
                # What is known of fewer images stands until there is more.
                known = self._former.get(uuid) if known is None else known
                if known is None:
                    return made
            else:
                if made is not None:
                    self._unsaved.put(uuid, made)
                # Its collector may have stored scores by another profile meanwhile.
                known = self._known(run) or self._former.get(uuid)
                if known is None:
                    return UnderWay(0, 0)
        self._former.put(uuid, known)
        return Ready(run, known.profile, known.scores, working)

    def stored(self, uuid: str) -> tuple[Run, RunScores] | None:
        """Return the scores that are kept of a run, and the run; nothing is begun.

        Raises:
            StoreError: the run is not there, or the store cannot be read.
        """
        run, unsaved = self._reader.run(uuid), self._unsaved.get(uuid)
        found = SCORES.find(self._reader, run)
        if found is None and unsaved is not None:
            found = unsaved.scores
        return None if found is None else (run, found)

    def class_quantiles(self, known: Ready, number: int) -> FilterQuantiles | None:
        """Return ``profile.class_quantiles`` of a run as it was profiled.

        Raises:
            StoreError: the store cannot be read.
        """
        (found,) = self._classes.of(
            (known.run.uuid, number),
            lambda: (class_quantiles(self._reader, known.run, number),),
            known.profile.images,
        )
        return found

    def _known(self, run: Run) -> Known | None:
        scores, unsaved = SCORES.find(self._reader, run), self._unsaved.get(run.uuid)
        if unsaved is not None and (scores is None or unsaved.scores.extent > scores.extent):
            return unsaved
        profile = None if scores is None else self._profile(run, scores.profile)
        return None if scores is None or profile is None else Known(profile, scores)

    def _profile(self, run: Run, images: int) -> RunProfile | None:
        def find() -> RunProfile | None:
            found = PROFILE.find(self._reader, run)
            # The collector scores images by profiles that nobody has made for the pages yet.
            return found if found is not None and found.images == images else None

        return self._profiles.of(run.uuid, find, images)

    def _possible(self, run: Run) -> bool:
        """Whether a run has scores, or enough images for them."""
        return behind(run, None) or SCORES.find(self._reader, run) is not None


def _too_early(run: Run) -> TooEarly:
    collecting = run.state is RunState.COLLECTING
    needed = analysis.WARM_UP if collecting else analysis.MINIMUM_ROWS
    return TooEarly(
        f"What is usual for this run can be told from {needed} images on; it has {run.stored:,}."
    )
