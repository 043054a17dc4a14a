"""Grad-CAM: where in an image a layer speaks for a class.

Selvaraju et al. 2017, "Grad-CAM: Visual explanations from deep networks via gradient-based
localization": each filter's map is weighted by the mean of the gradient of the class' score with
respect to it, and what is left of the sum above 0 is the map.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from collector.errors import ModelError, reason
from collector.frameworks.keras.capture import probabilities_of
from collector.frameworks.keras.network import PASSING
from collector.frameworks.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from collector.at_hand.loading import AtHand
    from collector.at_hand.switching import Switched
    from collector.frameworks.keras.flatten import Call
    from collector.frameworks.keras.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """Where a layer speaks for a class.

    Attributes:
        map: (H, W) float32, not below 0.
        before_softmax: whether the score is that before the last softmax or sigmoid, as in the
            paper; else it is the probability.
    """

    map: NDArray[np.float32]
    before_softmax: bool


def grad_cam(
    hand: AtHand, switched: Switched, pixels: NDArray[np.uint8], target: int, layer: int
) -> ClassMap:
    """Compute the Grad-CAM of one image.

    Args:
        hand: the network, and how it is fed.
        switched: runs it.
        pixels: (1, H, W, C).
        target: the class.
        layer: position of the tapped layer.

    Raises:
        ModelError: TensorFlow cannot run the network, or knows no gradient of it.
    """
    network = hand.network
    graph, tap = network.graph, network.taps[layer]
    watched: list[Any] = []
    try:
        with (
            keras.StatelessScope(),
            tf.GradientTape() as tape,
            _before_softmax(network) as (raw, substitutes),
        ):

            def watch(tensor: Any) -> Any:
                tape.watch(tensor)
                watched.append(tensor)
                return tensor

            value = hand.capture.inputs(tf.constant(pixels))
            (output,) = switched.run(value, [graph.output], {id(tap.tensor): watch}, substitutes)
            score = _score(tf.cast(output, tf.float32), network.reading, target, raw=raw)
        (maps,) = watched
        gradient = tape.gradient(score, maps, unconnected_gradients="zero")
    except (tf.errors.OpError, ValueError, TypeError, LookupError) as error:
        raise ModelError(f"TensorFlow cannot run the model backwards: {reason(error)}") from error
    space, filters = ([2, 3], 1) if tap.channels_first else ([1, 2], 3)
    weights = tf.reduce_mean(tf.cast(gradient, tf.float32), space, keepdims=True)
    found = tf.nn.relu(tf.reduce_sum(weights * tf.cast(maps, tf.float32), filters))[0]
    return ClassMap(found.numpy(), raw)


def _score(output: Any, reading: Reading, target: int, *, raw: bool) -> Any:
    """Return the score of a class: its logit where there is one."""
    if reading is Reading.ONE_LOGIT or (raw and reading is Reading.ONE_UNIT):
        return output[:, 0] * (1 if target else -1)
    if raw or reading in (Reading.SOFTMAX, Reading.LABEL_LOGITS):
        return output[:, target]
    return probabilities_of(output, reading)[:, target]


@contextmanager
def _before_softmax(
    network: Network,
) -> Iterator[tuple[bool, dict[int, Callable[[Any], Any]]]]:
    """Let the model end before its last softmax or sigmoid, as long as the block runs.

    Yields:
        Whether its output are logits, and what to carry out instead of calls to have them.
    """
    if network.reading in (Reading.SOFTMAX, Reading.ONE_LOGIT, Reading.LABEL_LOGITS):
        yield True, {}
        return
    call = _last_call(network)
    operation = None if call is None else call.operation
    if isinstance(operation, keras.layers.Dense):
        kept, operation.activation = operation.activation, keras.activations.linear
        try:
            yield True, {}
        finally:
            operation.activation = kept
    elif call is not None and call.turn is not None:
        yield True, {id(call): lambda value: value}
    else:
        yield False, {}


def _last_call(network: Network) -> Call | None:
    """Return the call whose softmax or sigmoid the output went through last, or None."""
    producers = network.graph.producers()
    tensor = network.graph.output
    squashing = (keras.activations.softmax, keras.activations.sigmoid)
    while (call := producers.get(id(tensor))) is not None:
        operation = call.operation
        if getattr(operation, "activation", None) in squashing:
            known = isinstance(operation, (keras.layers.Dense, keras.layers.Activation))
            return call if known else None
        if isinstance(operation, keras.layers.Softmax):
            return call
        if not isinstance(operation, PASSING):
            return None
        tensor = call.inputs[0]
    return None
