"""Comparisons kept in a store: found for what they were made of, and for nothing else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from reactcnn_dash.db import ComparisonKey, RunNotFound, StoreReader, save_comparison
from tests import stores
from tests.postgres import engine_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = ComparisonKey(a=1, b=2, method="leiden-cpm", parameter=None, images_a=8, images_b=4)


@pytest.fixture
def url(any_store: str) -> str:
    stores.make_store(any_store, 8, name="first", maps=False)
    stores.make_store(any_store, 4, name="second", maps=False)
    return any_store


def test_a_comparison_is_found_for_its_very_key(url: str) -> None:
    reader = StoreReader(url)
    assert reader.comparison(KEY) is None
    save_comparison(url, KEY, b"one")
    assert reader.comparison(KEY) == b"one"


@pytest.mark.parametrize(
    "change",
    [
        {"a": 2, "b": 1},
        {"method": "louvain"},
        {"parameter": 0.7},
        {"images_a": 9},
        {"images_b": 5},
    ],
)
def test_nothing_is_found_for_another_key(url: str, change: dict[str, object]) -> None:
    save_comparison(url, KEY, b"one")
    assert StoreReader(url).comparison(dataclasses.replace(KEY, **change)) is None  # type: ignore[arg-type]


def test_a_new_one_takes_the_place_of_the_old_whatever_its_images(url: str) -> None:
    other = dataclasses.replace(KEY, parameter=0.7)
    save_comparison(url, other, b"other")
    save_comparison(url, KEY, b"old")
    grown = dataclasses.replace(KEY, images_a=12)
    save_comparison(url, grown, b"new")
    reader = StoreReader(url)
    assert reader.comparison(KEY) is None
    assert reader.comparison(grown) == b"new"
    assert reader.comparison(other) == b"other"


def test_a_run_that_is_not_there_is_refused(url: str) -> None:
    with pytest.raises(RunNotFound):
        save_comparison(url, dataclasses.replace(KEY, b=3), b"one")


def test_a_comparison_goes_with_either_of_its_runs(url: str) -> None:
    save_comparison(url, KEY, b"one")
    engine = engine_of(url)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(sa.text("PRAGMA foreign_keys = ON"))
        connection.execute(sa.text("DELETE FROM runs WHERE id = 2"))
    assert StoreReader(url).comparison(KEY) is None


def test_an_empty_database_has_none(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    assert StoreReader(str(tmp_path / "store.db")).comparison(KEY) is None
