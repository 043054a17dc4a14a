"""The weights of PyTorch's convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


def weights_of(
    weight: torch.Tensor, *, transposed: bool, filters: int
) -> NDArray[np.float32]:  # fmt: skip
    """Return a convolution's weights, (F, h, w, C): filters, places, channels a filter sees.

    Args:
        weight: (F, C, h, w), or (inputs, F / groups, h, w) of a transposed convolution.
        transposed: whether it is the latter.
        filters: F.
    """
    values: NDArray[np.float32] = weight.detach().float().cpu().numpy()
    if transposed:
        inputs, each, height, width = values.shape
        groups = filters // each
        grouped = values.reshape(groups, inputs // groups, each, height, width)
        values = grouped.swapaxes(1, 2).reshape(filters, inputs // groups, height, width)
    return np.ascontiguousarray(values.transpose(0, 2, 3, 1))
