"""Reports: one of each kind and key, gone with their run."""

from __future__ import annotations

import pytest

from reactcnn_dash.db import (
    KeptResult,
    RunNotFound,
    RunWriter,
    StoreReader,
    delete_run,
    keep_result,
)
from tests import looking
from tests.db.samples import batch, new_run


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
