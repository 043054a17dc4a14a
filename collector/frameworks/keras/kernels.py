"""The weights of Keras' convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def weights_of(convolution: Any) -> NDArray[np.float32]:
    """Return a convolution's weights, (F, h, w, C): filters, places, channels a filter sees.

    A depthwise filter sees one channel. Of a separable convolution it is the product of both of
    its steps, which is what its filters do to the image.
    """
    if isinstance(convolution, keras.layers.SeparableConv2D):
        depthwise, pointwise = (
            _array(convolution.depthwise_kernel),
            _array(convolution.pointwise_kernel)[0, 0],
        )
        _, _, channels, multiplier = depthwise.shape
        mixing = pointwise.reshape(channels, multiplier, -1)
        product: NDArray[np.float32] = np.einsum("hwcm,cmf->fhwc", depthwise, mixing)
        return product
    weights = _array(convolution.kernel)
    if isinstance(convolution, keras.layers.DepthwiseConv2D):
        height, width, channels, multiplier = weights.shape
        # Keras numbers a depthwise layer's filters channel by channel.
        return np.moveaxis(weights.reshape(height, width, channels * multiplier), -1, 0)[..., None]
    if isinstance(convolution, keras.layers.Conv2DTranspose):
        return np.moveaxis(weights, 2, 0)
    return np.moveaxis(weights, -1, 0)


def _array(variable: Any) -> NDArray[np.float32]:
    array: NDArray[np.float32] = np.asarray(variable.numpy(), np.float32)
    return array
