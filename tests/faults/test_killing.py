"""Kills at random moments and disks that fill: nothing that was acknowledged is lost."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.faults.killing import fail_at, kill_once

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process


@pytest.mark.parametrize("seed", range(5))
def test_a_kill_at_a_random_moment_loses_nothing(tmp_path: Path, seed: int) -> None:
    found = kill_once(tmp_path, random.Random(seed))
    assert (found.lost, found.half) == (0, 0)


@pytest.mark.parametrize("pages", [2, 12, 30, 34, 40, 60])
def test_a_store_that_cannot_grow_keeps_what_was_acknowledged(tmp_path: Path, pages: int) -> None:
    found, _ = fail_at(tmp_path, pages)
    assert (found.lost, found.half) == (0, 0)
