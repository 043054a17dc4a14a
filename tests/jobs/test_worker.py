"""Worker processes: a server that ends does not wait for what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.jobs.worker import Worker, report_progress
from tests.collector.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

PROGRAM = """
import time
from reactcnn_dash.jobs import worker
if __name__ == "__main__":
    process = worker.Worker()
    process.submit(abs, 1).result()
    process.submit(time.sleep, 600)
    process.close()
    print("leaving")
    worker.leave()
"""


def test_work_under_way_is_not_waited_for(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    # Ten minutes of work would outlast this by far.
    ended = subprocess.run(
        [sys.executable, str(program)], check=True, timeout=120, capture_output=True, text=True
    )
    assert ended.stdout == "leaving\n"


def test_a_process_that_was_killed_while_idle_is_replaced() -> None:
    process = Worker()
    before = process.submit(os.getpid).result()
    pool = process._pool
    os.kill(before, signal.SIGKILL)
    # Its pool learns of it a moment later.
    wait_until(lambda: bool(pool and pool._broken))
    assert process.submit(os.getpid).result() != before
    process.close()


def test_work_is_done_elsewhere_and_answered() -> None:
    process = Worker()
    assert process.submit(divmod, 7, 2).result() == (3, 1)
    process.close()
    assert process.submit(abs, -4).result() == 4
    process.close()


def reported() -> None:
    report_progress(3, 4)


def test_the_progress_is_what_the_work_said_last() -> None:
    process = Worker()
    process.submit(reported).result()
    assert process.progress == (3, 4)
    process.close()
    # Nobody listens here, and nothing happens.
    report_progress(1, 2)
