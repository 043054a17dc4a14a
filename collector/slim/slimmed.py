"""A network with fewer channels, carried out on the graph of the whole one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from collector.slim.channels import is_maker, is_weighted
from collector.slim.executing import called
from collector.slim.layers import (
    kernel_name,
    named_weights,
    narrow_copy,
    narrow_weights,
    with_kernel,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import Call, FlatGraph
    from collector.slim.channels import Channels
    from collector.slim.consumers import Consumer
    from collector.slim.layers import Weights


class Slimmed:
    """The layers of a network for the channels that are kept.

    Args:
        graph: the whole network.
        channels: its channels.
        kept: (channels,) bool, those that stay.
    """

    def __init__(self, graph: FlatGraph, channels: Channels, kept: NDArray[np.bool_]) -> None:
        self.graph = graph
        self.channels = channels
        self.kept = kept
        self.weights: dict[int, Weights] = {}
        self._layers: dict[int, Any] = {}
        self._calls: dict[int, Call] = {}
        for call in graph.calls:
            layer = call.operation
            narrows = is_maker(layer) or is_weighted(layer)
            if narrows and id(layer) not in self.weights:
                received, made = self.masks(call)
                # One that works on another axis than the channels keeps them all.
                whole = received.all() and made.all()
                axis = self.channels.of(call.inputs[0]).position
                cut = layer.get_weights() if whole else narrow_weights(layer, received, made, axis)
                self.weights[id(layer)] = cut
                self._calls[id(layer)] = call

    def masks(self, call: Call) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which of a call's input and output channels stay."""
        received = self.kept[self.channels.received(call)]
        made = self.kept[self.channels.of(call.outputs[0]).numbers]
        return received, made

    def shape(self, tensor: Any) -> tuple[int | None, ...]:
        """Return the narrower shape of a tensor of the whole network."""
        axis = self.channels.of(tensor)
        sizes = list(tensor.shape)
        if len(sizes) > 1:
            sizes[axis.position] = int(self.kept[axis.numbers].sum())
        return tuple(sizes)

    def touched(self, tensor: Any) -> bool:
        """Return whether a tensor has lost channels."""
        return not bool(self.kept[self.channels.of(tensor).numbers].all())

    def layer(self, original: Any) -> Any:
        """Return the narrower copy of a layer with the weights as they are now."""
        if id(original) not in self._layers:
            call = self._calls[id(original)]
            _, made = self.masks(call)
            weights = self.weights[id(original)]
            copy = narrow_copy(original, self.shape(call.inputs[0]), int(made.sum()), weights)
            self._layers[id(original)] = called(copy)
        return self._layers[id(original)]

    def set_kernel(self, consumer: Consumer, kernel: NDArray[np.float64]) -> None:
        """Return a consumer another kernel, (taps, kept columns, kept outputs)."""
        layer = consumer.layer
        weights = self._named(layer)
        name = kernel_name(layer)
        shape = weights[name].shape
        weights[name] = with_kernel(layer, shape, kernel).astype(weights[name].dtype)
        self._store(layer, weights)

    def set_bias(self, consumer: Consumer, bias: NDArray[np.float64]) -> None:
        """Let a consumer answer with this constant, (kept outputs,), for its own one or none."""
        layer = consumer.bias
        if layer is None:
            return
        weights = self._named(layer)
        if layer is consumer.layer:
            weights["bias"] = bias.astype(weights["bias"].dtype)
        else:
            whole = named_weights(layer, layer.get_weights())["moving_mean"]
            _, made = self.masks(consumer.calls[0])
            weights["moving_mean"] = (whole[made] - bias).astype(whole.dtype)
        self._store(layer, weights)

    def scale(self, consumer: Consumer, factor: NDArray[np.float64]) -> None:
        """Let the normalisation behind a consumer divide by other standard deviations."""
        layer = consumer.bias
        whole = named_weights(layer, layer.get_weights())["moving_variance"]
        _, made = self.masks(consumer.calls[0])
        weights = self._named(layer)
        weights["moving_variance"] = (whole[made] * factor).astype(whole.dtype)
        self._store(layer, weights)

    def substitutes(self) -> dict[int, Callable[[Any], Any]]:
        """Return what to carry out instead of the calls that are narrower now."""
        found: dict[int, Callable[[Any], Any]] = {}
        for call in self.graph.calls:
            operation = call.operation
            if id(operation) in self.weights:
                found[id(call)] = self.layer(operation)
            elif isinstance(operation, keras.layers.Reshape) and self.touched(call.outputs[0]):
                found[id(call)] = keras.layers.Reshape(self.shape(call.outputs[0])[1:])
        return found

    def _named(self, layer: Any) -> dict[str, NDArray[Any]]:
        return named_weights(layer, self.weights[id(layer)])

    def _store(self, layer: Any, weights: dict[str, NDArray[Any]]) -> None:
        self.weights[id(layer)] = list(weights.values())
        if id(layer) in self._layers:
            self._layers[id(layer)].set_weights(self.weights[id(layer)])
