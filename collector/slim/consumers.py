"""What mixes channels, as a matrix product: rows that come in, a kernel, answers that go out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.slim.channels import is_maker
from collector.slim.layers import kernel_of, linear_copy, named_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import Call, FlatGraph
    from collector.slim.channels import Channels, Numbers

_L = keras.layers

BORDER = 1e-3
"""Cost of a constant that is missing at the borders of a map: used only if nothing else does."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Columns of a consumer's input that hold some channels equally often.

    Attributes:
        channels: (U,) the channels, each once.
        columns: (n, U) where they stand: a channel is seen n times, once for every place that a
            flattened map has.
    """

    channels: Numbers
    columns: Numbers


@dataclass(frozen=True, eq=False)
class Consumer:
    """A layer that mixes channels.

    Attributes:
        layer: the layer.
        calls: its calls, in their order.
        received: number of each channel on its input's channel axis.
        made: number of each channel that it makes.
        bias: the layer that can carry a constant for it: itself, or a batch normalisation that is
            all that follows; ``None`` if there is none.
    """

    layer: Any
    calls: tuple[Call, ...]
    received: Numbers
    made: Numbers
    bias: Any

    @cached_property
    def columns(self) -> Numbers:
        """Number of the channel in each column of its kernel."""
        return np.repeat(self.received, self.multiplier)

    @property
    def multiplier(self) -> int:
        """Columns of the kernel for each channel received."""
        separable = isinstance(self.layer, _L.SeparableConv2D)
        return self.layer.depth_multiplier if separable else 1

    @cached_property
    def kernel(self) -> NDArray[np.float64]:
        """(taps, columns, outputs), as it is in the original network."""
        return kernel_of(self.layer, named_weights(self.layer, self.layer.get_weights()))

    @property
    def own_bias(self) -> NDArray[np.float64]:
        """(outputs,) what the layer itself adds."""
        found = named_weights(self.layer, self.layer.get_weights()).get("bias", 0.0)
        return np.broadcast_to(np.asarray(found, np.float64), (len(self.made),))

    @property
    def fits(self) -> bool:
        """Whether its kernel can be fitted to answers; if not, work is only handed over."""
        return len(self.calls) == 1 and not isinstance(self.layer, _L.Conv2DTranspose)

    @property
    def constant(self) -> float:
        """What a constant among its inputs costs it, see ``analysis.hand_over``."""
        layer = self.layer
        if self.bias is None:
            return 1.0
        if isinstance(layer, _L.Conv2DTranspose):
            # Where its strokes overlap, and at the borders, a constant is no constant.
            return 0.0 if layer.kernel_size == layer.strides else 1.0
        # A separable convolution mixes channels after it has padded.
        pads = isinstance(layer, _L.Conv2D) and layer.padding == "same"
        return BORDER if pads and max(layer.kernel_size) > 1 else 0.0

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Its columns by how often they hold a channel."""
        numbers, first, counts = np.unique(self.columns, return_index=True, return_counts=True)
        numbers = numbers[np.argsort(first)]
        counts = counts[np.argsort(first)]
        order = np.argsort(self.columns, kind="stable")
        ends = np.searchsorted(self.columns[order], numbers)
        found = []
        for count in np.unique(counts):
            mine = np.flatnonzero(counts == count)
            columns = np.stack([order[ends[one] : ends[one] + count] for one in mine], axis=1)
            found.append(Group(numbers[mine], columns))
        return tuple(found)

    def linear(self, call: Call) -> Any:
        """Return a copy of the layer that gives the answers before the activation."""
        return linear_copy(self.layer, call.inputs[0].shape)


