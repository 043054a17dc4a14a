"""Which tensors of a model are worth watching: every convolution, after its activation.

From each convolution the only consumer is followed through normalisation and activation layers,
and the last of them is tapped. The walk stops before a merge, where a tensor has several consumers
and where it is the model's output, since what comes after belongs to more than this convolution.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from collector.frameworks.keras.flatten import layers_within
from collector.frameworks.keras.layout import CONVOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.frameworks.keras.flatten import Call, FlatGraph

_NORMALISATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.UnitNormalization,
) + ((keras.layers.RMSNormalization,) if hasattr(keras.layers, "RMSNormalization") else ())
_ACTIVATIONS = (
    keras.layers.Activation,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
)
# Class names of the operations behind keras.ops.relu6(x), keras.activations.silu(x) and so on,
# which are no layers. Keras gives their classes no public names.
ACTIVATION_OPERATIONS = frozenset({
    "Celu", "Elu", "Gelu", "HardShrink", "HardSigmoid", "HardSilu", "HardTanh", "LeakyRelu",
    "LogSigmoid", "Mish", "ReLU", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "SoftShrink",
    "Softplus", "Softsign", "SparsePlus", "SparseSigmoid", "Squareplus", "Tanh", "TanhShrink",
    "Threshold",
})  # fmt: skip
_ACTIVATION_LAYERS = {
    keras.layers.ELU: "elu",
    keras.layers.LeakyReLU: "leaky_relu",
    keras.layers.PReLU: "prelu",
    keras.layers.ReLU: "relu",
    keras.layers.Softmax: "softmax",
}
# Activations that mix filters: their output is no longer one filter's response.
_MIXING = frozenset({"softmax", "log_softmax", "sparsemax", "glu"})
_NEVER_NEGATIVE = frozenset(
    {"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "exponential", "sparse_sigmoid"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Tap:
    """One convolution and the tensor that is read for it.

    Attributes:
        name: the convolution's name, unique among the taps: with the names of the nested models
            before it (``encoder/conv``) or the number of the call behind it (``conv#2``) where the
            name alone stands for several.
        kind: the convolution's class, e.g. ``Conv2D``.
        tap: name of the layer or operation whose output is read; of a function inside a layer,
            which has no name, its kind.
        convolution: the layer itself.
        tensor: that output, a ``keras.KerasTensor`` of four axes.
        filters: number of feature maps.
        height: their height.
        width: their width.
        channels_first: whether the tensor is (B, F, H, W) instead of (B, H, W, F).
        never_negative: whether the last activation rules out values below 0.
    """

    name: str
    kind: str
    tap: str
    convolution: Any
    tensor: Any
    filters: int
    height: int
    width: int
    channels_first: bool
    never_negative: bool


def find_taps(graph: FlatGraph) -> tuple[Tap, ...]:
    """Find the tap of every convolution, in the order in which they are computed.

    Returns:
        One tap a call of a convolution (a shared layer that is called twice gives two); empty
        when the model has none.
    """
    consumers = graph.consumers()
    convolutions = [call for call in graph.calls if isinstance(call.operation, CONVOLUTIONS)]
    taps = []
    for call, name in zip(convolutions, _unique_names(convolutions), strict=True):
        last = following = call
        while (after := _follower(following, consumers)) is not None:
            following = after
            # A cast passes filters on, but is nothing to watch: wrappers end with one.
            last = last if _is_cast(following.operation) else following
        (tensor,) = last.outputs
        channels_first = call.operation.data_format == "channels_first"
        _, *axes = tensor.shape
        filters, height, width = axes if channels_first else (axes[2], axes[0], axes[1])
        taps.append(
            Tap(
                name=name,
                kind=type(call.operation).__name__,
                tap=_name(last),
                convolution=call.operation,
                tensor=tensor,
                filters=filters,
                height=height,
                width=width,
                channels_first=channels_first,
                never_negative=_never_negative(last.operation),
            )
        )
    return tuple(taps)


def unwatched(graph: FlatGraph) -> Counter[str]:
    """Return the numbers of convolutions inside layers that could not be opened, by layer."""
    closed = {
        id(call.operation): call.operation
        for call in graph.calls
        if not isinstance(call.operation, CONVOLUTIONS)
    }
    return Counter(
        {
            operation.name: inside
            for operation in closed.values()
            if (inside := sum(isinstance(one, CONVOLUTIONS) for one in layers_within(operation)))
        }
    )


def _name(call: Call) -> str:
    # A function inside a layer is made anew whenever the layer is called, its name with it.
    name: str = call.operation.name
    return name if call.turn is not None else type(call.operation).__name__.lower()


def _follower(call: Call, consumers: dict[int, list[Call]]) -> Call | None:
    """Return the call that goes on with this call's output alone and keeps its filters apart."""
    (tensor,) = call.outputs
    # The model's output has no consumer at all, so the walk ends there too.
    if len(consumers[id(tensor)]) != 1:
        return None
    (consumer,) = consumers[id(tensor)]
    if len(consumer.inputs) != 1 or len(consumer.outputs) != 1:
        return None
    if not _keeps_filters(consumer.operation) or consumer.outputs[0].shape != tensor.shape:
        return None
    return consumer


def _is_cast(operation: Any) -> bool:
    return _is_keras_operation(operation) and type(operation).__name__ == "Cast"


def _keeps_filters(operation: Any) -> bool:
    if _is_cast(operation):
        return True
    if isinstance(operation, _NORMALISATIONS):
        return True
    if isinstance(operation, _ACTIVATIONS):
        return activation_name(operation) not in _MIXING
    return _is_keras_operation(operation) and type(operation).__name__ in ACTIVATION_OPERATIONS


def _is_keras_operation(operation: Any) -> bool:
    return type(operation).__module__.startswith(("keras.src.ops.", "keras.src.activations."))


def activation_name(operation: Any) -> str | None:
    """Name of Keras' activation that an operation carries (``relu``), ``None`` for any other.

    What a user calls a layer or a function of their own says nothing about what it does.
    """
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.layers.Activation):
        return activation_name(activation)
    if isinstance(activation, keras.Layer):
        known = type(activation) in _ACTIVATION_LAYERS
        return _ACTIVATION_LAYERS[type(activation)] if known else None
    name = getattr(activation, "__name__", None)
    return name if name and getattr(keras.activations, name, None) is activation else None


def _never_negative(operation: Any) -> bool:
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.Layer):
        return _never_negative(activation)
    if isinstance(operation, keras.layers.ReLU):
        return not operation.negative_slope and operation.threshold >= 0
    if _is_keras_operation(operation):
        return type(operation).__name__ in {"Relu", "Relu6", "Sigmoid", "HardSigmoid", "Softplus"}
    return activation_name(operation) in _NEVER_NEGATIVE


def _unique_names(calls: Sequence[Call]) -> list[str]:
    """Return the plain names where they are unique, else with path, else numbered by call."""
    bearers: dict[str, set[tuple[int, tuple[str, ...]]]] = {}
    for call in calls:
        bearers.setdefault(call.operation.name, set()).add((id(call.operation), call.path))
    seen: Counter[str] = Counter()
    names = []
    for call in calls:
        plain = call.operation.name
        name = plain if len(bearers[plain]) == 1 else "/".join((*call.path, plain))
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names
