"""The rows of two runs, read side by side and folded: what a comparison of layers rests on."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.jobs.worker import report_progress
from reactcnn_dash.results.moments import current_moments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import GapBlock, Layer, Run, StoreReader

    Rows = NDArray[np.float32]
    _Block = tuple[int, NDArray[np.bool_], Rows, Rows]

BLOCK = 1024
"""Pairs of images that are read and folded at once."""
AHEAD = 2
"""Blocks that are read while one is folded."""
SAMPLE = 1024
"""The most images behind the layer × layer matrix; its work and memory grow with their square."""
TAIL = 1024
"""The most rows that a run may have behind its stored correlation states for these to be used."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The images that two runs have in common, in the order of the first run.

    Attributes:
        a: (n,) int64 ordinals in the first run, ascending.
        b: (n,) int64 ordinals of the same images in the second run.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Two runs with the layers that both have, and the images that both have."""

    runs: tuple[Run, Run]
    layers: Sequence[tuple[Layer, Layer]]
    pairs: Pairs


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """What is left of the rows once they are folded.

    Attributes:
        states: one state a layer, over all usable pairs.
        sample: (n, F) float32 rows of either run, for at most :data:`SAMPLE` pairs.
        left_out: pairs with a damaged row.
    """

    states: list[analysis.CrossMoments]
    sample: tuple[Rows, Rows]
    left_out: int


class _Fold(Protocol):
    """Takes in the rows of one layer in both runs."""

    def add(self, x: Rows, y: Rows) -> None:
        """Take in pairs."""

    def state(self) -> analysis.CrossMoments:
        """Return the state of all pairs taken in."""


def whole_moments(
    reader: StoreReader, sides: Sides
) -> list[tuple[analysis.CoMoments, analysis.CoMoments]] | None:
    """Return each layer's co-moments in both runs, where the store has them already.

    It has when both runs consist of the images in common, and their correlation states were saved;
    then two of the three co-moments of a layer need not be summed again. None otherwise.

    Raises:
        StoreError: the store cannot be read.
    """
    for run, layers in zip(sides.runs, zip(*sides.layers, strict=True), strict=True):
        if run.stored != len(sides.pairs.a):
            return None
        for layer in layers:
            state = reader.correlation_state(run.id, layer.position)
            if state is None or state.covered < run.stored - TAIL:
                return None
    first, second = (
        [current_moments(reader, run.id, layer)[0] for layer in layers]
        for run, layers in zip(sides.runs, zip(*sides.layers, strict=True), strict=True)
    )
    return list(zip(first, second, strict=True))


def fold(
    reader: StoreReader,
    sides: Sides,
    known: list[tuple[analysis.CoMoments, analysis.CoMoments]] | None,
) -> Folded:
    """Read all pairs, block by block, and fold them; the progress is reported.

    The sample is drawn with a fixed seed, so that the same two runs give the same figures.

    Args:
        reader: the store.
        sides: what is compared.
        known: each layer's co-moments in both runs, see :func:`whole_moments`, if they are known.

    Raises:
        analysis.TooFewImages: every row is damaged.
        StoreError: the store cannot be read.
    """
    if known is not None:
        between = [analysis.CrossSum(x, y) for x, y in known]
        folded = _fold(reader, sides, between)
        # A row that is damaged, or not finite in one run only, is in co-moments where it should
        # not be: all anew.
        if all(one.complete for one in between):
            return folded
    both = [analysis.CrossAccumulator(x.filters, y.filters) for x, y in sides.layers]
    return _fold(reader, sides, both)


def _fold(reader: StoreReader, sides: Sides, folds: Sequence[_Fold]) -> Folded:
    count = len(sides.pairs.a)
    sampled = np.zeros(count, bool)
    sampled[np.random.default_rng(0).permutation(count)[:SAMPLE]] = True
    kept: tuple[list[Rows], list[Rows]] = ([], [])
    left_out = 0
    for start, both, x, y in _blocks(reader, sides):
        left_out += int((~both).sum())
        report_progress(start, count)
        if not len(x):
            continue
        for one, (here, there) in zip(folds, sides.layers, strict=True):
            one.add(part(x, here), part(y, there))
        chosen = sampled[start : start + BLOCK][both]
        few = x[chosen], y[chosen]
        usable = _finite(few, sides.layers)
        for rows, those in zip(kept, few, strict=True):
            rows.append(those[usable])
    report_progress(count, count)
    if not kept[0]:
        raise analysis.TooFewImages(0)
    states = [one.state() for one in folds]
    return Folded(states, (np.concatenate(kept[0]), np.concatenate(kept[1])), left_out)


def _finite(both: tuple[Rows, Rows], layers: Sequence[tuple[Layer, Layer]]) -> NDArray[np.bool_]:
    """Return which pairs are finite in every one of some layers, in both runs."""
    usable = np.ones(len(both[0]), bool)
    for pair in layers:
        for rows, layer in zip(both, pair, strict=True):
            usable &= np.isfinite(part(rows, layer)).all(axis=1)
    return usable


def _blocks(reader: StoreReader, sides: Sides) -> Iterator[_Block]:
    """Yield where each block starts, which of its pairs are whole, and the rows of those.

    The next blocks are read by a thread meanwhile: SQLite and the folding hold no lock.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting: deque[Future[_Block]] = deque()
        for start in range(0, len(sides.pairs.a), BLOCK):
            waiting.append(thread.submit(read_pairs, reader, sides, start, BLOCK))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def read_pairs(reader: StoreReader, sides: Sides, start: int, count: int) -> _Block:
    """Read the rows of some pairs.

    Returns:
        ``start``; which of the pairs are whole; (n, F) rows of those in the first run; in the
        second.

    Raises:
        StoreError: the store cannot be read.
    """
    cut = slice(start, start + count)
    (found_x, x), (found_y, y) = (
        _rows(reader.gap_rows_of(run.id, ordinals[cut].tolist()), ordinals[cut])
        for run, ordinals in zip(sides.runs, (sides.pairs.a, sides.pairs.b), strict=True)
    )
    both = found_x & found_y
    if both.all():
        return start, both, x, y
    return start, both, x[both[found_x]], y[both[found_y]]


def _rows(block: GapBlock, ordinals: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Rows]:
    """Return which of some ordinals a block (ascending) has, and their rows, in their order."""
    if np.array_equal(block.ordinals, ordinals):
        return np.ones(len(ordinals), bool), block.rows
    found = np.isin(ordinals, block.ordinals)
    return found, block.rows[np.searchsorted(block.ordinals, ordinals[found])]


def part(rows: Rows, layer: Layer) -> Rows:
    """Return a layer's columns of GAP rows."""
    return rows[:, layer.offset : layer.offset + layer.filters]
