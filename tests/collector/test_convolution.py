"""Faster convolutions against the definition in double precision, and where there are none."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.convolution import convolution, substitute
from collector.frameworks.keras.flatten import flatten
from collector.frameworks.keras.models import LoadedModel
from collector.frameworks.keras.network import understand


def model_of(height: int | None, width: int | None, channels: int, layer: Any) -> Any:
    inputs = keras.Input((height, width, channels))
    return keras.Model(inputs, layer(inputs))


def substitute_of(model: Any, shape: tuple[int, int, int], images: int = 64) -> Any:
    (call,) = flatten(model, shape).calls
    return substitute(call, images)


def by_definition(values: Any, kernel: Any, bias: Any) -> Any:
    """3 × 3 cross-correlation with zeros around, float64."""
    _, height, width, _ = values.shape
    padded = np.pad(values.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    result = np.zeros((*values.shape[:3], kernel.shape[-1])) + bias
    for row, column in np.ndindex(3, 3):
        part = padded[:, row : row + height, column : column + width]
        result += part @ kernel[row, column].astype(np.float64)
    return result


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 8),
    width=st.integers(1, 8),
    channels=st.sampled_from((128, 131)),
    filters=st.sampled_from((128, 150)),
    activation=st.sampled_from((None, "relu")),
    biased=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_gives_what_the_definition_gives(
    *,
    height: int,
    width: int,
    channels: int,
    filters: int,
    activation: str | None,
    biased: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    layer = keras.layers.Conv2D(filters, 3, padding="same", activation=activation, use_bias=biased)
    model = model_of(height, width, channels, layer)
    kernel = rng.normal(size=(3, 3, channels, filters)).astype(np.float32)
    bias = rng.normal(size=filters).astype(np.float32) * biased
    layer.set_weights([kernel, bias] if biased else [kernel])
    convolve = substitute_of(model, (height, width, channels))
    values = rng.normal(size=(3, height, width, channels)).astype(np.float32)
    expected = by_definition(values, kernel, bias)
    found = np.asarray(convolve(values))
    assert found.dtype == np.float32
    limit = 1e-5 * np.abs(expected).max()
    if activation:
        expected = np.maximum(expected, 0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=limit)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.sampled_from((7, 128, 131)),
    filters=st.sampled_from((128, 150)),
    images=st.sampled_from((2, 32)),
    seed=st.integers(0, 2**32 - 1),
)
def test_gradients_are_those_of_the_definition(
    *, height: int, width: int, channels: int, filters: int, images: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(images, height, width, channels)).astype(np.float32)
    kernel = rng.normal(size=(3, 3, channels, filters)).astype(np.float32)
    slopes = rng.normal(size=(images, height, width, filters)).astype(np.float32)

    @tf.function  # type: ignore[untyped-decorator] # TensorFlow has no types
    def derive(values: Any, kernel: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch((values, kernel))
            result = convolution(values, kernel)
        return result, *tape.gradient(result, (values, kernel), slopes)

    turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
    padded = np.pad(values.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    by_kernel = np.empty(kernel.shape)
    for row, column in np.ndindex(3, 3):
        part = padded[:, row : row + height, column : column + width]
        by_kernel[row, column] = np.einsum(
            "bhwc,bhwf->cf", part, slopes.astype(np.float64), optimize=True
        )
    expected = (by_definition(values, kernel, 0), by_definition(slopes, turned, 0), by_kernel)
    for found, wanted in zip(derive(values, kernel), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"padding": "valid"},
        {"dilation_rate": 2},
        {"groups": 2},
        {"kernel_size": 5},
        {"filters": 64},
        {"dtype": "mixed_bfloat16"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_other_convolutions_stay_as_they_are(options: dict[str, Any]) -> None:
    whole = {"filters": 128, "kernel_size": 3, "padding": "same"} | options
    model = model_of(8, 8, 128, keras.layers.Conv2D(**whole))
    assert substitute_of(model, (8, 8, 128)) is None


def test_a_layer_of_a_subclass_stays_as_it_is() -> None:
    class Doubled(keras.layers.Conv2D):  # type: ignore[misc] # keras has no types
        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs)

    model = model_of(8, 8, 128, Doubled(128, 3, padding="same"))
    assert substitute_of(model, (8, 8, 128)) is None


@pytest.mark.parametrize(
    ("size", "images", "wanted"), [(8, 32, True), (8, 31, False), (9, 64, False)]
)
def test_only_small_maps_of_many_images(size: int, images: int, wanted: bool) -> None:
    model = model_of(None, None, 128, keras.layers.Conv2D(128, 3, padding="same"))
    assert (substitute_of(model, (size, size, 128), images) is not None) == wanted


def test_a_network_gives_the_same_at_any_batch_size() -> None:
    """A shared layer is called at two sizes; batches are whole, cut short, and single."""
    keras.utils.set_random_seed(8)
    layers = keras.layers
    shared = layers.Conv2D(128, 3, padding="same", activation="relu", name="shared")
    inputs = keras.Input((8, 8, 3))
    values = layers.Rescaling(1 / 255)(inputs)
    values = layers.Conv2D(128, 3, padding="same", name="first")(values)
    values = layers.BatchNormalization()(values)
    values = shared(layers.ReLU()(values))
    values = shared(layers.MaxPooling2D(4)(values))
    outputs = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(values))
    model = keras.Model(inputs, outputs, name="sharing")
    network = understand(LoadedModel("sharing", "", model, "", model.count_params(), None))
    assert [tap.name for tap in network.taps] == ["first", "shared", "shared#2"]
    pixels = np.random.default_rng(9).integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    one, many = Capture(network, maps=False), Capture(network, maps=False, batch_size=40)
    plain, fast, part = one(pixels), many(pixels), many(pixels[:7])
    # Were both the same function, the comparison would show nothing.
    assert not np.array_equal(plain.gap, fast.gap)
    limit = 1e-5 * plain.gap.max()
    np.testing.assert_allclose(fast.gap, plain.gap, rtol=1e-5, atol=limit)
    np.testing.assert_allclose(part.gap, plain.gap[:7], rtol=1e-5, atol=limit)
    np.testing.assert_allclose(fast.probabilities, plain.probabilities, atol=1e-6)
    np.testing.assert_allclose(
        fast.probabilities, np.asarray(model(pixels.astype(np.float32))), atol=1e-5
    )
