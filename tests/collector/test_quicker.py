"""What is computed faster in a training, against the training that Keras itself does."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from collector.training.network import MOMENTUM, WEIGHT_DECAY, Step, with_optimizer
from collector.training.quicker import quicker

RATE = 0.02
SIDE = 8


class Halving(keras.layers.BatchNormalization):  # type: ignore[misc] # keras has no types
    """Of a subclass: whatever it does stays."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return super().call(inputs, training=training, mask=mask) / 2


def norms() -> dict[str, Any]:
    """Return a normalisation of each kind."""
    make = keras.layers.BatchNormalization
    return {
        "usual": make(),
        "other numbers": make(momentum=0.6, epsilon=1e-5),
        "without scale": make(scale=False),
        "without centre": make(center=False),
        "keeping its statistics": make(momentum=1.0),
        "frozen": make(trainable=False),
        "of a subclass": Halving(),
        "of another axis": make(axis=1),
    }


def network(kind: str, *, decay: float) -> Any:
    """Return a model with small maps of many channels, a nested model and a vector's normalisation.

    Args:
        kind: key of :func:`norms`.
        decay: what Keras itself is to add to the loss for each kernel.
    """
    keras.utils.set_random_seed(6)
    layers = keras.layers

    def shrunk(**options: Any) -> dict[str, Any]:
        return options | {"kernel_regularizer": keras.regularizers.L2(decay) if decay else None}

    same: dict[str, Any] = {"kernel_size": 3, "padding": "same"}
    inner = keras.Input((4, 4, 128))
    x = layers.Conv2D(128, **shrunk(activation="relu", **same))(inner)
    nested = keras.Model(inner, layers.BatchNormalization()(x), name="nested")
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(128, **shrunk(use_bias=False, **same))(x)
    x = layers.ReLU()(norms()[kind](x))
    x = layers.Conv2D(128, **shrunk(**same))(x)
    x = nested(layers.AveragePooling2D(2)(x))
    x = layers.Conv2D(130, **shrunk(**same))(layers.AveragePooling2D(2)(x))
    x = layers.BatchNormalization()(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(4, activation="softmax", **shrunk())(x))


@pytest.mark.parametrize("kind", norms())
def test_a_training_is_that_of_keras(kind: str) -> None:
    rng = np.random.default_rng(7)
    batches = rng.integers(0, 256, (2, 40, SIDE, SIDE, 3)).astype(np.uint8)
    labels = rng.integers(0, 4, (2, 40))
    # L2 of Keras is the sum of squares, a decay its half.
    plain = network(kind, decay=WEIGHT_DECAY / 2)
    optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM, nesterov=True)
    plain.compile(optimizer, "sparse_categorical_crossentropy")
    model = with_optimizer(network(kind, decay=0))
    begun = [one.numpy() for one in model.variables]
    for found, expected in zip(begun, plain.variables, strict=True):
        np.testing.assert_array_equal(found, expected)
    step = Step(model)
    for pixels, answers in zip(batches, labels, strict=True):
        plain.train_on_batch(pixels.astype(np.float32), answers)
        step(pixels, answers, RATE)
    for one, expected, start in zip(model.variables, plain.variables, begun, strict=True):
        # What a later normalisation takes away again has no gradient but rounding.
        moved = np.abs(expected.numpy() - start).max()
        np.testing.assert_allclose(
            one, expected, rtol=0, atol=5e-4 * moved + 1e-6, err_msg=one.path
        )


def operations(model: Any, **options: bool) -> set[str]:
    """Return the kinds of operations of a training step's forward pass."""

    def forward(values: Any) -> Any:
        with quicker(model, **options):
            return model(values, training=True)

    signature = tf.TensorSpec((40, SIDE, SIDE, 3))
    graph = tf.function(forward, autograph=False).get_concrete_function(signature).graph
    return {one.type for one in graph.get_operations()}


def test_the_faster_way_is_taken_and_leaves_nothing_behind() -> None:
    model = network("usual", decay=0)
    assert {"FusedBatchNormV3", "BatchMatMulV2"} <= operations(model, convolutions=True)
    assert "BatchMatMulV2" not in operations(model, convolutions=False)
    for layer in model._flatten_layers():
        assert not {"call", "convolution_op"} & vars(layer).keys()


def test_a_model_is_as_before_when_tracing_fails() -> None:
    model = network("usual", decay=0)
    with pytest.raises(RuntimeError, match="told to"), quicker(model, convolutions=True):
        raise RuntimeError("told to")
    for layer in model._flatten_layers():
        assert not {"call", "convolution_op"} & vars(layer).keys()


def test_a_normalisation_is_that_of_numpy() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(3.0, 2.0, (2, 2, 1, 5)).astype(np.float32)
    slopes = rng.normal(size=values.shape).astype(np.float32)
    inputs = keras.Input((2, 1, 5))
    layer = keras.layers.BatchNormalization(momentum=0.75, epsilon=0.5)
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights(rng.uniform(0.5, 2.0, (4, 5)))
    gamma, beta, mean, variance = layer.get_weights()

    def derive(values: Any) -> Any:
        with quicker(model, convolutions=True), tf.GradientTape() as tape:
            tape.watch(values)
            result = model(values, training=True)
        weights = (values, layer.gamma.value, layer.beta.value)
        return result, *tape.gradient(result, weights, slopes)

    found = tf.function(derive, autograph=False)(tf.constant(values))
    rows, given = (one.reshape(4, 5).astype(np.float64) for one in (values, slopes))
    width = np.sqrt(rows.var(axis=0) + 0.5)
    even = (rows - rows.mean(axis=0)) / width
    along = given - given.mean(axis=0) - even * (given * even).mean(axis=0)
    expected = (
        gamma * even + beta,
        gamma * along / width,
        (given * even).sum(axis=0),
        given.sum(axis=0),
    )
    for one, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.reshape(one, wanted.shape), wanted, rtol=1e-5, atol=1e-6)
    # Of all values, not of one fewer.
    np.testing.assert_allclose(layer.moving_mean, 0.75 * mean + 0.25 * rows.mean(0), rtol=1e-6)
    np.testing.assert_allclose(
        layer.moving_variance, 0.75 * variance + 0.25 * rows.var(0), rtol=1e-6
    )
