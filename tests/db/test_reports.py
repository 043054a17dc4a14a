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
    StoreError,
    StoreReader,
    delete_run,
    keep_result,
)
from tests import looking
from tests.db.samples import batch, new_run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_report_replaces_the_one_of_its_kind_and_key(url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 3))
        writer.finish()
    reader = StoreReader(url)
    assert reader.kept(1, "tops", "") is None
    keep_result(url, 1, "tops", "", KeptResult(2, b"first"))
    keep_result(url, 1, "tops", "", KeptResult(3, b"second"))
    keep_result(url, 1, "tops", "other", KeptResult(3, b"third"))
    assert reader.kept(1, "tops", "") == KeptResult(3, b"second")
    assert reader.kept(1, "tops", "other") == KeptResult(3, b"third")
    assert reader.kept(1, "else", "") is None
    with pytest.raises(RunNotFound):
        keep_result(url, 2, "tops", "", KeptResult(1, b""))
    delete_run(url, 1)
    assert looking.rows(url, "SELECT count(*) FROM reports") == [(0,)]


@pytest.mark.parametrize("failing", ["INSERT ON reports", "UPDATE OF odd ON runs"])
def test_scores_and_the_count_of_images_that_stand_out_are_stored_together(
    tmp_path: Path, failing: str
) -> None:
    url = str(tmp_path / "store.db")
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 3))
        writer.finish()
    reader = StoreReader(url)
    keep_result(url, 1, "scores", "", KeptResult(2, b"first"), odd=1)
    keep_result(url, 1, "tops", "", KeptResult(2, b"others"))
    assert (reader.kept(1, "scores", ""), reader.run(1).odd) == (KeptResult(2, b"first"), 1)
    with closing(sqlite3.connect(url)) as raw:
        raw.execute(f"CREATE TRIGGER no BEFORE {failing} BEGIN INSERT INTO nowhere VALUES (1); END")
        raw.commit()
    with pytest.raises(StoreError):
        keep_result(url, 1, "scores", "", KeptResult(3, b"second"), odd=2)
    assert (reader.kept(1, "scores", ""), reader.run(1).odd) == (KeptResult(2, b"first"), 1)
