"""TensorFlow is started once for all tests of the collector; models and images are tiny."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.frameworks.keras.runtime import start_tensorflow

if TYPE_CHECKING:
    from pathlib import Path


# Before any test module imports Keras: how TensorFlow computes is settled when it is imported, and
# a run in this process must give the bits of one in a process of its own.
start_tensorflow()


@pytest.fixture(scope="session")
def tiny_model() -> Any:
    """Two convolutions (5 and 7 filters) on 8 × 8 × 3, three classes, weights from a seed."""
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(5, 3, padding="same", name="first")(x)
    x = layers.BatchNormalization(name="first_bn")(x)
    x = layers.ReLU(name="first_relu")(x)
    x = layers.Conv2D(7, 3, name="second")(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(3, activation="softmax")(x)
    model = keras.Model(inputs, outputs, name="tiny")
    generator = np.random.default_rng(6)
    model.get_layer("first_bn").set_weights(
        [generator.uniform(0.5, 1.5, 5).astype("float32") for _ in range(4)]
    )
    return model


@pytest.fixture(scope="session")
def tiny_path(tiny_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a file."""
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    tiny_model.save(path)
    return path


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 labelled noise images of 8 × 8 × 3 as an .npz file."""
    path = tmp_path_factory.mktemp("images") / "noise.npz"
    generator = np.random.default_rng(7)
    # Brightness varies from image to image, so that filters do.
    images = generator.integers(0, 256, (400, 8, 8, 3)) * generator.random((400, 1, 1, 3))
    np.savez(path, images=images.astype(np.uint8), labels=generator.integers(0, 3, 400))
    return path
