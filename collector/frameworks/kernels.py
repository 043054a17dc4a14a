"""The weights of a convolution, in the form in which they are stored and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def weights_of(weights: NDArray[Any], *, transposed: bool, filters: int) -> NDArray[np.float32]:
    """Return the weights of a convolution of channels first, (F, h, w, C), for :func:`kernel`.

    Args:
        weights: (F, C, h, w), or (inputs, F / groups, h, w) of a transposed convolution.
        transposed: whether it is the latter.
        filters: F.
    """
    values = weights.astype(np.float32)
    if transposed:
        inputs, each, height, width = values.shape
        groups = filters // each
        grouped = values.reshape(groups, inputs // groups, each, height, width)
        values = grouped.swapaxes(1, 2).reshape(filters, inputs // groups, height, width)
    return values.transpose(0, 2, 3, 1)
