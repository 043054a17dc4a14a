"""Random Functional models: what is captured is what their layers, called by hand, give."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.models_of import SIDE, network_of, photos, proven
from tests.collector.test_inference import Block

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.fitting

L = keras.layers
FILTERS = 4
AUGMENTATION = ["RandomFlip", "RandomContrast", "RandomRotation", "RandomBrightness"]
ACTIVATIONS = ["relu", "silu", "tanh", "elu", "sigmoid"]


@dataclass
class Heard:
    """A tensor on its way, with the maps of the convolutions that it came by."""

    value: Any
    maps: list[Any] = field(default_factory=list)

    def then(self, *layers: Any, tapped: bool = False) -> Heard:
        """Call layers by hand, one after the other, in inference mode."""
        value = self.value
        for layer in layers:
            # Not every layer takes the argument.
            mode = {"training": False} if layer._call_has_training_arg else {}
            value = layer(value, **mode)
        return Heard(value, [*self.maps, value] if tapped else self.maps)


Stage = tuple["Callable[[Any], Any]", "Callable[[Heard], Heard]"]
"""How a stage is put into a Functional model, and what it does by hand."""


def convolution(draw: st.DrawFn) -> list[Any]:
    """A convolution, perhaps normalised, perhaps activated."""
    kind = draw(st.sampled_from([L.Conv2D, L.SeparableConv2D, L.DepthwiseConv2D]))
    options: dict[str, Any] = {"padding": "same"}
    if kind is not L.DepthwiseConv2D:
        options["filters"] = FILTERS
    layers = [kind(kernel_size=draw(st.sampled_from([1, 3])), **options)]
    norm = draw(st.sampled_from([None, L.BatchNormalization, L.LayerNormalization]))
    if norm is not None:
        layers.append(norm())
    if draw(st.booleans()):
        layers.append(L.Activation(draw(st.sampled_from(ACTIVATIONS))))
    return layers


def in_a_row(layers: list[Any]) -> Callable[[Any], Any]:
    def put(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    return put


def plain(draw: st.DrawFn) -> Stage:
    layers = convolution(draw)
    return in_a_row(layers), lambda heard: heard.then(*layers, tapped=True)


def nested(draw: st.DrawFn) -> Stage:
    layers = convolution(draw)
    end = L.MaxPooling2D(1)
    inner = keras.Sequential([keras.Input((None, None, FILTERS)), *layers, end])
    return inner, lambda heard: heard.then(*layers, tapped=True).then(end)


def functional(draw: st.DrawFn) -> Stage:
    """A nested model with a branch, called with its own inputs' shape or another."""
    left, right = convolution(draw), convolution(draw)
    inputs = keras.Input((None, None, FILTERS))
    inner = keras.Model(inputs, L.Add()([in_a_row(left)(inputs), in_a_row(right)(inputs)]))

    def by_hand(heard: Heard) -> Heard:
        one = heard.then(*left, tapped=True)
        other = Heard(heard.value).then(*right, tapped=True)
        return Heard(one.value + other.value, [*one.maps, *other.maps])

    return inner, by_hand


def shared(draw: st.DrawFn) -> Stage:
    layer = L.Conv2D(FILTERS, 3, padding="same")
    between = L.Activation(draw(st.sampled_from(ACTIVATIONS)))
    pooling = L.AveragePooling2D(1)
    return in_a_row(
        [layer, between, layer, pooling]
    ), lambda heard: heard.then(layer, between, tapped=True).then(layer, tapped=True).then(pooling)


def wrapped(draw: st.DrawFn) -> Stage:
    layer = L.SpectralNormalization(L.Conv2D(FILTERS, 3, padding="same"))
    activation = L.Activation(draw(st.sampled_from(ACTIVATIONS)))
    return in_a_row([layer, activation]), lambda heard: heard.then(layer, activation, tapped=True)


NUMBERS = itertools.count()
"""A model has no two layers of one name."""


def residual(_draw: st.DrawFn) -> Stage:
    block = Block(FILTERS, name=f"block{next(NUMBERS)}")

    def by_hand(heard: Heard) -> Heard:
        first = keras.ops.relu(block.norm(block.first(heard.value), training=False))
        second = block.second(first)
        return Heard(keras.ops.relu(heard.value + second), [*heard.maps, first, second])

    return block, by_hand


