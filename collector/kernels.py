"""The weights of a network's convolutions, in the form in which they are stored and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from reactcnn_dash.db import Kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.network import Network

MOST_CHANNELS = 4
"""Input channels up to which a kernel is stored whole: those of a colour image and one more."""


def kernels_of(network: Network) -> tuple[Kernel, ...]:
    """The kernel of every tapped convolution; a layer that is called twice has it twice."""
    return tuple(_kernel(tap.name, weights_of(tap.convolution)) for tap in network.taps)


def weights_of(convolution: Any) -> NDArray[np.float32]:
    """A convolution's weights as (F, h, w, C): filters, places, channels that each filter sees.

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
    kernel = _array(convolution.kernel)
    if isinstance(convolution, keras.layers.DepthwiseConv2D):
        height, width, channels, multiplier = kernel.shape
        # Keras numbers a depthwise layer's filters channel by channel.
        return np.moveaxis(kernel.reshape(height, width, channels * multiplier), -1, 0)[..., None]
    if isinstance(convolution, keras.layers.Conv2DTranspose):
        return np.moveaxis(kernel, 2, 0)
    return np.moveaxis(kernel, -1, 0)


def _kernel(name: str, weights: NDArray[np.float32]) -> Kernel:
    squares = np.square(weights, dtype=np.float64)
    return Kernel(
        layer=name,
        weights=np.ascontiguousarray(weights) if weights.shape[-1] <= MOST_CHANNELS else None,
        spatial=np.sqrt(squares.sum(axis=3)).astype(np.float32),
        channels=np.sqrt(squares.sum(axis=(1, 2))).astype(np.float32),
    )


def _array(variable: Any) -> NDArray[np.float32]:
    array: NDArray[np.float32] = np.asarray(variable.numpy(), np.float32)
    return array
