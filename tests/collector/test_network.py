"""How a model is fed and read, and which models are refused with which line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from collector.errors import ModelError
from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.models import LoadedModel
from collector.frameworks.keras.network import Network, understand
from collector.frameworks.reading import Reading


def loaded(model: Any) -> LoadedModel:
    return LoadedModel(model.name, "", model, "", model.count_params(), None)


def network(*top: Any, shape: tuple[int | None, ...] = (8, 8, 3)) -> Network:
    """A convolution with pooling and these layers on top."""
    import keras

    body = [keras.layers.Conv2D(4, 3, name="conv"), keras.layers.GlobalAveragePooling2D()]
    return understand(loaded(keras.Sequential([keras.Input(shape), *body, *top])))


def probabilities(network: Network) -> np.ndarray[Any, Any]:
    pixels = np.random.default_rng(0).integers(0, 256, (3, *network.image_shape))
    return Capture(network, pixel_range="0-1", maps=False)(pixels.astype(np.uint8)).probabilities


def test_softmax_is_taken_as_it_is() -> None:
    import keras

    found = network(keras.layers.Dense(5, activation="softmax"))
    assert (found.reading, found.outputs, found.notices) == (Reading.AS_IS, 5, ())
    apart = network(keras.layers.Dense(5), keras.layers.Softmax(), keras.layers.Dropout(0.2))
    assert apart.reading is Reading.AS_IS


def test_logits_get_a_softmax_and_a_notice() -> None:
    import keras

    found = network(keras.layers.Dense(5), keras.layers.Activation("linear"))
    assert found.reading is Reading.SOFTMAX
    assert len(found.notices) == 1
    assert "softmax" in found.notices[0]
    np.testing.assert_allclose(probabilities(found).sum(1), 1, rtol=1e-5)


def test_one_sigmoid_unit_becomes_two_classes() -> None:
    import keras

    found = network(keras.layers.Dense(1, activation="sigmoid"))
    assert (found.reading, found.outputs, found.notices) == (Reading.ONE_UNIT, 2, ())
    result = probabilities(found)
    assert result.shape == (3, 2)
    np.testing.assert_allclose(result.sum(1), 1, rtol=1e-6)
    logit = network(keras.layers.Dense(1))
    assert (logit.reading, logit.outputs) == (Reading.ONE_LOGIT, 2)
    assert "sigmoid" in logit.notices[0]


def test_many_sigmoids_are_labels() -> None:
    import keras

    found = network(keras.layers.Dense(4, activation="sigmoid"))
    assert (found.reading, found.outputs) == (Reading.LABELS, 4)


def test_an_average_of_softmaxes_is_recognised_by_its_sums() -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    both = [layers.Dense(3, activation="softmax")(x) for _ in range(2)]
    found = understand(loaded(keras.Model(inputs, layers.Average()(both))))
    assert (found.reading, found.notices) == (Reading.AS_IS, ())
    logits = [layers.Dense(3)(x) for _ in range(2)]
    found = understand(loaded(keras.Model(inputs, layers.Average()(logits))))
    assert found.reading is Reading.SOFTMAX


def test_any_size_takes_the_images_or_a_usual_one() -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential([
        keras.Input((None, None, 1)),
        layers.Conv2D(4, 3),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    given = understand(loaded(model), (20, 30))
    assert (given.image_shape, given.notices) == ((20, 30, 1), ())
    assert (given.taps[0].height, given.taps[0].width) == (18, 28)
    usual = understand(loaded(model))
    assert usual.image_shape == (224, 224, 1)
    assert "224" in usual.notices[0]


def test_tells_whether_the_model_rescales_its_input() -> None:
    import keras

    layers = keras.layers
    assert not network(layers.Dense(2, activation="softmax")).rescales
    model = keras.Sequential([
        keras.Input((8, 8, 3)),
        layers.ZeroPadding2D(),
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3),
        layers.Flatten(),
        layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    assert understand(loaded(model)).rescales


def refused() -> dict[str, tuple[Any, str]]:
    import keras

    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    other = keras.Input((8, 8, 3), name="other")
    convolved = layers.Conv2D(2, 3, name="conv")(image)
    pooled = layers.GlobalAveragePooling2D()(convolved)
    numbers = keras.Input((12,))
    many = keras.Input((8, 8, 5))
    return {
        "no convolutions": (
            keras.Model(image, layers.Dense(2, name="guess")(layers.Flatten(name="flat")(image))),
            "flat (Flatten), guess (Dense)",
        ),
        "two inputs": (
            keras.Model([image, other], layers.Flatten()(layers.Conv2D(2, 3)(image + other))),
            "2 inputs (image, other)",
        ),
        "two outputs": (keras.Model(image, [pooled, convolved]), "2 outputs"),
        "maps as output": (keras.Model(image, convolved), "images × 6 × 6 × 2"),
        "numbers as input": (
            keras.Model(numbers, layers.Dense(2)(numbers)),
            "takes 12 numbers an example",
        ),
        "five channels": (
            keras.Model(many, layers.Flatten()(layers.Conv2D(2, 3)(many))),
            "8 × 8 × 5; only 1 (grey) or 3 (RGB) channels",
        ),
        "never built": (keras.Sequential([layers.Conv2D(2, 3)]), "keras.Input"),
    }


@pytest.mark.parametrize(
    "case",
    [
        "no convolutions",
        "two inputs",
        "two outputs",
        "maps as output",
        "numbers as input",
        "five channels",
        "never built",
    ],
)
def test_refused_with_one_line(case: str) -> None:
    model, expected = refused()[case]
    parameters = model.count_params() if model.built else 0
    with pytest.raises(ModelError) as caught:
        understand(LoadedModel(model.name, "", model, "", parameters, None))
    text = str(caught.value)
    assert expected in text
    assert "\n" not in text
