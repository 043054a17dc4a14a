"""Which channels of a network stand and fall together.

A filter that goes must go from everything that its response passes through, and where two tensors
are added, a channel of one goes only with that of the other. So every channel of every tensor gets
a number, its **channel**: a convolution makes new ones, what works on each channel by itself hands
them on, merges make pairs of them one, and what mixes or hides channels pins them, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import keras
import numpy as np

from collector.frameworks.keras.activations import MIXING, activation_name
from collector.frameworks.keras.flatten import is_graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import Call, FlatGraph

Numbers: TypeAlias = "NDArray[np.intp]"

_L = keras.layers
MAKERS = (_L.Conv2D, _L.Conv2DTranspose, _L.SeparableConv2D, _L.Dense)
"""Layers that mix all channels that they receive into new ones."""

WEIGHTED = (_L.BatchNormalization, _L.DepthwiseConv2D, _L.PReLU)
"""Layers that treat each channel by itself, with weights of its own."""

_PLAIN = tuple(
    getattr(_L, name)
    for name in (
        "Activation", "ELU", "LeakyReLU", "ReLU", "Dropout", "SpatialDropout2D",
        "GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization", "Identity",
        "MaxPooling2D", "AveragePooling2D", "ZeroPadding2D", "Cropping2D", "UpSampling2D",
        "GlobalAveragePooling2D", "GlobalMaxPooling2D",
    )
    if hasattr(_L, name)
)  # fmt: skip
_MERGES = (
    _L.Add, _L.Subtract, _L.Average, _L.Maximum, _L.Minimum, _L.Multiply,
)  # fmt: skip
# Class names of the functions of keras.ops behind x + y, x * 2 and so on, which have no public
# names.
_MERGING_OPERATIONS = frozenset(
    {"Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"}
)
_PLAIN_OPERATIONS = frozenset({
    "Absolute", "Cast", "Celu", "Clip", "Elu", "Exp", "Gelu", "HardShrink", "HardSigmoid",
    "HardSilu", "HardTanh", "LeakyRelu", "LogSigmoid", "Mish", "Negative", "Relu", "ReLU", "Relu6",
    "Selu", "Sigmoid", "Silu", "SoftShrink", "Softplus", "Softsign", "Sqrt", "Square", "Tanh",
    "TanhShrink", "Threshold",
})  # fmt: skip
_COLOURS = (1, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Return where the channels of a tensor stand.

    Attributes:
        position: the axis of the tensor.
        numbers: (size of that axis,) the number of each channel; a flattened map has each once for
            every place.
    """

    position: int
    numbers: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """The channels of a flat graph.

    Attributes:
        axes: where the channels of each tensor stand, by the tensor's ``id``; numbers are settled:
            two that stand and fall together are the same.
        read: the numbers that calls read along another axis than that, by the call's ``id``.
        pinned: why a channel cannot go, by its number.
        count: numbers are 0 … count - 1.
    """

    axes: dict[int, Axis]
    read: dict[int, Numbers]
    pinned: dict[int, str]
    count: int

    def of(self, tensor: Any) -> Axis:
        """Return where the channels of a tensor stand."""
        return self.axes[id(tensor)]

    def received(self, call: Call) -> Numbers:
        """Return the channels that a layer with weights receives, along the axis of its weights."""
        found = self.read.get(id(call))
        return self.of(call.inputs[0]).numbers if found is None else found


def find_channels(graph: FlatGraph) -> Channels:
    """Return numbers to the channels of a graph and find out which can go."""
    finder = _Finder()
    shape = graph.input.shape
    first = shape[1] in _COLOURS and shape[-1] not in _COLOURS
    finder.number(graph.input, 1 if first else -1, "the images' own channels")
    owned = _Owned(graph.model)
    for call in graph.calls:
        owner = owned.owner(call)
        if owner is None:
            finder.visit(call)
        else:
            finder.give_up(call, f"{owner} is made of layers that cannot be narrowed one by one")
    for tensor in graph.outputs:
        finder.pin(finder.axes[id(tensor)].numbers, "the model's output")
    return finder.settled()


