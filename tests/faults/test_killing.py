"""Kills at random moments and disks that fill: nothing that was acknowledged is lost."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.faults.killing import fail_at, kill_once

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.writers import Writers

pytestmark = pytest.mark.process


@pytest.mark.parametrize("seed", range(5))
def test_a_kill_at_a_random_moment_loses_nothing(
    writers: Writers, tmp_path: Path, seed: int
) -> None:
    found = kill_once(writers, tmp_path, random.Random(seed))
    assert (found.lost, found.half) == (0, 0)


@pytest.mark.parametrize("pages", [2, 12, 30, 34, 40, 60])
def test_a_store_that_cannot_grow_keeps_what_was_acknowledged(
    writers: Writers, tmp_path: Path, pages: int
) -> None:
    found, _ = fail_at(writers, tmp_path, pages)
    assert (found.lost, found.half) == (0, 0)
