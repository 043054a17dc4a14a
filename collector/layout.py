"""Models with channels first, on a processor for which TensorFlow only knows channels last."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)
"""The layers that are watched."""

_BOUND_TO_LAYOUT = (*CONVOLUTIONS, keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


def apply(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a Keras operation; one with channels first is carried out with channels last.

    TensorFlow has no convolution or pooling for (B, C, H, W) on processors. The kernels are the
    same in both layouts, so only the tensors are turned around; TensorFlow drops the turns that
    cancel each other.

    Returns:
        What the operation returns, in its own layout.
    """
    if not isinstance(operation, _BOUND_TO_LAYOUT) or operation.data_format != "channels_first":
        return operation(*args, **kwargs)
    value = keras.ops.transpose(args[0], (0, 2, 3, 1))
    with _channels_last(operation):
        result = operation(value, *args[1:], **kwargs)
    return keras.ops.transpose(result, (0, 3, 1, 2))


@contextmanager
def _channels_last(layer: Any) -> Iterator[None]:
    data_format, input_spec = layer.data_format, layer.input_spec
    # The specification says on which axis the channels are, and nothing else that is not known.
    layer.data_format, layer.input_spec = "channels_last", None
    try:
        yield
    finally:
        layer.data_format, layer.input_spec = data_format, input_spec
