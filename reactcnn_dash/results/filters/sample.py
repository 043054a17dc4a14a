"""GAP values of a layer over a sample of a run, and the class of its images; read once, kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from reactcnn_dash.analysis import sample_ordinals
from reactcnn_dash.jobs.cache import Cache

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run, StoreReader

SAMPLE: Final = 2048
"""Images of a sample, at most."""
_MOST_BYTES: Final = 2**25
"""Of all samples that stay in memory: those of eight layers of 512 filters."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerSample:
    """A layer over a sample of n images.

    Attributes:
        ordinals: (n,) int64, ascending.
        rows: (n, F) float32 GAP values.
        classes: (n,) int64 class of each image, −1 for none.
    """

    ordinals: NDArray[np.int64]
    rows: NDArray[np.float32]
    classes: NDArray[np.int64]


class Samples:
    """Samples of the layers that were looked at last.

    Args:
        reader: the store.
    """

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._layers: Cache[LayerSample] = Cache(_MOST_BYTES, lambda sample: sample.rows.nbytes)

    def of(self, run: Run, layer: Layer) -> LayerSample:
        """Return a layer's sample over the run as it stands.

        Raises:
            StoreError: the store cannot be read.
        """
        key = (run.uuid, layer.position)
        return self._layers.of(key, lambda: self._read(run, layer), run.stored)

    def _read(self, run: Run, layer: Layer) -> LayerSample:
        wanted = sample_ordinals(run.stored, SAMPLE)
        block = self._reader.gap_rows_of(run.id, wanted.tolist(), layer)
        rows = block.rows if len(block.ordinals) else np.empty((0, layer.filters), np.float32)
        classes = self._reader.classes_of(run.id, block.ordinals.tolist())
        return LayerSample(block.ordinals, rows, classes)