class _Finder:
    def __init__(self) -> None:
        self.axes: dict[int, Axis] = {}
        self._read: dict[int, Numbers] = {}
        self._parent: list[int] = []
        self._reasons: dict[int, str] = {}
        self._seen: dict[int, tuple[Numbers, Numbers]] = {}
        self._reshaped: dict[int, Call] = {}
        self._paths: dict[int, tuple[str, ...]] = {}
        self._entered: dict[tuple[tuple[str, ...], int, int], Any] = {}

    def visit(self, call: Call) -> None:
        """Return the outputs of a call their channels."""
        self._enter(call)
        operation = call.operation
        if is_maker(operation):
            self._make(call)
        elif is_weighted(operation):
            self._weigh(call)
        elif type(operation) in _MERGES or _is_operation(operation, _MERGING_OPERATIONS):
            self._merge(call)
        elif isinstance(operation, _L.Concatenate):
            self._concatenate(call, operation.axis)
        elif type(operation) in (_L.Flatten, _L.Reshape, _L.Permute):
            self._rearrange(call)
        elif _is_plain(operation) and len(call.inputs) == 1:
            self._hand_on(call)
        else:
            self.give_up(call, _unknown(operation))

    # What the kinds of calls do

    def _make(self, call: Call) -> None:
        layer = call.operation
        axis = _channel_axis(layer, call.inputs[0])
        received = self._numbers_on(call, axis)
        (output,) = call.outputs
        made = self.number(output, axis)
        if mixed := _mixed_by(layer):
            self.pin(made, f"{layer.name} ends in {mixed}")
        self._share(layer, received, made)

    def _weigh(self, call: Call) -> None:
        layer = call.operation
        (tensor,), (output,) = call.inputs, call.outputs
        position = self.axes[id(tensor)].position
        if isinstance(layer, _L.DepthwiseConv2D):
            position = _channel_axis(layer, tensor)
        elif isinstance(layer, _L.BatchNormalization):
            position = layer.axis % len(tensor.shape)
        elif position in (layer.shared_axes or ()):
            # Weights that are shared over the channels cannot be divided among them.
            self.give_up(call, f"{layer.name} shares its weights among channels")
            return
        received = made = self._numbers_on(call, position)
        if isinstance(layer, _L.DepthwiseConv2D):
            made = np.repeat(received, layer.depth_multiplier)
        if mixed := _mixed_by(layer):
            self.pin(made, f"{layer.name} ends in {mixed}")
        self._set(output, position, made)
        self._share(layer, received, made)

    def _merge(self, call: Call) -> None:
        (output,) = call.outputs
        if any(np.size(part) > 1 for part in _constants(call)):
            self.give_up(call, f"{call.operation.name} works with an array of constants")
            return
        rank = len(output.shape)
        # Axes are counted from the right, as in broadcasting.
        parts = []
        for tensor in call.inputs:
            axis = self.axes[id(tensor)]
            parts.append((tensor, axis.position - len(tensor.shape), axis.numbers))
        width = max((one[2] for one in parts), key=len)
        place = next(p for _, p, numbers in parts if len(numbers) == len(width))
        for tensor, own, numbers in parts:
            size = tensor.shape[place] if len(tensor.shape) >= -place else 1
            if size == 1 and len(numbers) == 1 and len(width) > 1:
                self.pin(numbers, f"{call.operation.name} spreads it over all channels")
            elif own != place or len(numbers) != len(width):
                self.give_up(call, f"{call.operation.name} joins channels of different axes")
                return
            else:
                self._join(width, numbers)
        self._set(output, rank + place, width)

    def _concatenate(self, call: Call, axis: int) -> None:
        (output,) = call.outputs
        rank = len(output.shape)
        parts = [self.axes[id(tensor)] for tensor in call.inputs]
        if len({part.position for part in parts}) > 1:
            self.give_up(call, f"{call.operation.name} joins channels of different axes")
        elif parts[0].position == axis % rank:
            numbers = np.concatenate([part.numbers for part in parts])
            self._set(output, axis % rank, numbers)
        else:
            for part in parts[1:]:
                self._join(parts[0].numbers, part.numbers)
            self._set(output, parts[0].position, parts[0].numbers)

    def _rearrange(self, call: Call) -> None:
        (tensor,), (output,) = call.inputs, call.outputs
        axis = self.axes[id(tensor)]
        sizes = tuple(tensor.shape[1:])
        if None in sizes or None in tuple(output.shape[1:]):
            self.give_up(call, f"{call.operation.name} has no fixed size")
            return
        shape = [1] * len(sizes)
        shape[axis.position - 1] = -1
        whole = np.broadcast_to(axis.numbers.reshape(shape), sizes)
        if isinstance(call.operation, _L.Permute):
            whole = whole.transpose([one - 1 for one in call.operation.dims])
        elif isinstance(call.operation, _L.Flatten) and (
            call.operation.data_format == "channels_first" and len(sizes) > 1
        ):
            # Flatten turns channels first into channels last before it flattens.
            whole = np.moveaxis(whole, 0, -1)
        whole = whole.reshape(tuple(output.shape[1:]))
        found = _only_axis(whole)
        if found is None:
            self.give_up(call, f"{call.operation.name} spreads channels over several axes")
            return
        self._set(output, found[0] + 1, found[1])
        if isinstance(call.operation, _L.Reshape):
            # It says one shape for all its calls.
            before = self._reshaped.setdefault(id(call.operation), call)
            self._tie(before.inputs[0], tensor, call.operation.name)
            self._tie(before.outputs[0], output, call.operation.name)

    def _hand_on(self, call: Call) -> None:
        (tensor,), (output,) = call.inputs, call.outputs
        axis = self.axes[id(tensor)]
        operation = call.operation
        position = axis.position
        noise = getattr(operation, "noise_shape", None)
        if hasattr(operation, "data_format") and position != _channel_axis(operation, tensor):
            self.give_up(call, f"{operation.name} works on another axis than the channels")
            return
        if isinstance(operation, (_L.GlobalAveragePooling2D, _L.GlobalMaxPooling2D)):
            position = 1 if not operation.keepdims else position
        elif output.shape[position] != len(axis.numbers):
            self.give_up(call, f"{operation.name} changes the number of channels")
            return
        elif noise is not None and noise[position] not in (None, 1):
            self.give_up(call, f"{operation.name} says how many channels there are")
            return
        self._set(output, position, axis.numbers)

    def give_up(self, call: Call, reason: str) -> None:
        """Pin what a call takes and makes."""
        for tensor in call.inputs:
            self.pin(self.axes[id(tensor)].numbers, reason)
        before = self.axes[id(call.inputs[0])].position if call.inputs else -1
        for tensor in call.outputs:
            same = bool(call.inputs) and len(tensor.shape) == len(call.inputs[0].shape)
            self.number(tensor, before if same else -1, reason)

    def _enter(self, call: Call) -> None:
        """Tie what a model nested in another is called with: it has one shape for all its calls."""
        for tensor in call.outputs:
            self._paths[id(tensor)] = call.path
        for depth in range(1, len(call.path) + 1):
            model = call.path[:depth]
            for position, tensor in enumerate(call.inputs):
                if self._paths.get(id(tensor), ())[:depth] != model:
                    key = (model, id(call.operation), position)
                    self._tie(self._entered.setdefault(key, tensor), tensor, model[-1])

    def _tie(self, one: Any, other: Any, name: str) -> None:
        first, second = self.axes[id(one)], self.axes[id(other)]
        if first.position == second.position and len(first.numbers) == len(second.numbers):
            self._join(first.numbers, second.numbers)
            return
        for axis in (first, second):
            self.pin(axis.numbers, f"{name} is called with different shapes")

    # Numbers

    def number(self, tensor: Any, position: int, reason: str | None = None) -> Numbers:
        """Return a tensor new channels, pinned if there is a reason."""
        position %= max(len(tensor.shape), 1)
        size = tensor.shape[position] if len(tensor.shape) > 1 else 1
        numbers = self._new(size or 1, reason)
        self._set(tensor, position, numbers)
        return numbers

    def _new(self, count: int, reason: str | None) -> Numbers:
        numbers = np.arange(len(self._parent), len(self._parent) + count)
        self._parent.extend(numbers.tolist())
        if reason:
            self.pin(numbers, reason)
        return numbers

    def pin(self, numbers: Iterable[int], reason: str) -> None:
        """Say why channels cannot go; the first reason stands."""
        for number in numbers:
            self._reasons.setdefault(self._root(int(number)), reason)

    def settled(self) -> Channels:
        """Return every number replaced by the one that stands for all that go with it."""
        roots = np.array([self._root(number) for number in range(len(self._parent))], np.intp)
        axes = {key: Axis(axis.position, roots[axis.numbers]) for key, axis in self.axes.items()}
        read = {key: roots[numbers] for key, numbers in self._read.items()}
        return Channels(axes, read, dict(self._reasons), len(roots))

    def _set(self, tensor: Any, position: int, numbers: Numbers) -> None:
        self.axes[id(tensor)] = Axis(position, numbers)

    def _numbers_on(self, call: Call, position: int) -> Numbers:
        """Return the channels that a call reads along an axis of its input.

        Along another one than that of the tensor's channels they are pinned, as are those.
        """
        (tensor,) = call.inputs
        axis = self.axes[id(tensor)]
        if axis.position == position:
            return axis.numbers
        reason = f"{call.operation.name} works on another axis than the channels"
        self.pin(axis.numbers, reason)
        self._read[id(call)] = self._new(tensor.shape[position] or 1, reason)
        return self._read[id(call)]

    def _share(self, layer: Any, received: Numbers, made: Numbers) -> None:
        """Tie the calls of a layer that is called again: they share one set of weights."""
        before = self._seen.setdefault(id(layer), (received, made))
        self._join(before[0], received)
        self._join(before[1], made)

    def _join(self, one: Sequence[int] | Numbers, other: Sequence[int] | Numbers) -> None:
        for first, second in zip(one, other, strict=True):
            a, b = self._root(int(first)), self._root(int(second))
            if a == b:
                continue
            low, high = min(a, b), max(a, b)
            self._parent[high] = low
            if high in self._reasons:
                self._reasons.setdefault(low, self._reasons[high])

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number