def augmented(draw: st.DrawFn) -> Stage:
    names = draw(st.lists(st.sampled_from(AUGMENTATION), min_size=1, max_size=2))
    layers = [
        getattr(L, name)(*([] if name == "RandomFlip" else [0.5])) for name in names
    ]  # what they do by hand is nothing
    if draw(st.booleans()):
        return keras.Sequential([keras.Input((None, None, FILTERS)), *layers]), lambda heard: heard
    return in_a_row(layers), lambda heard: heard


def regularised(draw: st.DrawFn) -> Stage:
    layer = draw(st.sampled_from([L.Dropout, L.GaussianDropout, L.SpatialDropout2D]))(0.5)
    return layer, lambda heard: heard


STAGES = [plain, plain, nested, functional, shared, wrapped, residual, augmented, regularised]


@st.composite
def networks(draw: st.DrawFn) -> tuple[Any, Callable[[Any], Heard]]:
    """A model of random stages, and the same by hand from (B, H, W, C) float32 values."""
    keras.utils.set_random_seed(draw(st.integers(0, 2**31 - 1)))
    scale = L.Rescaling(1 / 255)
    stem = L.Conv2D(FILTERS, 3, padding="same", activation="relu")
    stages = [
        make(draw) for make in draw(st.lists(st.sampled_from(STAGES), min_size=1, max_size=5))
    ]
    pooling, head = L.GlobalAveragePooling2D(), L.Dense(3, activation="softmax")
    inputs = keras.Input((SIDE, SIDE, 3))
    first = L.MaxPooling2D(2)
    x = first(stem(scale(inputs)))
    for put, _ in stages:
        x = put(x)
    model = keras.Model(inputs, head(pooling(x)))
    settle(model)

    def by_hand(values: Any) -> Heard:
        heard = Heard(values).then(scale).then(stem, tapped=True).then(first)
        for _, run in stages:
            heard = run(heard)
        return heard.then(pooling, head)

    return model, by_hand


def settle(model: Any) -> None:
    """Give normalisations statistics and scales of their own, as a training does."""
    rng = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights(
                [rng.uniform(0.5, 1.5, weight.shape).astype(np.float32) for weight in layer.weights]
            )


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(made=networks(), batch_size=st.sampled_from([1, 3, 4]), frozen=st.booleans())
def test_captured_is_what_the_layers_say_by_hand(
    made: tuple[Any, Any], batch_size: int, *, frozen: bool
) -> None:
    model, by_hand = made
    pixels = photos()
    network = network_of(model)
    assert network.notices == ()
    found = proven(model, pixels, batch_size=batch_size, frozen=frozen)
    assert found.notices == ()
    captured = found.capture(pixels)
    expected = by_hand(pixels.astype(np.float32))
    np.testing.assert_allclose(captured.probabilities, expected.value, atol=1e-5)
    gaps = [np.asarray(one).mean((1, 2)) for one in expected.maps]
    assert [tap.filters for tap in network.taps] == [gap.shape[1] for gap in gaps]
    start = 0
    # Layers of equal depth may stand in another order than they were written down in.
    left = list(gaps)
    for tap in network.taps:
        part = captured.gap[:, start : start + tap.filters]
        start += tap.filters
        close = [
            k
            for k, gap in enumerate(left)
            if np.allclose(part, gap, rtol=0, atol=1e-5 * max(1, np.abs(gap).max()))
        ]
        assert close, f"{tap.name} is no convolution of the network"
        left.pop(close[0])


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(
    made=st.sampled_from(["mixed_float16", "mixed_bfloat16", "float64"]).flatmap(
        lambda policy: st.tuples(st.just(policy), st.integers(0, 2**31 - 1))
    )
)
def test_other_precisions_agree_with_predict(made: tuple[str, int]) -> None:
    policy, seed = made
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((SIDE, SIDE, 3), dtype="float32")
    x = L.Rescaling(1 / 255)(L.RandomFlip()(inputs))
    x = L.Conv2D(4, 3, dtype=policy, name="one")(x)
    x = L.ReLU(dtype=policy)(L.BatchNormalization(dtype=policy)(x))
    inner = keras.Sequential([
        keras.Input((None, None, 4), dtype=x.dtype), L.Conv2D(4, 3, dtype=policy, name="two")
    ])  # fmt: skip
    pooled = L.GlobalAveragePooling2D(dtype=policy)(inner(x))
    model = keras.Model(inputs, L.Dense(3, activation="softmax", dtype="float32")(pooled))
    captured = proven(model, photos()).capture(photos())
    expected = model.predict(photos().astype(np.float32), verbose=0)
    limit = 1e-5 if policy == "float64" else 2e-2
    np.testing.assert_allclose(captured.probabilities, expected, atol=limit)
