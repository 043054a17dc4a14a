"""Maps that are computed again are stored within a run's limit, and its size stays true."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from reactcnn_dash.db import MapBatch, RunNotFound, RunWriter, StoreReader, save_maps
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 12


def store_with(path: Path, feature_maps: str, *, end: str = "finish") -> StoreReader:
    made = stores.truth(IMAGES)
    with closing(
        RunWriter.begin(str(path), stores.new_run("kept", IMAGES, feature_maps))
    ) as writer:
        for start in range(0, IMAGES, 4):
            stores.append(writer, made, start, start + 4, maps=feature_maps != "none")
        if end != "nothing":
            getattr(writer, end)()
    return StoreReader(str(path))


def maps(ordinal: int) -> list[MapBatch]:
    """The maps that a collector which keeps all would have stored."""
    made = stores.truth(IMAGES)
    return [
        MapBatch(
            codes=codes[ordinal : ordinal + 1],
            low=np.zeros((1, codes.shape[1]), np.float32),
            step=np.full((1, codes.shape[1]), 0.01, np.float32),
        )
        for codes in made.codes
    ]


def rows(path: Path) -> dict[int, tuple[bytes, bytes]]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = connection.execute(text("select ordinal, scales, codes from feature_maps")).all()
    engine.dispose()
    return {row[0]: (row[1], row[2]) for row in found}


def packed_size(path: Path) -> int:
    """Bytes of everything in the run's tables that its size counts."""
    engine = create_engine(f"sqlite:///{path}")
    sums = (
        "select sum(length(probabilities) + length(pixels) + length(gap)) from images",
        "select sum(length(scales) + length(codes)) from feature_maps",
    )
    with engine.connect() as connection:
        total = sum(connection.execute(text(one)).scalar() or 0 for one in sums)
    engine.dispose()
    return int(total)


def test_they_are_the_rows_that_the_collector_writes_and_never_too_many(tmp_path: Path) -> None:
    store_with(tmp_path / "all.db", "all")
    reader = store_with(tmp_path / "last.db", "last:5")
    assert reader.images_with_maps(1) == (7, 8, 9, 10, 11)
    kept = [(0, (0, 8, 9, 10, 11)), (3, (0, 3, 9, 10, 11)), (0, (0, 3, 9, 10, 11))]
    kept += [(1, (0, 1, 3, 10, 11)), (2, (0, 1, 2, 3, 11)), (4, (0, 1, 2, 3, 4))]
    kept += [(9, (1, 2, 3, 4, 9)), (10, (1, 2, 3, 4, 10))]
    for ordinal, there in kept:
        assert save_maps(str(tmp_path / "last.db"), 1, ordinal, maps(ordinal))
        assert reader.images_with_maps(1) == there
        assert reader.run(1).size == packed_size(tmp_path / "last.db")
    whole = rows(tmp_path / "all.db")
    assert all(row == whole[ordinal] for ordinal, row in rows(tmp_path / "last.db").items())


def test_a_run_that_keeps_all_takes_any_and_one_that_keeps_none_takes_none(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    reader = store_with(path, "all")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("delete from feature_maps where ordinal in (2, 5)"))
    engine.dispose()
    assert save_maps(str(path), 1, 5, maps(5))
    assert reader.images_with_maps(1) == tuple(one for one in range(IMAGES) if one != 2)
    assert not save_maps(str(path), 1, IMAGES, maps(0))
    none = store_with(tmp_path / "none.db", "none")
    assert not save_maps(str(tmp_path / "none.db"), 1, 5, maps(5))
    assert none.images_with_maps(1) == ()
    with pytest.raises(RunNotFound):
        save_maps(str(path), 2, 5, maps(5))


def test_a_run_that_is_collected_is_left_to_its_collector(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    reader = store_with(path, "last:5", end="nothing")
    assert not save_maps(str(path), 1, 0, maps(0))
    assert reader.images_with_maps(1) == (7, 8, 9, 10, 11)
    interrupted = tmp_path / "interrupted.db"
    reader = store_with(interrupted, "last:5", end="interrupt")
    assert save_maps(str(interrupted), 1, 0, maps(0))
    # Taken up again, the collector counts what is there, and drops it as it goes on.
    with closing(RunWriter.resume(str(interrupted), "1")) as writer:
        more = stores.truth(IMAGES + 4)
        stores.append(writer, more, IMAGES, IMAGES + 4)
        writer.finish()
    assert reader.images_with_maps(1) == (11, 12, 13, 14, 15)
    assert reader.run(1).size == packed_size(interrupted)
