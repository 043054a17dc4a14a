"""Whether a run is still collected, told by processes whose clocks disagree."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.db import RunBusy, RunState, RunWriter, StoreReader
from reactcnn_dash.db.ownership import HEARD, Heard, Process, new_token, process_of
from tests.db.samples import new_run
from tests.db.test_processes import ROOT, read_until
from tests.silence import fall_silent_for_certain

if TYPE_CHECKING:
    from collections.abc import Iterator

BEATING = """
import sys, time
from datetime import datetime, timedelta
from reactcnn_dash.db import RunWriter, beginning, ownership, writer
from tests.db.samples import batch, new_run

hours, elsewhere = float(sys.argv[2]), sys.argv[3] == "elsewhere"

class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(hours=hours)

writer.datetime = beginning.datetime = ownership.datetime = Clock
if elsewhere:
    ownership._machine = lambda: "another/-"
with RunWriter.begin(sys.argv[1], new_run()) as run:
    run.append(batch(0, 4))
    print("stored 4", flush=True)
    while True:
        time.sleep(0.2)
        run.heartbeat()
"""


@contextmanager
def beating(url: str, hours: float, where: str) -> Iterator[subprocess.Popen[str]]:
    """A living writer whose clock is hours ahead, here or as if on another machine."""
    command = [sys.executable, "-c", BEATING, url, str(hours), where]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            read_until(process, "stored")
            HEARD.forget()
            yield process
        finally:
            process.kill()


@pytest.mark.process
@pytest.mark.parametrize(
    ("any_store", "hours", "where"),
    [
        *(
            ("sqlite", hours, where)
            for hours in (-1.0, 0.0, 1.0)
            for where in ("here", "elsewhere")
        ),
        ("postgresql", 1.0, "elsewhere"),
    ],
    indirect=["any_store"],
)
def test_a_living_run_is_collecting_and_nobody_takes_it(url: str, hours: float, where: str) -> None:
    with beating(url, hours, where) as process:
        assert StoreReader(url).summaries(certain=True)[0].state is RunState.COLLECTING
        HEARD.forget()
        with pytest.raises(RunBusy):
            RunWriter.resume(url, "1")
        assert process.poll() is None


@pytest.mark.process
@pytest.mark.parametrize(
    ("any_store", "hours"),
    [("sqlite", -1.0), ("sqlite", 0.0), ("sqlite", 1.0), ("postgresql", 1.0)],
    indirect=["any_store"],
)
def test_a_killed_run_is_free_at_once(url: str, hours: float) -> None:
    with beating(url, hours, "here") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert StoreReader(url).run(1).state is RunState.STALLED
    RunWriter.resume(url, "1").close()


@pytest.mark.process
@pytest.mark.parametrize(
    ("any_store", "hours"),
    [("sqlite", -1.0), ("sqlite", 1.0), ("postgresql", -1.0)],
    indirect=["any_store"],
)
def test_a_killed_run_of_another_machine_is_told_by_a_second_look(url: str, hours: float) -> None:
    with beating(url, hours, "elsewhere") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    HEARD.forget()
    assert StoreReader(url).summaries(certain=True)[0].state is RunState.STALLED


def test_a_process_is_known_by_its_start_and_not_by_its_number_alone() -> None:
    token = new_token()
    assert process_of(token) is Process.RUNS
    machine, boot, process, started, rest = token.split(" ")
    assert process_of(f"{machine} {boot} {process} {int(started) - 1} {rest}") is Process.GONE
    assert process_of(f"{machine} other-boot {process} {started} {rest}") is Process.GONE
    assert process_of(f"other/- {boot} {process} {started} {rest}") is Process.ELSEWHERE
    # As versions before wrote it.
    assert process_of(f"{machine} {process} {rest}") is Process.RUNS


def test_a_count_that_moves_is_life_and_one_that_stands_is_none() -> None:
    now = 100.0
    heard = Heard(lambda: now)
    assert heard.silence("a", 1) == (0.0, False)
    now += 3
    assert heard.silence("a", 1) == (3.0, False)
    assert heard.silence("a", 2) == (0.0, True)
    now += 11
    assert heard.silence("a", 2) == (11.0, True)
    now += 11
    # Nobody looked meanwhile: when it moved is not known.
    assert heard.silence("a", 3) == (0.0, False)


def test_a_clock_that_is_set_back_gives_no_negative_duration(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from reactcnn_dash.cli import main

    RunWriter.begin(url, new_run()).close()
    fall_silent_for_certain(url, 3600)
    assert main(["runs", "--store", url]) == 0
    said = capsys.readouterr().out
    assert "-1 d" not in said
    assert "0 s" in said
