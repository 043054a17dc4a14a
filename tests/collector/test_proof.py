"""No run begins whose capture says something else than the model, and what is read is asked."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from collector.errors import ModelError
from collector.frameworks.agreement import Parted
from collector.frameworks.keras import convolution
from collector.frameworks.reading import Reading
from tests.collector.models_of import SIDE, classifier, network_of, photos, proven

pytestmark = pytest.mark.fitting

L = keras.layers


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    keras.utils.set_random_seed(4)


class Deceiving(keras.layers.Layer):  # type: ignore[misc]
    """Predictions otherwise when it is compiled."""

    def call(self, x: Any) -> Any:
        return x if tf.executing_eagerly() else x * 1.01


class Shuffling(keras.layers.Layer):  # type: ignore[misc]
    """Moves places about when it is compiled, which no mean over them shows."""

    def call(self, x: Any) -> Any:
        return x if tf.executing_eagerly() else x[:, ::-1]


class Poisoned(keras.layers.Layer):  # type: ignore[misc]
    """Gives NaN when it is compiled."""

    def call(self, x: Any) -> Any:
        return x if tf.executing_eagerly() else x * np.float32(np.nan)


def chain(*between: Any, side: int = SIDE) -> Any:
    """Three convolutions, with layers between the first and the second."""
    inputs = keras.Input((side, side, 3))
    x = L.Conv2D(4, 3, padding="same", name="before")(L.Rescaling(1 / 255)(inputs))
    for layer in between:
        x = layer(x)
    x = L.Conv2D(4, 3, padding="same", activation="relu", name="after")(x)
    return keras.Model(inputs, classifier(L.Conv2D(4, 3, name="last")(x)))


@pytest.mark.parametrize("layer", [Deceiving, Shuffling, Poisoned])
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_the_layer_that_parts_first_is_named(layer: Any, batch_size: int) -> None:
    with pytest.raises(Parted) as caught:
        proven(chain(layer()), photos(), batch_size=batch_size)
    text = str(caught.value)
    assert "after is the first layer that parts from it" in text
    assert "\n" not in text


def test_outputs_that_part_are_said_where_every_layer_agrees() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3, name="conv")(L.Rescaling(1 / 255)(inputs))
    pooled = L.Dense(3)(Deceiving()(L.Flatten()(x)))
    with pytest.raises(Parted, match="outputs part from it"):
        proven(keras.Model(inputs, L.Softmax()(pooled)), photos())


def deep() -> Any:
    """A network with a convolution that Winograd's filtering takes over."""
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(128, 3, padding="same", activation="relu", name="first")(
        L.Rescaling(1 / 255)(inputs)
    )
    x = L.Conv2D(128, 3, padding="same", activation="relu", name="second")(x)
    return keras.Model(inputs, classifier(x))


def test_arithmetic_is_told_and_exact_turns_substitutes_off() -> None:
    model = deep()
    pixels = photos(side=8)
    fast = proven(model, pixels, batch_size=64)
    exact = proven(model, pixels, batch_size=64, exact=True)
    few = proven(model, pixels, batch_size=4)
    training = proven(model, pixels, batch_size=64, frozen=False)
    kinds = [one.capture.arithmetic for one in (fast, exact, few, training)]
    assert kinds == ["winograd", "direct", "direct", "direct"]
    assert fast.notices == exact.notices == ()
    gap, expected = (one.capture(pixels).gap for one in (fast, exact))
    np.testing.assert_allclose(gap, expected, atol=1e-5 * expected.max())


@pytest.mark.parametrize("factor", [1.001, 0.0, np.nan])
def test_a_substitute_that_differs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    real = convolution.substitute

    def wrong(call: Any, images: int) -> Any:
        found = real(call, images)
        return None if found is None else (lambda values: found(values) * factor)

    monkeypatch.setattr("collector.frameworks.keras.capture.substitute", wrong)
    model, pixels = deep(), photos(side=8)
    found = proven(model, pixels, batch_size=64)
    assert found.capture.arithmetic == "direct"
    (notice,) = found.notices
    assert "more than rounding" in notice
    expected = model(pixels.astype(np.float32), training=False)
    np.testing.assert_allclose(found.capture(pixels).probabilities, expected, atol=1e-5)


