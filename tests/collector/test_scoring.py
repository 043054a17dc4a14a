"""Images get their scores while they are collected, and the last at the end."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.cli import main
from collector.progress import Silent
from collector.scoring import Scoring
from reactcnn_dash.analysis import SAMPLE, WARM_UP
from reactcnn_dash.db import RunState, StoreReader
from reactcnn_dash.results.deviations.scores import RATE, SCORES, RunScores, bring_up_to_date
from tests import stores
from tests.collector.test_process import collector, stored, wait_for
from tests.collector.waiting import DEADLINE

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


def scores_of(store: Path) -> RunScores | None:
    reader = StoreReader(str(store))
    return SCORES.find(reader, reader.run(1))


def assert_same(found: RunScores | None, expected: RunScores | None) -> None:
    """They agree as far as single precision goes: how images were grouped is in its last digits."""
    assert found is not None
    assert expected is not None
    assert found.extent == expected.extent
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.usual, expected.usual, rtol=1e-3, atol=1e-3)


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
    expected = scores_of(other)
    assert expected is not None

    whole = tmp_path / "c.db"
    capsys.readouterr()
    assert main([*options(tiny_path, images, whole), "--limit", "300"]) == 0
    reader = StoreReader(str(whole))
    found = scores_of(whole)
    assert_same(found, expected)
    odd = int((expected.scores > expected.threshold(RATE)).sum())
    assert reader.run(1).odd == odd
    said = f"{odd:,} of its images stand out" in capsys.readouterr().err
    assert said == (odd > 0)


@pytest.mark.process
def test_scores_come_while_the_run_goes_on_and_end_with_it(
    tmp_path: Path, tiny_path: Path, images: Path
) -> None:
    store = tmp_path / "a.db"
    reader = StoreReader(str(store))
    with collector(*options(tiny_path, images, store), "--pace", "150") as process:
        wait_for(process, lambda: stored(store) >= WARM_UP)
        wait_for(process, lambda: scores_of(store) is not None)
        run, first = reader.run(1), scores_of(store)
        assert run.state is RunState.COLLECTING
        assert first is not None
        assert first.profile == WARM_UP
        assert not first.final(run)
        assert run.odd is not None
        wait_for(process, lambda: len(getattr(scores_of(store), "scores", ())) > len(first.scores))
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 143
    later = scores_of(store)
    assert later is not None
    assert not later.final(reader.run(1))


@pytest.mark.process
@pytest.mark.parametrize("after", [WARM_UP + 100, SAMPLE + 300])
def test_a_run_that_was_killed_and_resumed_has_the_scores_of_one_that_was_not(
    tmp_path: Path, tiny_path: Path, images: Path, after: int
) -> None:
    limit = str(after + 1000)
    killed, whole = tmp_path / "killed.db", tmp_path / "whole.db"
    words = [*options(tiny_path, images, killed), "--batch-size", "50"]
    with collector(*words, "--first", limit, "--pace", "1000") as process:
        wait_for(process, lambda: stored(killed) >= after)
        process.kill()
        process.wait(DEADLINE)
    assert after <= stored(killed) < after + 1000
    assert main(["--resume", "1", "--store", str(killed)]) == 0
    words = [*options(tiny_path, images, whole), "--batch-size", "50"]
    assert main([*words, "--first", limit]) == 0
    assert_same(scores_of(killed), scores_of(whole))
    run = StoreReader(str(killed)).run(1)
    found = scores_of(killed)
    assert found is not None
    assert found.final(run)
    assert run.odd == StoreReader(str(whole)).run(1).odd == len(found.odd(RATE))


def test_a_run_does_not_end_for_its_scores(
    tmp_path: Path, tiny_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "a.db"
    words = options(tiny_path, images, store)
    assert main([*words, "--limit", "70", "--no-scores"]) == 0
    with closing(sqlite3.connect(store)) as raw:
        raw.execute(
            "CREATE TRIGGER no_reports BEFORE INSERT ON reports "
            "BEGIN INSERT INTO nowhere VALUES (1); END"
        )
        raw.commit()
    capsys.readouterr()
    assert main([*words, "--limit", "600"]) == 0
    said = capsys.readouterr().err
    assert "not all scored yet" in said
    assert "stand out" not in said
    reader = StoreReader(str(store))
    run = reader.run(2)
    assert (run.state, run.stored, run.odd) == (RunState.FINISHED, 600, None)
    # Somebody who looks makes up for it.
    with closing(sqlite3.connect(store)) as raw:
        raw.execute("DROP TRIGGER no_reports")
        raw.commit()
    assert bring_up_to_date(str(store), 2) is None
    scores = SCORES.find(reader, run)
    assert scores is not None
    assert len(scores.scores) == 600


class Told(Silent):
    """What the user is told."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


def test_rows_that_did_not_come_by_themselves_are_read(tmp_path: Path) -> None:
    store, other, truth = tmp_path / "a.db", tmp_path / "b.db", stores.truth(700)
    stores.make_store(store, 700, made=truth, maps=False)
    shutil.copy(store, other)
    with closing(sqlite3.connect(store)) as raw:
        raw.execute("UPDATE images SET gap = x'00' WHERE ordinal = 250")
        raw.commit()
    scoring, told = Scoring(str(store), 1), Told()
    for start, stop in ((0, 100), (300, 310), (310, 600)):
        scoring.take(start, truth.gap[start:stop])
    scoring.finish(told, lambda: False)
    scoring.tell_odd(told)
    scoring.end()
    bring_up_to_date(str(other), 1)
    found, expected = scores_of(store), scores_of(other)
    assert found is not None
    assert expected is not None
    assert found.extent == expected.extent == (700, 700)
    assert np.flatnonzero(np.isnan(found.scores)).tolist() == [250]
    # One image less behind the profile: nearly the same scores.
    rest = np.arange(700) != 250
    assert np.corrcoef(found.scores[rest], expected.scores[rest])[0, 1] > 0.95
    odd = len(found.odd(RATE))
    assert told.notices == ([f"{odd} of its images stand out: press O on the page."] if odd else [])


def test_the_end_of_a_run_has_a_bound(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    stores.make_store(store, 700, maps=False)
    scoring, told = Scoring(str(store), 1, most=0.0), Told()
    scoring.finish(told, lambda: False)
    scoring.end()
    assert [("not all scored yet" in one) for one in told.notices] == [True]


def test_too_few_images_are_no_reason_to_complain(
    tmp_path: Path, tiny_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "a.db"
    assert main([*options(tiny_path, images, store), "--limit", "30"]) == 0
    assert "stand out" not in capsys.readouterr().err
    assert StoreReader(str(store)).run(1).odd is None
