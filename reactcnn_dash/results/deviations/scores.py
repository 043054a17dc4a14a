"""Scores of all images of a run, and profiles: kept in the store, made when they are due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash import analysis
from reactcnn_dash.db import DamagedBlob, Report, StoreReader, note_odd, save_report
from reactcnn_dash.jobs import process as background
from reactcnn_dash.results.deviations.packing import from_bytes, to_bytes
from reactcnn_dash.results.deviations.profile import (
    RunProfile,
    by_layer,
    due,
    fit,
    pack_profile,
    unpack_profile,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run

PROFILE = "profile"
SCORES = "scores"
RATE = 0.01
"""False alarms at which the odd images of a run are counted for the list of runs."""

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

    def odd(self, rate: float) -> NDArray[np.int64]:
        """Return the ordinals of the odd images at a rate of false alarms, ascending."""
        return np.flatnonzero(self.scores > self.threshold(rate))

    def threshold(self, rate: float) -> float:
        """Return the score above which an image is odd, see ``analysis.score_threshold``."""
        return analysis.score_threshold(self.usual, rate)


def stored_profile(reader: StoreReader, run: Run) -> RunProfile | None:
    """Return the profile that the store holds of a run; a damaged one is none.

    Raises:
        StoreError: the store cannot be read.
    """
    found = reader.report(run.id, PROFILE, "")
    try:
        return unpack_profile(found.value) if found is not None else None
    except DamagedBlob:
        return None


def stored_scores(reader: StoreReader, run: Run) -> RunScores | None:
    """Return the scores that the store holds of a run; damaged ones are none.

    Raises:
        StoreError: the store cannot be read.
    """
    found = reader.report(run.id, SCORES, "")
    try:
        return from_bytes(found.value, RunScores) if found is not None else None
    except DamagedBlob:
        return None


def bring_up_to_date(url: str, run_id: int) -> None:
    """Make the profile of a run if one is due, and score the images that have no score yet.

    Raises:
        analysis.TooFewRows: fewer usable images than a profile needs.
        StoreError: the run is not there, or the store cannot be read or written.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)
    profile = stored_profile(reader, run)
    # The matrices are small: more threads of BLAS would only wait for each other.
    with threadpool_limits(1, "blas"):
        if profile is None or due(run, profile):
            profile = fit(reader, run, background.report)
            save_report(url, run.id, PROFILE, "", Report(run.stored, pack_profile(profile)))
        scores = _scored(reader, run, profile)
    save_report(url, run.id, SCORES, "", Report(len(scores.scores), to_bytes(scores)))
    note_odd(url, run.id, len(scores.odd(RATE)))


def _scored(reader: StoreReader, run: Run, profile: RunProfile) -> RunScores:
    """The scores of all images: those by this profile that are stored, and the others."""
    known = stored_scores(reader, run)
    scores = np.full(run.stored, np.nan, np.float32)
    start = 0
    if known is not None and known.profile == profile.images:
        start = min(len(known.scores), run.stored)
        scores[:start] = known.scores[:start]
    layers = reader.layers(run.id)
    for block in reader.gap_blocks(run.id, start, run.stored, size=_BLOCK):
        background.report(int(block.ordinals[-1]) if len(block.ordinals) else start, run.stored)
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
