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


def classes_of(reader: StoreReader, run: Run) -> NDArray[np.int64]:
    """Return the class of every stored image: its label, or what was predicted where it has none.

    Returns:
        ``(stored,)`` int64 by ordinal; −1 for an image without label or answer.

    Raises:
        StoreError: the store cannot be read.
    """
    answers = reader.answers(run)
    classes = np.full(run.stored, -1, np.int64)
    classes[answers.ordinals] = np.where(answers.labels >= 0, answers.labels, answers.predictions)
    return classes


class Samples:
    """Samples of the layers that were looked at last.

    Args:
        reader: the store.
    """

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self._classes: Cache[NDArray[np.int64]] = Cache(4)
        self._layers: Cache[LayerSample] = Cache(8)

    def of(self, run: Run, layer: Layer) -> LayerSample:
        """Return a layer's sample over the run as it stands.

        Raises:
            StoreError: the store cannot be read.
        """
        key = (run.uuid, run.stored, layer.position)
        return self._layers.of(key, lambda: self._read(run, layer))

    def classes(self, run: Run) -> NDArray[np.int64]:
        """Return the class of every image of the run as it stands, see :func:`classes_of`.

        Raises:
            StoreError: the store cannot be read.
        """
        return self._classes.of((run.uuid, run.stored), lambda: classes_of(self._reader, run))

    def _read(self, run: Run, layer: Layer) -> LayerSample:
        wanted = sample_ordinals(run.stored, SAMPLE)
        block = self._reader.gap_rows_of(run.id, wanted.tolist(), layer)
        rows = block.rows if len(block.ordinals) else np.empty((0, layer.filters), np.float32)
        return LayerSample(block.ordinals, rows, self.classes(run)[block.ordinals])
