"""Convolutions folded with what follows them, held against the Keras model's own call."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from collector.frameworks.keras import onednn
from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.flatten import flatten
from collector.frameworks.keras.folding import folded
from collector.frameworks.keras.models import LoadedModel
from collector.frameworks.keras.network import Network, understand

L = keras.layers
SIDE = 9


def photos(count: int = 3) -> Any:
    return np.random.default_rng(4).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def learnt(model: Any) -> Any:
    """Give every weight a value of its own: fresh ones are zeros and ones that hide mistakes."""
    chance = np.random.default_rng(5)
    for weight in model.weights:
        spread = chance.normal(0, 0.2, weight.shape)
        weight.assign(1 + spread if weight.path.endswith(("variance", "gamma")) else spread)
    return model


def chain(*layers: Any) -> Any:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Rescaling(1 / 255)(inputs)
    for layer in layers:
        x = layer(x)
    x = L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(x))
    return learnt(keras.Model(inputs, x))


def network(model: Any) -> Network:
    return understand(LoadedModel("m", "m.keras", model, "0" * 64, model.count_params(), None))


def compare(model: Any) -> None:
    """Hold probabilities and the GAP of every tap against plain Keras."""
    seen = network(model)
    pixels = photos()
    taps = [model.get_layer(tap.tap).output for tap in seen.taps]
    plain = keras.Model(model.inputs, [model.output, *taps])
    expected, *maps = plain([pixels.astype(np.float32)], training=False)
    captured = Capture(seen, batch_size=3)(pixels)
    np.testing.assert_allclose(captured.probabilities, expected, atol=2e-6)
    gap = np.concatenate([np.mean(one, (1, 2)) for one in maps], 1)
    np.testing.assert_allclose(captured.gap, gap, atol=5e-6 * np.abs(gap).max())


CHAINS: dict[str, list[Any]] = {
    "bare": [lambda: L.Conv2D(4, 3)],
    "activation": [lambda: L.Conv2D(4, 3, activation="relu")],
    "other activation": [lambda: L.Conv2D(4, 3, activation="gelu", padding="same")],
    "normalised": [lambda: L.Conv2D(4, 3, strides=2, padding="same"), L.BatchNormalization],
    "normalised, rectified": [
        lambda: L.Conv2D(4, 3, use_bias=False, dilation_rate=2),
        lambda: L.BatchNormalization(epsilon=0.1),
        L.ReLU,
    ],
    "neither scale nor centre": [
        lambda: L.Conv2D(4, (3, 1)),
        lambda: L.BatchNormalization(scale=False, center=False),
        lambda: L.Activation("relu"),
    ],
    "activation before": [lambda: L.Conv2D(4, 3, activation="relu"), L.BatchNormalization],
    "capped": [lambda: L.Conv2D(4, 3), lambda: L.ReLU(max_value=0.3)],
    "leaking": [lambda: L.Conv2D(4, 3), L.BatchNormalization, L.LeakyReLU],
    "over rows": [
        lambda: L.Conv2D(4, 3, padding="same"),
        lambda: L.BatchNormalization(axis=1),
        L.ReLU,
    ],
    "in groups": [lambda: L.Conv2D(6, 3, groups=3), L.BatchNormalization, L.ReLU],
    "two": [
        lambda: L.Conv2D(4, 3, name="one"),
        L.BatchNormalization,
        L.ReLU,
        lambda: L.Conv2D(5, 2, name="two"),
        L.BatchNormalization,
    ],
}


@pytest.mark.parametrize("makers", CHAINS.values(), ids=CHAINS.keys())
@pytest.mark.parametrize("fused", [True, False])
def test_a_folded_chain_gives_what_keras_gives(
    makers: list[Any],
    fused: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not fused:
        # As with a TensorFlow that has no such operation.
        monkeypatch.setattr(onednn, "_is_at_hand", lambda _precision: False)
    compare(chain(*(make() for make in makers)))


def test_what_has_a_value_of_its_own_is_not_folded_away() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(3, 3, padding="same", name="conv")(inputs)
    y = L.ReLU()(L.BatchNormalization()(x))
    merged = L.Add()([x, y])
    model = learnt(keras.Model(inputs, L.Dense(2, activation="softmax")(L.Flatten()(merged))))
    graph = flatten(model, (SIDE, SIDE, 3))
    kinds = {
        type(call.operation).__name__ for call in graph.calls if id(call) in folded(graph, [], {})
    }
    assert kinds == {"Conv2D"}
    compare(model)


def test_a_layer_that_is_called_twice_is_normalised_as_it_is_each_time() -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    shared = L.Conv2D(3, 3, padding="same", name="shared")
    x = L.ReLU(name="first")(L.BatchNormalization()(shared(inputs)))
    x = L.ReLU(name="second")(L.BatchNormalization()(shared(x)))
    compare(learnt(keras.Model(inputs, L.Dense(2, activation="softmax")(L.Flatten()(x)))))


def test_a_frozen_capture_keeps_the_weights_that_it_was_made_with() -> None:
    model = chain(L.Conv2D(4, 3, name="conv"), L.BatchNormalization(), L.ReLU())
    pixels = photos()
    frozen, live = (Capture(network(model), frozen=frozen) for frozen in (True, False))
    before = [capture(pixels).gap.copy() for capture in (frozen, live)]
    model.get_layer("conv").kernel.assign(np.ones((3, 3, 3, 4)))
    np.testing.assert_array_equal(frozen(pixels).gap, before[0])
    assert not np.allclose(live(pixels).gap, before[1])


def test_the_operation_keeps_kernels_for_batches_of_any_size() -> None:
    seen = network(chain(L.Conv2D(40, 3), L.BatchNormalization(), L.ReLU()))
    capture = Capture(seen, batch_size=1)
    pixels = photos(33)
    whole = capture(pixels).gap
    alone = np.concatenate([capture(pixels[i : i + 1]).gap for i in range(len(pixels))])
    np.testing.assert_allclose(alone, whole, atol=1e-6 * np.abs(whole).max())
