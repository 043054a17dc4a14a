"""Grad-CAM is what a plain gradient tape says of a plain Keras model that ends in its logits."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from collector.at_hand.gradcam import grad_cam
from collector.at_hand.loading import AtHand
from collector.at_hand.switching import Switched
from collector.frameworks.keras.capture import Capture
from tests.collector.models_of import SIDE, network_of, photos

L = keras.layers


def body(seed: int = 3) -> tuple[Any, list[Any], Any]:
    """Two branches on one convolution; input, tapped tensors, pooled."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((SIDE, SIDE, 3))
    one = L.Conv2D(6, 3, padding="same", activation="relu", name="a")(L.Rescaling(1 / 255)(inputs))
    two = L.Conv2D(6, 3, padding="same", name="b")(one)
    three = L.Conv2D(5, 3, strides=2, activation="relu", name="c")(L.Add()([one, two]))
    pooled = L.Concatenate()([L.GlobalAveragePooling2D()(one) for one in (two, three)])
    return inputs, [one, two, three], pooled


HEADS: dict[str, tuple[int, Any, str]] = {
    "softmax in the last layer": (3, None, "fused"),
    "a layer of softmax": (3, L.Softmax(), "apart"),
    "an activation and more": (3, lambda z: L.Dropout(0.5)(L.Activation("softmax")(z)), "apart"),
    "logits": (3, lambda z: z, "apart"),
    "sigmoids": (4, None, "fused"),
    "one unit": (1, None, "fused"),
    "one logit": (1, lambda z: z, "apart"),
}
ACTIVATIONS = {"softmax in the last layer": "softmax", "sigmoids": "sigmoid", "one unit": "sigmoid"}


def model_of(head: str) -> tuple[Any, Any]:
    """The model as a user has it, and one of its layers that ends in maps and logits."""
    units, end, kind = HEADS[head]
    inputs, maps, pooled = body()
    dense = L.Dense(units, name="scores")
    logits = dense(pooled)
    truth = keras.Model(inputs, [*maps, logits])
    if kind == "apart":
        return keras.Model(inputs, end(logits)), truth
    fused = L.Dense(units, activation=ACTIVATIONS[head], name="fused")
    model = keras.Model(inputs, fused(pooled))
    fused.set_weights(dense.get_weights())
    return model, truth


def by_tape(truth: Any, pixels: Any, target: int, layer: int) -> Any:
    """Selvaraju et al. 2017, equations 1 and 2."""
    with tf.GradientTape() as tape:
        *maps, logits = truth(tf.cast(pixels, tf.float32), training=False)
        score = logits[0, target] if logits.shape[1] > 1 else logits[0, 0] * (2 * target - 1)
    gradient = tape.gradient(score, maps[layer])
    weights = np.asarray(gradient)[0].mean((0, 1))
    return np.maximum((np.asarray(maps[layer])[0] * weights).sum(-1), 0)


def hand_of(model: Any) -> AtHand:
    network = network_of(model)
    return AtHand(None, (), network, Capture(network))  # type: ignore[arg-type]  # needs no run


@pytest.mark.parametrize("head", list(HEADS))
def test_it_is_what_a_plain_tape_says(head: str) -> None:
    model, truth = model_of(head)
    hand = hand_of(model)
    switched = Switched(hand)
    before = np.asarray(model(photos().astype("f4"), training=False))
    somewhere = 0
    for target in range(hand.network.outputs):
        for layer in range(3):
            found = grad_cam(hand, switched, photos()[1:2], target, layer)
            true = by_tape(truth, photos()[1:2], target, layer)
            assert found.before_softmax
            np.testing.assert_allclose(found.map, true, atol=1e-5 * max(true.max(), 1e-3))
            somewhere += bool(true.max() > 0)
    assert somewhere > 2
    # The model is as it was.
    np.testing.assert_array_equal(np.asarray(model(photos().astype("f4"), training=False)), before)


def test_a_nested_model_with_channels_first_is_looked_into() -> None:
    keras.utils.set_random_seed(4)
    inner_inputs = keras.Input((3, SIDE, SIDE))
    first = L.Conv2D(4, 3, activation="relu", data_format="channels_first", name="first")
    inner = keras.Model(inner_inputs, first(inner_inputs), name="inner")
    inputs = keras.Input((3, SIDE, SIDE))
    dense = L.Dense(3, activation="softmax")
    pooled = L.GlobalAveragePooling2D(data_format="channels_first")(inner(inputs))
    model = keras.Model(inputs, dense(pooled))
    hand = hand_of(model)
    found = grad_cam(hand, Switched(hand), photos()[:1], 2, 0)
    kernel, bias = first.get_weights()
    maps = np.maximum(
        np.asarray(keras.ops.conv(photos()[:1].astype("f4"), kernel, padding="valid")) + bias, 0
    )
    # The gradient of a mean over places is the same everywhere.
    weights = dense.get_weights()[0][:, 2] / maps[0, ..., 0].size
    true = np.maximum((maps[0] * weights).sum(-1), 0)
    np.testing.assert_allclose(found.map, true, atol=1e-5 * max(true.max(), 1))


def test_an_end_that_is_not_known_is_taken_as_it_is() -> None:
    inputs, maps, pooled = body()
    z = L.Dense(3)(pooled)
    squared = z * z + 0.01
    shares = squared / keras.ops.sum(squared, axis=-1, keepdims=True)
    model = keras.Model(inputs, shares)
    truth = keras.Model(inputs, [*maps, shares])
    hand = hand_of(model)
    found = grad_cam(hand, Switched(hand), photos()[:1], 1, 2)
    assert not found.before_softmax
    true = by_tape(truth, photos()[:1], 1, 2)
    np.testing.assert_allclose(found.map, true, atol=1e-5 * max(true.max(), 1e-3))
