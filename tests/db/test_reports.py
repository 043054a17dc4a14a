"""Reports: one of each kind and key, gone with their run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.db import (
    KeptResult,
    RunNotFound,
    RunWriter,
    StoreReader,
    delete_run,
    keep_result,
)
from tests.db.samples import batch, new_run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_report_replaces_the_one_of_its_kind_and_key(path: Path) -> None:
    with RunWriter.begin(str(path), new_run()) as writer:
        writer.append(batch(0, 3))
        writer.finish()
    reader = StoreReader(str(path))
    assert reader.kept(1, "tops", "") is None
    keep_result(str(path), 1, "tops", "", KeptResult(2, b"first"))
    keep_result(str(path), 1, "tops", "", KeptResult(3, b"second"))
    keep_result(str(path), 1, "tops", "other", KeptResult(3, b"third"))
    assert reader.kept(1, "tops", "") == KeptResult(3, b"second")
    assert reader.kept(1, "tops", "other") == KeptResult(3, b"third")
    assert reader.kept(1, "else", "") is None
    with pytest.raises(RunNotFound):
        keep_result(str(path), 2, "tops", "", KeptResult(1, b""))
    delete_run(str(path), 1)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT count(*) FROM reports").fetchone() == (0,)
