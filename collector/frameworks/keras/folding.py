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
import tensorflow as tf

from collector.frameworks.keras.onednn import convolution, narrow_before
from reactcnn_dash.db import BFLOAT16, FLOAT32

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

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


def folded(
    graph: FlatGraph,
    wanted: Sequence[Any],
    taken: Container[int],
    brief: Container[int] = (),
    *,
    frozen: bool = True,
) -> Substitutes:
    """Return what to carry out instead of convolutions, normalisations and ReLUs after them.

    Args:
        graph: the model's graph.
        wanted: tensors whose values must be had; what stands inside a chain has no value of its own
            any more.
        taken: calls that others carry out, by their ``id``.
        brief: calls that are computed in bfloat16, see :func:`in_bfloat16`.
        frozen: whether weights are taken as they are now; else those calls alone are folded, with
            the weights of each time.

    Returns:
        Functions of one tensor by the ``id`` of the call.
    """
    result: Substitutes = {}
    for chain in _chains(graph, {id(tensor) for tensor in (*wanted, graph.output)}):
        one = id(chain.convolution)
        if one in taken or not (frozen or one in brief):
            continue
        result[one] = _fold(chain, BFLOAT16 if one in brief else FLOAT32, frozen=frozen)
        for following in (chain.normalisation, chain.relu):
            if following is not None:
                result[id(following)] = tf.identity
    for call in graph.calls:
        if id(call) not in brief or id(call) in result:
            continue
        pools = type(call.operation) is keras.layers.MaxPooling2D
        result[id(call)] = _pool(call.operation) if pools else _multiply(call.operation, frozen)
    return result


def in_bfloat16(graph: FlatGraph) -> frozenset[int]:
    """Return the calls that can be computed in bfloat16, by their ``id``.

    Convolutions and dense layers but for those of the image itself, whose rounding would be in all
    that follows, and the last dense one, whose results are not averaged over anything; and pooling
    of maxima between them, which rounds nothing.
    """
    kernels = {
        id(call) for call in graph.calls if _is_plain(call) or _is_dense(call)
    } - _ends(graph)  # fmt: skip
    pools = {id(call) for call in graph.calls if _pools(call)} if kernels else set()
    return frozenset(kernels | pools)


def _ends(graph: FlatGraph) -> set[int]:
    """Return the calls with kernels that no kernel comes before, and the last dense one."""
    behind: set[int] = set()
    found: set[int] = set()
    for call in graph.calls:
        before = any(id(tensor) in behind for tensor in call.inputs)
        has = _has_kernel(call)
        if has and not before:
            found.add(id(call))
        if has or before:
            behind.update(map(id, call.outputs))
    producers = graph.producers()
    last = producers.get(id(graph.output))
    while last is not None and not _has_kernel(last) and len(last.inputs) == 1:
        last = producers.get(id(last.inputs[0]))
    return found | ({id(last)} if last is not None and _is_dense(last) else set())


def _has_kernel(call: Call) -> bool:
    return any("kernel" in weight.name for weight in getattr(call.operation, "weights", ()))


def _pools(call: Call) -> bool:
    layer = call.operation
    return (
        type(layer) is keras.layers.MaxPooling2D
        and call.turn is not None
        and layer.data_format == "channels_last"
        and layer.compute_dtype == "float32"
    )


def _is_dense(call: Call) -> bool:
    layer = call.operation
    return (
        type(layer) is keras.layers.Dense
        and call.turn is not None
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and layer.quantization_mode is None
        and not getattr(layer, "lora_enabled", False)
    )


def _pool(layer: Any) -> Callable[[Any], Any]:
    def pool(values: Any) -> Any:
        brief = narrow_before(values)
        result = tf.nn.max_pool2d(
            values if brief is None else brief,
            layer.pool_size,
            layer.strides,
            layer.padding.upper(),
        )
        return result if brief is None else tf.cast(result, tf.float32)

    return pool


def _multiply(layer: Any, frozen: bool) -> Callable[[Any], Any]:
    """Return a dense layer in bfloat16, as a convolution of maps of one place."""
    kernel, bias = _taken(lambda: _own(layer, layer.units), frozen=frozen)
    inputs, units = layer.kernel.shape
    multiply = convolution(
        kernel.reshape(1, 1, inputs, units) if frozen else kernel[None, None],
        bias,
        strides=(1, 1),
        padding="VALID",
        dilations=(1, 1),
        rectified=layer.activation is keras.activations.relu,
        precision=BFLOAT16,
    )

    def product(values: Any) -> Any:
        shape = tf.shape(values)
        result = multiply(tf.reshape(values, (-1, 1, 1, inputs)))
        result = tf.reshape(result, tf.concat([shape[:-1], [units]], 0))
        result.set_shape((*values.shape[:-1], units))
        plain = layer.activation in (keras.activations.relu, keras.activations.linear)
        return result if plain else layer.activation(result)

    return product


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


def _fold(chain: _Chain, precision: str, *, frozen: bool) -> Callable[[Any], Any]:
    layer = chain.convolution.operation
    normalisation = None if chain.normalisation is None else chain.normalisation.operation

    def weights() -> tuple[Any, Any]:
        kernel, bias = _own(layer, layer.filters)
        return (kernel, bias) if normalisation is None else _normalised(kernel, bias, normalisation)

    kernel, bias = _taken(weights, frozen=frozen)
    rectified = chain.relu is not None or layer.activation is keras.activations.relu
    convolve = convolution(
        kernel,
        bias,
        strides=layer.strides,
        padding=layer.padding.upper(),
        dilations=layer.dilation_rate,
        rectified=rectified,
        precision=precision,
    )
    if rectified or layer.activation is keras.activations.linear:
        return convolve
    return lambda images: layer.activation(convolve(images))


def _taken(weights: Callable[[], tuple[Any, Any]], *, frozen: bool) -> tuple[Any, Any]:
    """Return kernel and bias: arrays of now, or tensors of the graph that is being built."""
    if not frozen:
        return weights()
    with tf.init_scope():
        kernel, bias = (value.numpy() for value in weights())
    return kernel, bias


def _own(layer: Any, filters: int) -> tuple[Any, Any]:
    kernel = keras.ops.convert_to_tensor(layer.kernel)
    return kernel, keras.ops.convert_to_tensor(layer.bias) if layer.use_bias else tf.zeros(filters)


def _normalised(kernel: Any, bias: Any, layer: Any) -> tuple[Any, Any]:
    """Return kernel and bias of a convolution with the normalisation in them."""

    def values(variable: Any, otherwise: float) -> Any:
        if variable is None:
            return tf.constant(otherwise, tf.float64)
        return tf.cast(keras.ops.convert_to_tensor(variable), tf.float64)

    scale = values(layer.gamma, 1.0) / tf.sqrt(values(layer.moving_variance, 1.0) + layer.epsilon)
    bias = tf.cast(bias, tf.float64)
    shift = (bias - values(layer.moving_mean, 0.0)) * scale + values(layer.beta, 0.0)
    return kernel * tf.cast(scale, tf.float32), tf.cast(shift, tf.float32)
