"""What TensorFlow computes faster than Keras asks it to, while a step of a training is compiled."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from collector.frameworks.keras.convolution import convolution, is_plain
from collector.frameworks.keras.flatten import layers_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def quicker(model: Any, *, convolutions: bool) -> Iterator[None]:
    """Have layers do the same in fewer operations, in whatever is traced meanwhile.

    * A batch normalisation of feature maps is one fused operation and its gradient one more. Keras
      spells it out in a dozen that each go through all values again: with VGG-16 and 128 images on
      two cores with AVX-512 that took 470 of a step's 1,240 ms, and takes 70.
    * Convolutions as in :mod:`collector.frameworks.keras.convolution`.

    Args:
        model: a Keras model; it is afterwards as before.
        convolutions: whether convolutions shall be, too; their transforms want float32.
    """
    with ExitStack() as stack:
        for layer in layers_within(model):
            if convolutions and is_plain(layer):
                # What Keras calls before it adds bias and activation.
                layer.convolution_op = convolution
                stack.callback(delattr, layer, "convolution_op")
            elif _can_be_fused(layer):
                layer.call = _fused(layer)
                stack.callback(delattr, layer, "call")
        yield


def _can_be_fused(layer: Any) -> bool:
    return (
        # Not of a subclass: that may do anything.
        type(layer) is keras.layers.BatchNormalization
        and layer.compute_dtype == layer.variable_dtype == "float32"
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
    )


def _fused(layer: Any) -> Callable[..., Any]:
    usual = layer.call

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        shape = inputs.shape
        channels = shape[-1]
        if (
            not (training and layer.trainable and mask is None)
            or len(shape) != 4
            or layer.axis not in (-1, 3)
            or None in shape
        ):
            return usual(inputs, training=training, mask=mask)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=tf.convert_to_tensor(layer.gamma) if layer.scale else tf.ones(channels),
            offset=tf.convert_to_tensor(layer.beta) if layer.center else tf.zeros(channels),
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=layer.epsilon,
            is_training=True,
        )
        # TensorFlow's is divided by one value less than there are; Keras keeps the other.
        count = shape[0] * shape[1] * shape[2]
        variance *= (count - 1) / count
        for running, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            running.assign(running * layer.momentum + now * (1.0 - layer.momentum))
        return outputs

    return call
