"""Redundancy for the page: from the store, or from a background process, never waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.db import StoreReader
from reactcnn_dash.results.redundancy.report import METHOD, RedundancyReport
from reactcnn_dash.results.redundancy.stability import Holding, computed_holding, stored_holding
from reactcnn_dash.results.redundancy.stored import computed_report, stored_report
from reactcnn_dash.results.redundancy.worker import Waiting, Worker

if TYPE_CHECKING:
    from reactcnn_dash.db import Run


def warm_up() -> None:
    """Import what the work needs, before the first is asked for."""
    analysis.cluster(analysis.correlation(analysis.CoMoments.of(np.eye(4))), METHOD, 0.5)


class RedundancyService:
    """Gives what is stored at once, and has the rest worked out.

    Reports come from one process, and whether a layer's clusters hold from another, so that who
    only reads never waits for a long one of the other kind.

    Args:
        url: the store's URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._reader = StoreReader(url)
        self._reports: Worker[RedundancyReport] = Worker()
        self._holdings: Worker[Holding] = Worker()

    def start(self) -> None:
        """Start the process that reports ahead of its first work."""
        self._reports.start(warm_up)

    def report(self, run: Run, threshold: float) -> RedundancyReport | Waiting:
        """Return the report of a run, or how far it is: then ask again.

        Raises:
            WorkLost: the background process ended.
            analysis.TooFewImages: fewer usable images than a correlation needs.
            StoreError: the run is not there, or the store cannot be read.
        """
        known = stored_report(self._reader, run, threshold)
        if known is not None:
            return known
        key = run.uuid, threshold, run.stored
        return self._reports.ask(key, computed_report, self._url, run.id, threshold)

    def holding(self, run: Run, position: int, threshold: float) -> Holding | Waiting:
        """Return whether a layer's clusters hold, or how far that is: then ask again.

        Raises:
            WorkLost: the background process ended.
            analysis.TooFewImages: fewer usable images than a correlation needs.
            StoreError: the run is not there, or the store cannot be read.
        """
        known = stored_holding(self._reader, run, position, threshold)
        if known is not None:
            return known
        key = run.uuid, position, threshold, run.stored
        return self._holdings.ask(key, computed_holding, self._url, run.id, position, threshold)

    def close(self) -> None:
        """Stop the background processes."""
        self._reports.close()
        self._holdings.close()
