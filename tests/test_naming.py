"""How runs are called where one is picked."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from reactcnn_dash.callbacks.runs import options
from reactcnn_dash.db import RunWriter, StoreReader
from reactcnn_dash.pages.compare.experiment import listed
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path


def begin(path: Path, images: int = 4, **more: Any) -> None:
    new = dataclasses.replace(stores.new_run(), **more)
    writer = RunWriter.begin(str(path), new)
    stores.append(writer, stores.truth(8), 0, images)
    writer.finish()
    writer.close()


def labels(path: Path) -> list[str]:
    """The labels without the time at their end, the oldest run first."""
    reader = StoreReader(str(path))
    found = [one["label"] for one in options(reader)]
    assert found == [one["label"] for one in listed(reader)["runs"]]
    return [re.sub(r" · \d\d \w+ \d\d:\d\d$", "", one) for one in reversed(found)]


def test_two_checkpoints_of_one_name_are_told_apart_by_their_weights(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    begin(path, name="net on test.npz")
    begin(path, name="net on test.npz", checkpoint_sha256="7b" * 32)
    begin(path, name="other")
    assert labels(path) == [
        "#1 · net on test.npz · 5a5a5a5 · 75.0 % right",
        "#2 · net on test.npz · 7b7b7b7 · 75.0 % right",
        "#3 · other · 75.0 % right",
    ]


def test_what_differs_is_said_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    begin(path, name="same")
    begin(path, name="same", images=8)
    begin(path, name="night", epoch=1)
    begin(path, name="night", epoch=2)
    begin(path, name="night · epoch 3", epoch=3)
    begin(path, name="elsewhere")
    begin(path, name="elsewhere", image_source="other.npz")
    assert labels(path) == [
        "#1 · same · 4 images · 75.0 % right",
        "#2 · same · 8 images · 75.0 % right",
        "#3 · night · epoch 1 · 75.0 % right",
        "#4 · night · epoch 2 · 75.0 % right",
        "#5 · night · epoch 3 · 75.0 % right",
        "#6 · elsewhere · noise · 75.0 % right",
        "#7 · elsewhere · other.npz · 75.0 % right",
    ]
