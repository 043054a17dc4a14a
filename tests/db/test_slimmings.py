"""Slim networks in the store: kept, replaced, and what is left of them when runs are deleted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from reactcnn_dash.db import (
    NewSlimming,
    RunWriter,
    StoreMissing,
    StoreReader,
    copy_store,
    delete_run,
    save_slimming,
)
from tests.db.samples import batch, new_run

if TYPE_CHECKING:
    from pathlib import Path


def runs_of(path: Path, *checkpoints: str) -> list[str]:
    """Collect a run of each checkpoint; gives their UUIDs."""
    uuids = []
    for sha256 in checkpoints:
        with RunWriter.begin(str(path), new_run(checkpoint_sha256=sha256)) as writer:
            writer.append(batch(0, 3))
            writer.finish()
            uuids.append(writer.run.uuid)
    return uuids


def slimming(checkpoint: str, output: str, **more: Any) -> NewSlimming:
    values: dict[str, Any] = {
        "checkpoint": checkpoint, "before": None, "after": None, "method": "refit",
        "output": output, "result": {"parameters": {"before": 9, "after": 4}},
        "channels": {"layers": {"conv": [0, 2]}},
    }  # fmt: skip
    return NewSlimming(**values | more)


WHOLE, OTHER, SLIM = "a" * 64, "b" * 64, "c" * 64


def test_a_slim_network_is_found_by_every_run_of_the_network_it_was_made_of(path: Path) -> None:
    first, second, other, slim = runs_of(path, WHOLE, WHOLE, OTHER, SLIM)
    assert save_slimming(str(path), slimming(WHOLE, "/a.keras", before=first, after=slim))
    reader = StoreReader(str(path))
    [found] = reader.slimmings(reader.run(second).id)
    assert [found] == list(reader.slimmings(reader.run(first).id))
    assert (found.before, found.after) == (1, 4)
    assert found.result == {"parameters": {"before": 9, "after": 4}}
    assert found.channels == {"layers": {"conv": [0, 2]}}
    assert reader.slimmings(reader.run(other).id) == ()
    assert reader.slimmed_from(4) == found == reader.slimming(found.id)
    assert reader.slimmed_from(1) is None
    assert reader.slimming(99) is None


def test_a_network_that_the_store_does_not_know_is_not_kept(path: Path) -> None:
    with pytest.raises(StoreMissing):
        save_slimming(str(path), slimming(WHOLE, "/a.keras"))
    assert not path.exists()
    runs_of(path, OTHER)
    assert not save_slimming(str(path), slimming(WHOLE, "/a.keras"))


def test_a_file_that_is_written_over_is_the_newer_network(path: Path) -> None:
    runs_of(path, WHOLE, OTHER)
    for sha256, output, method in (
        (WHOLE, "/a.keras", "refit"), (WHOLE, "/b.keras", "l1"), (OTHER, "/a.keras", "random"),
    ):  # fmt: skip
        assert save_slimming(str(path), slimming(sha256, output, method=method))
    reader = StoreReader(str(path))
    assert [one.output for one in reader.slimmings(1)] == ["/b.keras"]
    assert [(one.output, one.method) for one in reader.slimmings(2)] == [("/a.keras", "random")]


def test_deleting_runs_leaves_what_was_measured_while_the_network_is_known(path: Path) -> None:
    first, _, slim = runs_of(path, WHOLE, WHOLE, SLIM)
    save_slimming(str(path), slimming(WHOLE, "/a.keras", before=first, after=slim))
    delete_run(str(path), 3)
    delete_run(str(path), 1)
    reader = StoreReader(str(path))
    [found] = reader.slimmings(2)
    assert (found.before, found.after) == (None, None)
    copy = path.with_name("copy.db")
    copy_store(str(path), copy)
    assert StoreReader(str(copy)).slimmings(2) == (found,)
    delete_run(str(path), 2)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT count(*) FROM slimmings").fetchone() == (0,)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_damaged_one_is_left_out(path: Path) -> None:
    runs_of(path, WHOLE)
    for name in ("a", "b", "c"):
        save_slimming(str(path), slimming(WHOLE, f"/{name}.keras"))
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE slimmings SET result = x'00' WHERE output = '/a.keras'")
        raw.execute(
            "UPDATE slimmings SET channels = substr(channels, 1, 9) WHERE output = '/b.keras'"
        )
    reader = StoreReader(str(path))
    assert [one.output for one in reader.slimmings(1)] == ["/c.keras"]
    assert reader.slimming(1) is None
