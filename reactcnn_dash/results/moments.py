"""Where the store's correlation states become what the analysis works with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash.analysis.correlation import Accumulator, CoMoments
from reactcnn_dash.db import CorrelationState
from reactcnn_dash.results.chosen import sample_of_chosen

if TYPE_CHECKING:
    from reactcnn_dash.db import ImageFilter, Layer, StoreReader

MOST_CHOSEN: Final = 8192
"""Chosen images that a correlation is worked out from, at most.

Its 95 % interval is then ±0.022 around r = 0 and ±0.004 around r = 0.9.
"""

_ROWS = 512
_BLOCK = 1024


def comoments_of(state: CorrelationState) -> CoMoments:
    """Return a stored state as the analysis knows it; the arrays are shared."""
    return CoMoments(
        n=state.n, mean=state.mean, comoment=state.comoment, low=state.low, high=state.high
    )


def state_of(position: int, covered: int, moments: CoMoments) -> CorrelationState:
    """Return co-moments as a state of the layer at `position` over `covered` rows."""
    return CorrelationState(
        layer=position,
        covered=covered,
        n=moments.n,
        mean=moments.mean,
        comoment=moments.comoment,
        low=moments.low,
        high=moments.high,
    )


def merged(before: CorrelationState, after: CorrelationState) -> CorrelationState:
    """Return the state of a layer over two ranges of rows, of which `after` is the later."""
    both = comoments_of(before).merge(comoments_of(after))
    return state_of(after.layer, after.covered, both)


def current_moments(reader: StoreReader, run_id: int, layer: Layer) -> tuple[CoMoments, int]:
    """Return a layer's co-moments over every stored image, and the number of those images.

    The stored state is taken as it is; only the rows after it are read, as few as the collector
    leaves between two states.

    Raises:
        StoreError: the store cannot be read.
    """
    stored = reader.run(run_id).stored
    state = reader.correlation_state(run_id, layer.position)
    if state is None:
        moments, covered = CoMoments.empty(layer.filters), 0
    else:
        moments, covered = comoments_of(state), state.covered
    for start in range(covered, stored, _ROWS):
        rows = reader.gap_rows(run_id, start, min(start + _ROWS, stored), layer)
        moments = moments.merge(CoMoments.of(rows))
    return moments, stored


def subset_moments(
    reader: StoreReader, run_id: int, layer: Layer, subset: ImageFilter
) -> tuple[CoMoments, int]:
    """Return a layer's co-moments over chosen images, and the number of those images.

    Of more than :data:`MOST_CHOSEN` images they are over a sample of so many. Rows are read and
    folded a block at a time. All images of a run are those that its stored state is about. Rows
    that are damaged or not finite are left out of the co-moments.

    Raises:
        StoreError: the store cannot be read.
    """
    stored = reader.run(run_id).stored
    if reader.count(run_id, subset) == stored:
        return current_moments(reader, run_id, layer)
    chosen = sample_of_chosen(reader, run_id, stored, subset, MOST_CHOSEN)
    ordinals = chosen.ordinals.tolist()
    # Blocks as large as those that are read fold faster than the small ones of a collector.
    sums = Accumulator(layer.filters, block=_BLOCK)
    for start in range(0, len(ordinals), _BLOCK):
        rows = reader.gap_rows_of(run_id, ordinals[start : start + _BLOCK], layer).rows
        if len(rows):
            sums.add(rows)
    return sums.state(), chosen.images
