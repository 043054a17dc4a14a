"""How layers hang together, held against hand-made graphs and against arithmetic by hand."""

from __future__ import annotations

import keras
from keras import layers as of

from collector.frameworks.keras.steps import details_of
from tests.collector.models_of import network_of


def test_a_residual_network_has_its_skips_merges_and_costs() -> None:
    image = keras.Input((8, 8, 3))
    x = of.Conv2D(4, 3, padding="same", activation="relu", name="stem")(image)
    for i in range(2):
        y = of.Conv2D(4, 3, padding="same", name=f"in{i}")(x)
        y = of.ReLU()(of.BatchNormalization()(y))
        y = of.Conv2D(4, 1, use_bias=False, name=f"out{i}")(y)
        x = of.ReLU()(of.Add()([x, y]))
    out = of.Dense(2, activation="softmax")(of.GlobalAveragePooling2D()(x))
    network = network_of(keras.Model(image, out))
    assert [tap.name for tap in network.taps] == ["stem", "in0", "out0", "in1", "out1"]
    found = details_of(network)["wiring"]
    assert found["taps"] == [[], [0], [1], [-1], [3]]
    assert found["merges"] == [{"kind": "Add", "of": [0, 2]}, {"kind": "Add", "of": [-1, 4]}]
    wide, narrow = (3 * 3 * 4 * 4 + 4, 64 * 3 * 3 * 4 * 4), (16, 64 * 16)
    assert found["costs"] == [
        [3 * 3 * 3 * 4 + 4, 64 * 3 * 3 * 3 * 4], *map(list, (wide, narrow, wide, narrow))
    ]  # fmt: skip


def test_branches_gates_and_odd_convolutions() -> None:
    image = keras.Input((8, 8, 3))
    a = of.Conv2D(4, 3, strides=2, padding="same", name="a")(image)
    b = of.Conv2D(4, 3, strides=2, padding="same", name="b")(image)
    x = of.Concatenate()([a, b])
    x = of.DepthwiseConv2D(3, padding="same", use_bias=False, name="depth")(x)
    gate = of.GlobalAveragePooling2D(keepdims=True)(x)
    x = of.Multiply()([x, of.Conv2D(8, 1, activation="sigmoid", name="gate")(gate)])
    x = of.SeparableConv2D(6, 3, padding="same", use_bias=False, name="apart")(x)
    x = of.Conv2DTranspose(5, 2, strides=2, use_bias=False, name="up")(x)
    out = of.Dense(2, activation="softmax")(of.GlobalAveragePooling2D()(x))
    network = network_of(keras.Model(image, out))
    assert [tap.name for tap in network.taps] == ["a", "b", "depth", "gate", "apart", "up"]
    found = details_of(network)["wiring"]
    assert found["taps"] == [[], [], [-1], [2], [-2], [4]]
    assert found["merges"] == [
        {"kind": "Concatenate", "of": [0, 1]},
        {"kind": "Multiply", "of": [2, 3]},
    ]
    assert found["costs"][2:] == [
        [72, 16 * 72],
        [8 * 8 + 8, 64],
        [72 + 8 * 6, 16 * (72 + 8 * 6)],
        [2 * 2 * 5 * 6, 16 * 2 * 2 * 5 * 6],
    ]
