"""Receptive fields are where the gradient of a cell reaches in the image, by plain TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from collector.frameworks.keras.steps import details_of
from reactcnn_dash.analysis.receptive_field import Axis
from tests.collector.models_of import classifier, network_of

if TYPE_CHECKING:
    from collections.abc import Callable

L = keras.layers
SIDES = (23, 30)


def conv(x: Any, size: int | tuple[int, int] = 3, **options: Any) -> Any:
    """A convolution whose weights are all positive, so that nothing cancels out."""
    positive = keras.initializers.RandomUniform(0.1, 1, seed=1)
    return L.Conv2D(2, size, kernel_initializer=positive, **options)(x)


def separable(x: Any) -> Any:
    positive = keras.initializers.RandomUniform(0.1, 1, seed=1)
    x = L.DepthwiseConv2D(5, 2, padding="same", depthwise_initializer=positive)(x)
    return conv(x, 1)


def residual(x: Any) -> Any:
    x = conv(x, 1)
    y = conv(conv(x, padding="same"), padding="same")
    return conv(L.Add()([x, y]) + 0.5, 1)


def branches(x: Any) -> Any:
    both = [conv(x, (1, 7), padding="same"), conv(x, (3, 1), padding="same")]
    return conv(L.Concatenate()(both), 1)


def nested(x: Any) -> Any:
    inputs = keras.Input(x.shape[1:])
    inner = keras.Model(inputs, L.AveragePooling2D(3, 2, padding="same")(conv(inputs, strides=2)))
    return conv(inner(x), 2)


EXACT: dict[str, Callable[[Any], Any]] = {
    "valid": lambda x: conv(conv(x), 5),
    "same": lambda x: conv(conv(x, padding="same", strides=2), 4, padding="same", strides=3),
    "dilated": lambda x: conv(conv(x, dilation_rate=2, padding="same"), strides=2),
    "pooled": lambda x: conv(L.AveragePooling2D(2)(conv(x, padding="same")), padding="same"),
    "padded": lambda x: conv(L.ZeroPadding2D(((1, 2), (2, 0)))(x), strides=2),
    "cropped": lambda x: conv(L.Cropping2D(((2, 1), (0, 4)))(conv(x))),
    "separable": separable,
    "residual": residual,
    "branches": branches,
    "cell by cell": lambda x: L.ReLU()(L.BatchNormalization()(conv(L.Rescaling(2.0)(x)))),
    "normalised": lambda x: conv(
        L.LayerNormalization()(conv(L.Normalization(mean=[0, 1, 0], variance=[1, 1, 2])(x)))
    ),
    "by cells of channels": lambda x: conv(keras.ops.relu(conv(x))),
}
COVERED: dict[str, Callable[[Any], Any]] = {
    "most of a window": lambda x: conv(L.MaxPooling2D(3, 2, padding="same")(conv(x))),
    # At the edge it sees less than it might: there is padding inside.
    "nested": nested,
    "repeated": lambda x: conv(L.UpSampling2D(2)(conv(x, strides=2))),
    "mixed": lambda x: conv(L.UpSampling2D(3, interpolation="bilinear")(conv(x, strides=2))),
    "transposed": lambda x: conv(
        L.Conv2DTranspose(2, 5, 2, padding="same")(conv(x, strides=2, padding="same"))
    ),
}


def reached(model: Any, tensor: Any, cell: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """First and last row, first and last column where the gradient of a cell is not 0."""
    part = keras.Model(model.input, tensor)
    image = tf.constant(np.random.default_rng(3).uniform(0.1, 1, (1, *SIDES, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = tf.reduce_sum(tf.abs(part(image, training=False)[0, cell[0], cell[1]]))
    there = np.abs(np.asarray(tape.gradient(value, image))[0]).sum(-1) > 0
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)


def fields(build: Callable[[Any], Any]) -> tuple[Any, Any, list[Axis]]:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((*SIDES, 3))
    tensor = build(inputs)
    model = keras.Model(inputs, classifier(tensor))
    network = network_of(model)
    found = details_of(network)["receptive_fields"][-1]
    assert isinstance(found, list)
    return model, tensor, [Axis(*axis) for axis in found]


@pytest.mark.parametrize("name", [*EXACT, *COVERED])
def test_a_cell_sees_what_its_gradient_reaches(name: str) -> None:
    model, tensor, axes = fields((EXACT | COVERED)[name])
    height, width = tensor.shape[1:3]
    for cell in {(0, 0), (height // 2, width // 2), (height - 1, width - 1), (height // 3, 1)}:
        true = reached(model, tensor, cell)
        found = tuple(axis.of(i, side) for axis, i, side in zip(axes, cell, SIDES, strict=True))
        if name in EXACT:
            assert found == true
        for (low, high), (first, last) in zip(found, true, strict=True):
            assert low <= first < last <= high


def test_vgg16_sees_what_is_known_of_it() -> None:
    def vgg(x: Any) -> Any:
        for count in (2, 2, 3, 3):
            for _ in range(count):
                x = conv(x, padding="same")
            x = L.MaxPooling2D(2)(x)
        return conv(conv(conv(x, padding="same"), padding="same"), padding="same")

    _, _, (height, width) = fields(vgg)
    # Araujo et al. 2019 count 212 with the pooling behind, which adds a stride of 16.
    assert height.size == width.size == 196
    assert height.stride == width.stride == 16


def test_what_sees_all_and_what_is_not_known_are_told_apart() -> None:
    inputs = keras.Input((*SIDES, 3))
    x = conv(inputs, name="before")
    squeezed = L.Dense(2, activation="sigmoid")(L.GlobalAveragePooling2D()(x))
    x = conv(L.Multiply()([x, L.Reshape((1, 1, 2))(squeezed)]), name="excited")
    model = keras.Model(inputs, classifier(x))
    assert details_of(network_of(model))["receptive_fields"][1] == "whole"
    inputs = keras.Input((*SIDES, 3))
    x = conv(L.Permute((2, 1, 3))(conv(inputs)), name="turned")
    model = keras.Model(inputs, classifier(x))
    first, turned = details_of(network_of(model))["receptive_fields"]
    assert first == [[3, 1, 0], [3, 1, 0]]
    assert turned is None
