"""What never changes in a run: its id and layers, read once for each run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reactcnn_dash.jobs.cache import Cache

if TYPE_CHECKING:
    from reactcnn_dash.db import Layer, StoreReader

KEPT = 64


@dataclass(frozen=True, slots=True)
class LayersOfRun:
    """A run's id in the store and its tapped layers."""

    run_id: int
    layers: tuple[Layer, ...]


class RunLayers:
    """The layers of the runs that were looked at last, by the runs' uuid.

    A uuid is never used twice, so that a store that was deleted and made anew is noticed.

    Args:
        reader: the store.
    """

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._kept: Cache[LayersOfRun] = Cache(KEPT)

    def of(self, uuid: str) -> LayersOfRun:
        """Return a run's layers.

        Raises:
            StoreError: the run is not there, or the store cannot be read.
        """
        return self._kept.of(uuid, lambda: self._read(uuid))

    def _read(self, uuid: str) -> LayersOfRun:
        run = self._reader.run(uuid)
        return LayersOfRun(run.id, self._reader.layers(run.id))
