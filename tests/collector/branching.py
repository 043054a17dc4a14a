"""One network of every kind of branch and window, in Keras: what others are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers as of

from collector.frameworks.keras.steps import details_of
from tests.collector.models_of import network_of

if TYPE_CHECKING:
    from collector.frameworks.steps import Details

SIDE = 16
NAMES = ("stem", "a", "b", "c", "d", "up", "last", "gate", "top")


def network() -> Any:
    """Skips, a sum, maps side by side, a gate; strides, padding, pooling and enlarging."""
    image = keras.Input((SIDE, SIDE, 3))
    x = of.ZeroPadding2D(1)(image)
    x = of.Conv2D(4, 3, strides=2, activation="relu", name="stem")(x)
    y = of.Conv2D(4, 3, padding="same", activation="relu", name="a")(x)
    y = of.Conv2D(4, 1, use_bias=False, name="b")(y)
    x = of.MaxPooling2D(2)(of.ReLU()(of.Add()([x, y])))
    deep = of.DepthwiseConv2D(3, padding="same", use_bias=False, name="c")(x)
    flat = of.Conv2D(4, 1, name="d")(x)
    x = of.ReLU()(of.Concatenate()([deep, flat]))
    x = of.Conv2DTranspose(5, 2, strides=2, use_bias=False, activation="relu", name="up")(x)
    x = of.UpSampling2D(2)(x)
    x = of.Conv2D(6, 3, dilation_rate=2, name="last")(x)
    x = of.AveragePooling2D(2)(x)
    gate = of.GlobalAveragePooling2D(keepdims=True)(x)
    gate = of.Conv2D(6, 1, activation="sigmoid", name="gate")(gate)
    x = of.Conv2D(3, 1, name="top")(of.Multiply()([x, gate]))
    out = of.Dense(4, activation="softmax")(of.GlobalAveragePooling2D()(x))
    return keras.Model(image, out)


def expected() -> Details:
    """What is kept of it, by the Keras model's own graph."""
    found = network_of(network())
    assert tuple(tap.name for tap in found.taps) == NAMES
    return details_of(found)
