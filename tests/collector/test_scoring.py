"""Images get their scores while they are collected, and the rest at the end."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from collector.cli import main
from collector.scoring import NICENESS
from reactcnn_dash.analysis import WARM_UP
from reactcnn_dash.db import RunState, StoreReader
from reactcnn_dash.results.deviations.scores import RATE, SCORES, bring_up_to_date
from tests.collector.test_process import collector, stored, wait_for
from tests.collector.waiting import DEADLINE, wait_until

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 6000
"""So many that the run goes on for long after the first scores."""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images.npz"
    np.savez(path, images=np.random.default_rng(5).integers(0, 256, (IMAGES, 8, 8, 3), np.uint8))
    return path


def options(tiny_path: Path, images: Path, store: Path) -> list[str]:
    words = ["--model", str(tiny_path), "--images", str(images), "--batch-size", "10"]
    return [*words, "--store", str(store), "--feature-maps", "none"]


def scorers(parent: int) -> list[psutil.Process]:
    """The scoring processes of a collector, known by their giving way."""
    return [one for one in psutil.Process(parent).children() if one.nice() == NICENESS]


@pytest.mark.long
def test_a_finished_run_has_the_scores_that_its_rows_give(
    tmp_path: Path, tiny_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "a.db"
    assert main([*options(tiny_path, images, store), "--no-scores", "--limit", "300"]) == 0
    reader = StoreReader(str(store))
    assert SCORES.find(reader, reader.run(1)) is None
    assert reader.run(1).odd is None
    other = tmp_path / "b.db"
    shutil.copy(store, other)
    bring_up_to_date(str(other), 1)
    expected = SCORES.find(StoreReader(str(other)), StoreReader(str(other)).run(1))
    assert expected is not None

    whole = tmp_path / "c.db"
    capsys.readouterr()
    assert main([*options(tiny_path, images, whole), "--limit", "300"]) == 0
    reader = StoreReader(str(whole))
    found = SCORES.find(reader, reader.run(1))
    assert found is not None
    np.testing.assert_array_equal(found.scores, expected.scores)
    odd = int((expected.scores > expected.threshold(RATE)).sum())
    assert reader.run(1).odd == odd
    assert f"{odd} of its images stand out" in capsys.readouterr().err


@pytest.mark.process
def test_scores_come_while_the_run_goes_on_and_end_with_it(
    tmp_path: Path, tiny_path: Path, images: Path
) -> None:
    store = tmp_path / "a.db"
    reader = StoreReader(str(store))
    with collector(*options(tiny_path, images, store), "--pace", "150") as process:
        wait_for(process, lambda: stored(store) >= WARM_UP)
        wait_for(process, lambda: SCORES.find(reader, reader.run(1)) is not None)
        helpers = psutil.Process(process.pid).children()
        assert reader.run(1).state is RunState.COLLECTING
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 143
    wait_until(lambda: not any(map(psutil.pid_exists, [one.pid for one in helpers])))


@pytest.mark.process
def test_a_run_does_not_end_for_its_scores(tmp_path: Path, tiny_path: Path, images: Path) -> None:
    store = tmp_path / "a.db"
    reader = StoreReader(str(store))
    words = [*options(tiny_path, images, store), "--pace", "300", "--limit", "1500"]
    with collector(*words) as process:
        wait_for(process, lambda: stored(store) >= WARM_UP)
        wait_for(process, lambda: len(scorers(process.pid)) > 0)
        for one in scorers(process.pid):
            one.kill()
        assert process.wait(DEADLINE) == 0
    run = reader.run(1)
    assert (run.state, run.stored) == (RunState.FINISHED, 1500)
    # Another process made up for it.
    scores = SCORES.find(reader, run)
    assert scores is not None
    assert len(scores.scores) == 1500


def test_too_few_images_are_no_reason_to_complain(
    tmp_path: Path, tiny_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "a.db"
    assert main([*options(tiny_path, images, store), "--limit", "30"]) == 0
    assert "stand out" not in capsys.readouterr().err
    assert StoreReader(str(store)).run(1).odd is None
