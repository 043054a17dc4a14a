"""Scores of a run whose GAP rows come one after another, from memory alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.analysis import SAMPLE, WARM_UP
from reactcnn_dash.results.deviations.profile import by_layer
from reactcnn_dash.results.deviations.scores import RunScores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer


class Scorer:
    """Scores images in their order; what is usual is learnt anew as their number grows.

    Scores are provisional until :meth:`finish`. Then they are those that a profile of the run's
    first :data:`analysis.SAMPLE` images gives, or of all where there are fewer, however its images
    were cut into batches and whatever was learnt in between.

    Args:
        layers: the run's layers.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = tuple(layers)
        self.filters = sum(layer.filters for layer in self._layers)
        """Length of a row."""
        # Memory that nothing was written to is not taken.
        self._rows = np.empty((SAMPLE, self.filters), np.float32)
        self._waiting: list[NDArray[np.float32]] = []
        self._scores = np.empty(SAMPLE, np.float32)
        self._scored = 0
        self._damaged: list[int] = []
        self._half: analysis.Profile | None = None
        self.taken = 0
        """Rows that came so far."""
        self.profiled = 0
        """Images behind the profile, 0 while there is none."""

    def add(self, rows: NDArray[np.float32], damaged: Sequence[int] = ()) -> None:
        """Take in the GAP rows of the next images.

        Args:
            rows: (B, F), B ≥ 0.
            damaged: ordinals of those that could not be read; they have no score.
        """
        self._damaged += damaged
        kept = rows[: max(0, SAMPLE - self.taken)]
        self._rows[self.taken : self.taken + len(kept)] = kept
        self.taken += len(kept)
        if len(kept):
            self._waiting.append(kept)
        if len(kept) < len(rows):
            # What comes after the sample is scored by the profile of the whole sample.
            if self.profiled < SAMPLE:
                self.learn(SAMPLE)
            self.taken += len(rows) - len(kept)
            self._waiting.append(rows[len(kept) :])

    def skip(self, scores: NDArray[np.float32]) -> None:
        """Take in the scores that the next images were given by the profile of the whole sample."""
        if self.profiled < SAMPLE:
            self.learn(SAMPLE)
        self.score()
        self._write(self.taken, scores)
        self.taken = self._scored = self.taken + len(scores)

    @property
    def due(self) -> int:
        """Images of which a profile is due, 0 if none is."""
        if not analysis.refit_due(self.taken, self.profiled):
            return 0
        doublings = (min(self.taken, SAMPLE) // WARM_UP).bit_length() - 1
        return min(WARM_UP << doublings, SAMPLE)

    def learn(self, images: int, pool: Executor | None = None) -> None:
        """Learn what is usual from the first images, and score all of the sample anew.

        Where too few of them are usable, there is no profile, and there are no scores.

        Args:
            images: how many, those that came or fewer, at most :data:`analysis.SAMPLE`.
            pool: see ``analysis.fit_halves``.
        """
        self.profiled = images
        try:
            parts = by_layer(self._rows[:images], self._layers)
            halves = analysis.fit_halves(parts, whole=False, pool=pool)
        except analysis.TooFewRows:
            self._half = None
            return
        self._half = halves.profiles[0]
        self._write(0, halves.scores)
        last = min(self.taken, SAMPLE)
        self._scored, self._waiting = images, [self._rows[images:last]]
        self.score()

    def score(self) -> None:
        """Score the images that wait for it."""
        rows = np.concatenate(self._waiting) if self._waiting else self._rows[:0]
        self._waiting = []
        if self._half is None or not len(rows):
            return
        # An image after those that were fitted is scored by the first half's profile.
        found = analysis.oddness(self._half, by_layer(rows, self._layers)).score
        self._write(self._scored, found)
        self._scored += len(rows)

    @property
    def waiting(self) -> int:
        """Images that wait to be scored."""
        return sum(map(len, self._waiting))

    def finish(self, pool: Executor | None = None) -> None:
        """Give every image its final score; no more images come.

        Args:
            pool: see ``analysis.fit_halves``.
        """
        images = min(self.taken, SAMPLE)
        if self.profiled != images:
            self.learn(images, pool)
        self.score()

    def scores(self) -> RunScores | None:
        """Return the scores of the images that have one; None while none has."""
        if self._half is None:
            return None
        known = self._scores[: self._scored].copy()
        known[[one for one in self._damaged if one < len(known)]] = np.nan
        return RunScores(self.profiled, known, self._half.scores)

    def _write(self, start: int, scores: NDArray[np.floating]) -> None:
        stop = start + len(scores)
        if stop > len(self._scores):
            grown = np.empty(max(stop, 2 * len(self._scores)), np.float32)
            grown[: len(self._scores)] = self._scores
            self._scores = grown
        self._scores[start:stop] = scores
