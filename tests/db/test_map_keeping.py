"""Maps that are computed again are stored within a run's limit, and its size stays true."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from reactcnn_dash.db import MapBatch, RunNotFound, RunWriter, StoreReader, save_maps
from tests import looking, stores

IMAGES = 12


def store_with(store: str, feature_maps: str, *, end: str = "finish") -> StoreReader:
    made = stores.truth(IMAGES)
    new = stores.new_run("kept", IMAGES, feature_maps)
    with closing(RunWriter.begin(store, new)) as writer:
        for start in range(0, IMAGES, 4):
            stores.append(writer, made, start, start + 4, maps=feature_maps != "none")
        if end != "nothing":
            getattr(writer, end)()
    return StoreReader(store)


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


def rows(store: str, run_id: int) -> dict[int, tuple[bytes, bytes]]:
    statement = "select ordinal, scales, codes from feature_maps where run_id = :run_id"
    return {row[0]: row[1:] for row in looking.rows(store, statement, run_id=run_id)}


def packed_size(store: str, run_id: int = 1) -> int:
    """Bytes of everything in the run's tables that its size counts."""
    sums = (
        "select sum(length(probabilities) + length(pixels) + length(gap)) from images",
        "select sum(length(scales) + length(codes)) from feature_maps",
    )
    found = (looking.rows(store, f"{one} where run_id = {run_id}")[0][0] for one in sums)
    return sum(int(one or 0) for one in found)


def test_they_are_the_rows_that_the_collector_writes_and_never_too_many(any_store: str) -> None:
    reader = store_with(any_store, "last:5")
    store_with(any_store, "all")
    assert reader.images_with_maps(1) == (7, 8, 9, 10, 11)
    kept = [(0, (0, 8, 9, 10, 11)), (3, (0, 3, 9, 10, 11)), (0, (0, 3, 9, 10, 11))]
    kept += [(1, (0, 1, 3, 10, 11)), (2, (0, 1, 2, 3, 11)), (4, (0, 1, 2, 3, 4))]
    kept += [(9, (1, 2, 3, 4, 9)), (10, (1, 2, 3, 4, 10))]
    for ordinal, there in kept:
        assert save_maps(any_store, 1, ordinal, maps(ordinal))
        assert reader.images_with_maps(1) == there
        assert reader.run(1).size == packed_size(any_store)
    whole = rows(any_store, 2)
    assert all(row == whole[ordinal] for ordinal, row in rows(any_store, 1).items())


def test_a_run_that_keeps_all_takes_any_and_one_that_keeps_none_takes_none(any_store: str) -> None:
    reader = store_with(any_store, "all")
    looking.change(any_store, "delete from feature_maps where ordinal in (2, 5)")
    assert save_maps(any_store, 1, 5, maps(5))
    assert reader.images_with_maps(1) == tuple(one for one in range(IMAGES) if one != 2)
    assert not save_maps(any_store, 1, IMAGES, maps(0))
    none = store_with(any_store, "none")
    assert not save_maps(any_store, 2, 5, maps(5))
    assert none.images_with_maps(2) == ()
    with pytest.raises(RunNotFound):
        save_maps(any_store, 3, 5, maps(5))


def test_a_run_that_is_collected_is_left_to_its_collector(any_store: str) -> None:
    reader = store_with(any_store, "last:5", end="nothing")
    assert not save_maps(any_store, 1, 0, maps(0))
    assert reader.images_with_maps(1) == (7, 8, 9, 10, 11)
    reader = store_with(any_store, "last:5", end="interrupt")
    assert save_maps(any_store, 2, 0, maps(0))
    # Taken up again, the collector counts what is there, and drops it as it goes on.
    with closing(RunWriter.resume(any_store, "2")) as writer:
        more = stores.truth(IMAGES + 4)
        stores.append(writer, more, IMAGES, IMAGES + 4)
        writer.finish()
    assert reader.images_with_maps(2) == (11, 12, 13, 14, 15)
    assert reader.run(2).size == packed_size(any_store, 2)
