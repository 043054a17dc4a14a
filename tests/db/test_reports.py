"""Reports: one of each kind and key, gone with their run."""

from __future__ import annotations

import pytest

from reactcnn_dash.db import Report, RunNotFound, RunWriter, StoreReader, delete_run, save_report
from tests import looking
from tests.db.samples import batch, new_run


def test_a_report_replaces_the_one_of_its_kind_and_key(url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 3))
        writer.finish()
    reader = StoreReader(url)
    assert reader.report(1, "tops", "") is None
    save_report(url, 1, "tops", "", Report(2, b"first"))
    save_report(url, 1, "tops", "", Report(3, b"second"))
    save_report(url, 1, "tops", "other", Report(3, b"third"))
    assert reader.report(1, "tops", "") == Report(3, b"second")
    assert reader.report(1, "tops", "other") == Report(3, b"third")
    assert reader.report(1, "else", "") is None
    with pytest.raises(RunNotFound):
        save_report(url, 2, "tops", "", Report(1, b""))
    delete_run(url, 1)
    assert looking.rows(url, "SELECT count(*) FROM reports") == [(0,)]
