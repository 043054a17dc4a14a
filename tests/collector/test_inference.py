"""Inference is inference: what is captured is what ``model.predict`` says, whatever is inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from collector.frameworks.keras.flatten import flatten
from tests.collector.models_of import SIDE, classifier, network_of, photos, proven

pytestmark = pytest.mark.fitting

L = keras.layers

AUGMENTATION: dict[str, dict[str, Any]] = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.3},
    "RandomZoom": {"height_factor": 0.5},
    "RandomTranslation": {"height_factor": 0.4, "width_factor": 0.4},
    "RandomContrast": {"factor": 0.9},
    "RandomBrightness": {"factor": 0.9},
    "RandomCrop": {"height": 8, "width": 8},
    "RandomErasing": {"factor": 1.0},
    "RandomHue": {"factor": 0.9},
    "RandomSaturation": {"factor": 0.9},
    "RandomSharpness": {"factor": 0.9},
    "RandomShear": {"x_factor": 0.5},
    "RandomGrayscale": {"factor": 1.0},
    "RandomColorJitter": {"contrast_factor": 0.9},
    "RandomColorDegeneration": {"factor": 0.9},
    "RandomPosterization": {"factor": 2},
    "RandomInvert": {"factor": 1.0},
    "RandomPerspective": {"factor": 1.0},
    "RandomGaussianBlur": {"factor": 1.0},
    "RandomElasticTransform": {},
    "RandAugment": {},
    "AugMix": {},
    "MixUp": {},
    "CutMix": {},
    "Solarization": {"threshold_factor": 0.5},
    "AutoContrast": {},
    "Equalization": {},
    "GaussianNoise": {"stddev": 1.0},
    "GaussianDropout": {"rate": 0.5},
    "AlphaDropout": {"rate": 0.5},
    "Dropout": {"rate": 0.5},
    "SpatialDropout2D": {"rate": 0.5},
}
PREPROCESSING: dict[str, dict[str, Any]] = {
    "Rescaling": {"scale": 1 / 127.5, "offset": -1.0},
    "Normalization": {"mean": [120.0, 110.0, 100.0], "variance": [900.0, 800.0, 700.0]},
    "Resizing": {"height": 9, "width": 7},
    "CenterCrop": {"height": 9, "width": 7},
    "ZeroPadding2D": {},
    "Cropping2D": {},
    "UpSampling2D": {},
    "Permute": {"dims": (2, 1, 3)},
    "BatchNormalization": {},
    "LayerNormalization": {},
    "GroupNormalization": {"groups": 3},
    "UnitNormalization": {},
}


def names_of(predicted: dict[str, dict[str, Any]]) -> list[str]:
    """Those that this Keras has: some are younger than the oldest that is supported."""
    return [name for name in predicted if hasattr(L, name)]


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    keras.utils.set_random_seed(4)


def assert_says_what_predict_says(inputs: Any, maps: Any) -> None:
    """Hold a classifier on the maps of its only convolution against plain Keras."""
    model = keras.Model(inputs, classifier(L.Rescaling(1 / 255)(maps)))
    pixels = photos()
    values = pixels.astype(np.float32)
    found = proven(model, pixels, batch_size=4)
    assert found.notices == ()
    captured = found.capture(pixels)
    # Two models, since Keras 3.15 loses its own input behind Equalization.
    expected = model.predict(values, verbose=0)
    plain = keras.Model(inputs, maps).predict(values, verbose=0)
    np.testing.assert_allclose(captured.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(captured.gap, plain.mean((1, 2)), atol=1e-5 * np.abs(plain).max())


@pytest.mark.parametrize("name", names_of(AUGMENTATION | PREPROCESSING))
def test_every_layer_says_what_it_says_to_predict(name: str) -> None:
    layer = getattr(L, name)(**(AUGMENTATION | PREPROCESSING)[name])
    inputs = keras.Input((SIDE, SIDE, 3))
    maps = L.Conv2D(4, 3, activation="relu", name="conv")(layer(inputs))
    assert_says_what_predict_says(inputs, maps)


@pytest.mark.parametrize("kinds", [AUGMENTATION, PREPROCESSING], ids=["augmentation", "others"])
def test_every_layer_inside_a_nested_model(kinds: dict[str, dict[str, Any]]) -> None:
    # Keras 3.15 cannot put Equalization into a Sequential.
    names = [name for name in names_of(kinds) if name != "Equalization"]
    layers = [getattr(L, name)(**kinds[name]) for name in names]
    inner = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *layers], name="preprocessing")
    inputs = keras.Input((SIDE, SIDE, 3))
    maps = L.Conv2D(4, 3, activation="relu", name="conv")(inner(inputs))
    assert_says_what_predict_says(inputs, maps)


def test_two_captures_of_an_augmented_model_are_equal() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.RandomContrast(0.9)(L.RandomRotation(0.5)(L.RandomFlip()(inputs)))
    model = keras.Model(inputs, classifier(L.Conv2D(4, 3)(x)))
    first, second = (proven(model, photos()).capture(photos()) for _ in range(2))
    np.testing.assert_array_equal(first.gap, second.gap)


def test_the_document_names_what_is_tried() -> None:
    text = (Path(__file__).parents[2] / "docs" / "keras-layers.md").read_text()
    named = {word.strip("`") for word in text.split() if word.startswith("`")}
    named = {word.rstrip(",.;`") for word in named}
    assert set(AUGMENTATION) | set(PREPROCESSING) <= named
    assert {"SpectralNormalization", "TimeDistributed"} <= named


class Scaled(keras.Model):  # type: ignore[misc]
    """Preprocesses in its own call."""

    def call(self, x: Any, training: Any = None) -> Any:
        return super().call(x / 255.0, training=training)


class ScaledByTensorFlow(keras.Model):  # type: ignore[misc]
    def call(self, x: Any, training: Any = None) -> Any:
        return super().call(tf.cast(x, tf.float32) / 127.5 - 1.0, training=training)


class Halved(keras.Model):  # type: ignore[misc]
    """Feeds its graph with smaller images than it was made for."""

    def call(self, x: Any, training: Any = None) -> Any:
        return super().call(tf.image.resize(x, (SIDE // 2, SIDE // 2)), training=training)


class Mirrored(keras.Model):  # type: ignore[misc]
    """Predictions by the mean of an image and its mirror image."""

    def call(self, x: Any, training: Any = None) -> Any:
        mirrored = super().call(x[:, :, ::-1], training=training)
        return (super().call(x, training=training) + mirrored) / 2


class Tempered(keras.Model):  # type: ignore[misc]
    """Changes its answer afterwards."""

    def call(self, x: Any, training: Any = None) -> Any:
        return keras.ops.softmax(keras.ops.log(super().call(x, training=training) + 1e-9) / 4.0)


@pytest.mark.parametrize("kind", [Scaled, ScaledByTensorFlow, Mirrored, Tempered])
@pytest.mark.parametrize("nested", [False, True], ids=["the model", "a nested model"])
def test_a_call_of_its_own_is_run(kind: Any, *, nested: bool) -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    maps = L.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    own = kind(inputs, classifier(L.Rescaling(0.02)(maps)))
    model = own
    if nested:
        try:
            model = keras.Model(inputs, L.Activation("linear")(own(inputs)))
        except TypeError:  # TensorFlow's functions take no symbolic tensors of Keras
            model = keras.Sequential([own])
            model.build((None, SIDE, SIDE, 3))
    values = photos().astype(np.float32)
    captured = proven(model, photos()).capture(photos())
    expected = model.predict(values, verbose=0)
    np.testing.assert_allclose(captured.probabilities, expected, atol=1e-5)
    # Something that Keras' own call would have answered otherwise.
    plain = keras.Model(own.inputs, own.outputs)(values)
    assert np.abs(plain - expected).max() > 1e-4


def test_maps_have_the_size_that_the_own_call_gives_them() -> None:
    inputs = keras.Input((None, None, 3))
    model = Halved(inputs, classifier(L.Conv2D(4, 3, name="conv")(inputs)))
    network = network_of(model, (SIDE, SIDE))
    assert [(tap.height, tap.width) for tap in network.taps] == [(SIDE // 2 - 2, SIDE // 2 - 2)]


def pinned(training: bool) -> Any:
    inputs = keras.Input((SIDE, SIDE, 3))
    body = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            L.Conv2D(4, 3, name="conv"),
            L.BatchNormalization(),
            L.Dropout(0.5),
        ],
        name="backbone",
    )
    return keras.Model(inputs, classifier(body(inputs, training=training)))


def test_a_nested_model_called_in_training_mode_is_said_so() -> None:
    network = network_of(pinned(training=True))
    (notice,) = network.notices
    assert "backbone is called with training=True" in notice
    values = photos().astype(np.float32)
    captured = proven(network.loaded.model, photos()).capture(photos())
    expected = network.loaded.model.predict(values, verbose=0)
    np.testing.assert_allclose(captured.probabilities, expected, atol=1e-5)
    assert network_of(pinned(training=False)).notices == ()


class Block(keras.layers.Layer):  # type: ignore[misc]
    """A residual block of one's own, its activations functions and not layers."""

    def __init__(self, filters: int, **options: Any) -> None:
        super().__init__(**options)
        self.first = L.Conv2D(filters, 3, padding="same", name="first")
        self.norm = L.BatchNormalization(name="norm")
        self.second = L.Conv2D(filters, 3, padding="same", name="second")

    def call(self, x: Any, training: Any = None) -> Any:
        y = keras.ops.relu(self.norm(self.first(x), training=training))
        return keras.ops.relu(x + self.second(y))


