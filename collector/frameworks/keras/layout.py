"""Models with channels first, on a processor for which TensorFlow only knows channels last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Callable

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)
"""The layers that are watched."""

_BOUND_TO_LAYOUT = (*CONVOLUTIONS, keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


def bound_to_layout(model: Any) -> list[Any]:
    """Return the layers of a model, however deep, that TensorFlow lacks for channels first."""
    # Keras lists a model's layers publicly, but not the layers of those.
    return [layer for layer in model._flatten_layers() if _is_turned(layer)]


def turned(operation: Any) -> Callable[..., Any]:
    """Return an operation's ``call``; with channels first it is carried out with channels last.

    TensorFlow has no convolution or pooling for (B, C, H, W) on processors. The kernels are the
    same in both layouts, so only the tensors are turned around; TensorFlow drops the turns that
    cancel each other.
    """
    call: Callable[..., Any] = operation.call
    if not _is_turned(operation):
        return call

    def call_turned(value: Any, *args: Any, **kwargs: Any) -> Any:
        value = keras.ops.transpose(value, (0, 2, 3, 1))
        operation.data_format = "channels_last"
        try:
            result = call(value, *args, **kwargs)
        finally:
            operation.data_format = "channels_first"
        return keras.ops.transpose(result, (0, 3, 1, 2))

    return call_turned


def _is_turned(operation: Any) -> bool:
    return (
        isinstance(operation, _BOUND_TO_LAYOUT)
        and getattr(operation, "data_format", None) == "channels_first"
    )
