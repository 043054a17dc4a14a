"""Real processes: killed, interrupted, out of disk, taken up again to the very same bits."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from collector.cli import main
from reactcnn_dash.db import RunState, StoreError, StoreReader
from tests.collector.onnx_graphs import Builder, saved
from tests.collector.waiting import DEADLINE, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


pytestmark = pytest.mark.process


@contextmanager
def collector(*words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A collector of its own, killed at the latest when the block ends."""
    command = [sys.executable, "-m", "collector", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A network whose framework is up at once, where the process matters and not what it runs."""
    made = Builder()
    tensor = made.add("Relu", made.conv("pixels", 3, 5))
    tensor = made.add("Relu", made.conv(tensor, 5, 7))
    model = made.classified(tensor, 7, shape=("n", 3, 8, 8))
    return saved(model, tmp_path_factory.mktemp("light"))


def wait_for(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    def happened() -> bool:
        assert process.poll() is None, process.stderr and process.stderr.read()
        return condition()

    wait_until(happened)


def stored(store: Path) -> int:
    try:
        run = StoreReader(str(store)).latest_run()
    except StoreError:
        return 0
    return run.stored if run else 0


def more_than(store: Path, count: int) -> bool:
    return stored(store) > count


def content(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a run's images and statistics are in the store, byte for byte."""
    with closing(sqlite3.connect(store)) as connection:
        return {
            table: connection.execute(f"select * from {table} order by 1, 2, 3").fetchall()
            for table in ("images", "feature_maps", "correlation_states", "layers")
        }


def test_killed_interrupted_and_resumed_equals_uninterrupted(
    tmp_path: Path, tiny_path: Path, tiny_images: Path
) -> None:
    store, whole = tmp_path / "a.db", tmp_path / "whole.db"
    options = ["--model", str(tiny_path), "--images", str(tiny_images), "--batch-size", "3"]
    options += ["--feature-maps", "last:100", "--limit", "350"]
    assert main([*options, "--store", str(whole), "--quiet"]) == 0
    reader = StoreReader(str(store))

    with collector(*options, "--store", str(store), "--pace", "150") as process:
        wait_for(process, lambda: stored(store) >= 70)
        assert reader.run(1).state is RunState.COLLECTING
        process.kill()
        process.wait()
    run = reader.run(1)
    assert run.stored % 3 == 0
    # Nothing is half there: every image that counts has all its parts, and no other exists.
    kept = content(store)
    assert len(kept["images"]) == run.stored
    assert len(kept["feature_maps"]) == min(run.stored, 100)

    again = ["--resume", "1", "--store", str(store), "--pace"]
    killed_at = run.stored
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with collector(*again, "150") as process:
            wait_for(process, partial(more_than, store, stored(store)))
            process.send_signal(number)
            _, said = process.communicate(timeout=DEADLINE)
        assert process.returncode == code
        assert "Traceback" not in said
        assert "--resume 1" in said
        assert reader.run(1).state is RunState.INTERRUPTED
        assert stored(store) % 3 == 0
    assert killed_at < stored(store) < 350
    assert main([*again, "100000", "--quiet"]) == 0

    assert reader.run(1).state is RunState.FINISHED
    assert content(store) == content(whole)
    one, other = reader.run(1), StoreReader(str(whole)).run(1)
    for name in ("stored", "labelled", "correct", "total", "skipped"):
        assert getattr(one, name) == getattr(other, name)
    assert one.gap_low.tobytes() == other.gap_low.tobytes()
    assert one.gap_high.tobytes() == other.gap_high.tobytes()


def test_a_run_has_a_heartbeat_while_it_waits_and_one_owner(
    tmp_path: Path, light: str, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "a.db"
    options = ["--model", light, "--images", str(tiny_images), "--store", str(store)]
    reader = StoreReader(str(store))
    with collector(*options, "--pace", "0.01") as process:
        wait_for(process, lambda: stored(store) == 1)
        first = reader.run(1).heartbeat_at
        wait_for(process, lambda: reader.run(1).heartbeat_at > first)
        assert stored(store) == 1
        assert main([*options[4:], "--resume", "1"]) == 4
        assert "Traceback" not in capsys.readouterr().err
        # The wait for the next image, 100 s away, ends with the signal.
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 143
    run = reader.run(1)
    assert (run.state, run.stored) == (RunState.INTERRUPTED, 1)


def test_a_signal_before_the_run_leaves_none(tmp_path: Path, tiny_images: Path) -> None:
    store = tmp_path / "a.db"
    options = ["--images", str(tiny_images), "--store", str(store)]
    script = (
        "import os, signal, sys, collector.cli as cli, collector.opening as opening\n"
        "from dataclasses import replace\n"
        "from collector.frameworks.registry import KERAS\n"
        "def interrupted():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    KERAS.start()\n"
        "opening.framework_of = lambda model: replace(KERAS, start=interrupted)\n"
        f"sys.exit(cli.main({options!r}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (143, "")
    assert not store.exists()


def test_a_full_disk_ends_the_run_with_one_line_and_loses_nothing(
    tmp_path: Path, light: str, tiny_images: Path
) -> None:
    store = tmp_path / "a.db"
    options = ["--model", light, "--images", str(tiny_images), "--store", str(store)]
    limit = 1_500_000

    def small_disk() -> None:
        # Files may not grow beyond this, which is what a full disk looks like to the store.
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    with collector(*options, "--quiet", "--batch-size", "5", preexec_fn=small_disk) as process:
        _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 4
    assert said.count("\n") == 1
    assert str(store) in said
    reader = StoreReader(str(store))
    run = reader.run(1)
    assert 0 < run.stored < 400
    assert run.stored % 5 == 0
    assert len(reader.gap_rows(1, 0, 400)) == run.stored
    assert main(["--store", str(store), "--resume", "1", "--quiet"]) == 0
    assert reader.run(1).stored == 400


def test_a_closed_terminal_ends_the_run_in_good_order(
    tmp_path: Path, light: str, tiny_images: Path
) -> None:
    store = tmp_path / "a.db"
    options = ["--model", light, "--images", str(tiny_images), "--store", str(store)]
    heard = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)
    with collector(*options, "--pace", "20", preexec_fn=heard) as process:
        wait_for(process, partial(more_than, store, 3))
        # Nobody is there to read what it says any more.
        assert process.stderr is not None
        process.stderr.close()
        process.send_signal(signal.SIGHUP)
        assert process.wait(DEADLINE) == 128 + signal.SIGHUP
    run = StoreReader(str(store)).run(1)
    assert run.state is RunState.INTERRUPTED
    assert run.stored > 3


def test_nohup_goes_on(tmp_path: Path, light: str, tiny_images: Path) -> None:
    store = tmp_path / "a.db"
    options = ["--model", light, "--images", str(tiny_images), "--store", str(store)]
    ignore = partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)
    with collector(*options, "--limit", "40", "--pace", "40", preexec_fn=ignore) as process:
        wait_for(process, partial(more_than, store, 3))
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert StoreReader(str(store)).run(1).stored == 40


def test_a_store_that_is_deleted_ends_the_run_with_one_line_and_is_saved(
    tmp_path: Path, light: str, tiny_images: Path
) -> None:
    store = tmp_path / "a.db"
    options = ["--model", light, "--images", str(tiny_images), "--store", str(store)]
    with collector(*options, "--pace", "50", "--quiet") as process:
        wait_for(process, lambda: stored(store) > 10)
        for file in tmp_path.iterdir():
            file.unlink()
        _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 4
    assert said.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["a.db.rescued"]
    reader = StoreReader(str(tmp_path / "a.db.rescued"))
    assert reader.run(1).stored > 10
    assert len(reader.gap_rows(1, 0, 400)) == reader.run(1).stored
