"""Correlation states: cut anywhere, taken up again, with and without values that are not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.statistics import CHUNK, Statistics, rebuild, restore
from reactcnn_dash.analysis.correlation import CoMoments, correlation
from reactcnn_dash.db import (
    CorrelationState,
    ImageBatch,
    Layer,
    NewRun,
    RunWriter,
    StoreReader,
)
from reactcnn_dash.results.moments import comoments_of

if TYPE_CHECKING:
    from pathlib import Path

LAYERS = (
    Layer(0, "a", "Conv2D", "a", 3, 1, 1, 0),
    Layer(1, "b", "Conv2D", "b", 4, 1, 1, 3),
)


def rows(count: int, seed: int, spoilt: float = 0.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    generator = np.random.default_rng(seed)
    values = generator.normal(3, 2, (count, 7)).astype(np.float32)
    values[:, 1] += values[:, 0]
    values[generator.random(values.shape) < spoilt] = np.nan
    return values


def same(one: tuple[CorrelationState, ...], other: tuple[CorrelationState, ...]) -> bool:
    """Whether two sets of states have the same bits."""
    return len(one) == len(other) and all(
        (a.layer, a.covered, a.n) == (b.layer, b.covered, b.n)
        and all(
            getattr(a, name).tobytes() == getattr(b, name).tobytes()
            for name in ("mean", "comoment", "low", "high")
        )
        for a, b in zip(one, other, strict=True)
    )


@settings(max_examples=60, deadline=None)
@example(cuts=[70, 80, 90, 100], seed=0, spoilt=0.02, taken_up_after=2)
@given(
    cuts=st.lists(st.integers(0, 150), min_size=1, max_size=8),
    seed=st.integers(0, 2**32 - 1),
    spoilt=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    taken_up_after=st.integers(0, 8),
)
def test_neither_batches_nor_taking_it_up_again_change_a_bit(
    cuts: list[int], seed: int, spoilt: float, taken_up_after: int
) -> None:
    values = rows(sum(cuts), seed, spoilt)
    whole = Statistics(LAYERS)
    whole.add(values)
    pieces = Statistics(LAYERS)
    start = 0
    for index, count in enumerate(cuts):
        if index == taken_up_after:
            covered = pieces.covered
            pieces = Statistics(LAYERS, pieces.states())
            pieces.add(values[covered:start])
        pieces.add(values[start : start + count])
        start += count
    assert pieces.received == len(values)
    assert pieces.covered == len(values) // CHUNK * CHUNK
    assert same(pieces.states(), whole.states())


@settings(max_examples=30, deadline=None)
@given(count=st.integers(CHUNK, 300), seed=st.integers(0, 2**32 - 1))
def test_state_and_rows_after_it_give_numpys_correlation(count: int, seed: int) -> None:
    values = rows(count, seed, 0.01)
    statistics = Statistics(LAYERS)
    statistics.add(values)
    for layer, state in zip(LAYERS, statistics.states(), strict=True):
        own = values[:, layer.offset : layer.offset + layer.filters].astype(np.float64)
        tail = CoMoments.of(own[state.covered :])
        found = correlation(comoments_of(state).merge(tail))
        finite = own[np.isfinite(own).all(axis=1)]
        assert found.n == len(finite)
        np.testing.assert_allclose(found.r, np.corrcoef(finite.T), atol=1e-10, rtol=0)


def store(path: Path, values: np.ndarray[Any, Any], states: tuple[CorrelationState, ...]) -> None:
    new = NewRun(
        name="run",
        model="m",
        checkpoint_sha256="0" * 64,
        parameters=1,
        checkpoint_source="m",
        image_source="s",
        image_identity="1" * 64,
        total=None,
        batch_size=1,
        feature_maps="none",
        class_names=("x", "y"),
        image_shape=(1, 1, 3),
        layers=LAYERS,
    )
    count = len(values)
    batch = ImageBatch(
        start=0,
        labels=np.full(count, -1),
        probabilities=np.full((count, 2), 0.5, np.float32),
        pixels=np.zeros((count, 1, 1, 3), np.uint8),
        names=(None,) * count,
        gap=values,
    )
    with RunWriter.begin(str(path), new) as writer:
        writer.append(batch, states)
        writer.finish()


def states_after(values: np.ndarray[Any, Any], count: int) -> tuple[CorrelationState, ...]:
    statistics = Statistics(LAYERS)
    statistics.add(values[:count])
    return statistics.states()


@pytest.mark.parametrize("case", ["saved", "none saved", "one missing", "out of step"])
def test_restored_from_the_store_whatever_was_saved(tmp_path: Path, case: str) -> None:
    values = rows(200, 4, 0.01)
    saved = states_after(values, 70)
    states = {
        "saved": saved,
        "none saved": (),
        "one missing": saved[:1],
        "out of step": (saved[0], states_after(values, 130)[1]),
    }[case]
    store(tmp_path / "a.db", values, states)
    reader = StoreReader(str(tmp_path / "a.db"))
    run = reader.run(1)
    found = restore(reader, run, reader.layers(1))
    assert found.received == 200
    assert same(found.states(), states_after(values, 200))
    assert same(rebuild(reader, run, LAYERS).states(), states_after(values, 200))


def test_a_damaged_row_counts_as_one_without_values(tmp_path: Path) -> None:
    import sqlite3

    values = rows(150, 8)
    path = tmp_path / "a.db"
    store(path, values, ())
    with sqlite3.connect(path) as connection:
        connection.execute("update images set gap = x'00' where ordinal in (10, 149)")
    connection.close()
    reader = StoreReader(str(path))
    found = rebuild(reader, reader.run(1), LAYERS)
    spoilt = values.copy()
    spoilt[[10, 149]] = np.nan
    assert found.received == 150
    assert same(found.states(), states_after(spoilt, 150))
    assert found.states()[0].n == 127


def test_a_rebuild_says_how_far_it_is_and_can_be_stopped(tmp_path: Path) -> None:
    values = rows(1100, 100)
    path = tmp_path / "a.db"
    store(path, values, states_after(values[::-1], 64))
    before, told = path.read_bytes(), list[int]()
    reader = StoreReader(str(path))
    rebuild(reader, reader.run(1), LAYERS, told.append)
    assert told == [0, 1024, 1100]

    def stop(done: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(reader, reader.run(1), LAYERS, stop)
    assert path.read_bytes() == before
