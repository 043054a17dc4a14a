"""``--share RUN``: one of any number of collectors of one run."""

from __future__ import annotations

import shlex
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from collector.opening import finished_already, go_on_with, introduction, name_skipped, opened
from collector.progress import Silent
from collector.request import check_options
from reactcnn_dash.db import RunState, check_writable, find_shared
from reactcnn_dash.errors import DONE

if TYPE_CHECKING:
    from collector.joining import SharedSession
    from collector.progress import Progress
    from collector.request import Request
    from collector.sharing import Taken
    from collector.signals import StopSignals
    from reactcnn_dash.db import Run


def run(request: Request, ref: str, signals: StopSignals, progress: Progress) -> int:
    """Begin the run, or take part in it, and say what was done.

    Args:
        request: what was asked for.
        ref: id or name of the run.
        signals: what ends this worker; what it holds is given back.
        progress: told everything.

    Returns:
        The exit code.

    Raises:
        ResumeError: model, images or options are not those of the run.
        ModelError, ImageSourceError, StoreError: as for a run of a single collector.
    """
    ready = None
    while ready is None:
        found = find_shared(request.store, ref)
        if found is not None and found.state is RunState.FINISHED:
            progress.notice(finished_already(found))
            return DONE
        ready = _ready(request, ref, found, signals, progress)
    with closing(ready.shared):
        # SciPy is not needed for --help.
        from collector.sharing import speaks_of, take_part  # noqa: PLC0415

        run_ = ready.shared.run
        said = introduction(ready.network, run_, request.store, speaks_of(run_))
        for line in (*said, *ready.notices):
            progress.notice(line)
        taken = take_part(ready.part, ready.shared, signals=signals, progress=progress)
    code = _conclude(taken, ready.shared.run, ref, request.store, progress)
    if ready.shared.ended_it and request.scores:
        _score(request.store, ready.shared.run, signals, progress)
    return code


def _ready(
    request: Request, ref: str, found: Run | None, signals: StopSignals, progress: Progress
) -> SharedSession | None:
    """Return a worker that is ready, or None if somebody else began the run at the same moment."""
    if found is None:
        check_writable(request.store)
    else:
        check_options(request, found)
    named, source = opened(request, found, None if isinstance(progress, Silent) else sys.stderr)
    from collector import joining  # noqa: PLC0415 - SciPy is not needed for --help

    if found is None:
        return joining.begin(named, ref, source, signals)
    return joining.join(named, found, source, signals)


def _score(store: str, run: Run, signals: StopSignals, progress: Progress) -> None:
    from collector.scoring import Scoring  # noqa: PLC0415 - SciPy is not needed for --help

    scoring = Scoring(store, run.id)
    try:
        scoring.finish(progress, lambda: signals.caught is not None)
        scoring.tell_odd(progress)
    finally:
        scoring.end()


def _conclude(taken: Taken, run: Run, ref: str, store: str, progress: Progress) -> int:
    if taken.interrupted is not None:
        progress.notice(
            f"interrupted; this worker stored {taken.images:,} images and gave back what it held; "
            f"{go_on_with(f'--share {shlex.quote(ref)}', store)}"
        )
        return 128 + taken.interrupted
    progress.notice(
        f"run {run.id} is finished with {taken.stored:,} images, {taken.images:,} by this worker."
    )
    return name_skipped(taken.skipped)