def operations_of(model: Any) -> dict[str, keras.Operation]:
    """Return a model's layers, nested models and functions of ``keras.ops``, by name."""
    if isinstance(model, keras.Sequential):
        # The list of its layers leaves its input out.
        first = keras.Function(model.inputs, model.outputs).operations
        return {one.name: one for one in (*first, *model.layers)}
    return {one.name: one for one in model.operations}


def is_maker(operation: Any) -> bool:
    """Return whether a call of it mixes all channels that it receives into new ones."""
    return (
        type(operation) in MAKERS
        and getattr(operation, "groups", 1) == 1
        and not _has_layer_with_weights(operation)
    )


def is_weighted(operation: Any) -> bool:
    """Return whether a call of it treats each channel by itself, with weights of its own."""
    return type(operation) in WEIGHTED and not _has_layer_with_weights(operation)


def _channel_axis(layer: Any, tensor: Any) -> int:
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    return 1 if first else len(tensor.shape) - 1


class _Owned:
    """Tells calls that a layer of its own makes from those of a model's graph."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: dict[tuple[str, ...], str | None] = {}

    def owner(self, call: Call) -> str | None:
        """Name of the outermost layer that is no model and makes the call; None without one."""
        if call.path not in self._known:
            self._known[call.path] = self._find(call.path)
        return self._known[call.path]

    def _find(self, path: tuple[str, ...]) -> str | None:
        model = self._model
        for name in path:
            model = operations_of(model).get(name)
            if model is None or not is_graph(model):
                return name
        return None


def _only_axis(whole: NDArray[np.intp]) -> tuple[int, Numbers] | None:
    """Return the one axis along which numbers change, and the numbers along it.

    None if there are more.
    """
    for axis in range(whole.ndim - 1, -1, -1):
        line = np.moveaxis(whole, axis, -1).reshape(-1, whole.shape[axis])[0]
        shape = [1] * whole.ndim
        shape[axis] = -1
        if (whole == line.reshape(shape)).all() and (len(line) > 1 or whole.size == 1):
            return axis, line
    if (whole == whole.flat[0]).all():
        return whole.ndim - 1, np.full(whole.shape[-1], whole.flat[0])
    return None


def _constants(call: Call) -> list[Any]:
    leaves = keras.tree.flatten((call.args, call.kwargs))
    return [
        leaf
        for leaf in leaves
        if not isinstance(leaf, keras.KerasTensor) and leaf is not None and not callable(leaf)
    ]


def _is_plain(operation: Any) -> bool:
    # A cast between a model and one nested in it is a plain function in the flat graph.
    if operation is keras.ops.cast:
        return True
    if isinstance(operation, _L.Rescaling) and type(operation) is _L.Rescaling:
        return np.size(operation.scale) == 1 and np.size(operation.offset) == 1
    if type(operation) in _PLAIN:
        return _mixed_by(operation) is None
    return _is_operation(operation, _PLAIN_OPERATIONS)


def _mixed_by(operation: Any) -> str | None:
    """Say what an operation ends in that does not, or may not, treat each channel by itself."""
    activation = getattr(operation, "activation", None)
    if isinstance(activation, _L.Activation):
        return _mixed_by(activation)
    if activation is None or type(activation) in _PLAIN:
        return None
    name = activation_name(operation)
    if name in MIXING:
        return f"{name}, which mixes filters"
    if name is None or isinstance(activation, keras.Layer):
        kind = getattr(activation, "__name__", None) or type(activation).__name__
        return f"{kind}, which may mix filters"
    return None


def _has_layer_with_weights(operation: Any) -> bool:
    activation = getattr(operation, "activation", None)
    return isinstance(activation, keras.Layer) and bool(activation.weights)


def _is_operation(operation: Any, names: frozenset[str]) -> bool:
    kind = type(operation)
    return kind.__name__ in names and kind.__module__.startswith(("keras.src.ops.",))


def _unknown(operation: Any) -> str:
    kind = type(operation).__name__
    name = getattr(operation, "name", kind)
    if getattr(operation, "groups", 1) not in (None, 1) and isinstance(operation, _L.Conv2D):
        return f"{name} is a grouped convolution"
    if activation_name(operation) in MIXING or isinstance(operation, _L.Softmax):
        return f"{name} ({kind}) mixes channels"
    if _has_layer_with_weights(operation):
        return f"{name} has an activation with weights of its own"
    if mixed := _mixed_by(operation):
        return f"{name} ({kind}) works by {mixed}"
    return f"{name} ({kind}) cannot be narrowed safely"