class Outer(keras.layers.Layer):  # type: ignore[misc]
    """A block inside a block."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = Block(4, name="inner")
        self.graph = keras.Sequential(
            [keras.Input((None, None, 4)), L.Conv2D(4, 1, name="deep"), L.ReLU(name="deep_relu")]
        )

    def call(self, x: Any) -> Any:
        return self.graph(self.inner(x))


class Opaque(keras.layers.Layer):  # type: ignore[misc]
    """Made of TensorFlow's functions, which no symbolic tensor of Keras can pass."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.convolutions = [L.Conv2D(4, 1, name="hidden"), L.Conv2D(4, 1)]

    def call(self, x: Any) -> Any:
        for convolution in self.convolutions:
            x = tf.nn.relu(convolution(x))
        return x


class Folding(keras.layers.Layer):  # type: ignore[misc]
    """Convolves halves of images as if they were images."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.convolution = L.Conv2D(4, 1, name="on_halves")

    def call(self, x: Any) -> Any:
        halves = keras.ops.reshape(x, (-1, SIDE // 2, SIDE, 4))
        return keras.ops.reshape(self.convolution(halves), (-1, SIDE, SIDE, 4))


def wrapped(*layers: Any) -> Any:
    """A model that has a convolution of its own, ``stem``, and these layers."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3, padding="same", name="stem")(L.Rescaling(1 / 255)(inputs))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, classifier(x))


