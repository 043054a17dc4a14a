"""The tap rule against a second, plain implementation that reads Keras' saved configuration."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.frameworks.keras import vgg16
from collector.frameworks.keras.flatten import flatten
from collector.frameworks.keras.taps import find_taps

if TYPE_CHECKING:
    from collections.abc import Callable

CONVOLUTIONS = {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"}
FOLLOWED = {
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "Activation",
}
OF_CELLS = {"ReLU", "LeakyReLU", "ELU", "Activation", "Add", "Subtract", "Multiply"}


def plain_rule(model: Any) -> dict[str, str]:
    """Convolution → tapped layer, from the configuration of a flat model."""
    config = model.get_config()
    kinds = {layer["config"]["name"]: layer["class_name"] for layer in config["layers"]}
    names = list(kinds)
    users: dict[str, list[str]] = {name: [] for name in names}
    if "input_layers" in config:
        for layer in config["layers"]:
            for node in layer["inbound_nodes"]:
                for source in sources(node):
                    users[source].append(layer["name"])
        last = {config["output_layers"][0]}
    else:
        for before, after in pairwise(names):
            users[before].append(after)
        last = {names[-1]}
    found = {}
    for name in names:
        if kinds[name] not in CONVOLUTIONS:
            continue
        current = name
        while current not in last:
            after = {*users[current]}
            if len(after) == 1 and kinds[min(after)] in FOLLOWED:
                current = min(after)
            elif (cut := plain_cut(current, kinds, users)) is not None:
                current = cut
            else:
                break
        found[name] = current
    return found


def plain_cut(start: str, kinds: dict[str, str], users: dict[str, list[str]]) -> str | None:
    """The first layer that takes all that functions of cells make of another's output."""
    names = list(kinds)
    inside = [start]
    for name in names[names.index(start) + 1 :]:
        taken = {one for one in names if name in users[one]}
        if taken & {*inside}:
            if kinds[name] not in OF_CELLS or taken - {*inside}:
                return None
            if all({*users[one]} <= {*inside, name} for one in inside):
                return name
            inside.append(name)
    return None


def sources(part: Any) -> list[str]:
    """Names of the layers whose tensors a serialised call takes."""
    if isinstance(part, dict):
        if part.get("class_name") == "__keras_tensor__":
            return [part["config"]["keras_history"][0]]
        return [name for value in part.values() for name in sources(value)]
    if isinstance(part, list | tuple):
        return [name for value in part for name in sources(value)]
    return []


def taps_of(model: Any, *shape: int) -> dict[str, str]:
    return {tap.name: tap.tap for tap in find_taps(flatten(model, shape))}


def totals(model: Any, *shape: int) -> tuple[int, int]:
    taps = find_taps(flatten(model, shape))
    return len(taps), sum(tap.filters for tap in taps)


def test_packaged_network_has_13_taps_and_4224_filters() -> None:
    model = vgg16.architecture()
    assert totals(model, 32, 32, 3) == (13, 4224)
    taps = taps_of(model, 32, 32, 3)
    assert taps == plain_rule(model)
    assert taps["block4_conv2"] == "block4_relu2"


@pytest.mark.parametrize(
    ("application", "size", "expected"),
    [
        ("ResNet50", 32, (53, 26560)),
        ("MobileNetV2", 32, (52, 17056)),
        ("MobileNetV3Small", 32, None),
        ("DenseNet121", 32, None),
        ("VGG16", 32, (13, 4224)),
    ],
)
def test_applications_agree_with_the_plain_rule(
    application: str, size: int, expected: tuple[int, int] | None
) -> None:
    import keras

    model = getattr(keras.applications, application)(weights=None, input_shape=(size, size, 3))
    assert taps_of(model, size, size, 3) == plain_rule(model)
    if expected is not None:
        assert totals(model, size, size, 3) == expected


