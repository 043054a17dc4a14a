"""A command in a process of its own: its progress, its failure, its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from reactcnn_dash.jobs.command import Command, CommandBusy

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.process

DEADLINE = 60.0

TALKS = """
import json, sys
print(json.dumps({"phase": "cutting", "done": 2, "total": 5}), flush=True)
print("no JSON at all", flush=True)
print(json.dumps({"notice": "a layer stays whole"}), flush=True)
sys.stderr.write("some warning\\nprogram: it cannot be done.\\n")
WAIT
sys.exit(3)
"""
UNTIL_CLOSED = "sys.stdin.read()"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Makes a module that a command can run; gives its name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(text: str) -> str:
        (tmp_path / "talks.py").write_text(textwrap.dedent(text))
        return "talks"

    return make


def wait_until(holds: Callable[[], bool]) -> None:
    late = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < late
        time.sleep(0.02)


def test_it_tells_its_progress_and_why_it_failed(module: Callable[[str], str]) -> None:
    command = Command("Try again later.")
    assert command.state() is None
    command.start([module(TALKS.replace("WAIT", ""))])
    command.wait(DEADLINE)
    state = command.state()
    assert state is not None
    assert (state.running, state.code, state.cancelled) == (False, 3, False)
    assert (state.phase, state.done, state.total) == ("cutting", 2, 5)
    assert state.notices == ("a layer stays whole",)
    assert state.failure == "program: it cannot be done."


def test_it_is_told_to_end_and_a_second_one_waits_for_that(module: Callable[[str], str]) -> None:
    command = Command("Try again later.")
    name = module(TALKS.replace("WAIT", UNTIL_CLOSED))
    command.start([name])
    with pytest.raises(CommandBusy, match="Try again"):
        command.start([name])
    command.cancel()
    command.wait(DEADLINE)
    state = command.state()
    assert state is not None
    assert (state.cancelled, state.running) == (True, False)
    command.start([name])
    again = command.state()
    assert again is not None
    assert (again.running, again.cancelled) == (True, False)
    command.cancel()
    command.wait(DEADLINE)


def test_it_does_not_outlive_a_process_that_is_killed(
    module: Callable[[str], str], tmp_path: Path
) -> None:
    name = module(f"import os, sys\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
                  f"{UNTIL_CLOSED}\n")  # fmt: skip
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from reactcnn_dash.jobs.command import Command\n"
            f"Command('Later.').start([{name!r}])\ntime.sleep(600)",
        ],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
    )
    try:
        pid_file = tmp_path / "pid"
        wait_until(lambda: pid_file.exists() and pid_file.read_text() != "")
        child = psutil.Process(int(pid_file.read_text()))
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
