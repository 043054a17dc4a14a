"""What is an activation or a normalisation among Keras' layers and functions."""

from __future__ import annotations

from typing import Any

import keras

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
MIXING = frozenset({"softmax", "log_softmax", "sparsemax", "glu"})
"""Activations that mix filters: their output is no longer one filter's response."""
_NEVER_NEGATIVE = frozenset(
    {"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "exponential", "sparse_sigmoid"}
)


def is_cast(operation: Any) -> bool:
    """Return whether an operation only changes the type of numbers."""
    return is_function(operation) and type(operation).__name__ == "Cast"


def is_normalisation(operation: Any) -> bool:
    """Return whether a layer is one of Keras' normalisations."""
    return isinstance(operation, _NORMALISATIONS)


def is_activation(operation: Any) -> bool:
    """Return whether a layer or function is an activation that keeps filters apart."""
    if isinstance(operation, _ACTIVATIONS):
        return activation_name(operation) not in MIXING
    return is_function(operation) and type(operation).__name__ in ACTIVATION_OPERATIONS


def is_function(operation: Any) -> bool:
    """Return whether an operation is a function of Keras' own, no layer."""
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


def is_never_negative(operation: Any) -> bool:
    """Return whether what an operation does last rules out values below 0."""
    activation = getattr(operation, "activation", None)
    if isinstance(activation, keras.Layer):
        return is_never_negative(activation)
    if isinstance(operation, keras.layers.ReLU):
        return not operation.negative_slope and operation.threshold >= 0
    if is_function(operation):
        return type(operation).__name__ in {"Relu", "Relu6", "Sigmoid", "HardSigmoid", "Softplus"}
    return activation_name(operation) in _NEVER_NEGATIVE
