"""A network some of whose filters are switched off: their output is another for all who take it.

What is changed is the tapped tensor, that is a filter's output as it is stored: the model goes on
with the change, whoever takes the tensor, be it one layer or several branches. Known as ablation
(Morcos et al. 2018, "On the importance of single directions for generalization").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector.errors import ModelError
from collector.frameworks.keras.capture import probabilities_of
from collector.frameworks.keras.running import FAILURES, cannot_run, run_apart
from collector.slim.executing import TOLERANCE, carry_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from collector.at_hand.loading import AtHand
    from collector.frameworks.keras.network import Network
    from collector.frameworks.keras.taps import Tap


@dataclass(frozen=True, slots=True, eq=False)
class Switches:
    """Which filters are switched off, and what stands in their place; all layers side by side.

    Attributes:
        off: (F,) bool.
        instead: (F,) float32, the value that each place of a map has where ``off``.
    """

    off: NDArray[np.bool_]
    instead: NDArray[np.float32]

    @classmethod
    def none(cls, filters: int) -> Switches:
        """Return every filter as it is."""
        return cls(np.zeros(filters, bool), np.zeros(filters, np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the network says: ``probabilities`` (B, K) and ``gap`` (B, F), both float32."""

    probabilities: NDArray[np.float32]
    gap: NDArray[np.float32]


class Switched:
    """A network compiled once for whatever filters are switched off.

    Args:
        hand: the network, and how it is fed.

    Raises:
        ModelError: the model's inside can neither be changed while its own call runs, nor carried
            out apart from it with the same result.
    """

    def __init__(self, hand: AtHand) -> None:
        self._network = hand.network
        self._inputs = hand.capture.inputs
        self._apart = _must_run_apart(hand.network)
        filters = hand.network.filters
        signature = [
            tf.TensorSpec((None, *hand.network.image_shape), tf.uint8),
            tf.TensorSpec((filters,), tf.bool),
            tf.TensorSpec((filters,), tf.float32),
        ]
        self._function = tf.function(self._forward, input_signature=signature, autograph=False)

    def __call__(self, pixels: NDArray[np.uint8], switches: Switches) -> Answer:
        """Run (B, H, W, C) images through the network.

        Raises:
            ModelError: TensorFlow cannot run it.
        """
        try:
            found = self._function(
                tf.constant(pixels), tf.constant(switches.off), tf.constant(switches.instead)
            )
        except FAILURES as error:
            raise cannot_run(error) from error
        probabilities, gap = (tensor.numpy() for tensor in found)
        return Answer(probabilities, gap)

    def run(
        self,
        value: Any,
        wanted: Sequence[Any],
        changes: Mapping[int, Callable[[Any], Any]],
        substitutes: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> list[Any]:
        """Run the model with some of its tapped tensors changed.

        Args:
            value: a tensor of the shape and dtype of the graph's input.
            wanted: symbolic tensors of the graph.
            changes: what to go on with instead of tapped tensors, by their ``id``.
            substitutes: see ``FlatGraph.evaluate``.

        Returns:
            The values of ``wanted``.
        """
        graph = self._network.graph
        if self._apart:
            known = {id(graph.input): value}
            return carry_out(graph.calls, known, wanted, substitutes, changes)
        values = graph.listen(value, wanted, substitutes, changes)
        return [values[id(tensor)] for tensor in wanted]

    def _forward(self, pixels: Any, off: Any, instead: Any) -> tuple[Any, Any]:
        network = self._network
        graph = network.graph
        with tf.name_scope("network"), keras.StatelessScope():
            value = self._inputs(pixels)
            changes = {
                id(tap.tensor): _switch(tap, off[start:stop], instead[start:stop])
                for tap, (start, stop) in zip(network.taps, _parts(network.taps), strict=True)
            }
            wanted = [graph.output, *(tap.tensor for tap in network.taps)]
            output, *tensors = self.run(value, wanted, changes)
        gaps = [
            tf.reduce_mean(tf.cast(tensor, tf.float32), [2, 3] if tap.channels_first else [1, 2])
            for tap, tensor in zip(network.taps, tensors, strict=True)
        ]
        return probabilities_of(tf.cast(output, tf.float32), network.reading), tf.concat(gaps, 1)


def _parts(taps: Sequence[Tap]) -> list[tuple[int, int]]:
    """From where to where each layer's filters stand in a GAP row."""
    ends = np.cumsum([0, *(tap.filters for tap in taps)]).tolist()
    return list(pairwise(ends))


def _switch(tap: Tap, off: Any, instead: Any) -> Callable[[Any], Any]:
    shape = (1, -1, 1, 1) if tap.channels_first else (1, 1, 1, -1)

    def switch(tensor: Any) -> Any:
        # Not by a product: what is NaN or infinite is switched off like anything else.
        value = tf.cast(tf.reshape(instead, shape), tensor.dtype)
        return tf.where(tf.reshape(off, shape), value, tensor)

    return switch


def _must_run_apart(network: Network) -> bool:
    """Return whether a tap is a function inside a layer, which nobody can change in a run.

    Raises:
        ModelError: it is, and the calls carried out apart say something else than the model.
    """
    graph = network.graph
    producers = graph.producers()
    if all(producers[id(tap.tensor)].turn is not None for tap in network.taps):
        return False
    noise = np.random.default_rng(2).uniform(0, 255, (2, *graph.input.shape[1:]))
    value = keras.ops.convert_to_tensor(noise, graph.input.dtype)
    said = np.asarray(run_apart(graph, noise, [])[id(graph.output)], np.float64)
    with keras.StatelessScope():
        (found,) = carry_out(graph.calls, {id(graph.input): value}, [graph.output])
    atol = TOLERANCE * max(float(np.abs(said).max()), 1e-30)
    if not np.allclose(np.asarray(found, np.float64), said, rtol=0, atol=atol, equal_nan=True):
        raise ModelError(
            "the model computes something else inside its own layers than their parts say, so its "
            "filters cannot be switched off."
        )
    return True