def test_every_kind_of_convolution_in_a_sequential_model() -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential([
        keras.Input((16, 16, 3)),
        layers.Conv2D(4, 3, activation="relu", name="a"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, name="b"),
        layers.LayerNormalization(name="b_norm"),
        layers.LeakyReLU(name="b_act"),
        layers.SeparableConv2D(6, 3, name="c"),
        layers.PReLU(name="c_act"),
        layers.GroupNormalization(2, name="c_norm"),
        layers.Conv2DTranspose(5, 3, name="d"),
        layers.ELU(name="d_act"),
        layers.Dropout(0.5),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    taps = taps_of(model, 16, 16, 3)
    assert taps == {"a": "a", "b": "b_act", "c": "c_norm", "d": "d_act"} == plain_rule(model)
    assert totals(model, 16, 16, 3) == (4, 4 + 8 + 6 + 5)


def test_stops_before_merges_forks_softmax_and_the_output() -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    forked = layers.Conv2D(4, 3, padding="same", name="forked")(inputs)
    left = layers.ReLU(name="left")(forked)
    merged = layers.Add(name="merged")([left, layers.ELU()(forked)])
    twice = layers.Conv2D(4, 3, padding="same", name="twice")(merged)
    squared = layers.Multiply(name="squared")([twice, twice])
    mixed = layers.Conv2D(4, 3, padding="same", name="mixed")(squared)
    mixed = layers.Activation("softmax")(mixed)
    last = layers.Conv2D(2, 8, name="last")(mixed)
    model = keras.Model(inputs, layers.Flatten()(last))
    taps = taps_of(model, 8, 8, 3)
    # What is made of one convolution alone meets again.
    assert taps == {"forked": "merged", "twice": "squared", "mixed": "mixed", "last": "last"}
    cut = keras.Model(inputs, twice)
    assert taps_of(cut, 8, 8, 3) == {"forked": "merged", "twice": "twice"}


def test_follows_activations_that_are_operations_and_not_layers() -> None:
    import keras

    layers, ops = keras.layers, keras.ops
    inputs = keras.Input((8, 8, 3))
    x = ops.relu6(layers.Conv2D(4, 3, name="a")(inputs))
    x = keras.activations.silu(layers.Conv2D(4, 3, name="b")(x))
    x = layers.Conv2D(4, 3, name="c")(x) * 2.0
    model = keras.Model(inputs, layers.Flatten()(x))
    by_name = {tap.name: tap for tap in find_taps(flatten(model, (8, 8, 3)))}
    assert by_name["a"].tensor is not None
    assert by_name["a"].tap != "a"
    assert by_name["a"].never_negative
    assert by_name["b"].tap != "b"
    assert not by_name["b"].never_negative
    assert by_name["c"].tap.startswith("multiply")


WRITTEN_OUT: dict[str, Callable[[Any, Any], Any]] = {
    "silu": lambda ops, x: x * ops.sigmoid(x),
    "hard swish": lambda ops, x: x * ops.relu6(x + 3.0) / 6.0,
    "gelu": lambda ops, x: 0.5 * x * (1.0 + ops.erf(x / 2.0**0.5)),
    "mish": lambda ops, x: x * ops.tanh(ops.softplus(x)),
    "leaky by choice": lambda ops, x: ops.where(x > ops.zeros_like(x), x, 0.1 * x),
    "concatenated relu's halves": lambda ops, x: ops.relu(x) - ops.relu(-x) * 0.3,
    "layer normalisation": lambda ops, x: (
        (x - ops.mean(x, axis=-1, keepdims=True)) / ops.sqrt(ops.var(x, axis=-1, keepdims=True) + 1)
    ),
    "root mean square": lambda ops, x: (
        x * ops.rsqrt(ops.mean(ops.square(x), axis=[1, 2], keepdims=True) + 1e-3)
    ),
    "a layer": lambda _, x: _layers().LeakyReLU()(x),
    "layers": lambda _, x: _layers().Multiply()([x, _layers().Activation("sigmoid")(x)]),
}
"""What is one function of a convolution's output, as people write it out."""
APART: dict[str, Callable[[Any, Any], Any]] = {
    "squeeze and excitation": lambda ops, x: x * ops.sigmoid(ops.mean(x, [1, 2], keepdims=True)),
    "softmax": lambda ops, x: x * ops.softmax(x),
    "shifted": lambda ops, x: x + ops.roll(x, 1, axis=1),
    "mean of images": lambda ops, x: x - ops.mean(x, axis=0, keepdims=True),
    "pooled": lambda _, x: x - _layers().AveragePooling2D(3, 1, "same")(x),
}
"""What mixes cells, filters or images."""


def _layers() -> Any:
    import keras

    return keras.layers


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("name", [*WRITTEN_OUT, *APART])
def test_what_is_written_out_is_followed_as_far_as_filters_stay_apart(
    name: str, *, opened: bool
) -> None:
    import keras

    class Block(keras.layers.Layer):  # type: ignore[misc] # Keras has no types
        """A convolution and what follows it, in one's own code."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = keras.layers.Conv2D(4, 3, name="conv", bias_initializer="uniform")

        def call(self, x: Any) -> Any:
            return (WRITTEN_OUT | APART)[name](keras.ops, self.conv(x))

    keras.utils.set_random_seed(0)
    block, inputs = Block(), keras.Input((8, 8, 3))
    after = block(inputs) if opened else block.call(inputs)
    model = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(after))
    graph = flatten(model, (8, 8, 3))
    (tap,) = find_taps(graph)
    images = keras.ops.convert_to_tensor(
        np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")
    )
    (value,) = graph.evaluate(images, [tap.tensor])
    convolved = block.conv(images)
    expected = WRITTEN_OUT[name](keras.ops, convolved) if name in WRITTEN_OUT else convolved
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    assert (tap.tap == "conv") == (name in APART)
    assert not tap.never_negative


def test_looks_into_nested_and_shared_models() -> None:
    import keras

    layers = keras.layers
    block = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(3, 3, padding="same", name="conv")],
        name="block",
    )
    inner_inputs = keras.Input((8, 8, 3))
    inner = keras.Model(
        inner_inputs, layers.ReLU(name="inner_relu")(block(inner_inputs)), name="inner"
    )
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="after_inner")(inner(inputs, training=False))
    x = layers.ELU(name="after_block")(block(x))
    x = layers.Conv2D(6, 3, name="conv")(x)
    x = layers.Conv2D(6, 3, name="own")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    before = len(block.get_layer("conv")._inbound_nodes)
    graph = flatten(model, (8, 8, 3))
    taps = {tap.name: tap.tap for tap in find_taps(graph)}
    # The activation outside belongs to the convolution inside; a shared one is tapped each time.
    assert taps == {
        "inner/block/conv": "after_inner",
        "block/conv": "after_block",
        "conv": "conv",
        "own": "own",
    }
    assert len(block.get_layer("conv")._inbound_nodes) == before
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    (value,) = graph.evaluate(keras.ops.convert_to_tensor(images), [graph.output])
    np.testing.assert_allclose(value, model(images, training=False), rtol=1e-6)


def test_a_layer_called_twice_gets_two_names() -> None:
    import keras

    layers = keras.layers
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    inputs = keras.Input((8, 8, 3))
    x = shared(layers.ReLU(name="between")(shared(inputs)))
    model = keras.Model(inputs, layers.Flatten()(x))
    assert taps_of(model, 8, 8, 3) == {"shared": "between", "shared#2": "shared"}


def test_what_a_nested_model_computes_in_vain_does_not_count() -> None:
    import keras

    layers = keras.layers
    inner_inputs = keras.Input((8, 8, 3))
    used = layers.Conv2D(3, 3, padding="same", name="used")(inner_inputs)
    vain = layers.Conv2D(3, 3, name="vain")(layers.ReLU()(used))
    inner = keras.Model(inner_inputs, [used, vain], name="inner")
    inputs = keras.Input((8, 8, 3))
    x = layers.ReLU(name="after")(inner(inputs)[0])
    model = keras.Model(inputs, layers.Flatten()(x))
    assert taps_of(model, 8, 8, 3) == {"used": "after"}