def find_consumers(graph: FlatGraph, channels: Channels) -> tuple[Consumer, ...]:
    """Return all layers of a graph that mix channels, in the order of their first calls."""
    calls: dict[int, list[Call]] = {}
    for call in graph.calls:
        if is_maker(call.operation):
            calls.setdefault(id(call.operation), []).append(call)
    times: dict[int, int] = {}
    for call in graph.calls:
        times[id(call.operation)] = times.get(id(call.operation), 0) + 1
    followers = graph.consumers()
    return tuple(
        Consumer(
            layer=same[0].operation,
            calls=tuple(same),
            received=channels.received(same[0]),
            made=channels.of(same[0].outputs[0]).numbers,
            bias=_bias(same, followers, times),
        )
        for same in calls.values()
    )


def _bias(calls: list[Call], followers: dict[int, list[Call]], times: dict[int, int]) -> Any:
    layer = calls[0].operation
    if layer.use_bias:
        return layer
    following = followers[id(calls[0].outputs[0])]
    if len(calls) > 1 or len(following) != 1:
        return None
    if getattr(layer, "activation", None) not in (None, keras.activations.linear):
        return None
    after = following[0].operation
    if type(after) is _L.BatchNormalization and times[id(after)] == 1:
        return after
    return None


def places(layer: Any, value: Any) -> Any:
    """Return what a layer's kernel is applied to, channels last: (B, …, columns).

    A separable convolution's kernel comes after a depthwise one.
    """
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    if first:
        value = keras.ops.moveaxis(value, 1, -1)
    if isinstance(layer, _L.SeparableConv2D):
        # In the precision in which the layer itself computes.
        value = keras.ops.depthwise_conv(
            keras.ops.cast(value, layer.compute_dtype),
            keras.ops.cast(layer.depthwise_kernel, layer.compute_dtype),
            layer.strides if len(set(layer.strides)) > 1 else layer.strides[0],
            layer.padding,
            "channels_last",
            layer.dilation_rate,
        )
    return value


def answers(layer: Any, value: Any) -> Any:
    """Return a layer's output with channels last."""
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    return keras.ops.moveaxis(value, 1, -1) if first else value


def patches(
    layer: Any, value: NDArray[np.float32], where: NDArray[np.intp], output: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return the inputs of some of a layer's answers.

    Args:
        layer: the layer.
        value: (B, …, D), what :func:`places` gives.
        where: (B, P) flat positions of the answers among those of ``output``.
        output: sizes of the axes of the layer's answers between batch and channels.

    Returns:
        (B · P, taps · D), the taps outermost.
    """
    count, depth = len(value), value.shape[-1]
    rows = np.arange(count)[:, None]
    if not isinstance(layer, _L.Conv2D):
        flat: NDArray[np.float32] = value.reshape(count, -1, depth)[rows, where]
        return flat.reshape(-1, depth)
    (height, width), kernel = output, layer.kernel_size
    padded, steps = _padded(layer, value, output)
    y, x = np.unravel_index(where, (height, width))
    down = np.arange(kernel[0]) * steps[0][1]
    right = np.arange(kernel[1]) * steps[1][1]
    ys = y[..., None, None] * steps[0][0] + down[:, None]
    xs = x[..., None, None] * steps[1][0] + right
    ys, xs = np.broadcast_arrays(ys, xs)
    found: NDArray[np.float32] = padded[rows[..., None, None], ys, xs]
    return found.reshape(where.size, -1)


def _padded(
    layer: Any, value: NDArray[np.float32], output: tuple[int, ...]
) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """Return a map with what the layer's padding adds, and (stride, dilation) of each axis."""
    steps = list(zip(layer.strides, layer.dilation_rate, strict=True))
    if layer.padding == "valid":
        return value, steps
    edges = [(0, 0)]
    for axis, (stride, dilation) in enumerate(steps):
        reach = (layer.kernel_size[axis] - 1) * dilation + 1
        missing = max((output[axis] - 1) * stride + reach - value.shape[axis + 1], 0)
        edges.append((missing // 2, missing - missing // 2))
    return np.pad(value, [*edges, (0, 0)]), steps
