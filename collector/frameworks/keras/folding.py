"""Convolutions with what follows them, as one operation each, by the weights as they are now.

In inference y = γ (c − μ) / √(σ² + ε) + β (Ioffe & Szegedy 2015, algorithm 2), and c is linear in
the kernel: with s = γ / √(σ² + ε) the kernel times s and the bias (b − μ) s + β give the same in
one operation, and a ReLU after it costs nothing there. TensorFlow would do so too, but only with
weights that stand in the graph itself, which it copies ten times before the first image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector.frameworks.keras.onednn import convolution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from collector.frameworks.keras.flatten import Call, FlatGraph

    Substitutes = dict[int, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """A convolution, the normalisation that takes its output alone, and the ReLU that takes theirs.

    Either of the two may be missing.
    """

    convolution: Call
    normalisation: Call | None
    relu: Call | None


def folded(graph: FlatGraph, wanted: Sequence[Any], taken: Mapping[int, Any]) -> Substitutes:
    """Return what to carry out instead of convolutions, normalisations and ReLUs after them.

    Args:
        graph: the model's graph.
        wanted: tensors whose values must be had; what stands inside a chain has no value of its own
            any more.
        taken: calls that others carry out, by their ``id``.

    Returns:
        Functions of one tensor by the ``id`` of the call.
    """
    result: Substitutes = {}
    for chain in _chains(graph, {id(tensor) for tensor in (*wanted, graph.output)}):
        if id(chain.convolution) in taken:
            continue
        result[id(chain.convolution)] = _fold(chain)
        for following in (chain.normalisation, chain.relu):
            if following is not None:
                result[id(following)] = tf.identity
    return result


def _chains(graph: FlatGraph, known: set[int]) -> Iterator[_Chain]:
    consumers = graph.consumers()

    def after(call: Call, fits: Callable[[Call], bool]) -> Call | None:
        (output,) = call.outputs
        following = consumers[id(output)]
        alone = len(following) == 1 and id(output) not in known
        return following[0] if alone and fits(following[0]) else None

    for call in graph.calls:
        if not _is_plain(call):
            continue
        normalisation = relu = None
        if call.operation.activation is keras.activations.linear:
            normalisation = after(call, _normalises)
            relu = after(normalisation or call, _is_relu)
        yield _Chain(call, normalisation, relu)


def _is_plain(call: Call) -> bool:
    layer = call.operation
    return (
        # Not of a subclass: that may do anything.
        type(layer) is keras.layers.Conv2D
        and call.turn is not None
        and layer.data_format == "channels_last"
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and layer.groups == 1
        and not getattr(layer, "lora_enabled", False)
    )


def _normalises(call: Call) -> bool:
    layer = call.operation
    return (
        type(layer) is keras.layers.BatchNormalization
        and call.turn is not None
        and layer.axis in (-1, 3)
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and not call.kwargs.get("training")
    )


def _is_relu(call: Call) -> bool:
    layer = call.operation
    if call.turn is None or getattr(layer, "compute_dtype", None) != "float32":
        return False
    if type(layer) is keras.layers.ReLU:
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return type(layer) is keras.layers.Activation and layer.activation is keras.activations.relu


def _fold(chain: _Chain) -> Callable[[Any], Any]:
    layer = chain.convolution.operation
    with tf.init_scope():
        kernel = layer.kernel.numpy()
        bias = layer.bias.numpy() if layer.use_bias else np.zeros(layer.filters, np.float32)
        if chain.normalisation is not None:
            kernel, bias = _normalised(kernel, bias, chain.normalisation.operation)
    rectified = chain.relu is not None or layer.activation is keras.activations.relu
    convolve = convolution(
        kernel,
        bias,
        strides=layer.strides,
        padding=layer.padding.upper(),
        dilations=layer.dilation_rate,
        rectified=rectified,
    )
    if rectified or layer.activation is keras.activations.linear:
        return convolve
    return lambda images: layer.activation(convolve(images))


def _normalised(kernel: Any, bias: Any, layer: Any) -> tuple[Any, Any]:
    """Return kernel and bias of a convolution with the normalisation in them."""

    def values(variable: Any, otherwise: float) -> Any:
        return otherwise if variable is None else np.asarray(variable.numpy(), np.float64)

    scale = values(layer.gamma, 1.0) / np.sqrt(values(layer.moving_variance, 1.0) + layer.epsilon)
    shift = (bias - values(layer.moving_mean, 0.0)) * scale + values(layer.beta, 0.0)
    return kernel * scale.astype(np.float32), shift.astype(np.float32)
