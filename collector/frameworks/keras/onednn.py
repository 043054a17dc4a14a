"""A convolution with bias and ReLU in one operation, whose kernel oneDNN arranges only once.

oneDNN wants a kernel in an order of its own, and keeps it in that order for a kernel that never
changes. TensorFlow tells it so of constants in the graph only; there they are held and copied many
times. Its own operation for oneDNN can be told so of any tensor. That operation is not public:
where it is missing, or gives anything but what the definition gives, the public ones do the same.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_OPERATION = "_MklNativeFusedConv2D"


def convolution(
    kernel: NDArray[np.float32],
    bias: NDArray[np.float32],
    *,
    strides: Sequence[int],
    padding: str,
    dilations: Sequence[int],
    rectified: bool,
) -> Callable[[Any], Any]:
    """Return a function from (B, H, W, C) to (B, H', W', F) float32 tensors, for use in a graph.

    Args:
        kernel: (h, w, C, F), as it will always be.
        bias: (F,).
        strides: down and across.
        padding: ``SAME`` or ``VALID``.
        dilations: down and across.
        rectified: whether a ReLU follows.
    """
    with tf.init_scope():
        # Outside the graph that is being built, where large constants would be copied.
        weights, offset = tf.constant(kernel), tf.constant(bias)
        fused = _is_at_hand()

    def convolve(images: Any) -> Any:
        if fused:
            return _fused(
                images,
                weights,
                offset,
                strides=strides,
                padding=padding,
                dilations=dilations,
                rectified=rectified,
            )
        result = tf.nn.conv2d(images, weights, strides, padding, dilations=dilations)
        result = tf.nn.bias_add(result, offset)
        return tf.nn.relu(result) if rectified else result

    return convolve


@cache
def _is_at_hand() -> bool:
    """Return whether the operation is there and does what it should, found out by trying."""
    if tf.config.list_physical_devices("GPU"):
        return False
    images = np.arange(12, dtype=np.float32).reshape(1, 2, 3, 2) - 4
    kernel = np.array([[[[1, -2, 3], [2, 1, -1]]]], np.float32)
    bias = np.array([1, -1, 2], np.float32)
    expected = np.maximum(images @ kernel[0, 0] + bias, 0)

    def tried(values: Any) -> Any:
        return _fused(
            values,
            tf.constant(kernel),
            tf.constant(bias),
            strides=(1, 1),
            padding="SAME",
            dilations=(1, 1),
            rectified=True,
        )

    try:
        found = tf.function(tried, autograph=False)(tf.constant(images)).numpy()
    except Exception:  # noqa: BLE001 - another TensorFlow may refuse it in any way
        return False
    return bool(np.allclose(found, expected))


def _fused(
    images: Any,
    kernel: Any,
    bias: Any,
    *,
    strides: Sequence[int],
    padding: str,
    dilations: Sequence[int],
    rectified: bool,
) -> Any:
    graph = tf.compat.v1.get_default_graph()
    value = tf.compat.v1.AttrValue
    kind = images.dtype.as_datatype_enum

    def numbers(values: Sequence[int]) -> Any:
        return value(list=value.ListValue(i=values))

    attributes = {
        "T": value(type=kind),
        "TArgs": value(list=value.ListValue(type=[kind])),
        "num_args": value(i=1),
        "strides": numbers([1, *strides, 1]),
        "dilations": numbers([1, *dilations, 1]),
        "padding": value(s=padding.encode()),
        "fused_ops": value(
            list=value.ListValue(s=[b"BiasAdd", b"Relu"] if rectified else [b"BiasAdd"])
        ),
        "is_filter_const": value(b=True),
        # The label under which TensorFlow keeps kernels that only its rewriting is to choose.
        "_kernel": value(s=b"MklNameChangeOp"),
    }
    inputs = [graph.capture(tensor) for tensor in (images, kernel, bias)]
    (result,) = graph._create_op_internal(
        _OPERATION, inputs, [images.dtype], attrs=attributes, name="convolution"
    ).outputs
    return result
