"""The packaged network: VGG-16 for 32 by 32 pictures, trained on CIFAR-10."""

from __future__ import annotations

import io
from importlib import resources
from typing import IO, Any

import numpy as np

from collector.packaged import CLASSES, NAME

# Depth and width of the five blocks: configuration D of Simonyan & Zisserman (2015), table 1.
BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
# Mean and standard deviation of the CIFAR-10 training images, by channel, in pixel values 0-255.
PIXEL_MEAN = (125.3, 123.0, 113.9)
PIXEL_DEVIATION = (63.0, 62.1, 66.7)
# Running statistics follow within ten steps, not a hundred as by Keras' default: while the rate is
# high, a hundred steps ago it was another network.
BN_MOMENTUM = 0.9


def architecture() -> Any:
    """Build the network with fresh weights.

    VGG-16 (Simonyan & Zisserman 2015, configuration D) with batch normalisation (Ioffe &
    Szegedy 2015) before each ReLU and one hidden dense layer of 512 units, as is usual at
    32 by 32 pixels.

    Returns:
        An uncompiled ``keras.Model`` from (B, 32, 32, 3) float32 pixel values 0-255 to (B, 10)
        probabilities, 14,995,146 parameters.
    """
    import keras  # noqa: PLC0415 - the command line must answer --help without TensorFlow

    layers = keras.layers
    inputs = keras.Input((32, 32, 3), name="pixels")
    variance = tuple(deviation**2 for deviation in PIXEL_DEVIATION)
    x = layers.Normalization(mean=PIXEL_MEAN, variance=variance, name="normalization")(inputs)
    for block, (depth, width) in enumerate(BLOCKS, start=1):
        for index in range(1, depth + 1):
            x = layers.Conv2D(
                width, 3, padding="same", use_bias=False, name=f"block{block}_conv{index}"
            )(x)
            x = layers.BatchNormalization(
                momentum=BN_MOMENTUM, epsilon=1e-5, name=f"block{block}_bn{index}"
            )(x)
            x = layers.ReLU(name=f"block{block}_relu{index}")(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(512, activation="relu", name="fc1")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    x = layers.Dense(len(CLASSES), activation="softmax", name="predictions")(x)
    return keras.Model(inputs, x, name=NAME)


def load(checkpoint: str = NAME) -> Any:
    """Build the network and give it the weights of a packaged checkpoint.

    Args:
        checkpoint: one of ``packaged.CHECKPOINTS``.

    Returns:
        The network of :func:`architecture` with those weights as float32.
    """
    model = architecture()
    weights = resources.files("collector") / "data" / f"{checkpoint}.npz"
    with weights.open("rb") as file:
        unpack(file, model)
    return model


def packed(model: Any) -> bytes:
    """Return a network of :func:`architecture` as a packaged checkpoint.

    A NumPy archive in which ``<layer>/<i>`` is the i-th array of that layer's ``get_weights()``:
    kernels as float16, vectors as float32. What normalises pixels is no part of it.
    """
    file = io.BytesIO()
    np.savez_compressed(
        file,
        **{
            f"{layer.name}/{i}": value.astype(np.float16 if value.ndim > 1 else np.float32)
            for layer in _weighted(model)
            for i, value in enumerate(layer.get_weights())
        },
    )
    return file.getvalue()


def unpack(file: IO[bytes], model: Any) -> None:
    """Give a network of :func:`architecture` the weights that :func:`packed` wrote."""
    with np.load(file) as archive:
        for layer in _weighted(model):
            layer.set_weights(
                [
                    archive[f"{layer.name}/{i}"].astype(np.float32)
                    for i in range(len(layer.get_weights()))
                ]
            )


def _weighted(model: Any) -> list[Any]:
    return [one for one in model.layers if one.name != "normalization" and one.weights]
