"""Narrower copies of Keras layers: the same layer with fewer channels in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Weights = list[NDArray[Any]]

_L = keras.layers


def narrow_config(layer: Any, outputs: int) -> dict[str, object]:
    """Return the configuration of a maker (see ``channels.MAKERS``) with so many outputs."""
    config: dict[str, object] = layer.get_config()
    config["units" if isinstance(layer, _L.Dense) else "filters"] = outputs
    return config


def narrow_weights(layer: Any, received: Mask, made: Mask, axis: int) -> Weights:
    """Return the weights of a layer that concern some channels.

    Args:
        layer: a layer of ``channels.MAKERS`` or ``channels.WEIGHTED``.
        received: which of its input channels stay, by their place on its input's channel axis.
        made: which of its outputs stay, likewise; the same as ``received``, each as often as the
            layer multiplies channels, for one of ``WEIGHTED``.
        axis: the channel axis of its input, batch axis included.

    Returns:
        Arrays in the order of ``layer.get_weights()``.
    """
    names = [variable.path.rsplit("/", 1)[-1] for variable in layer.weights]
    return [
        _cut(layer, name, array, (received, made), axis)
        for name, array in zip(names, layer.get_weights(), strict=True)
    ]


def _cut(
    layer: Any, name: str, array: NDArray[Any], masks: tuple[Mask, Mask], axis: int
) -> NDArray[Any]:
    received, made = masks
    if isinstance(layer, _L.PReLU):
        return np.compress(received, array, axis - 1)
    if isinstance(layer, _L.BatchNormalization):
        return array[received]
    if name == "bias":
        return array[made]
    if isinstance(layer, _L.DepthwiseConv2D) or name == "depthwise_kernel":
        return array[:, :, received]
    if isinstance(layer, _L.Conv2DTranspose):
        return array[:, :, made][..., received]
    multiplier = layer.depth_multiplier if isinstance(layer, _L.SeparableConv2D) else 1
    return array[..., np.repeat(received, multiplier), :][..., made]


def kernel_of(layer: Any, weights: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return the kernel of a maker as (taps, inputs, outputs) float64."""
    array = weights[kernel_name(layer)].astype(np.float64)
    if isinstance(layer, _L.Conv2DTranspose):
        array = np.swapaxes(array, -1, -2)
    return array.reshape(-1, *array.shape[-2:])


def with_kernel(layer: Any, shape: Sequence[int], kernel: NDArray[np.float64]) -> NDArray[Any]:
    """Return a maker's kernel, of the given shape, from (taps, inputs, outputs)."""
    if isinstance(layer, _L.Conv2DTranspose):
        kernel = np.swapaxes(kernel, -1, -2)
    return kernel.reshape(shape)


def kernel_name(layer: Any) -> str:
    """Name of the variable with which a maker mixes channels."""
    return "pointwise_kernel" if isinstance(layer, _L.SeparableConv2D) else "kernel"


def named_weights(layer: Any, weights: Weights) -> dict[str, NDArray[Any]]:
    """Return a layer's arrays by the last part of their variables' paths."""
    names = [variable.path.rsplit("/", 1)[-1] for variable in layer.weights]
    return dict(zip(names, weights, strict=True))


def narrow_copy(layer: Any, shape: Sequence[int | None], outputs: int, weights: Weights) -> Any:
    """Return a layer of its own for fewer channels, built and with weights.

    Args:
        layer: the layer, of ``channels.MAKERS`` or ``channels.WEIGHTED``.
        shape: shape of its narrower input, batch axis included.
        outputs: how many channels it makes, if it is a maker.
        weights: what :func:`narrow_weights` gives.
    """
    is_maker = hasattr(layer, "units") or hasattr(layer, "filters")
    config = narrow_config(layer, outputs) if is_maker else layer.get_config()
    copy = type(layer).from_config(config)
    copy.build(tuple(shape))
    copy.set_weights(weights)
    return copy


def linear_copy(layer: Any, shape: Sequence[int | None]) -> Any:
    """Return a maker of its own without its activation, with the same weights."""
    config = layer.get_config()
    config["activation"] = None
    copy = type(layer).from_config(config)
    copy.build(tuple(shape))
    copy.set_weights(layer.get_weights())
    return copy
