"""What stands out about each image, scored while the run goes on by a process that gives way."""

from __future__ import annotations

import logging
import time
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from typing import TYPE_CHECKING

from reactcnn_dash.analysis import MINIMUM_ROWS, WARM_UP
from reactcnn_dash.db import StoreError, StoreReader
from reactcnn_dash.jobs.worker import Worker, end_children
from reactcnn_dash.results.deviations.scores import bring_up_to_date

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from collector.progress import Progress
    from reactcnn_dash.results.deviations.scores import Known

NICENESS = 19
"""The network comes first: scoring takes what it leaves, most of it at the end of a fast run."""
MOST_SECONDS = 120.0
"""How long the end of a run waits for its scores; the rest is left to whoever looks at it."""
PAUSE_SECONDS = 5.0
"""Between two rounds; each reads the run's profile again, half a second of work for VGG-16."""
_LOOK_SECONDS = 0.2

_log = logging.getLogger(__name__)


class Scoring:
    """Scores images round by round; itself a listener to the run's progress.

    A round that fails is no reason to lose the run: the page makes up for it.

    Args:
        progress: told everything in turn.
        url: the store.
        run_id: the run.
        stored: images that it holds already.
        most: seconds that :meth:`finish` takes at most.
    """

    def __init__(
        self,
        progress: Progress,
        url: str,
        run_id: int,
        stored: int,
        *,
        most: float = MOST_SECONDS,
    ) -> None:
        self._most = most
        self._progress = progress
        self._url = url
        self._run_id = run_id
        self._stored = stored
        self._rest_until = 0.0
        self._process = Worker(niceness=NICENESS)
        self._round: Future[Known | None] | None = None

    def start(self, stored: int, total: int | None) -> None:
        """See ``Progress.start``."""
        self._progress.start(stored, total)

    def stored(self, count: int) -> None:
        """Begin a round if the last one is over for a while."""
        self._progress.stored(count)
        self._stored += count
        if self._over() and self._stored >= WARM_UP and time.monotonic() >= self._rest_until:
            self._begin()

    def total(self, total: int | None) -> None:
        """See ``Progress.total``."""
        self._progress.total(total)

    def working(self, what: str, done: int, total: int) -> None:
        """See ``Progress.working``."""
        self._progress.working(what, done, total)

    def notice(self, text: str) -> None:
        """See ``Progress.notice``."""
        self._progress.notice(text)

    def close(self) -> None:
        """See ``Progress.close``; scoring goes on."""
        self._progress.close()

    def finish(self, stopped: Callable[[], bool]) -> None:
        """Score what is left of a finished run, with a bar; ``stopped`` leaves it to the page."""
        if self._stored < MINIMUM_ROWS:
            return
        # The network has ended, and nothing comes first any more. A process that gives way cannot
        # stop doing so, and beside busy ones it would take for ever: another one goes on.
        self.end()
        self._process, self._round = Worker(), None
        self._begin()
        self._wait(stopped)
        self._progress.close()
        if self._round is not None and not stopped():
            self._progress.notice(
                "its images are not all scored yet: the page goes on with that when it is opened."
            )

    def tell_odd(self) -> None:
        """Say how many images stand out, if any do."""
        # Finished is finished, even if the store cannot be read just now.
        with suppress(StoreError):
            odd = StoreReader(self._url).run(self._run_id).odd
            if odd:
                self._progress.notice(f"{odd:,} of its images stand out: press O on the page.")

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.close()
        end_children()

    def _wait(self, stopped: Callable[[], bool]) -> None:
        late = time.monotonic() + self._most
        while not self._over(wait=_LOOK_SECONDS) and not stopped() and time.monotonic() < late:
            self._progress.working("scoring", *self._process.progress)

    def _begin(self) -> None:
        self._round = self._process.submit(bring_up_to_date, self._url, self._run_id)

    def _over(self, wait: float = 0.0) -> bool:
        if self._round is None:
            return True
        try:
            self._round.result(wait)
        except NotYet:
            return False
        except Exception:  # noqa: BLE001 - a run must not end for its scores
            _log.debug("images could not be scored", exc_info=True)
        self._round = None
        self._rest_until = time.monotonic() + PAUSE_SECONDS
        return True
