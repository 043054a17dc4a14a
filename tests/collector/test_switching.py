"""Switching filters off is what the same network says with the channel masked by hand, in Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from collector.at_hand.loading import AtHand
from collector.at_hand.switching import Answer, Switched, Switches
from collector.frameworks.keras.capture import Capture
from tests.collector.models_of import SIDE, classifier, network_of, photos

if TYPE_CHECKING:
    from numpy.typing import NDArray

L = keras.layers


def hand_of(model: Any, pixel_range: str = "0-255") -> AtHand:
    network = network_of(model)
    capture = Capture(network, pixel_range=pixel_range)
    return AtHand(None, (), network, capture)  # type: ignore[arg-type]  # no run is needed


def masked(tensor: Any, off: dict[int, float], filters: int) -> Any:
    """The tensor with some channels at a constant, by plain arithmetic of Keras."""
    keep, add = np.ones(filters, np.float32), np.zeros(filters, np.float32)
    for channel, value in off.items():
        keep[channel], add[channel] = 0, value
    return tensor * keep.reshape(1, 1, 1, -1) + add.reshape(1, 1, 1, -1)


Off = dict[str, dict[int, float]]


def plain(off: Off) -> tuple[Any, list[Any]]:
    x = inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Rescaling(1 / 255)(x)
    x = L.Conv2D(6, 3, padding="same", name="a")(x)
    x = L.BatchNormalization(name="a_bn")(x)
    x = one = masked(L.ReLU(name="a_relu")(x), off.get("a", {}), 6)
    x = L.MaxPooling2D()(x)
    x = two = masked(L.Conv2D(8, 3, activation="relu", name="b")(x), off.get("b", {}), 8)
    return keras.Model(inputs, classifier(x)), [one, two]


def residual(off: Off) -> tuple[Any, list[Any]]:
    """What is switched off is taken by two: the next convolution and the sum."""
    x = inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(6, 3, padding="same", activation="relu", name="a")(L.Rescaling(1 / 255)(x))
    x = one = masked(x, off.get("a", {}), 6)
    y = two = masked(L.Conv2D(6, 3, padding="same", name="b")(x), off.get("b", {}), 6)
    x = L.ReLU()(L.Add()([x, y]))
    x = L.Conv2D(5, 1, activation="relu", name="c")(x)
    x = three = masked(x, off.get("c", {}), 5)
    return keras.Model(inputs, classifier(L.Concatenate()([x, y]))), [one, two, three]


def nested(off: Off) -> tuple[Any, list[Any]]:
    """A model inside a model, whose last convolution has its activation outside."""
    inner_inputs = keras.Input((SIDE, SIDE, 6))
    y = L.Conv2D(7, 3, padding="same", name="inner_a")(inner_inputs)
    y = two = masked(L.Activation("tanh")(y), off.get("inner_a", {}), 7)
    inner = keras.Model(inner_inputs, [L.Conv2D(4, 3, name="inner_b")(y), two], name="inner")
    x = inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(6, 3, padding="same", activation="relu", name="a")(L.Rescaling(1 / 255)(x))
    x = one = masked(x, off.get("a", {}), 6)
    y, two = inner(x)
    y = three = masked(L.LeakyReLU()(y), off.get("inner_b", {}), 4)
    return keras.Model(inputs, classifier(y)), [one, two, three]


MODELS = {
    "plain": (plain, ("a", "b")),
    "residual": (residual, ("a", "b", "c")),
    "nested": (nested, ("a", "inner_a", "inner_b")),
}


class Block(keras.Layer):  # type: ignore[misc]  # Keras has no types
    """A block of one's own, in which an activation is a function that nobody can listen to."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.convolution = L.Conv2D(6, 3, padding="same", name="inside")

    def build(self, shape: Any) -> None:
        self.convolution.build(shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return keras.ops.relu(self.convolution(inputs)) + 0.5


def users(kind: str) -> Any:
    """The network without masks, as the collector is given it."""
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Rescaling(1 / 255)(x)
    if kind == "plain":
        x = L.Conv2D(6, 3, padding="same", name="a")(x)
        x = L.ReLU(name="a_relu")(L.BatchNormalization(name="a_bn")(x))
        x = L.Conv2D(8, 3, activation="relu", name="b")(L.MaxPooling2D()(x))
    elif kind == "residual":
        x = L.Conv2D(6, 3, padding="same", activation="relu", name="a")(x)
        y = L.Conv2D(6, 3, padding="same", name="b")(x)
        x = L.ReLU()(L.Add()([x, y]))
        x = L.Concatenate()([L.Conv2D(5, 1, activation="relu", name="c")(x), y])
    else:
        inner_inputs = keras.Input((SIDE, SIDE, 6))
        y = L.Activation("tanh")(L.Conv2D(7, 3, padding="same", name="inner_a")(inner_inputs))
        inner = keras.Model(inner_inputs, L.Conv2D(4, 3, name="inner_b")(y), name="inner")
        x = L.Conv2D(6, 3, padding="same", activation="relu", name="a")(x)
        x = L.LeakyReLU()(inner(x))
    model = keras.Model(inputs, classifier(x))
    rng = np.random.default_rng(4)
    for weight in model.weights:
        # Statistics of normalisation are variances, too.
        values = rng.normal(0.05, 0.3, weight.shape)
        weight.assign(np.abs(values) if len(weight.shape) == 1 else values)
    return model


def switches(hand: AtHand, off: Off) -> Switches:
    """The same filters as the product names them."""
    filters = sum(tap.filters for tap in hand.network.taps)
    made = Switches.none(filters)
    start = 0
    for tap in hand.network.taps:
        for channel, value in off.get(tap.name, {}).items():
            made.off[start + channel], made.instead[start + channel] = True, value
        start += tap.filters
    return made


@dataclass(frozen=True)
class Usual:
    """A network of somebody's, at hand, and with switches at all of its filters."""

    model: Any
    hand: AtHand
    switched: Switched

    def answer(self, off: Off) -> Answer:
        """What the product says with some filters switched off."""
        return self.switched(photos(), switches(self.hand, off))


@pytest.fixture(scope="module")
def networks() -> dict[str, Usual]:
    """The networks by their kind."""
    found = {}
    for kind in MODELS:
        model = users(kind)
        hand = hand_of(model)
        found[kind] = Usual(model, hand, Switched(hand))
    return found


def by_keras(usual: Usual, kind: str, off: Off) -> tuple[NDArray[Any], NDArray[Any]]:
    """Probabilities and GAP of the same network with masks in it, by plain Keras."""
    build, _ = MODELS[kind]
    truth, maps = build(off)
    assert [w.shape for w in truth.weights] == [w.shape for w in usual.model.weights]
    truth.set_weights(usual.model.get_weights())
    pixels = photos().astype("f4")
    plain_maps = keras.Model(truth.input, maps)(pixels, training=False)
    gap = np.concatenate([np.asarray(one).mean((1, 2)) for one in plain_maps], 1)
    return np.asarray(truth(pixels, training=False)), gap


CASES: list[tuple[str, Off]] = [
    (kind, off)
    for kind, (_, names) in MODELS.items()
    for off in (
        {},
        {names[0]: {1: 0.0, 4: 0.0}},
        {names[-1]: {0: 0.0}},
        {names[0]: {2: 0.25}, names[1]: {0: -0.5, 3: 0.0}},
    )
]


@pytest.mark.parametrize(("kind", "off"), CASES, ids=str)
def test_it_is_the_network_with_its_channels_masked(
    networks: dict[str, Usual], kind: str, off: Off
) -> None:
    found = networks[kind].answer(off)
    said, true_gap = by_keras(networks[kind], kind, off)
    np.testing.assert_allclose(found.probabilities, said, atol=2e-6)
    np.testing.assert_allclose(found.gap, true_gap, atol=1e-5 * max(1, np.abs(true_gap).max()))


@pytest.mark.parametrize("kind", list(MODELS))
def test_switching_off_changes_the_answer(networks: dict[str, Usual], kind: str) -> None:
    (name, *_) = MODELS[kind][1]
    with_all = networks[kind].answer({})
    without = networks[kind].answer({name: {0: 0.0, 1: 0.0, 2: 0.0}})
    assert np.abs(with_all.probabilities - without.probabilities).max() > 1e-3


def test_a_shared_layer_is_switched_off_in_one_of_its_calls() -> None:
    def build(off: dict[int, float]) -> tuple[Any, Any]:
        keras.utils.set_random_seed(8)
        shared = L.Conv2D(3, 3, padding="same", activation="relu", name="shared")
        x = inputs = keras.Input((SIDE, SIDE, 3))
        x = shared(L.Rescaling(1 / 255)(x))
        y = shared(x)
        y = masked(y, off, 3) if off else y
        return keras.Model(inputs, classifier(L.Add()([x, y]))), shared

    model, _ = build({})
    truth, _ = build({1: 0.0})
    hand = hand_of(model)
    assert [tap.name for tap in hand.network.taps] == ["shared", "shared#2"]
    found = Switched(hand)(photos(), switches(hand, {"shared#2": {1: 0.0}}))
    said = truth(photos().astype("f4"), training=False)
    np.testing.assert_allclose(found.probabilities, np.asarray(said), atol=2e-6)


def test_a_function_inside_a_layer_of_ones_own_is_switched_off_too() -> None:
    keras.utils.set_random_seed(8)
    inputs = keras.Input((SIDE, SIDE, 3))
    block = Block(name="block")
    model = keras.Model(inputs, classifier(block(L.Rescaling(1 / 255)(inputs))))
    hand = hand_of(model)
    found = Switched(hand)(photos(), switches(hand, {"inside": {2: 0.0, 3: 0.75}}))
    kernel, bias = block.convolution.get_weights()
    x = keras.ops.conv(photos().astype("f4") / 255, kernel, padding="same") + bias
    maps = masked(keras.ops.relu(x) + 0.5, {2: 0.0, 3: 0.75}, 6)
    dense = model.layers[-1]
    said = dense(keras.ops.mean(maps, (1, 2)))
    np.testing.assert_allclose(found.probabilities, np.asarray(said), atol=2e-6)
    np.testing.assert_allclose(found.gap, np.asarray(keras.ops.mean(maps, (1, 2))), atol=1e-5)


def test_channels_first_and_half_precision_are_switched_off_alike() -> None:
    keras.utils.set_random_seed(8)
    inputs = keras.Input((3, SIDE, SIDE))
    first = L.Conv2D(4, 3, padding="same", data_format="channels_first", name="first")
    x = L.Conv2D(5, 3, data_format="channels_first", dtype="float16", name="half")(
        first(L.Rescaling(1 / 255)(inputs))
    )
    x = L.GlobalAveragePooling2D(data_format="channels_first", dtype="float32")(x)
    model = keras.Model(inputs, L.Dense(3, activation="softmax")(x))
    hand = hand_of(model)
    found = Switched(hand)(photos(), switches(hand, {"first": {0: 0.0}, "half": {1: 2.0}}))
    kernel, bias = first.get_weights()
    x = keras.ops.conv(photos().astype("f4") / 255, kernel, padding="same") + bias
    x = masked(x, {0: 0.0}, 4)
    kernel, bias = model.get_layer("half").get_weights()
    x = masked(keras.ops.conv(x, kernel.astype("f4"), padding="valid") + bias, {1: 2.0}, 5)
    said = model.layers[-1](keras.ops.mean(x, (1, 2)))
    np.testing.assert_allclose(found.probabilities, np.asarray(said), atol=2e-2)
    np.testing.assert_allclose(found.gap[:, 5], 2.0)


def test_what_is_nan_is_switched_off_like_anything_else() -> None:
    model = users("plain")
    kernel, bias = model.get_layer("a").get_weights()
    bias[3] = np.nan
    model.get_layer("a").set_weights([kernel, bias])
    hand = hand_of(model)
    answer = Switched(hand)(photos(), switches(hand, {"a": {3: 0.0}}))
    assert np.isfinite(answer.probabilities).all()
    assert np.isfinite(answer.gap).all()
    assert np.isnan(Switched(hand)(photos(), Switches.none(14)).gap[:, 3]).all()
