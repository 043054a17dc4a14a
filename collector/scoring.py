"""What stands out about each image, scored by a thread beside the network while the run goes on."""

from __future__ import annotations

import importlib
import logging
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from reactcnn_dash.analysis import MINIMUM_ROWS, SAMPLE
from reactcnn_dash.db import StoreError, StoreReader
from reactcnn_dash.jobs.kept import keep
from reactcnn_dash.results.deviations.scorer import Scorer
from reactcnn_dash.results.deviations.scores import SCORES, save_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.progress import Progress

MOST_SECONDS = 120.0
"""How long the end of a run waits for its scores; the rest is left to whoever looks at it."""
SAVE_SECONDS = 2.0
"""Between two savings of the scores of a run that goes on."""
GROUP = 256
"""Images that are scored together, where as many come within a second.

Matrices of the profile, 13 MB for VGG-16, are read once a group: 0.10 ms an image of it on one
core in groups of 256, 0.16 ms in groups of 64.
"""
SHARE = 0.03
"""Of a run's time, what learning anew what is usual may take: 0.4 s for 512 images of VGG-16."""
LEAST_SECONDS = 0.3
"""So much it may take of any run: nobody notices."""
_WAITING_BYTES = 64 * 2**20
_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 1.0
_ENDING_SECONDS = 3.0

_log = logging.getLogger(__name__)


