"""A filter across checkpoints: the runs that saw the same network at other times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypedDict

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.db import DamagedBlob
from reactcnn_dash.finite import finite
from reactcnn_dash.jobs.cache import Cache
from reactcnn_dash.results.epochs import in_order
from reactcnn_dash.results.filters.facts import FilterState, Marginals, state_of
from reactcnn_dash.results.moments import comoments_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run, RunSummary, StoreReader

MOST: Final = 60
"""Runs of a history, at most: the newest."""
SAMPLE: Final = 512
"""Images of each run that class selectivity is told from, at most."""


_LAYERS: Final = 4
"""Layers whose histories stay in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stood:
    """How the filters of a layer stood in one run; their class selectivities are (F,)."""

    marginals: Marginals
    selectivities: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moment:
    """A filter in one run; its class selectivity is NaN with fewer than two classes."""

    run: RunSummary
    state: FilterState
    selectivity: float


class PastRun(FilterState):
    """A filter in one run of its history."""

    id: int
    name: str
    epoch: int | None
    selectivity: float | None
    accuracy: float | None
    error: float | None


class History(TypedDict):
    """A filter across checkpoints; ``epochs``: every run has one."""

    experiment: str | None
    epochs: bool
    runs: list[PastRun]


def kin(run: Run, summaries: Sequence[RunSummary]) -> list[RunSummary]:
    """Return the runs that belong to a filter's history, in the order of time.

    They are those of the same experiment; without one those of the same model over the same images
    that are in no experiment either. The run itself is always among them.
    """
    if run.experiment is not None:
        same = [one for one in summaries if one.experiment == run.experiment]
    else:
        same = [
            one
            for one in summaries
            if one.experiment is None
            and (one.model, one.image_source) == (run.checkpoint.model, run.image_source)
        ]
    ordered = in_order(same)
    if len(ordered) <= MOST:
        return ordered
    others = [one for one in ordered if one.id != run.id]
    kept = {one.id for one in others[-(MOST - 1) :]} | {run.id}
    return [one for one in ordered if one.id in kept]


class Histories:
    """Reads how filters stood in the runs of their history; a layer of a run is read once.

    Args:
        reader: the store.
    """

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._stood: Cache[_Stood | None] = Cache(_LAYERS * MOST)

    def of(self, run: Run, layer: Layer, filter_: int) -> list[Moment]:
        """Return a filter in each run of its history that has such a layer and saved statistics.

        Raises:
            StoreError: the store cannot be read.
        """
        found = []
        for one in kin(run, self._reader.summaries()):
            stood = self._layer(one, layer)
            if stood is not None:
                state = state_of(stood.marginals, filter_)
                found.append(Moment(one, state, float(stood.selectivities[filter_])))
        return found

    def _layer(self, run: RunSummary, layer: Layer) -> _Stood | None:
        key = (run.uuid, layer.name, layer.filters)
        return self._stood.of(key, lambda: self._read(run, layer), run.stored)

    def _read(self, run: RunSummary, layer: Layer) -> _Stood | None:
        same = (layer.name, layer.filters)
        layers = self._reader.layers(run.id)
        there = next((one for one in layers if (one.name, one.filters) == same), None)
        if there is None:
            return None
        try:
            state = self._reader.correlation_state(run.id, there.position)
        except DamagedBlob:
            return None
        if state is None:
            return None
        return _Stood(Marginals.of(comoments_of(state)), self._selectivities(run, there))

    def _selectivities(self, run: RunSummary, layer: Layer) -> NDArray[np.float64]:
        whole = self._reader.run(run.uuid)
        wanted = analysis.sample_ordinals(whole.stored, SAMPLE).tolist()
        block = self._reader.gap_rows_of(run.id, wanted, layer)
        if not len(block.ordinals):
            return np.full(layer.filters, np.nan)
        classes = self._reader.classes_of(run.id, block.ordinals.tolist())
        return np.asarray(analysis.selectivities(block.rows, classes), np.float64)


def history_payload(moments: Sequence[Moment], run: Run) -> History:
    """Return a history as the page draws it: ``epochs`` says whether every run has one."""
    return {
        "experiment": run.experiment,
        "epochs": all(one.run.epoch is not None for one in moments),
        "runs": [
            {
                "id": one.run.id,
                "name": one.run.name,
                "epoch": one.run.epoch,
                **one.state,
                "selectivity": finite(one.selectivity),
                "accuracy": one.run.correct / one.run.labelled if one.run.labelled else None,
                "error": one.run.mean_error,
            }
            for one in moments
        ],
    }
