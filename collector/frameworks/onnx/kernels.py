"""The weights of ONNX' convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def weights_of(kind: str, weights: NDArray[Any], groups: int) -> NDArray[np.float32]:
    """Return a convolution's weights, (F, h, w, C): filters, places, channels a filter sees.

    Args:
        kind: ``Conv``, whose weights are (F, C, h, w), or ``ConvTranspose``, whose weights are
            (inputs, F / groups, h, w).
        weights: the weights.
        groups: into how many groups inputs and filters are divided.
    """
    values = weights.astype(np.float32)
    if kind == "ConvTranspose":
        inputs, filters, height, width = values.shape
        grouped = values.reshape(groups, inputs // groups, filters, height, width)
        values = grouped.swapaxes(1, 2).reshape(groups * filters, inputs // groups, height, width)
    return values.transpose(0, 2, 3, 1)
