"""The first signal is noted, the second ends the process; before a run one is enough."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from collector.signals import StopNow, StopSignals


def test_before_a_run_a_signal_stops_at_once_and_handlers_return() -> None:
    former = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(StopNow) as caught, StopSignals():
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.exit_code == 143
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == former


def test_during_a_run_a_signal_is_noted_and_ends_the_wait() -> None:
    with StopSignals() as signals:
        signals.finish_batches()
        sender = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        sender.start()
        signals.wait_until(time.monotonic() + 3600)
        sender.join()
        assert signals.caught == signal.SIGINT


@pytest.mark.process
def test_the_second_signal_ends_the_process() -> None:
    script = (
        "import os, signal\n"
        "from collector.signals import StopSignals\n"
        "with StopSignals() as signals:\n"
        "    signals.finish_batches()\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    print(signals.caught, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    print('still here')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (130, "2\n")


def test_other_threads_may_use_it_without_effect() -> None:
    outcome: list[int | None] = []

    def use() -> None:
        with StopSignals() as signals:
            signals.wait_until(0)
            outcome.append(signals.caught)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert outcome == [None]
