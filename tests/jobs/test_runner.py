"""Work for the pages by real worker processes: who gets what, when, and in how many processes."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import psutil
import pytest
from cachetools import TTLCache

from reactcnn_dash.analysis import TooFewImages, TooFewRows
from reactcnn_dash.jobs import runner
from reactcnn_dash.jobs.runner import Jobs, UnderWay, Workers
from reactcnn_dash.jobs.worker import WorkLost, helper, report_progress
from tests.collector.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    T = TypeVar("T")

pytestmark = pytest.mark.process


def once(path: Path) -> str:
    """Block until the file is there, and say so before."""
    report_progress(3, 4)
    with path.open() as pipe:
        return pipe.read()


def fail(number: int) -> str:
    raise (TooFewRows if number else TooFewImages)(number)


def end(code: int) -> str:
    os._exit(code)


def nothing() -> None:
    """Warm up for nothing."""


def asked(jobs: Jobs, name: str, work: Callable[..., T], *args: Any) -> T:
    """Ask until the answer is there, as a page does."""
    pause = threading.Event()
    for _ in range(1200):
        said = jobs.ask(name, work, *args)
        if not isinstance(said, UnderWay):
            return said
        pause.wait(0.05)
    raise TimeoutError


@pytest.fixture
def jobs() -> Iterator[Workers]:
    with closing(Workers(nothing, 2)) as made:
        yield made


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_nothing_queues_behind_work_under_way(jobs: Workers, pipe: Path) -> None:
    assert jobs.ask("first", once, pipe) == UnderWay(0, 0)
    try:
        wait_until(lambda: jobs.ask("first", once, pipe) == UnderWay(3, 4))
        assert jobs.ask("second", once, pipe) == UnderWay(0, 0, behind=True)
    finally:
        pipe.write_text("done")
    assert asked(jobs, "first", once, pipe) == "done"
    # Nobody asked for the second again: it was never begun, and what is asked for now begins anew,
    # without the progress of the former.
    assert jobs.ask("third", str, 3) == UnderWay(0, 0)
    assert asked(jobs, "third", str, 3) == "3"


def test_an_error_is_for_who_asked(jobs: Workers) -> None:
    assert jobs.ask("bad", fail, 0) == UnderWay()
    assert asked(jobs, "good", str, 5) == "5"
    with pytest.raises(TooFewImages, match=r"this layer has 0\.$"):
        asked(jobs, "bad", fail, 0)
    # Asked again, it is tried again; an error comes whole through the way between processes.
    with pytest.raises(TooFewRows, match=r"there are 7\.$"):
        asked(jobs, "bad", fail, 7)


def test_a_process_that_ends_is_told_and_replaced(jobs: Workers) -> None:
    with pytest.raises(WorkLost, match="want of memory"):
        asked(jobs, "lost", end, 3)
    assert asked(jobs, "good", str, 5) == "5"


def test_a_process_that_is_killed_at_work_is_told_and_replaced(jobs: Workers, pipe: Path) -> None:
    (slow,) = jobs._slow
    killed = slow.submit(os.getpid).result()
    jobs.ask("first", once, pipe)
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(WorkLost):
        asked(jobs, "first", once, pipe)
    assert asked(jobs, "good", str, 5) == "5"


def test_a_result_that_nobody_fetches_is_forgotten(jobs: Workers) -> None:
    now = 0.0
    jobs._done = TTLCache(runner.UNCLAIMED, runner.UNCLAIMED_SECONDS, timer=lambda: now)
    for seconds, expected in (
        (runner.UNCLAIMED_SECONDS - 1, "old"),
        (runner.UNCLAIMED_SECONDS + 1, "new"),
    ):
        jobs.ask("name", str, "old")
        assert asked(jobs, "other", str, 1) == "1"
        now += seconds
        assert asked(jobs, "name", str, "new") == expected


def test_a_click_does_not_wait_for_long_work(jobs: Workers, pipe: Path) -> None:
    jobs.ask("first", once, pipe)
    assert jobs.wait("click", divmod, 7, 2) == (3, 1)
    assert isinstance(jobs.ask("first", once, pipe), UnderWay)
    pipe.write_text("done")


def test_who_asks_for_the_same_shares_the_answer(jobs: Workers, tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: jobs.wait("same", count_and_wait, counted), range(6)))
    assert found == [1] * 6


def count_and_wait(path: Path) -> int:
    with path.open("a") as file:
        file.write("x")
    threading.Event().wait(1)
    return path.stat().st_size


@pytest.mark.parametrize("count", [1, 2, 3])
def test_there_are_never_more_processes_than_cores(tmp_path: Path, count: int) -> None:
    """However much is asked for: long work, clicks, and parts that are handed on."""
    seen: set[int] = set()

    def look() -> None:
        children = psutil.Process().children(recursive=True)
        seen.update(child.pid for child in children if "spawn_main" in " ".join(child.cmdline()))

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with closing(Workers(nothing, count)) as jobs:
        jobs.start()
        jobs.expect()
        for name in range(6):
            jobs.ask(f"work {name}", handed_on, 3)
        assert jobs.wait("click", str, 1) == "1"
        for name in range(6):
            assert asked(jobs, f"work {name}", handed_on, 3) == "3"
            look()
    assert 1 <= len(seen - before) <= count


def handed_on(number: int) -> str:
    """Let another worker do it where there is one."""
    other = helper()
    return str(number) if other is None else other.submit(str, number).result()


def pid_of_the_helper() -> int | None:
    other = helper()
    return None if other is None else other.submit(os.getpid).result()


def test_long_work_is_helped_by_the_worker_of_the_clicks(jobs: Workers) -> None:
    clicks = jobs.wait("pid", os.getpid)
    assert asked(jobs, "helper", pid_of_the_helper) == clicks
    # On a single core there is nobody to help.
    with closing(Workers(nothing, 1)) as alone:
        assert asked(alone, "helper", pid_of_the_helper) is None


def helped(number: int) -> tuple[str, bool]:
    """An error of handed-on work comes back as itself; what has not begun is taken back."""
    other = helper()
    assert other is not None
    bad = other.submit(fail, number)
    error = bad.exception()
    waiting = [other.submit(threading.Event().wait, 1) for _ in range(3)]
    return str(error), waiting[-1].cancel()


def test_handed_on_work_can_fail_and_be_taken_back(jobs: Workers) -> None:
    text, taken_back = asked(jobs, "helped", helped, 5)
    assert "there are 5" in text
    assert taken_back


def test_a_helper_that_is_killed_is_an_error_and_not_the_end(jobs: Workers) -> None:
    assert "OSError" in asked(jobs, "killing", kill_the_helper)
    assert asked(jobs, "again", handed_on, 4) == "4"


def kill_the_helper() -> str:
    other = helper()
    assert other is not None
    return repr(other.submit(end, 1).exception())


def test_all_processes_end_when_the_workers_are_closed() -> None:
    jobs = Workers(nothing, 2)
    pids = [jobs.wait("pid", os.getpid), asked(jobs, "pid", os.getpid)]
    jobs.close()
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_work_is_done_at_once_where_that_is_wanted() -> None:
    jobs = Jobs()
    assert jobs.ask("any", divmod, 7, 2) == (3, 1)
    assert jobs.wait("any", os.getpid) == os.getpid()
    with pytest.raises(TooFewImages):
        jobs.ask("bad", fail, 0)