def test_convolutions_inside_wrappers_and_blocks_are_watched() -> None:
    model = wrapped(
        L.SpectralNormalization(L.Conv2D(4, 3, padding="same", name="inside")),
        L.BatchNormalization(name="after"),
        Block(4, name="block"),
        Outer(name="outer"),
    )
    network = network_of(model)
    assert {tap.name: tap.tap for tap in network.taps} == {
        "stem": "stem",
        "inside": "after",
        "block/first": "relu",
        "block/second": "second",
        "outer/inner/first": "relu",
        "outer/inner/second": "second",
        "deep": "deep_relu",
    }
    assert network.notices == ()
    nodes = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    captured = proven(model, photos()).capture(photos())
    assert [len(layer._inbound_nodes) for layer in model._flatten_layers()] == nodes
    # By hand, layer by layer.
    values = photos().astype(np.float32)
    x = model.get_layer("stem")(values / np.float32(255))
    expected = [x]
    x = model.get_layer("after")(model.layers[3](x, training=False), training=False)
    expected.append(x)
    outer = model.get_layer("outer")
    for block in (model.get_layer("block"), outer.inner):
        y = keras.ops.relu(block.norm(block.first(x), training=False))
        expected += [y, block.second(y)]
        x = keras.ops.relu(x + expected[-1])
    expected.append(outer.graph(x))
    gap = np.concatenate([np.asarray(one).mean((1, 2)) for one in expected], 1)
    np.testing.assert_allclose(captured.gap, gap, atol=1e-5 * np.abs(gap).max())


