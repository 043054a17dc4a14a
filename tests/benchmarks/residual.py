"""A small residual network for CIFAR-10, the second network of the benchmark of slimming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from collector.frameworks.keras.vgg16 import BN_MOMENTUM, PIXEL_DEVIATION, PIXEL_MEAN
from collector.packaged import CLASSES

WIDTHS = (16, 32, 64)
BLOCKS = 2


def architecture() -> Any:
    """Build the network with fresh weights: 14 layers deep, about 175,000 parameters.

    He, Zhang, Ren & Sun (2016), "Deep residual learning for image recognition", section 4.2, with
    two blocks a stage and 1 × 1 convolutions where the width changes.
    """
    import keras

    layers = keras.layers
    inputs = keras.Input((32, 32, 3), name="pixels")
    variance = tuple(deviation**2 for deviation in PIXEL_DEVIATION)
    x = layers.Normalization(mean=PIXEL_MEAN, variance=variance, name="normalization")(inputs)
    x = layers.ReLU(name="stem_relu")(_normalised(x, WIDTHS[0], 3, 1, "stem"))
    for stage, width in enumerate(WIDTHS, start=1):
        for block in range(1, BLOCKS + 1):
            name = f"stage{stage}_block{block}"
            stride = 2 if stage > 1 and block == 1 else 1
            y = layers.ReLU(name=f"{name}_relu1")(_normalised(x, width, 3, stride, f"{name}_a"))
            y = _normalised(y, width, 3, 1, f"{name}_b")
            if stride > 1:
                x = _normalised(x, width, 1, stride, f"{name}_shortcut")
            x = layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, y]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(len(CLASSES), activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name="resnet14-cifar10")


def _normalised(x: Any, width: int, kernel: int, stride: int, name: str) -> Any:
    import keras

    layers = keras.layers
    x = layers.Conv2D(width, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.BatchNormalization(momentum=BN_MOMENTUM, epsilon=1e-5, name=f"{name}_bn")(x)


def load() -> Any:
    """Build the network with the weights of its training, 82.6 % right on 8,000 test images.

    Eight epochs on the training images (JPEG copies): ``python -m collector train --from`` the
    fresh network, ``--epochs 8 --learning-rate 0.2``.
    """
    model = architecture()
    with np.load(Path(__file__).with_name("resnet14-cifar10.npz")) as archive:
        for layer in model.layers:
            count = 0 if layer.name == "normalization" else len(layer.get_weights())
            if count:
                layer.set_weights(
                    [archive[f"{layer.name}/{i}"].astype(np.float32) for i in range(count)]
                )
    return model
