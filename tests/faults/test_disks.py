"""Disks that are full and writes that fail: what was acknowledged stays, and one line says why."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.cli import main
from tests import stores
from tests.faults.disks import (
    FAILURES,
    collect_on_full_disk,
    fail_beyond,
    fail_nth,
    fill,
    small_disk,
)
from tests.faults.writers import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.writers import Writers

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    with small_disk(tmp_path_factory.mktemp("disk"), 12 * 2**20) as mounted:
        yield mounted


@pytest.mark.parametrize(
    ("nth", "kind"),
    [(1, "full"), (6, "full"), (25, "full"), (60, "full"), (12, "broken"), (40, "half written")],
)
def test_the_nth_write_fails(writers: Writers, tmp_path: Path, nth: int, kind: str) -> None:
    if writers.can_fail:
        found, _ = fail_nth(writers, tmp_path, nth, FAILURES[kind])
    else:
        # Without a compiler: the write that goes beyond a size.
        found, _ = fail_beyond(writers, tmp_path, 4000 * nth)
    assert (found.lost, found.half) == (0, 0)


@pytest.mark.parametrize("size", [1000, 40_000, 400_000])
def test_a_file_that_may_not_grow_keeps_what_was_acknowledged(
    writers: Writers, tmp_path: Path, size: int
) -> None:
    found, succeeded = fail_beyond(writers, tmp_path, size)
    assert (found.lost, found.half, succeeded) == (0, 0, False)


@pytest.mark.parametrize("but", [0, 40_000, 3_000_000])
def test_a_full_disk_keeps_what_was_acknowledged(
    writers: Writers, tmp_path: Path, disk: Path | None, but: int
) -> None:
    if disk is None:
        found, _ = fail_beyond(writers, tmp_path, but)
    else:
        _clear(disk)
        found = collect_on_full_disk(writers, disk, but)
    assert (found.lost, found.half) == (0, 0)
    assert bool(found.acknowledged) == (but > 1_000_000)


@pytest.mark.parametrize("but", [0, 64 * 1024, 256 * 1024])
def test_a_run_is_deleted_on_a_full_disk(
    tmp_path: Path, disk: Path | None, but: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path if disk is None else disk
    _clear(folder)
    path = str(folder / "store.db")
    stores.make_store(path, 1200, name="one")
    stores.make_store(path, 40, name="two")
    filler = folder / "filler" if disk is None else fill(disk, but)
    # By a process that is gone afterwards, as a person deletes it.
    done = subprocess.run(
        [sys.executable, "-m", "reactcnn_dash", "delete", "1", "--yes", "--store", path],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    code, errors = done.returncode, done.stderr
    if disk is None or but >= 256 * 1024:
        assert (code, errors) == (0, "")
    else:
        assert code == 4
        assert "the disk is full" in errors
        assert errors.count("\n") == 1
        # Whatever became of it, the other run is there, and it is finished once there is room.
        assert main(["runs", "--store", path]) == 0
        assert "two" in capsys.readouterr().out
        filler.unlink()
        assert main(["delete", "1", "--yes", "--store", path]) == 0
        capsys.readouterr()  # what it says of the run
    assert main(["runs", "--store", path]) == 0
    said = capsys.readouterr().out
    assert "two" in said
    assert "one" not in said


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
