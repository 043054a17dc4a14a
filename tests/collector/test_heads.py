"""What the user says of a model: what it ends in, its size, what is done to pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest

from collector.cli import main
from reactcnn_dash import open_store
from reactcnn_dash.db import StoreReader

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (8, 8, 3)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    pixels = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
    np.savez(tmp_path / "four.npz", images=pixels)
    monkeypatch.chdir(tmp_path)
    return pixels


def save(outputs: int, activation: str | None = None, *, channels: int = 3) -> keras.Model:
    inputs = keras.Input((None, None, channels))
    tensor = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    model = keras.Model(inputs, keras.layers.Dense(outputs, activation)(tensor))
    model.save("model.keras")
    return model


def collect(*options: str) -> int:
    return main(["--model", "model.keras", "--images", "four.npz", "--quiet", *options])


def stored() -> NDArray[np.float32]:
    reader = StoreReader("reactcnn.db")
    return np.stack([reader.image(1, ordinal).probabilities for ordinal in range(4)])


def softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(values - values.max(1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
    return shares


def test_what_is_said_of_the_head_is_done(images: NDArray[np.uint8]) -> None:
    # A softmax would be judged to be one; told that these are logits, another is applied.
    model = save(3, "softmax")
    assert collect("--head", "logits") == 0
    said = np.asarray(model(images.astype(np.float32)), np.float64)
    np.testing.assert_allclose(stored(), softmax(said), atol=1e-6)
    assert StoreReader("reactcnn.db").run(1).options["head"] == "logits"


@pytest.mark.parametrize(("head", "outputs"), [("sigmoid", 3), ("softmax", 3), ("sigmoid", 1)])
def test_outputs_that_are_probabilities_stay_as_they_are(
    images: NDArray[np.uint8], head: str, outputs: int
) -> None:
    model = save(outputs, "hard_sigmoid")
    assert collect("--head", head, "--pixel-range", "0-1") == 0
    said = np.asarray(model(images.astype(np.float32) / 255))
    expected = said if outputs > 1 else np.concatenate([1 - said, said], 1)
    np.testing.assert_allclose(stored(), expected, atol=1e-6)


def test_one_output_is_no_softmax(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    save(1)
    assert collect("--head", "softmax") == 3
    assert "say --head sigmoid" in capsys.readouterr().err


def test_imagenets_mean_and_deviation(images: NDArray[np.uint8]) -> None:
    model = save(3)
    assert collect("--preprocess", "imagenet") == 0
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    given = (images / 255 - mean) / deviation
    maps = np.asarray(model.get_layer("conv")(given.astype(np.float32)))
    run = open_store("reactcnn.db").run(1)
    np.testing.assert_allclose(run.gap("conv"), maps.mean((1, 2)), rtol=1e-3, atol=1e-5)


def test_any_size_is_the_one_that_is_asked_for(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    save(3)
    assert collect("--size", "12x10") == 0
    assert StoreReader("reactcnn.db").run(1).image_shape == (12, 10, 3)
    fixed = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(2, 3)])
    fixed.add(keras.layers.GlobalAveragePooling2D())
    fixed.save("model.keras")
    assert collect("--size", "12x10") == 3
    assert "takes images of 8 × 8 only" in capsys.readouterr().err


def test_imagenet_is_for_colour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "a.db")
    inputs = keras.Input((8, 8, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    keras.Model(inputs, pooled).save(tmp_path / "grey.keras")
    options = ["--images", "sample", "--preprocess", "imagenet", "--store", store]
    assert main(["--model", str(tmp_path / "grey.keras"), *options]) == 3
    assert "is for colour" in capsys.readouterr().err
