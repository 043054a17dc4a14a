"""Correlation states of a run, kept in step with its stored GAP rows, the same after a resume.

Rows are folded in chunks that begin and end at ordinals divisible by ``CHUNK``, whatever the batch
size and however often the run was interrupted, so that a resumed run has the very bits of an
uninterrupted one. Rows after the last whole chunk belong to no state; a reader folds them itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.correlation import Accumulator
from reactcnn_dash.db import DamagedBlob
from reactcnn_dash.results.moments import comoments_of, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import CorrelationState, Layer, Run, StoreReader

CHUNK = 64
"""Rows folded at once; a state's ``covered`` is a multiple of it."""


class Statistics:
    """The correlation states of all layers of one run.

    Args:
        layers: the run's layers, by position.
        states: one state a layer to go on from, all covering the same rows; none to begin.
    """

    def __init__(self, layers: Sequence[Layer], states: Sequence[CorrelationState] = ()) -> None:
        self._layers = tuple(layers)
        self._covered = states[0].covered if states else 0
        self.damaged = 0
        """Rows that were read back damaged, and count as ones without finite values."""
        self._accumulators = (
            [Accumulator(comoments_of(state), block=CHUNK) for state in states]
            if states
            else [Accumulator(layer.filters, block=CHUNK) for layer in self._layers]
        )
        self._rows = np.empty((CHUNK, self.filters), np.float32)
        self._waiting = 0

    @property
    def filters(self) -> int:
        """Length of a row."""
        return sum(layer.filters for layer in self._layers)

    @property
    def covered(self) -> int:
        """Number of rows behind the states, a multiple of :data:`CHUNK`."""
        return self._covered

    @property
    def received(self) -> int:
        """Number of rows taken in, those that wait for their chunk to fill included."""
        return self._covered + self._waiting

    def add(self, rows: NDArray[np.float32]) -> None:
        """Take in (B, F) GAP rows of the next images, B ≥ 0."""
        taken = 0
        while taken < len(rows):
            count = min(CHUNK - self._waiting, len(rows) - taken)
            self._rows[self._waiting : self._waiting + count] = rows[taken : taken + count]
            self._waiting += count
            taken += count
            if self._waiting == CHUNK:
                self._fold()

    def states(self) -> tuple[CorrelationState, ...]:
        """Return one state a layer, over the first :attr:`covered` rows."""
        return tuple(
            state_of(layer.position, self._covered, accumulator.state())
            for layer, accumulator in zip(self._layers, self._accumulators, strict=True)
        )

    def _fold(self) -> None:
        for layer, accumulator in zip(self._layers, self._accumulators, strict=True):
            accumulator.add(self._rows[:, layer.offset : layer.offset + layer.filters])
        self._covered += CHUNK
        self._waiting = 0


def restore(reader: StoreReader, run: Run, layers: Sequence[Layer]) -> Statistics:
    """Statistics over all stored rows of a run, from its saved states and the rows after them.

    States that are missing, damaged or do not belong together are made again from the rows.

    Raises:
        StoreError: the store cannot be read.
    """
    statistics = Statistics(layers, _saved(reader, run, layers))
    _catch_up(statistics, reader, run)
    return statistics


def rebuild(
    reader: StoreReader,
    run: Run,
    layers: Sequence[Layer],
    progress: Callable[[int], None] | None = None,
) -> Statistics:
    """Return the same from the stored rows alone, without a look at the saved states.

    Args:
        reader: of the store, which is left as it is.
        run: the run.
        layers: its layers, by position.
        progress: called with the number of rows taken in, 0 at first. What it raises stops it.

    Raises:
        StoreError: the store cannot be read.
    """
    statistics = Statistics(layers)
    _catch_up(statistics, reader, run, progress)
    return statistics


def _saved(reader: StoreReader, run: Run, layers: Sequence[Layer]) -> list[CorrelationState]:
    states = []
    for layer in layers:
        try:
            state = reader.correlation_state(run.id, layer.position)
        except DamagedBlob:
            return []
        if state is None or len(state.mean) != layer.filters:
            return []
        states.append(state)
    covered = {state.covered for state in states}
    if len(covered) != 1 or states[0].covered % CHUNK or states[0].covered > run.stored:
        return []
    return states


def _catch_up(
    statistics: Statistics,
    reader: StoreReader,
    run: Run,
    progress: Callable[[int], None] | None = None,
) -> None:
    tell = progress or (lambda _: None)
    tell(statistics.received)
    for block in reader.gap_blocks(run.id, statistics.covered, run.stored):
        first = statistics.received
        last = int(max([*block.ordinals.tolist(), *block.damaged]))
        # A row that is damaged keeps its place and counts as one without finite values.
        rows = np.full((last + 1 - first, statistics.filters), np.nan, np.float32)
        if len(block.ordinals):
            rows[block.ordinals - first] = block.rows
        statistics.add(rows)
        statistics.damaged += len(block.damaged)
        tell(statistics.received)