class Drawing(keras.layers.Layer):  # type: ignore[misc]
    """Adds noise at every call."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, x: Any) -> Any:
        return x + keras.random.normal(keras.ops.shape(x), seed=self.seeds)


class Centring(keras.layers.Layer):  # type: ignore[misc]
    """Subtracts the mean over the batch, as normalisation in training does."""

    def call(self, x: Any) -> Any:
        return x - keras.ops.mean(x, axis=0, keepdims=True)


@pytest.mark.parametrize("layer", [Drawing, Centring])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_answers_that_hang_on_the_batch_are_collected_with_a_notice(
    layer: Any, batch_size: int
) -> None:
    found = proven(chain(layer()), photos(), batch_size=batch_size)
    (notice,) = found.notices
    assert "share its batch" in notice


def test_few_images_and_files_that_are_no_pictures_do() -> None:
    model = chain()
    for pixels in (photos(1), np.zeros((2, SIDE, SIDE, 3), np.uint8)):
        assert proven(model, pixels, batch_size=8).notices == ()


def test_a_model_that_cannot_run_is_refused_in_one_line() -> None:
    class Raising(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            tf.debugging.assert_less(x, 0.0, message="only negative values")
            return x

    with pytest.raises(ModelError) as caught:
        proven(chain(Raising()), photos())
    text = str(caught.value)
    assert "\n" not in text
    assert "only negative values" in text


def headed(*head: Any) -> Any:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(L.Rescaling(1 / 255)(inputs)))
    for layer in head:
        x = layer(x)
    return keras.Model(inputs, x)


def steep(x: Any) -> Any:
    """A softmax that nobody can know by its name."""
    return keras.ops.softmax(x * 2)


def shares(x: Any) -> Any:
    """Sizes as shares of their sum, which is no softmax at all."""
    return abs(x) / keras.ops.sum(abs(x), -1, keepdims=True)


def relu_by_name(x: Any) -> Any:
    """Not what its name says."""
    return x - 1


relu_by_name.__name__ = "relu"


@pytest.mark.parametrize(
    "head",
    [
        lambda: [L.Dense(4, activation=L.Softmax(name="class_probabilities"))],
        lambda: [L.Dense(4, activation=L.Softmax(name="softmax_1"))],
        lambda: [L.Dense(4, activation=steep)],
        lambda: [L.Dense(4), L.Softmax(name="logits")],
        lambda: [L.Dense(4), L.Activation(L.Softmax())],
        lambda: [L.Dense(4, activation=shares)],
        lambda: [L.Dense(4, activation="softmax"), L.Identity(), L.Reshape((4,))],
        lambda: [L.Dense(4, activation="softmax"), L.Rescaling(0.5, 0.125)],
    ],
)
def test_outputs_that_are_probabilities_are_taken_as_they_are(head: Any) -> None:
    model = headed(*head())
    assert network_of(model).reading is Reading.AS_IS
    captured = proven(model, photos()).capture(photos())
    expected = model.predict(photos().astype(np.float32), verbose=0)
    np.testing.assert_allclose(captured.probabilities, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("head", "reading"),
    [
        (lambda: [L.Dense(4, name="softmax")], Reading.SOFTMAX),
        (lambda: [L.Dense(4), L.ReLU()], Reading.SOFTMAX),
        (lambda: [L.Dense(4, activation="log_softmax")], Reading.SOFTMAX),
        (lambda: [L.Dense(4, activation=L.Activation("sigmoid"))], Reading.LABELS),
        (lambda: [L.Dense(4, activation="hard_sigmoid")], Reading.LABELS),
        (lambda: [L.Dense(1, activation=L.Activation("sigmoid"))], Reading.ONE_UNIT),
        (lambda: [L.Dense(1), L.Activation(keras.ops.sigmoid)], Reading.ONE_UNIT),
        (lambda: [L.Dense(1, activation="softmax")], Reading.ONE_LOGIT),
        (lambda: [L.Dense(1, name="sigmoid")], Reading.ONE_LOGIT),
    ],
)
def test_other_outputs_are_read_by_what_they_are(head: Any, reading: Reading) -> None:
    assert network_of(headed(*head())).reading is reading


def test_a_function_called_relu_may_give_negative_values() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Rescaling(1 / 255)(inputs)
    for activation in (relu_by_name, L.ReLU(negative_slope=0.5), L.Activation(relu_by_name)):
        x = L.SeparableConv2D(4, 1, activation=activation)(x)
    model = keras.Model(inputs, classifier(x))
    network = network_of(model)
    assert [tap.never_negative for tap in network.taps] == [False, False, False]
    captured = proven(model, photos()).capture(photos())
    assert captured.maps is not None
    for tap, maps in zip(network.taps, captured.maps, strict=True):
        plain = keras.Model(inputs, model.get_layer(tap.name).output)(photos().astype(np.float32))
        expected = np.asarray(plain).transpose(0, 3, 1, 2)
        assert expected.min() < 0
        np.testing.assert_allclose(
            maps.low[..., None, None] + maps.step[..., None, None] * maps.codes,
            expected,
            atol=maps.step.max(),
        )
