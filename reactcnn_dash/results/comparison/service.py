"""Comparisons for the pages: what is kept at once, the rest by jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash.jobs.kept import Kept
from reactcnn_dash.jobs.runner import UnderWay
from reactcnn_dash.results.comparison.stored import (
    KeptComparison,
    Pair,
    computed_comparison,
    stored_comparison,
)
from reactcnn_dash.results.freshness import may_stand

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreReader
    from reactcnn_dash.jobs.runner import Jobs
    from reactcnn_dash.results.comparison.comparing import Comparison

KEPT: Final = 8
"""Comparisons that stay in memory."""


class Comparisons:
    """Gives comparisons of two runs.

    Args:
        reader: the store.
        url: its URL.
        jobs: compute what is not kept.
    """

    def __init__(self, reader: StoreReader, url: str, jobs: Jobs) -> None:
        self._reader = reader
        self._url = url
        self._kept: Kept[KeptComparison] = Kept(jobs, "comparison", KEPT)

    def ask(self, pair: Pair) -> Comparison | UnderWay:
        """Return a comparison, or how far it is: then ask again.

        A run that is collected grows with every question: its comparison stays until the run has
        grown as far as its clusters may (``may_stand``).

        Raises:
            NotComparable: no common image or no common layer.
            WorkLost: the worker process ended.
            analysis.TooFewImages: fewer usable images in common than a correlation needs.
            StoreError: a run is not there, or the store cannot be read.
        """
        runs = [self._reader.run(run) for run in (pair.a, pair.b)]
        found = self._kept.ask(
            pair,
            lambda: stored_comparison(self._reader, pair),
            lambda known: all(map(may_stand, runs, known.images)),
            computed_comparison,
            *(self._url, pair),
        )
        return found if isinstance(found, UnderWay) else found.found
