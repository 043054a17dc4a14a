"""The hint at ``--pixel-range``: silenced by what rescales pixels, and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from collector.cli import main
from collector.frameworks.keras.models import LoadedModel
from collector.frameworks.keras.network import understand
from collector.images import open_images
from collector.session import pixel_range_hint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from collector.frameworks.keras.network import Network

layers = keras.layers


def network(before: Callable[[Any], Any], first: Any = None) -> Network:
    """A convolution, with something between it and the image."""
    inputs = keras.Input((16, 16, 3))
    x = (first or layers.Conv2D(2, 3))(before(inputs))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    return understand(LoadedModel(model.name, "", model, "", model.count_params(), None))


def normalised(mean: float, variance: float) -> Any:
    layer = layers.BatchNormalization()
    layer.build((None, 16, 16, 3))
    ones = np.ones(3, np.float32)
    layer.set_weights([ones, 0 * ones, mean * ones, variance * ones])
    return layer


def nested(*parts: Any) -> Any:
    return keras.Sequential([keras.Input((16, 16, 3)), *parts])


KEEPS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda x: x,
    "RandomFlip": layers.RandomFlip(),
    "RandomRotation": layers.RandomRotation(0.1),
    "RandomZoom": layers.RandomZoom(0.1),
    "RandomBrightness": layers.RandomBrightness(0.5),
    "RandomContrast": layers.RandomContrast(0.5),
    "RandomErasing": layers.RandomErasing(factor=1.0),
    "RandomGrayscale": layers.RandomGrayscale(1.0),
    "Solarization": layers.Solarization(),
    "GaussianNoise": layers.GaussianNoise(0.1),
    "GaussianDropout": layers.GaussianDropout(0.1),
    "Dropout": layers.Dropout(0.1),
    "SpatialDropout2D": layers.SpatialDropout2D(0.1),
    "CenterCrop": layers.CenterCrop(12, 12),
    "Cropping2D": layers.Cropping2D(2),
    "ZeroPadding2D": layers.ZeroPadding2D(9),
    "Resizing": layers.Resizing(20, 20),
    "MaxPooling2D": layers.MaxPooling2D(2),
    "AveragePooling2D": layers.AveragePooling2D(2, padding="same"),
    "UpSampling2D": layers.UpSampling2D(2),
    "Reshape": layers.Reshape((8, 32, 3)),
    "Permute": layers.Permute((2, 1, 3)),
    "Identity": layers.Identity(),
    "Activation": lambda x: layers.ReLU()(layers.Activation("linear")(x)),
    "Concatenate": lambda x: layers.Concatenate()([x, x]),
    "Maximum": lambda x: layers.Maximum()([x, x]),
    "channels turned": lambda x: x[..., ::-1],
    "a nested model": nested(layers.RandomFlip(), layers.ZeroPadding2D()),
    "half subtracted": lambda x: x - 0.5,
    "normalisation learnt on 0-1": normalised(0.5, 0.08),
}

RESCALES: dict[str, Callable[[Any], Any]] = {
    "Rescaling": layers.Rescaling(1 / 255),
    "Rescaling to -1-1": layers.Rescaling(1 / 127.5, -1),
    "Rescaling behind others": lambda x: layers.Rescaling(1 / 255)(
        layers.RandomFlip()(layers.ZeroPadding2D()(x))
    ),
    "Rescaling in a nested model": nested(layers.RandomFlip(), layers.Rescaling(1 / 255)),
    "Normalization": layers.Normalization(mean=120.0, variance=60.0**2),
    "BatchNormalization": layers.BatchNormalization(),
    "BatchNormalization learnt on 0-255": normalised(120, 3600),
    "LayerNormalization": layers.LayerNormalization(axis=[1, 2, 3]),
    "GroupNormalization": layers.GroupNormalization(3),
    "UnitNormalization": layers.UnitNormalization(),
    "division": lambda x: x / 255.0,
    "multiplication": lambda x: x * 0.0039,
    "a function": lambda x: keras.ops.multiply(keras.ops.subtract(x, 127.5), 1 / 127.5),
    "the mean of ImageNet": lambda x: x[..., ::-1] - np.array([103.9, 116.8, 123.7], "float32"),
    "sigmoid": layers.Activation("sigmoid"),
    "standardised image by image": lambda x: (
        (x - keras.ops.mean(x, (1, 2, 3), keepdims=True))
        / keras.ops.std(x, (1, 2, 3), keepdims=True)
    ),
    "mobilenet's own": keras.applications.mobilenet_v2.preprocess_input,
    "resnet's own": keras.applications.resnet50.preprocess_input,
}


@pytest.mark.parametrize("name", KEEPS)
def test_what_keeps_the_scale_silences_nothing(name: str) -> None:
    assert not network(KEEPS[name]).rescales


@pytest.mark.parametrize("name", RESCALES)
def test_what_rescales_silences(name: str) -> None:
    assert network(RESCALES[name]).rescales


@pytest.mark.parametrize(
    "first",
    [
        layers.SeparableConv2D(4, 3),
        layers.DepthwiseConv2D(3),
        layers.Conv2DTranspose(4, 3),
        layers.SpectralNormalization(layers.Conv2D(4, 3)),
    ],
)
def test_every_convolution_is_a_kernel(first: Any) -> None:
    def before(x: Any) -> Any:
        return x

    def behind(x: Any) -> Any:
        # What comes after the first kernel tells nothing.
        return layers.Conv2D(4, 3)(layers.BatchNormalization()(first(x)))

    assert not network(before, behind).rescales


class Preprocessing(keras.Model):  # type: ignore[misc] # keras has no types
    """A functional model that scales in a call of its own."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return super().call(inputs / 255, training=training, mask=mask)


def test_a_call_of_ones_own_is_not_doubted() -> None:
    inputs = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(inputs))
    model = Preprocessing(inputs, layers.Dense(2, activation="softmax")(x))
    found = understand(LoadedModel("m", "", model, "", model.count_params(), None))
    assert found.rescales


def test_images_of_0_to_1_are_evidence_and_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    plain, own = network(KEEPS["RandomFlip"]), network(RESCALES["Rescaling"])
    for images, said in (
        (codes / 255, "values of 0–1, so the model was probably trained on those"),
        ((codes / 255).astype(np.float16), "--pixel-range 0-1"),
        (codes, "if it was trained on 0–1 or −1–1"),
        (codes.astype(np.float32), "if it was trained on 0–1 or −1–1"),
        ((codes > 127).astype(np.uint8), "if it was trained on 0–1 or −1–1"),
        (np.zeros((2, 16, 16, 3)), "if it was trained on 0–1 or −1–1"),
    ):
        np.savez(tmp_path / "a.npz", images=images)
        source = open_images(str(tmp_path / "a.npz"))
        assert said in (pixel_range_hint(plain, source, None) or "")
        assert pixel_range_hint(plain, source, "0-255") is None
        assert pixel_range_hint(own, source, None) is None
    plain.loaded.model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "a.npz", images=codes / 127.5 - 1)
    words = ["--model", str(tmp_path / "m.keras"), "--images", str(tmp_path / "a.npz")]
    words += ["--store", str(tmp_path / "a.db"), "--value-range", "-1,1"]
    assert main(words) == 0
    assert "say --pixel-range -1-1" in capsys.readouterr().err
    assert main([*words, "--pixel-range", "-1-1"]) == 0
    assert "--pixel-range" not in capsys.readouterr().err
