"""The weights of a convolution, in the form in which they are stored and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import Kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CHANNELS = 4
"""Input channels up to which a kernel is stored whole: those of a colour image and one more."""


def kernel(layer: str, weights: NDArray[np.float32]) -> Kernel:
    """Return what is stored of weights, (F, h, w, C): filters, places, channels a filter sees."""
    squares = np.square(weights, dtype=np.float64)
    return Kernel(
        layer=layer,
        weights=np.ascontiguousarray(weights) if weights.shape[-1] <= MOST_CHANNELS else None,
        spatial=np.sqrt(squares.sum(axis=3)).astype(np.float32),
        channels=np.sqrt(squares.sum(axis=(1, 2))).astype(np.float32),
    )
