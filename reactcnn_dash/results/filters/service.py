"""Top images for the pages: what is kept at once, the rest by jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash.jobs.kept import Kept
from reactcnn_dash.results.filters.tops import TopsOfRun, computed_tops, find_tops
from reactcnn_dash.results.freshness import may_stand

if TYPE_CHECKING:
    from reactcnn_dash.db import Run, StoreReader
    from reactcnn_dash.jobs.runner import Jobs, UnderWay

KEPT: Final = 4
"""Runs whose top images stay in memory."""


class Tops:
    """Gives the images that drive the filters of a run most.

    Args:
        reader: the store.
        url: its URL.
        jobs: look for those that are not kept.
    """

    def __init__(self, reader: StoreReader, url: str, jobs: Jobs) -> None:
        self._reader = reader
        self._url = url
        self._kept: Kept[TopsOfRun] = Kept(jobs, "tops", KEPT)

    def ask(self, run: Run, filters: int) -> TopsOfRun | UnderWay:
        """Return the top images of a run with ``filters`` filters, or how far they are.

        Raises:
            WorkLost: the worker process ended.
            StoreError: the store cannot be read.
        """

        def find() -> TopsOfRun | None:
            found = find_tops(self._reader, run, filters)
            return found if found is not None and may_stand(run, found.images) else None

        return self._kept.ask(
            run.uuid,
            find,
            lambda known: may_stand(run, known.images),
            computed_tops,
            *(self._url, run.id),
        )
