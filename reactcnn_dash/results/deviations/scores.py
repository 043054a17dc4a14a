"""Scores of all images of a run, and profiles: kept in the store, made when they are due."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash import analysis
from reactcnn_dash.db import RunState, StoreReader
from reactcnn_dash.jobs.kept import keep
from reactcnn_dash.jobs.worker import report_progress
from reactcnn_dash.results.deviations.packing import from_bytes, to_bytes
from reactcnn_dash.results.deviations.profile import (
    RunProfile,
    by_layer,
    due,
    fit,
    pack_profile,
    unpack_profile,
)
from reactcnn_dash.results.stored import StoredKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run

RATE = 0.01
"""False alarms at which the odd images of a run are counted for the list of runs."""

BEHIND: Final = 64
"""Images without a score that a run which is collected may have before they are scored."""
BEHIND_SECONDS: Final = 10.0
"""For so long its collector may leave images without one."""

_BLOCK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class RunScores:
    """The scores of the first n images of a run.

    Attributes:
        profile: how many images the run had when the profile behind them was made.
        scores: (n,) float32; NaN where the GAP row is damaged, +inf where it is not finite.
        usual: (C,) float64, ascending: scores of images that calibrate, see ``threshold``.
    """

    profile: int
    scores: NDArray[np.float32]
    usual: NDArray[np.float64]

    @property
    def extent(self) -> tuple[int, int]:
        """How far they go: images behind the profile, images scored."""
        return self.profile, len(self.scores)

    def final(self, run: Run) -> bool:
        """Return whether the run keeps them: they are of all its images, and it is over."""
        return run.state is not RunState.COLLECTING and not behind(run, self)

    def odd(self, rate: float) -> NDArray[np.int64]:
        """Return the ordinals of the odd images at a rate of false alarms, ascending."""
        return np.flatnonzero(self.scores > self.threshold(rate))

    def threshold(self, rate: float) -> float:
        """Return the score above which an image is odd, see ``analysis.score_threshold``."""
        return analysis.score_threshold(self.usual, rate)


PROFILE: Final[StoredKind[RunProfile]] = StoredKind(
    "profile", lambda one: one.images, pack_profile, lambda data, _images: unpack_profile(data)
)
SCORES: Final[StoredKind[RunScores]] = StoredKind(
    "scores",
    lambda one: len(one.scores),
    to_bytes,
    lambda data, _images: from_bytes(data, RunScores),
)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A run's profile, and the scores by it."""

    profile: RunProfile
    scores: RunScores


def bring_up_to_date(
    url: str, run_id: int, known: Known | None = None, most: int | None = None
) -> Known | None:
    """Make the profile of a run if one is due, and score the images that have no score yet.

    Args:
        url: the store's URL.
        run_id: the run.
        known: what is known of the run without standing in the store.
        most: the most images to score, from the first without a score on; None for all.

    Returns:
        None once everything stands in the store; what is known where that cannot be written to.

    Raises:
        analysis.TooFewRows: fewer usable images than a profile needs.
        StoreError: the run is not there, or the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)
    stored, scores = PROFILE.find(reader, run), SCORES.find(reader, run)
    profiles = [stored] if known is None else [stored, known.profile]
    if known is not None and (scores is None or scores.extent < known.scores.extent):
        scores = known.scores
    late = behind(run, scores)
    images = 0 if scores is None else scores.profile
    if not images or (late and due(run, images)):
        images = run.stored
    profile = next((one for one in profiles if one is not None and one.images == images), None)
    # The matrices are small: more threads of BLAS would only wait for each other.
    with threadpool_limits(1, "blas"):
        if profile is None:
            profile = fit(reader, run, images, report_progress)
        saved = profile is stored or keep(partial(PROFILE.save, url, run, profile))
        if late or scores is None:
            scores = _scored(reader, run, profile, scores, most)
    run = reader.run(run_id)
    newest = SCORES.find(reader, run)
    if newest is not None and newest.extent > scores.extent:
        # Its collector has meanwhile stored those of more images.
        return None
    if saved and keep(partial(save_scores, url, run, scores)):
        return None
    return Known(profile, scores)


def behind(run: Run, scores: RunScores | None) -> bool:
    """Return whether images of a run should be scored, or scored anew.

    A run that is collected is scored by its collector, which must have a moment for it.
    """
    if run.state is not RunState.COLLECTING:
        fitted, scored = (0, 0) if scores is None else scores.extent
        return due(run, fitted) or (scores is not None and scored < run.stored)
    if scores is None:
        return due(run, 0)
    allowed = max(BEHIND, BEHIND_SECONDS * (run.rate or 0.0))
    return run.stored - len(scores.scores) >= allowed


def save_scores(url: str, run: Run, scores: RunScores) -> None:
    """Store the scores of a run, and how many of its images they call odd.

    Of a run that is over, not before they are of all its images.

    Raises:
        StoreError: the store cannot be written.
    """
    known = run.state is RunState.COLLECTING or len(scores.scores) >= run.stored
    SCORES.save(url, run, scores, odd=len(scores.odd(RATE)) if known else None)


def _scored(
    reader: StoreReader,
    run: Run,
    profile: RunProfile,
    known: RunScores | None,
    most: int | None,
) -> RunScores:
    """Return the scores of the first images: those by this profile that are known, and others."""
    start = 0
    if known is not None and known.profile == profile.images:
        start = min(len(known.scores), run.stored)
    stop = run.stored if most is None else min(run.stored, start + most)
    scores = np.full(stop, np.nan, np.float32)
    if known is not None and start:
        scores[:start] = known.scores[:start]
    layers = reader.layers(run.id)
    for block in reader.gap_blocks(run.id, start, stop, size=_BLOCK):
        report_progress(int(block.ordinals[-1]) if len(block.ordinals) else start, run.stored)
        if len(block.ordinals):
            scores[block.ordinals] = score(profile, block.ordinals, block.rows, layers)
    return RunScores(profile.images, scores, profile.halves[0].scores)


def score(
    profile: RunProfile,
    ordinals: NDArray[np.int64],
    rows: NDArray[np.float32],
    layers: tuple[Layer, ...],
) -> NDArray[np.float64]:
    """Return the score of each of some images, by a profile that was not fitted to it.

    Args:
        profile: what is usual for the run.
        ordinals: (n,) the images.
        rows: (n, F) their GAP rows.
        layers: the run's layers.
    """
    result = np.empty(len(ordinals))
    halves = np.array([profile.half_for(int(one)) is profile.halves[1] for one in ordinals])
    for number, half in enumerate(profile.halves):
        chosen = halves == bool(number)
        if chosen.any():
            result[chosen] = analysis.oddness(half, by_layer(rows[chosen], layers)).score
    return result
