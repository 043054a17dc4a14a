"""Redundancy for the pages: what is kept at once, the rest by jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash.jobs.kept import Kept
from reactcnn_dash.results.freshness import may_stand
from reactcnn_dash.results.redundancy.stability import (
    STABILITY,
    LayerStability,
    computed_stability,
    stability_settings,
)
from reactcnn_dash.results.redundancy.stored import REPORT, computed_report, report_settings

if TYPE_CHECKING:
    from reactcnn_dash.db import Run, StoreReader
    from reactcnn_dash.jobs.runner import Jobs, UnderWay
    from reactcnn_dash.results.redundancy.report import RedundancyReport

KEPT: Final = 16
"""Reports that stay in memory, and layers of which it is remembered whether they hold."""


class Redundancies:
    """Gives reports, and whether clusters hold.

    Args:
        reader: the store.
        url: its URL.
        jobs: work out what is not kept.
    """

    def __init__(self, reader: StoreReader, url: str, jobs: Jobs) -> None:
        self._reader = reader
        self._url = url
        self._reports: Kept[RedundancyReport] = Kept(jobs, "redundancy", KEPT)
        self._stabilities: Kept[LayerStability] = Kept(jobs, "stability", KEPT)

    def report(self, run: Run, threshold: float) -> RedundancyReport | UnderWay:
        """Return the report of a run, or how far it is: then ask again.

        Raises:
            WorkLost: the worker process ended.
            analysis.TooFewImages: fewer usable images than a correlation needs.
            StoreError: the run is not there, or the store cannot be read.
        """
        return self._reports.ask(
            (run.uuid, threshold),
            lambda: REPORT.find_recent(self._reader, run, report_settings(threshold)),
            lambda report: may_stand(run, report.images),
            computed_report,
            *(self._url, run.id, threshold),
        )

    def stability(self, run: Run, position: int, threshold: float) -> LayerStability | UnderWay:
        """Return whether a layer's clusters hold, or how far that is: then ask again.

        Raises:
            WorkLost: the worker process ended.
            analysis.TooFewImages: fewer usable images than a correlation needs.
            StoreError: the run is not there, or the store cannot be read.
        """
        settings = stability_settings(position, threshold)
        return self._stabilities.ask(
            (run.uuid, settings),
            lambda: STABILITY.find_recent(self._reader, run, settings),
            lambda known: may_stand(run, known.stored),
            computed_stability,
            *(self._url, run.id, position, threshold),
        )