@pytest.mark.parametrize(
    ("layers", "inside", "number"),
    [
        ([lambda: Opaque(name="opaque")], "opaque", 2),
        ([lambda: Folding(name="folding")], "on_halves", 1),
        (
            [
                lambda: L.Reshape((2, SIDE // 2, SIDE, 4)),
                lambda: L.TimeDistributed(L.Conv2D(4, 1), name="by_time"),
                lambda: L.Reshape((SIDE, SIDE, 4)),
            ],
            "by_time",
            1,
        ),
        ([lambda: Opaque(name="one"), lambda: Opaque(name="two")], "one, two", 4),
    ],
    ids=["TensorFlow's functions", "folded images", "TimeDistributed", "two of them"],
)
def test_convolutions_that_cannot_be_watched_are_counted_once(
    layers: list[Any], inside: str, number: int
) -> None:
    model = wrapped(*(make() for make in layers))
    network = network_of(model)
    assert [tap.name for tap in network.taps] == ["stem"]
    (notice,) = network.notices
    what = "1 convolution" if number == 1 else f"{number} convolutions"
    assert notice.startswith(f"{what} inside {inside} ")
    assert "not watched" in notice
    values = photos().astype(np.float32)
    captured = proven(model, photos()).capture(photos())
    expected = model.predict(values, verbose=0)
    np.testing.assert_allclose(captured.probabilities, expected, atol=1e-5)


def test_what_one_calls_a_layer_does_not_matter() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = inputs
    for name in ("_conv", "-conv", "conv.1", ".hidden", "2"):
        x = L.Conv2D(3, 1, name=name)(x)
    model = keras.Model(inputs, classifier(x), name="_model")
    network = network_of(model)
    assert [tap.name for tap in network.taps] == [
        "_conv", "-conv", "conv.1", ".hidden", "2"
    ]  # fmt: skip
    captured = proven(model, photos()).capture(photos())
    np.testing.assert_allclose(
        captured.probabilities, model(photos().astype(np.float32), training=False), atol=1e-5
    )


def test_a_layer_called_in_a_graph_of_its_own_is_read_at_each_call() -> None:
    shared = L.Conv2D(3, 3, padding="same", name="shared")
    inner = keras.Sequential([keras.Input((SIDE, SIDE, 3)), shared, L.ReLU(name="relu")])
    inputs = keras.Input((SIDE, SIDE, 3))
    model = keras.Model(inputs, classifier(inner(shared(inner(L.Rescaling(1 / 255)(inputs))))))
    graph = flatten(model, (SIDE, SIDE, 3))
    network = network_of(model)
    x = photos().astype(np.float32) / 255
    first = np.maximum(shared(x), 0)
    second = np.asarray(shared(first))
    third = np.maximum(shared(second), 0)
    captured = proven(model, photos()).capture(photos())
    expected = np.concatenate([one.mean((1, 2)) for one in (first, second, third)], 1)
    np.testing.assert_allclose(captured.gap, expected, atol=1e-5)
    assert len(network.taps) == 3
    assert len(graph.in_training) == 0
