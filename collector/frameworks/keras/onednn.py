"""A convolution with bias and ReLU in one operation, whose kernel oneDNN arranges only once.

In float32, or with images, kernel, bias and results rounded to bfloat16: products of such numbers
are exact in float32, and in float32 they are summed, whatever the processor. One that has no
multiplier of bfloat16 does it by float32.

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

from reactcnn_dash.db import BFLOAT16, FLOAT32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_OPERATION = "_MklNativeFusedConv2D"


def convolution(
    kernel: NDArray[np.float32] | Any,
    bias: NDArray[np.float32] | Any,
    *,
    strides: Sequence[int],
    padding: str,
    dilations: Sequence[int],
    rectified: bool,
    precision: str = FLOAT32,
) -> Callable[[Any], Any]:
    """Return a function from (B, H, W, C) to (B, H', W', F) float32 tensors, for use in a graph.

    Args:
        kernel: (h, w, C, F), an array as it will always be, or a tensor of the graph.
        bias: (F,), likewise.
        strides: down and across.
        padding: ``SAME`` or ``VALID``.
        dilations: down and across.
        rectified: whether a ReLU follows.
        precision: what is multiplied, ``float32`` or ``bfloat16``.
    """
    constant = not tf.is_tensor(kernel)
    brief = precision == BFLOAT16
    with tf.init_scope():
        fused = _is_at_hand(precision)

    def held(value: Any) -> Any:
        if not brief:
            return tf.constant(value) if constant else value
        return tf.cast(value, tf.bfloat16) if fused else _rounded(tf.cast(value, tf.float32))

    if constant:
        with tf.init_scope():
            # Outside the graph that is being built, where large constants would be copied.
            weights, offset = held(kernel), held(bias)
    else:
        weights, offset = held(kernel), held(bias)

    def convolve(images: Any) -> Any:
        if fused:
            result = _fused(
                narrow(images) if brief else images,
                weights,
                offset,
                strides=strides,
                padding=padding,
                dilations=dilations,
                rectified=rectified,
                constant=constant,
            )
            return tf.cast(result, tf.float32)
        values = _rounded(images) if brief else images
        result = tf.nn.conv2d(values, weights, strides, padding, dilations=dilations)
        result = tf.nn.bias_add(result, offset)
        result = tf.nn.relu(result) if rectified else result
        return _rounded(result) if brief else result

    return convolve


def narrow(values: Any) -> Any:
    """Return float32 values as bfloat16: as they were where they come from it."""
    was = narrow_before(values)
    return tf.cast(values, tf.bfloat16) if was is None else was


def narrow_before(values: Any) -> Any:
    """Return the bfloat16 tensor that float32 values of a graph were made of; ``None`` without.

    Nor is there one where bfloat16 is done by float32: other operations could not take it.
    """
    if tf.executing_eagerly():
        return None
    with tf.init_scope():
        if not _is_at_hand(BFLOAT16):
            return None
    made = values.op
    while made.type == "Identity":
        made = made.inputs[0].op
    if made.type == "Cast" and made.inputs[0].dtype == tf.bfloat16:
        return made.inputs[0]
    return None


def _rounded(values: Any) -> Any:
    return tf.cast(tf.cast(values, tf.bfloat16), tf.float32)


@cache
def _is_at_hand(precision: str = FLOAT32) -> bool:
    """Return whether the operation is there and does what it should, found out by trying."""
    if tf.config.list_physical_devices("GPU"):
        return False
    kind = tf.dtypes.as_dtype(precision)
    # Small whole numbers, so that no precision has to round them.
    images = np.arange(12, dtype=np.float32).reshape(1, 2, 3, 2) - 4
    kernel = np.array([[[[1, -2, 3], [2, 1, -1]]]], np.float32)
    bias = np.array([1, -1, 2], np.float32)
    expected = np.maximum(images @ kernel[0, 0] + bias, 0)

    def tried(values: Any) -> Any:
        result = _fused(
            tf.cast(values, kind),
            tf.constant(kernel, kind),
            tf.constant(bias, kind),
            strides=(1, 1),
            padding="SAME",
            dilations=(1, 1),
            rectified=True,
            constant=True,
        )
        return tf.cast(result, tf.float32)

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
    constant: bool,
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
        "is_filter_const": value(b=constant),
        # The label under which TensorFlow keeps kernels that only its rewriting is to choose.
        "_kernel": value(s=b"MklNameChangeOp"),
    }
    # TensorFlow has more of them from one version to the next, and no defaults.
    if any(one.name == "num_host_args" for one in graph.op_def_for_type(_OPERATION).attr):
        attributes["num_host_args"] = value(i=0)
    inputs = [graph.capture(tensor) for tensor in (images, kernel, bias)]
    (result,) = graph._create_op_internal(
        _OPERATION, inputs, [images.dtype], attrs=attributes, name="convolution"
    ).outputs
    return result
