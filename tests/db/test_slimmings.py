"""Slim networks in the store: kept, replaced, and what is left of them when runs are deleted."""

from __future__ import annotations

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
from tests import looking
from tests.db.samples import batch, new_run

if TYPE_CHECKING:
    from pathlib import Path


def runs_of(url: str, *checkpoints: str) -> list[str]:
    """Collect a run of each checkpoint; gives their UUIDs."""
    uuids = []
    for sha256 in checkpoints:
        with RunWriter.begin(url, new_run(checkpoint_sha256=sha256)) as writer:
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


def test_a_slim_network_is_found_by_every_run_of_the_network_it_was_made_of(url: str) -> None:
    first, second, other, slim = runs_of(url, WHOLE, WHOLE, OTHER, SLIM)
    assert save_slimming(url, slimming(WHOLE, "/a.keras", before=first, after=slim))
    reader = StoreReader(url)
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
    runs_of(str(path), OTHER)
    assert not save_slimming(str(path), slimming(WHOLE, "/a.keras"))


def test_a_file_that_is_written_over_is_the_newer_network(url: str) -> None:
    runs_of(url, WHOLE, OTHER)
    for sha256, output, method in (
        (WHOLE, "/a.keras", "refit"), (WHOLE, "/b.keras", "l1"), (OTHER, "/a.keras", "random"),
    ):  # fmt: skip
        assert save_slimming(url, slimming(sha256, output, method=method))
    reader = StoreReader(url)
    assert [one.output for one in reader.slimmings(1)] == ["/b.keras"]
    assert [(one.output, one.method) for one in reader.slimmings(2)] == [("/a.keras", "random")]


def test_deleting_runs_leaves_what_was_measured_while_the_network_is_known(
    url: str, tmp_path: Path
) -> None:
    first, _, slim = runs_of(url, WHOLE, WHOLE, SLIM)
    save_slimming(url, slimming(WHOLE, "/a.keras", before=first, after=slim))
    delete_run(url, 3)
    delete_run(url, 1)
    reader = StoreReader(url)
    [found] = reader.slimmings(2)
    assert (found.before, found.after) == (None, None)
    if url.startswith("sqlite"):
        copy = tmp_path / "copy.db"
        copy_store(url, copy)
        assert StoreReader(str(copy)).slimmings(2) == (found,)
    delete_run(url, 2)
    assert looking.rows(url, "SELECT count(*) FROM slimmings") == [(0,)]
    if url.startswith("sqlite"):
        assert looking.rows(url, "PRAGMA foreign_key_check") == []


def test_a_damaged_one_is_left_out(url: str) -> None:
    runs_of(url, WHOLE)
    for name in ("a", "b", "c"):
        save_slimming(url, slimming(WHOLE, f"/{name}.keras"))
    looking.change(
        url, "UPDATE slimmings SET result = :nothing WHERE output = '/a.keras'", nothing=b"0"
    )
    looking.change(
        url, "UPDATE slimmings SET channels = substr(channels, 1, 9) WHERE output = '/b.keras'"
    )
    reader = StoreReader(url)
    assert [one.output for one in reader.slimmings(1)] == ["/c.keras"]
    assert reader.slimming(1) is None
