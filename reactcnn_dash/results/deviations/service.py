"""Deviations for the pages: what is kept at once, the rest by jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reactcnn_dash import analysis
from reactcnn_dash.db import RunState
from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs.cache import Cache
from reactcnn_dash.jobs.runner import UnderWay
from reactcnn_dash.results.deviations.profile import class_quantiles, due
from reactcnn_dash.results.deviations.scores import PROFILE, SCORES, Known, bring_up_to_date

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

AT_ONCE: Final = 65_536
"""Images that are scored before it is said what stands out among them; the rest comes after."""

BEHIND: Final = 64
"""Images without a score that a run which is collected may have before they are scored."""


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
        if _is_behind(run, known):
            name = ("deviations", uuid)
            made = self._jobs.ask(
                *(name, bring_up_to_date, self._url, run.id, self._unsaved.get(uuid), AT_ONCE)
            )
            working = isinstance(made, UnderWay)
            if isinstance(made, UnderWay):
                if known is None:
                    return made
            else:
                if made is not None:
                    self._unsaved.put(uuid, made)
                known = self._known(run)
                # A long run is scored in parts.
                working = _is_behind(run, known)
        if known is not None:
            return Ready(run, known.profile, known.scores, working)
        collecting = run.state is RunState.COLLECTING
        needed = analysis.WARM_UP if collecting else analysis.MINIMUM_ROWS
        raise TooEarly(
            f"What is usual for this run can be told from {needed} images on; "
            f"it has {run.stored:,}."
        )

    def stored(self, uuid: str) -> RunScores | None:
        """Return the scores that are kept of a run; nothing is begun.

        Raises:
            StoreError: the run is not there, or the store cannot be read.
        """
        unsaved = self._unsaved.get(uuid)
        found = SCORES.find(self._reader, self._reader.run(uuid))
        return unsaved.scores if found is None and unsaved is not None else found

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
        if unsaved is not None and (scores is None or _extent(unsaved.scores) > _extent(scores)):
            return unsaved
        profile = None if scores is None else self._profile(run, scores.profile)
        return None if scores is None or profile is None else Known(profile, scores)

    def _profile(self, run: Run, images: int) -> RunProfile | None:
        def find() -> RunProfile | None:
            found = PROFILE.find(self._reader, run)
            # Between a new profile and the scores by it, the former scores have none.
            return found if found is not None and found.images == images else None

        return self._profiles.of(run.uuid, find, images)


def _extent(scores: RunScores) -> tuple[int, int]:
    return scores.profile, len(scores.scores)


def _is_behind(run: Run, known: Known | None) -> bool:
    if due(run, None if known is None else known.profile):
        return True
    if known is None:
        return False
    missing = run.stored - len(known.scores.scores)
    return missing >= (BEHIND if run.state is RunState.COLLECTING else 1)
