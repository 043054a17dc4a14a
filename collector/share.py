"""``--share RUN``: one of any number of collectors of one run."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from collector.frameworks.registry import framework_of
from collector.opening import images_for, name_skipped, names_for
from collector.progress import Silent
from collector.request import DEFAULT_STORE, check_options
from reactcnn_dash.db import RunState, check_writable, find_shared
from reactcnn_dash.errors import DONE, INPUT

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
            progress.notice(
                f"run {found.id} is finished with {found.stored:,} images: nothing to do."
            )
            return DONE
        ready = _ready(request, ref, found, signals, progress)
    with closing(ready.shared):
        from collector.sharing import take_part  # noqa: PLC0415 - SciPy is not needed for --help

        for line in (*_introduction(ready, request.store), *ready.notices):
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
    begun = request.model_or_default if found is None else found.checkpoint.source
    model = request.model or begun
    framework = framework_of(model)
    framework.check(model)
    named = dataclasses.replace(request, class_names=names_for(request, found))
    source = images_for(named, found, None if isinstance(progress, Silent) else sys.stderr)
    framework.start()
    from collector import joining  # noqa: PLC0415 - SciPy is not needed for --help

    if found is None:
        return joining.begin(named, ref, source, signals)
    return joining.join(named, found, source, signals)


def _introduction(ready: SharedSession, store: str) -> list[str]:
    from collector.sharing import speaks_of  # noqa: PLC0415 - SciPy is not needed for --help

    network, run = ready.network, ready.shared.run
    return [
        f"model   {network.loaded.name}: {len(network.taps)} layers, {network.filters:,} filters, "
        f"{network.loaded.parameters:,} parameters",
        f"images  {run.total:,} images of {run.image_source}, {run.batch_size} at a time",
        f"store   {store}, feature maps: {run.feature_maps}",
        f"run     {run.id} ({run.name}) {speaks_of(run)}",
        f"watch   python -m reactcnn_dash --store {shlex.quote(store)}",
    ]


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
        where = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
        progress.notice(
            f"interrupted; this worker stored {taken.images:,} images and gave back what it held; "
            f"go on with --share {shlex.quote(ref)}{where}"
        )
        return 128 + taken.interrupted
    progress.notice(
        f"run {run.id} is finished with {taken.stored:,} images, {taken.images:,} by this worker."
    )
    if taken.skipped:
        name_skipped(taken.skipped)
        return INPUT
    return DONE
