"""Networks with filters that the others can stand in for exactly, and their slimming."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from collector.frameworks.keras.models import LoadedModel, weights_digest
from collector.frameworks.keras.network import understand
from collector.images.arrays import ArrayImages
from collector.slim.feeding import Feed
from collector.slim.rebuilding import rebuild
from collector.slim.slimming import Slimming

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.slim.slimming import Cut


def noise(count: int, shape: Sequence[int], seed: int = 3) -> NDArray[np.uint8]:
    """Images whose brightness and colours vary from image to image and from place to place."""
    generator = np.random.default_rng(seed)
    height, width, colours = shape
    steps = generator.uniform(-1, 1, (2, count, 1, 1, colours))
    down, right = np.linspace(-1, 1, height)[:, None, None], np.linspace(-1, 1, width)[:, None]
    light = generator.uniform(0, 1, (count, 1, 1, colours)) + 0.5 * (steps[0] * down)
    light = light + 0.5 * steps[1] * right + generator.normal(0, 0.3, (count, *shape))
    pixels: NDArray[np.uint8] = (np.clip(light, 0, 1) * 255).astype(np.uint8)
    return pixels


def with_seeded_weights(model: Any, seed: int = 1) -> Any:
    """Give every layer weights that neither vanish nor explode, normalisations included."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        if hasattr(layer, "layers"):
            with_seeded_weights(layer, seed + 1)
            continue
        found = []
        for variable in layer.weights:
            size = variable.shape
            name = variable.path.rsplit("/", 1)[-1]
            if name in ("gamma", "moving_variance"):
                found.append(generator.uniform(0.5, 1.5, size))
            elif name in ("beta", "bias", "moving_mean", "alpha"):
                found.append(generator.uniform(-0.3, 0.3, size))
            else:
                scale = 1.5 / np.sqrt(max(np.prod(size[:-1]), 1))
                found.append(generator.normal(0.0, scale, size))
        layer.set_weights(found)
    return model


def copy_filter(layer: Any, source: int, target: int, factor: float = 1.0) -> None:
    """Make a filter of a convolution, dense or normalisation layer that of another, times more.

    Of a normalisation its scale and shift take the factor.
    """
    weights = layer.get_weights()
    for variable, array in zip(layer.weights, weights, strict=True):
        name = variable.path.rsplit("/", 1)[-1]
        scaled = not name.startswith("moving")
        if name != "depthwise_kernel":
            array[..., target] = array[..., source] * (factor if scaled else 1.0)
    layer.set_weights(weights)


def mix_filter(layer: Any, sources: Sequence[int], shares: Sequence[float], target: int) -> None:
    """Make a filter a linear combination of others; exact as long as nothing bends it."""
    weights = layer.get_weights()
    for array in weights:
        array[..., target] = sum(
            share * array[..., one] for one, share in zip(sources, shares, strict=True)
        )
    layer.set_weights(weights)


def kill_filter(layer: Any, target: int) -> None:
    """Make a filter answer 0 whatever it sees."""
    copy_filter(layer, target, target, 0.0)


def slimming_of(
    model: Any,
    images: NDArray[np.uint8],
    saving: tuple[bool, bool] = (True, False),
    pixel_range: str = "0-1",
    head: str | None = None,
) -> Slimming:
    """Measure a model over images."""
    loaded = LoadedModel(
        model.name, "here", model, weights_digest(model.weights), model.count_params(), None
    )
    network = understand(loaded, images.shape[1:3], head)
    source = ArrayImages(images, spec="here", description="here")
    return Slimming(network, Feed(source, network, pixel_range, len(images)), saving)


def outputs(model: Any, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What a model gives, by Keras alone."""
    inputs = images.astype(np.float32) / np.float32(255)
    return np.asarray(model(inputs, training=False), np.float64)


def cut_exactly(model: Any, images: NDArray[np.uint8]) -> tuple[Any, Cut, Slimming]:
    """Cut what is explained exactly, and make a model of the rest."""
    slimming = slimming_of(model, images)
    cut = slimming.cut(slimming.lossless())
    return rebuild(model, cut.slimmed, f"{model.name}-slim"), cut, slimming
