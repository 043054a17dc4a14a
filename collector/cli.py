"""``python -m collector``: collect a run, or see to one that is stored."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from collector import share
from collector.arguments import PROGRAM, parse, request_of
from collector.opening import finished_already, go_on_with, introduction, name_skipped, opened
from collector.progress import Console, Progress, Silent
from collector.request import check_options
from collector.signals import StopNow, StopSignals
from collector.slim import command as slim
from collector.training import command as train
from reactcnn_dash.db import (
    RunState,
    StoreReader,
    check_writable,
    put_password_away,
    replace_states,
    require_free,
    warnings_of,
)
from reactcnn_dash.errors import DONE, FAILED, UserError
from reactcnn_dash.export import command as export
from reactcnn_dash.printing import one_line, write_error

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from collector.loop import Outcome
    from collector.request import Request
    from collector.session import Session
    from reactcnn_dash.db import Run


def main(argv: Sequence[str] | None = None) -> int:
    """Run the collector.

    Args:
        argv: the arguments, those of the process if not given.

    Returns:
        The exit code that ``--help`` explains. Usage errors raise ``SystemExit(2)``.
    """
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        _put_password_away(arguments)
        with StopSignals() as signals:
            return _carry_out(arguments, signals)
    except StopNow as stop:
        return stop.exit_code
    except UserError as error:
        if arguments.debug:
            raise
        return _fail(str(error), error.exit_code)
    except Exception as error:
        if arguments.debug:
            raise
        text = " ".join(str(error).split())
        return _fail(f"unexpected {type(error).__name__}: {text} (--debug shows where)", FAILED)


def _put_password_away(arguments: argparse.Namespace) -> None:
    # A training that goes on may name no store: it knows its own.
    if arguments.store is not None:
        arguments.store = put_password_away(arguments.store)


def _carry_out(arguments: argparse.Namespace, signals: StopSignals) -> int:
    if arguments.command == "rebuild":
        return _rebuild(arguments.store, arguments.run)
    if arguments.command == "export":
        return export.run(arguments.store, arguments)
    if arguments.command == "train":
        return train.run(arguments, signals)
    if arguments.command == "slim":
        return slim.run(arguments, signals)
    return _collect(arguments, signals)


def _collect(arguments: argparse.Namespace, signals: StopSignals) -> int:
    request = request_of(arguments)
    progress: Progress = Silent() if arguments.quiet else Console()
    if request.share is not None:
        return share.run(request, request.share, signals, progress)
    run = _run_to_resume(request) if request.resume is not None else None
    if run is None:
        check_writable(request.store)
    elif run.state is RunState.FINISHED:
        progress.notice(finished_already(run))
        return DONE
    request, source = opened(request, run, None if arguments.quiet else sys.stderr)
    from collector import loop, session  # noqa: PLC0415 - SciPy is not needed for --help

    if run is None:
        ready = session.begin(request, source, signals)
    else:
        ready = session.resume(request, run, source, signals)
    with closing(ready.writer):
        run = ready.writer.run
        verb = f"resumes at image {run.stored:,}" if run.stored else "begins"
        said = introduction(ready.network, run, request.store, verb)
        for line in (*said, *ready.notices, *warnings_of(request.store)):
            progress.notice(line)
        if request.scores:
            return _collect_and_score(ready, request.store, signals, progress)
        outcome = loop.collect(ready.work, ready.writer, signals=signals, progress=progress)
    return _conclude(outcome, ready.writer.run, request.store, progress)


def _collect_and_score(ready: Session, store: str, signals: StopSignals, progress: Progress) -> int:
    from collector import loop  # noqa: PLC0415 - SciPy is not needed for --help
    from collector.scoring import Scoring  # noqa: PLC0415 - SciPy is not needed for --help

    run = ready.writer.run
    scoring = Scoring(store, run.id)
    try:
        outcome = loop.collect(
            ready.work, ready.writer, signals=signals, progress=progress, scoring=scoring
        )
        code = _conclude(outcome, run, store, progress)
        if outcome.interrupted is None:
            scoring.finish(progress, lambda: signals.caught is not None)
            scoring.tell_odd(progress)
    finally:
        scoring.end()
    return code


def _run_to_resume(request: Request) -> Run:
    run = StoreReader(request.store).run(request.resume or "")
    check_options(request, run)
    # Said before seconds are spent on the framework; the writer makes sure of it.
    require_free(request.store, run.id)
    return run


def _conclude(outcome: Outcome, run: Run, store: str, progress: Progress) -> int:
    if outcome.interrupted is not None:
        if outcome.stored:
            progress.notice(
                f"interrupted with {outcome.stored:,} images stored; "
                f"{go_on_with(f'--resume {run.id}', store)}"
            )
        return 128 + outcome.interrupted
    progress.notice(f"run {run.id} is finished with {outcome.stored:,} images.")
    return name_skipped(outcome.skipped)


def _rebuild(url: str, ref: str) -> int:
    from collector.statistics import rebuild  # noqa: PLC0415 - SciPy is not needed for --help

    reader, progress = StoreReader(url), Console()
    run = reader.run(ref)
    try:
        # Nothing is written before all is read: whoever stops it leaves the states as they were.
        statistics = rebuild(
            reader,
            run,
            reader.layers(run.id),
            lambda done: progress.working("rebuilding", done, run.stored),
        )
        replace_states(url, run.id, statistics.states())
    finally:
        progress.close()
    progress.notice(
        f"run {run.id}: the correlation states are made again from {statistics.covered:,} of "
        f"{run.stored:,} GAP rows; the page adds the rest itself."
    )
    if statistics.damaged:
        progress.notice(f"{statistics.damaged:,} GAP rows are damaged and left out.")
    return DONE


def _fail(text: str, exit_code: int) -> int:
    if text:
        write_error(f"{PROGRAM}: {one_line(text)}")
    return exit_code
