"""Real collectors, trainings and pages, the short form: `python -m tests.faults` has the long."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.faults import pages
from tests.faults.collectors import Subject, kill_collectors, kill_training, make_subject

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return make_subject(tmp_path_factory.mktemp("subject"))


def test_killed_collectors_lose_nothing_and_resume_to_the_bit(
    subject: Subject, tmp_path: Path
) -> None:
    *_, found = kill_collectors(subject, tmp_path, 32, 2, random.Random(0))
    assert found.seen > 0
    assert (found.kills, found.lost, found.half, found.differences) == (2, 0, 0, 0)


def test_a_killed_training_has_every_run_after_a_resume(subject: Subject, tmp_path: Path) -> None:
    assert kill_training(subject, tmp_path, 0.1) == []


def test_pages_that_ask_without_a_rest_are_all_answered(tmp_path: Path) -> None:
    *_, load = pages.run(tmp_path, 4, 0.1, rest=0.0)
    assert load.failures == []
    assert load.polls
    assert load.others
