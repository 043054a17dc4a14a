"""The compiled function against a direct Keras forward pass and NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.frameworks.keras import vgg16
from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.models import LoadedModel, weights_digest
from collector.frameworks.keras.network import Network, understand
from collector.images import open_images

if TYPE_CHECKING:
    from collector.frameworks.protocol import Captured

Arrays = list[np.ndarray[Any, Any]]


def network_of(model: Any) -> Network:
    return understand(LoadedModel(model.name, "", model, "", model.count_params(), None))


def direct(model: Any, taps: list[str], values: Any) -> Arrays:
    """Output and tapped maps, (B, F, H, W), of a plain forward pass without any compilation."""
    import keras

    ends = keras.Model(
        model.inputs, [*model.outputs, *(model.get_layer(tap).output for tap in taps)]
    )
    outputs = ends([np.asarray(values, np.float32)], training=False)
    output, *maps = outputs if isinstance(outputs, list) else [outputs]
    return [np.asarray(output), *(np.asarray(one).transpose(0, 3, 1, 2) for one in maps)]


def assert_maps_agree(captured: Captured, maps: Arrays) -> None:
    assert captured.maps is not None
    for found, expected in zip(captured.maps, maps, strict=True):
        assert found.codes.dtype == np.uint8
        assert found.codes.shape == expected.shape
        low, high = np.minimum(expected.min((2, 3)), 0), np.maximum(expected.max((2, 3)), 0)
        scale = np.abs(expected).max() + 1e-30
        np.testing.assert_allclose(found.low, low, rtol=1e-5, atol=1e-5 * scale)
        np.testing.assert_allclose(found.step, (high - low) / 255, rtol=1e-5, atol=1e-7 * scale)
        step = found.step[..., None, None]
        error = np.abs(found.low[..., None, None] + step * found.codes - expected)
        assert (error <= step / 2 + 1e-5 * scale).all()


def noise(count: int, *shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 256, (count, *shape)).astype(np.uint8)


@pytest.mark.long
def test_packaged_network_on_photographs() -> None:
    model = vgg16.load()
    network = network_of(model)
    pixels = open_images("sample").read(0, 6, network.image_shape).pixels
    captured = Capture(network)(pixels)
    output, *maps = direct(model, [tap.tap for tap in network.taps], pixels)
    np.testing.assert_allclose(captured.probabilities, output, atol=1e-5)
    gap = np.concatenate([one.mean((2, 3), dtype=np.float64) for one in maps], axis=1)
    assert captured.gap.shape == (6, 4224)
    # Relative to the layer: a mean of thousands of values has no digits of its own near 0.
    np.testing.assert_allclose(captured.gap, gap, rtol=1e-5, atol=1e-5 * gap.max())
    assert_maps_agree(captured, maps)


def test_signed_maps_dead_filters_and_single_images(tiny_model: Any) -> None:
    import keras

    model = keras.models.clone_model(tiny_model)
    model.set_weights(tiny_model.get_weights())
    kernel, bias = model.get_layer("second").get_weights()
    kernel[..., 2], bias[2] = 0, 0
    kernel[..., 3], bias[3] = 0, -2.5
    model.get_layer("second").set_weights([kernel, bias])
    network = network_of(model)
    assert [tap.never_negative for tap in network.taps] == [True, False]
    pixels = noise(5, 8, 8, 3)
    both = Capture(network)
    captured = both(pixels)
    output, *maps = direct(model, ["first_relu", "second"], pixels)
    assert_maps_agree(captured, maps)
    gap = np.concatenate([one.mean((2, 3)) for one in maps], axis=1)
    np.testing.assert_allclose(captured.gap, gap, rtol=1e-5, atol=1e-5)
    assert captured.maps is not None
    dead, below = captured.maps[1].codes[:, 2], captured.maps[1].codes[:, 3]
    assert not dead.any()
    assert not captured.maps[1].step[:, 2].any()
    assert (below == 0).all()
    np.testing.assert_allclose(captured.maps[1].low[:, 3], -2.5, rtol=1e-6)
    alone = both(pixels[:1])
    np.testing.assert_allclose(alone.gap, captured.gap[:1], rtol=1e-5, atol=1e-6)
    without = Capture(network, maps=False)(pixels)
    assert without.maps is None
    np.testing.assert_allclose(without.gap, captured.gap, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(without.probabilities, output, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "scale", "offset"), [("0-255", 1, 0), ("0-1", 1 / 255, 0), ("-1-1", 2 / 255, -1)]
)
def test_pixel_ranges(tiny_model: Any, name: str, scale: float, offset: float) -> None:
    pixels = noise(3, 8, 8, 3)
    captured = Capture(network_of(tiny_model), pixel_range=name)(pixels)
    output, *_ = direct(tiny_model, [], pixels.astype(np.float64) * scale + offset)
    np.testing.assert_allclose(captured.probabilities, output, atol=1e-6)


def test_channels_first_gives_what_channels_last_gives() -> None:
    import keras

    def build(data_format: str, shape: tuple[int, ...]) -> Any:
        axis = 1 if data_format == "channels_first" else -1
        layers = keras.layers
        return keras.Sequential([
            keras.Input(shape),
            layers.Conv2D(4, 3, data_format=data_format, name="conv"),
            layers.BatchNormalization(axis=axis, name="norm"),
            layers.MaxPooling2D(data_format=data_format),
            layers.DepthwiseConv2D(2, data_format=data_format, name="depthwise"),
            layers.SeparableConv2D(3, 2, data_format=data_format, name="separable"),
            layers.Conv2DTranspose(5, 2, data_format=data_format, name="transposed"),
            layers.AveragePooling2D(2, data_format=data_format),
            layers.GlobalAveragePooling2D(data_format=data_format),
            layers.Dense(3, activation="softmax"),
        ])  # fmt: skip

    first, last = build("channels_first", (3, 10, 12)), build("channels_last", (10, 12, 3))
    first.set_weights(last.get_weights())
    network = network_of(first)
    assert network.channels_first
    assert network.image_shape == (10, 12, 3)
    assert (network.taps[0].filters, network.taps[0].height, network.taps[0].width) == (4, 8, 10)
    pixels = noise(3, 10, 12, 3)
    captured = Capture(network, pixel_range="0-1")(pixels)
    taps = ["norm", "depthwise", "separable", "transposed"]
    output, *maps = direct(last, taps, pixels / 255)
    np.testing.assert_allclose(captured.probabilities, output, atol=1e-6)
    assert_maps_agree(captured, maps)
    gap = np.concatenate([one.mean((2, 3)) for one in maps], axis=1)
    np.testing.assert_allclose(captured.gap, gap, rtol=1e-5, atol=1e-6)


def test_values_that_are_not_finite_are_kept_and_marked() -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential([
        keras.Input((4, 4, 1)),
        layers.Conv2D(3, 1, name="conv"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    # 255 · 2e36 overflows, the sum of 16 times 5 · 2e36 does not.
    model.get_layer("conv").set_weights([
        np.array([1, 2e36, 0], np.float32).reshape(1, 1, 1, 3), np.array([0, 0, np.nan], np.float32)
    ])  # fmt: skip
    pixels = np.full((2, 4, 4, 1), 5, np.uint8)
    pixels[1, 0, 0] = 255
    captured = Capture(network_of(model))(pixels)
    assert captured.maps is not None
    (maps,) = captured.maps
    assert np.isfinite(captured.gap[:, 0]).all()
    assert np.isfinite(captured.gap[0, 1])
    assert captured.gap[1, 1] == np.inf
    assert np.isnan(captured.gap[:, 2]).all()
    np.testing.assert_array_equal(np.isnan(maps.step), [[False, False, True], [False, True, True]])
    assert not maps.codes[np.isnan(maps.step)].any()
    assert (maps.codes[0, :2] == 255).all()


def test_half_precision_models_and_nested_ones() -> None:
    import keras

    layers = keras.layers
    policy = "mixed_bfloat16"
    inner = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3, dtype=policy, name="conv"),
            layers.ReLU(dtype=policy, name="relu"),
        ],
        name="inner",
    )
    inputs = keras.Input((6, 6, 3))
    x = layers.GlobalMaxPooling2D(dtype=policy)(inner(layers.Rescaling(1 / 255)(inputs)))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax", dtype="float32")(x))
    network = network_of(model)
    pixels = noise(4, 6, 6, 3)
    captured = Capture(network)(pixels)
    assert captured.gap.dtype == np.float32
    np.testing.assert_allclose(
        captured.probabilities, model(pixels.astype(np.float32), training=False), atol=2e-2
    )
    expected = np.asarray(keras.ops.cast(inner(pixels / np.float32(255)), "float32"))
    np.testing.assert_allclose(captured.gap, expected.mean((1, 2)), rtol=2e-2, atol=2e-2)


def test_the_model_is_left_as_it_was(tiny_model: Any) -> None:
    before = weights_digest(tiny_model.weights)
    Capture(network_of(tiny_model))(noise(2, 8, 8, 3))
    assert weights_digest(tiny_model.weights) == before
