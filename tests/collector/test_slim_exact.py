"""What others can stand in for exactly is found and cut, and the outputs stay what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.collector.planted import (
    copy_filter,
    cut_exactly,
    kill_filter,
    mix_filter,
    noise,
    outputs,
    with_seeded_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def sequential() -> tuple[Any, dict[str, int]]:
    """A copy and a dead filter behind normalisation and ReLU; a combination without either."""
    import keras

    layers = keras.layers
    model = with_seeded_weights(
        keras.Sequential(
            [
                keras.Input((10, 10, 3)),
                layers.Conv2D(6, 3, padding="same", use_bias=False, name="a"),
                layers.BatchNormalization(name="a_bn"),
                layers.ReLU(),
                layers.MaxPooling2D(2),
                layers.Conv2D(7, 3, strides=2, padding="same", name="b"),
                layers.AveragePooling2D(2),
                layers.Conv2D(5, 1, activation="elu", name="c"),
                layers.Flatten(),
                layers.Dense(8, activation="elu", name="d"),
                layers.Dropout(0.5),
                layers.Dense(4, name="e"),
            ],
            name="chain",
        )
    )
    for layer in ("a", "a_bn"):
        copy_filter(model.get_layer(layer), 1, 4)
    kill_filter(model.get_layer("a"), 2)
    kill_filter(model.get_layer("a_bn"), 2)
    copy_filter(model.get_layer("a"), 3, 5)
    copy_filter(model.get_layer("a_bn"), 3, 5, 1.7)
    mix_filter(model.get_layer("b"), (0, 3, 5), (0.7, -1.2, 0.4), 6)
    mix_filter(model.get_layer("b"), (0, 1), (1.0, 1.0), 2)
    copy_filter(model.get_layer("d"), 0, 5)
    return model, {"a": 3, "b": 5, "c": 5, "d": 7, "e": 4}


def residual() -> tuple[Any, dict[str, int]]:
    """Two blocks on one stream; what goes from the stream goes from all that add to it."""
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    stem = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    x = stem
    for block in ("one", "two"):
        y = layers.ReLU()(x)
        y = layers.Conv2D(5, 3, padding="same", name=f"{block}_in")(y)
        y = layers.ReLU()(y)
        y = layers.Conv2D(6, 3, padding="same", name=f"{block}_out")(y)
        x = layers.Add()([x, y])
    x = layers.GlobalAveragePooling2D()(x)
    model = with_seeded_weights(keras.Model(inputs, layers.Dense(3, name="e")(x), name="stream"))
    for name in ("stem", "one_out", "two_out"):
        copy_filter(model.get_layer(name), 0, 3)
        kill_filter(model.get_layer(name), 5)
    copy_filter(model.get_layer("one_in"), 1, 2)
    kill_filter(model.get_layer("two_in"), 4)
    return model, {"stem": 4, "one_in": 4, "one_out": 4, "two_in": 4, "two_out": 4, "e": 3}


def depthwise() -> tuple[Any, dict[str, int]]:
    """Depthwise and separable convolutions hand channels on with weights of their own."""
    import keras

    layers = keras.layers
    model = with_seeded_weights(
        keras.Sequential(
            [
                keras.Input((9, 9, 3)),
                layers.Conv2D(6, 3, activation="relu", name="a"),
                layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="wise"),
                layers.PReLU(shared_axes=(1, 2), name="bent"),
                layers.Conv2D(8, 1, use_bias=False, name="b"),
                layers.SeparableConv2D(5, 3, depth_multiplier=2, activation="elu", name="c"),
                layers.Conv2DTranspose(4, 2, strides=2, name="d"),
                layers.GlobalMaxPooling2D(),
                layers.Dense(3, name="e"),
            ],
            name="wise",
        )
    )
    copy_filter(model.get_layer("a"), 1, 4)
    for name, pairs in (("wise", [(1, 4)]), ("bent", [(2, 8), (3, 9)])):
        layer = model.get_layer(name)
        weights = layer.get_weights()
        for source, target in pairs:
            if name == "wise":
                weights[0][:, :, target] = weights[0][:, :, source]
                bias = weights[1].reshape(6, 2)
                bias[target] = bias[source]
            else:
                weights[0][..., target] = weights[0][..., source]
        layer.set_weights(weights)
    kill_filter(model.get_layer("b"), 3)
    copy_filter(model.get_layer("c"), 0, 2)
    return model, {"a": 5, "wise": 10, "bent": 10, "b": 7, "c": 4, "d": 4, "e": 3}


def concatenated() -> tuple[Any, dict[str, int]]:
    """A filter of one branch that repeats one of the other; squeeze and excitation behind."""
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    left = layers.Conv2D(4, 3, padding="same", activation="relu", name="left")(inputs)
    right = layers.Conv2D(5, 3, padding="same", activation="relu", name="right")(inputs)
    x = layers.Concatenate()([left, right])
    squeezed = layers.GlobalAveragePooling2D()(x)
    squeezed = layers.Dense(3, activation="tanh", name="squeeze")(squeezed)
    excited = layers.Dense(9, activation="sigmoid", name="excite")(squeezed)
    x = layers.Multiply()([x, layers.Reshape((1, 1, 9))(excited)])
    x = layers.Conv2D(4, 3, name="after")(x)
    model = keras.Model(inputs, layers.Flatten()(x), name="branches")
    with_seeded_weights(model)
    weights = [model.get_layer(name).get_weights() for name in ("left", "right")]
    for here, there in zip(*weights, strict=True):
        there[..., 3] = here[..., 1]
    model.get_layer("right").set_weights(weights[1])
    kill_filter(model.get_layer("left"), 2)
    copy_filter(model.get_layer("excite"), 1, 4 + 3)
    return model, {"left": 3, "right": 4, "squeeze": 3, "excite": 7, "after": 4}


def nested() -> tuple[Any, dict[str, int]]:
    """A model that is called twice inside of another: one set of weights, one set of channels."""
    import keras

    layers = keras.layers
    block = keras.Sequential(
        [
            keras.Input((8, 8, 6)),
            layers.Conv2D(5, 3, padding="same", activation="relu", name="in"),
            layers.Conv2D(6, 3, padding="same", name="out"),
        ],
        name="block",
    )
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    x = layers.Add()([x, block(x)])
    x = layers.Add()([x, block(x)])
    x = layers.GlobalAveragePooling2D()(x * 2.0)
    model = with_seeded_weights(keras.Model(inputs, layers.Dense(3, name="e")(x), name="outer"))
    copy_filter(block.get_layer("in"), 1, 3)
    for layer in (block.get_layer("out"), model.get_layer("stem")):
        copy_filter(layer, 0, 4)
    return model, {"stem": 5, "in": 4, "out": 5, "e": 3}


@pytest.mark.parametrize("build", [sequential, residual, depthwise, concatenated, nested])
def test_what_was_planted_is_cut_and_nothing_changes(
    build: Callable[[], tuple[Any, dict[str, int]]], tmp_path: Path
) -> None:
    import keras

    model, widths = build()
    before = [array.copy() for array in model.get_weights()]
    images = noise(80, model.input_shape[1:])
    slim, cut, slimming = cut_exactly(model, images)
    found = {
        layer.name: layer.weights[-1].shape[-1] for layer in flat_layers(slim) if layer.weights
    }
    assert {name: found[name] for name in widths} == widths
    assert cut.parameters == slim.count_params() < model.count_params()
    assert slim.input_shape == model.input_shape
    assert slim.output_shape == model.output_shape
    slim.save(tmp_path / "slim.keras")
    again = keras.saving.load_model(tmp_path / "slim.keras", compile=False, safe_mode=True)
    others = noise(20, model.input_shape[1:], seed=8)
    np.testing.assert_allclose(outputs(again, others), outputs(model, others), atol=1e-4)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert slimming.work.total(cut.kept) == cut.work < slimming.work.total(slimming.whole)


def flat_layers(model: Any) -> list[Any]:
    found = []
    for layer in model.layers:
        found.extend(flat_layers(layer) if hasattr(layer, "layers") else [layer])
    return found