class Scoring:
    """Scores the images of one run, in a thread of its own.

    What it fails at is no reason to lose the run: the page makes up for it.

    Args:
        url: the store.
        run_id: the run.
        most: seconds that :meth:`finish` takes at most.
    """

    def __init__(self, url: str, run_id: int, *, most: float = MOST_SECONDS) -> None:
        self._reader = StoreReader(url)
        self._url = url
        self._run = self._reader.run(run_id)
        layers = self._reader.layers(run_id)
        self._most = most
        self._scorer = Scorer(layers)
        row = 4 * sum(layer.filters for layer in layers)
        # Rows that find no place are read again: the run never waits for its scores.
        depth = max(2, _WAITING_BYTES // (row * self._run.batch_size))
        self._rows: queue.Queue[tuple[int, NDArray[np.float32]] | None] = queue.Queue(depth)
        self._begun = time.monotonic()
        self._learning = self._saved_at = 0.0
        self._last: tuple[int, float] | None = None
        self._ending = self._whole = False
        self._thread = threading.Thread(target=self._work, name="scoring", daemon=True)

    def take(self, start: int, rows: NDArray[np.float32]) -> None:
        """Take in the GAP rows, (B, F), of images that were just stored.

        Args:
            start: ordinal of the first of them.
            rows: the rows.
        """
        if not self._thread.ident:
            self._thread.start()
        with suppress(queue.Full):
            self._rows.put_nowait((start, rows))

    def finish(self, progress: Progress, stopped: Callable[[], bool]) -> None:
        """Score all images of a finished run, for good where there is time for it.

        Where not, their scores stay provisional until somebody looks; ``stopped`` leaves all that
        is left to the page.

        Args:
            progress: told that it is under way, or that it could not be done in time.
            stopped: asked whether somebody wants an end.
        """
        late = time.monotonic() + self._most
        progress.working("scoring", 0, 0)
        if not self._thread.ident:
            self._thread.start()
        told = False
        while self._thread.is_alive() and not stopped() and time.monotonic() < late:
            if not told:
                with suppress(queue.Full):
                    self._rows.put(None, timeout=_LOOK_SECONDS)
                    told = True
                continue
            self._thread.join(_LOOK_SECONDS)
        progress.close()
        if not self._whole and not stopped():
            progress.notice(
                "its images are not all scored yet: the page goes on with that when it is opened."
            )

    def tell_odd(self, progress: Progress) -> None:
        """Say how many images stand out, if any do."""
        # Finished is finished, even if the store cannot be read just now.
        with suppress(StoreError):
            run = self._reader.run(self._run.id)
            scores = SCORES.find(self._reader, run) if self._whole else None
            if scores is not None and run.odd:
                so = "" if scores.final(run) else " so far"
                progress.notice(f"{run.odd:,} of its images stand out{so}: press O on the page.")

    def end(self) -> None:
        """Give up what is left; a step under way is waited for, but not for long."""
        self._ending = True
        if self._thread.is_alive():
            with suppress(queue.Full):
                self._rows.put_nowait(None)
            self._thread.join(_ENDING_SECONDS)

    def _work(self) -> None:
        try:
            # Loading it is no part of what learning takes.
            importlib.import_module("scipy.linalg")
            while not self._ending and self._step():
                pass
            if not self._ending:
                # One thread of BLAS for each half; while the run goes on the recorder sees to that.
                with threadpool_limits(limits=1, user_api="blas"):
                    self._conclude()
        except Exception:  # noqa: BLE001 - a run must not end for its scores
            _log.debug("images could not be scored", exc_info=True)

    def _step(self) -> bool:
        """Take in what comes next; tell whether anything more will."""
        try:
            entry = self._rows.get(timeout=_PATIENCE_SECONDS)
        except queue.Empty:
            self._keep_up()
            return True
        if entry is None:
            return False
        start, rows = entry
        if start > self._scorer.taken:
            self._catch_up(start)
        self._scorer.add(rows[self._scorer.taken - start :])
        if self._scorer.waiting >= GROUP:
            self._keep_up()
        return True

    def _keep_up(self) -> None:
        """Learn what is usual if that is due, score what waits, and store it now and then."""
        due = self._scorer.due
        if due and self._affordable(due):
            # This thread's own time: beside busy processes the clock's would say nothing.
            begun = time.thread_time()
            self._scorer.learn(due)
            self._last = due, time.thread_time() - begun
            self._learning += self._last[1]
        self._scorer.score()
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._save()

    def _affordable(self, images: int) -> bool:
        """Whether there is time for a profile; the first, and that of a whole sample, are made.

        Whoever looks at a run needs a profile of it with more than scores take: what is left to
        them costs them nothing.
        """
        if self._last is None or images == SAMPLE:
            return True
        expected = self._last[1] * images / self._last[0]
        allowed = max(LEAST_SECONDS, SHARE * (time.monotonic() - self._begun))
        return self._learning + expected <= allowed

    def _conclude(self) -> None:
        self._catch_up(self._reader.run(self._run.id).stored)
        last = min(self._scorer.taken, SAMPLE)
        if last >= MINIMUM_ROWS and (last == self._scorer.profiled or self._affordable(last)):
            with ThreadPoolExecutor(2, thread_name_prefix="scoring") as pool:
                self._scorer.finish(pool)
        self._scorer.score()
        self._whole = self._save()

    def _catch_up(self, stop: int) -> None:
        """Read the rows before ``stop`` that did not come by themselves.

        Raises:
            StoreError: the store cannot be read.
        """
        known = SCORES.find(self._reader, self._run)
        if known is not None and known.profile == SAMPLE and self._scorer.taken < SAMPLE:
            # What was scored for good before the run was interrupted.
            self._read(min(stop, SAMPLE))
            self._scorer.skip(known.scores[SAMPLE:stop])
        self._read(stop)

    def _read(self, stop: int) -> None:
        for block in self._reader.gap_blocks(self._run.id, self._scorer.taken, stop):
            if self._ending:
                return
            first = self._scorer.taken
            last = int(max([*block.ordinals.tolist(), *block.damaged]))
            rows = np.full((last + 1 - first, self._scorer.filters), np.nan, np.float32)
            if len(block.ordinals):
                rows[block.ordinals - first] = block.rows
            self._scorer.add(rows, block.damaged)

    def _save(self) -> bool:
        """Store the scores; tell whether that could be done."""
        self._saved_at = time.monotonic()
        scores = self._scorer.scores()
        if scores is None:
            return True
        if self._ending:
            return False
        return keep(partial(save_scores, self._url, self._run, scores))
