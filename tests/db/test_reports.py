"""Reports: one of each kind and key, gone with their run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.db import Report, RunNotFound, RunWriter, StoreReader, delete_run, save_report
from tests.db.samples import batch, new_run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_report_replaces_the_one_of_its_kind_and_key(path: Path) -> None:
    with RunWriter.begin(str(path), new_run()) as writer:
        writer.append(batch(0, 3))
        writer.finish()
    reader = StoreReader(str(path))
    assert reader.report(1, "tops", "") is None
    save_report(str(path), 1, "tops", "", Report(2, b"first"))
    save_report(str(path), 1, "tops", "", Report(3, b"second"))
    save_report(str(path), 1, "tops", "other", Report(3, b"third"))
    assert reader.report(1, "tops", "") == Report(3, b"second")
    assert reader.report(1, "tops", "other") == Report(3, b"third")
    assert reader.report(1, "else", "") is None
    with pytest.raises(RunNotFound):
        save_report(str(path), 2, "tops", "", Report(1, b""))
    delete_run(str(path), 1)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT count(*) FROM reports").fetchone() == (0,)
