"""What the callback refuses before a training begins, and what it takes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collector import ReactCNNCallback
from reactcnn_dash.db import (
    NotAStore,
    RunWriter,
    StoreError,
    StoreMissing,
    StoreOutdated,
    StoreReader,
)
from tests.collector.trainings import IMAGES, fit, small_model, stored
from tests.db.samples import new_run

pytestmark = pytest.mark.fitting


def with_others(folder: Path, wrong: dict[str, Any]) -> dict[str, Any]:
    """Give arguments of which one is wrong."""
    return {"store": folder / "a.db", "probe_images": IMAGES} | wrong


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 1.5},
        {"every": "2"},
        {"every": True},
        {"every": None},
        {"batch_size": 64.0},
        {"batch_size": [64]},
        {"experiment": 5},
        {"experiment": Path("trial")},
        {"pixel_range": (0, 1)},
        {"pixel_range": ["0-1"]},
        {"pixel_range": 255},
        {"probe": "9"},
        {"probe": 2.5},
        {"reading": 3},
        {"value_range": "0,1"},
        {"value_range": 4095},
        {"value_range": (0, 1, 2)},
        {"value_range": (0, None)},
        {"feature_maps": 100},
        {"feature_maps": None},
        {"class_names": "cat"},
        {"class_names": 3},
        {"class_names": [0, 1, 2]},
        {"class_names": ["cat", None]},
        {"store": None},
        {"store": 5},
        {"store": b"a.db"},
        {"checkpoint": 5},
        {"checkpoint": True},
        {"checkpoint": b"{epoch}"},
    ],
)
def test_wrong_types_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError) as error:
        ReactCNNCallback(**with_others(tmp_path, wrong))
    assert next(iter(wrong)) in str(error.value) or "store" in wrong
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 0},
        {"every": -1},
        {"batch_size": 0},
        {"experiment": ""},
        {"experiment": "  "},
        {"pixel_range": "0-2"},
        {"feature_maps": "last:0"},
        {"class_names": ["cat", ""]},
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ReactCNNCallback(**with_others(tmp_path, wrong))


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "{epoch",
        "epoch}.keras",
        "{}.keras",
        "{0}.keras",
        "{epoch:zz}.keras",
        "{val_loss:d}.keras",
        "{epoch}-{val_loss:2x}.keras",
        "{epoch.number}.keras",
        "{loss[0]}.keras",
        "{epoch!z}.keras",
    ],
)
def test_paths_that_no_epoch_can_fill_in_are_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ValueError, match="checkpoint") as error:
        ReactCNNCallback(tmp_path / "a.db", IMAGES, checkpoint=pattern)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ck-{epoch:02d}.keras", "ck-01.keras"),
        (Path("some") / "{epoch}.keras", "some/1.keras"),
        ("{epoch:>4}-{lr:.0e}.keras", "   1-1e-01.keras"),
        ("{{{epoch}}}.keras", "{1}.keras"),
        ("latest.keras", "latest.keras"),
    ],
)
def test_paths_are_filled_in_with_the_epoch_and_its_logs(
    tmp_path: Path, pattern: Any, expected: str
) -> None:
    from tests.collector.trainings import at

    def add(epoch: int, logs: dict[str, Any]) -> None:
        logs["lr"] = 0.1

    ours = ReactCNNCallback(tmp_path / "a.db", IMAGES, checkpoint=pattern)
    fit(small_model(), at("on_epoch_end", add), ours)
    (run,) = stored(tmp_path / "a.db")
    assert run.checkpoint.source == expected


def test_numbers_and_names_of_numpy_are_taken(tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "every": np.int64(1),
        "batch_size": np.int32(16),
        "class_names": np.array(["a", "b", "c"]),
    }
    ours = ReactCNNCallback(str(tmp_path / "a.db"), IMAGES, **given)
    fit(small_model(), ours)
    (run,) = stored(tmp_path / "a.db")
    assert (run.batch_size, run.class_names) == (16, ("a", "b", "c"))


def refused(store: Any) -> str:
    with pytest.raises(StoreError) as error:
        ReactCNNCallback(store, IMAGES)
    text = str(error.value)
    assert "\n" not in text
    return text


def test_stores_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="there is no folder"):
        ReactCNNCallback(tmp_path / "none" / "a.db", IMAGES)
    (tmp_path / "file").touch()
    assert "there is no folder" in refused(tmp_path / "file" / "a.db")
    assert "a folder, not a store" in refused(tmp_path)
    (tmp_path / "notes.txt").write_text("something else " * 100)
    with pytest.raises(NotAStore):
        ReactCNNCallback(tmp_path / "notes.txt", IMAGES)
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    assert "a database of something else" in refused(tmp_path / "other.db")
    assert "not a database URL" in refused("nonsense://here")
    assert "plain file" in refused("sqlite://")
    old = Path(__file__).parents[1] / "db" / "fixtures" / "schema-0001.db"
    (tmp_path / "old.db").write_bytes(old.read_bytes())
    with pytest.raises(StoreOutdated, match="upgrade"):
        ReactCNNCallback(tmp_path / "old.db", IMAGES)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "file",
        "notes.txt",
        "old.db",
        "other.db",
    ]


def test_stores_that_can_be_are_taken_and_left_alone(tmp_path: Path) -> None:
    ReactCNNCallback(tmp_path / "new.db", IMAGES)
    assert not list(tmp_path.iterdir())
    (tmp_path / "empty.db").touch()
    ReactCNNCallback(tmp_path / "empty.db", IMAGES)
    assert (tmp_path / "empty.db").stat().st_size == 0
    with RunWriter.begin(tmp_path / "a.db", new_run()):
        # While somebody else collects.
        ReactCNNCallback(tmp_path / "a.db", IMAGES)
        ReactCNNCallback(f"sqlite:///{tmp_path}/a.db", IMAGES)
    assert len(StoreReader(tmp_path / "a.db").runs()) == 1
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    # That passes, and is not waited for.
    ReactCNNCallback(tmp_path / "a.db", IMAGES)
    other.rollback()
    other.close()
