"""What the whole network says about the calibration images: the statistics of every decision.

Memory does not grow with the number of images: moments are streamed, and of the answers that slim
layers are fitted to a fixed number is kept, spread evenly over the images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector.frameworks.keras.capture import probabilities_of
from collector.frameworks.reading import Reading
from collector.slim.consumers import answers, places
from collector.slim.executing import called, whole_outputs
from reactcnn_dash.analysis import Accumulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import Call, FlatGraph
    from collector.slim.consumers import Consumer
    from collector.slim.feeding import Feed
    from reactcnn_dash.analysis import CoMoments

ROWS = 16_384
"""Answers of each layer that are kept to be fitted to."""

MOMENT_ROWS = 65_536
"""Places at which moments are taken, over all images: at least one an image."""

FISHER_IMAGES = 512
"""Images whose gradients tell how much an answer matters."""

_EVEN_SHARE = 0.1
_FLOOR = 0.02
_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class GroupMoments:
    """Second moments of what a consumer receives of one group of channels.

    Attributes:
        first: over every other image.
        second: over the images between.
        gap: of the means over places, one row an image.
    """

    first: CoMoments
    second: CoMoments
    gap: CoMoments


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The statistics of one consumer in the whole network.

    Attributes:
        groups: moments of its input, one a group.
        matters: (F, F) float64, what a deviation δ of its answers at one place costs: δᵀ matters δ
            is twice the expected divergence of the network's predictions.
        where: for each batch, (B, P) which places' answers are kept; empty if it is not fitted.
        answers: for each batch, (B · P, F) float32, these answers before the activation.
    """

    groups: tuple[GroupMoments, ...]
    matters: NDArray[np.float64]
    where: list[NDArray[np.intp]] = field(default_factory=list)
    answers: list[NDArray[np.float32]] = field(default_factory=list)


def measure(
    graph: FlatGraph,
    consumers: tuple[Consumer, ...],
    feed: Feed,
    reading: Reading,
    step: Callable[[int], None],
) -> tuple[Measured, ...]:
    """Measure all consumers.

    Args:
        graph: the whole network.
        consumers: what is to be measured.
        feed: the calibration images.
        reading: how the network's output becomes probabilities.
        step: told how many images of a batch are done.
    """
    noted = Answers(consumers)
    matters = _matters(graph, noted, feed, reading, step)
    gathered = [_Gathering(one, feed.limit, index) for index, one in enumerate(consumers)]
    for value in feed:
        whole_outputs(graph, value, noted.substitutes)
        for one in gathered:
            one.add(noted.inputs, noted.linear)
        step(len(value))
    return tuple(one.result(weight) for one, weight in zip(gathered, matters, strict=True))


class Answers:
    """Carries out consumers without their activation first, and notes what they answer."""

    def __init__(self, consumers: tuple[Consumer, ...]) -> None:
        self.consumers = consumers
        self.inputs: dict[int, Any] = {}
        self.linear: dict[int, Any] = {}
        self.substitutes = {
            id(call): self._substitute(one, call) for one in consumers for call in one.calls
        }

    def _substitute(self, consumer: Consumer, call: Call) -> Callable[[Any], Any]:
        layer = consumer.layer
        linear = called(consumer.linear(call))

        def instead(value: Any) -> Any:
            self.inputs[id(call)] = value
            found = linear(value)
            self.linear[id(call)] = found
            return layer.activation(found)

        return instead


class _Gathering:
    def __init__(self, consumer: Consumer, images: int, seed: int) -> None:
        self._consumer = consumer
        self._images = images
        self._generator = np.random.default_rng([98, seed])
        widths = [len(group.channels) for group in consumer.groups]
        self._halves = [[Accumulator(width) for width in widths] for _ in range(2)]
        self._gap = [Accumulator(width) for width in widths]
        self._where: list[NDArray[np.intp]] = []
        self._answers: list[NDArray[np.float32]] = []

    def add(self, inputs: dict[int, Any], outputs: dict[int, Any]) -> None:
        consumer = self._consumer
        for call in consumer.calls:
            received = keras.ops.convert_to_numpy(places(consumer.layer, inputs[id(call)]))
            self._add_moments(np.asarray(received, np.float32))
            if consumer.fits:
                found = keras.ops.convert_to_numpy(answers(consumer.layer, outputs[id(call)]))
                flat = np.asarray(found, np.float32).reshape(len(found), -1, found.shape[-1])
                where = self._choose(len(flat), flat.shape[1], ROWS)
                self._where.append(where)
                rows = flat[np.arange(len(flat))[:, None], where]
                self._answers.append(rows.reshape(-1, flat.shape[-1]))

    def _add_moments(self, received: NDArray[np.float32]) -> None:
        flat = received.reshape(len(received), -1, received.shape[-1])
        where = self._choose(len(flat), flat.shape[1], MOMENT_ROWS)
        rows = flat[np.arange(len(flat))[:, None], where]
        means = flat.mean(axis=1, dtype=np.float64)
        for index, group in enumerate(self._consumer.groups):
            part = rows[..., group.columns]
            for half, accumulators in enumerate(self._halves):
                accumulators[index].add(part[half::2].reshape(-1, len(group.channels)))
            self._gap[index].add(means[:, group.columns].mean(axis=1))

    def _choose(self, images: int, size: int, most: int) -> NDArray[np.intp]:
        """Choose some places of each image, so that all together are not many more than most."""
        count = min(size, max(1, most // max(self._images, 1)))
        if count == size:
            return np.tile(np.arange(size), (images, 1))
        chance = self._generator.random((images, size))
        return np.argpartition(chance, count - 1, axis=1)[:, :count]

    def result(self, matters: NDArray[np.float64]) -> Measured:
        groups = tuple(
            GroupMoments(first.state(), second.state(), gap.state())
            for first, second, gap in zip(*self._halves, self._gap, strict=True)
        )
        return Measured(groups, matters, self._where, self._answers)


def _matters(
    graph: FlatGraph,
    noted: Answers,
    feed: Feed,
    reading: Reading,
    step: Callable[[int], None],
) -> list[NDArray[np.float64]]:
    """Return the Fisher information of each consumer's outputs: sums over places, mean of images.

    The Kullback–Leibler divergence of predictions grows with ½ Σ_c p_c (∂ log p_c · δ)² (Amari
    1998, "Natural gradient works efficiently in learning"); with signs drawn at random one backward
    pass gives it without bias. A tenth of the weight goes to all classes alike, so that images of
    which the network is certain have a say, and a little goes to every answer. Further outputs
    count by their squared error.
    """
    generator = np.random.default_rng(98)
    consumers = noted.consumers
    sums = [np.zeros((len(one.made), len(one.made))) for one in consumers]
    images = 0
    for value in feed:
        with tf.GradientTape() as tape:
            tape.watch(value)
            output, *others = whole_outputs(graph, value, noted.substitutes)
            probabilities = probabilities_of(tf.cast(output, tf.float32), reading)
            logs = tf.math.log(tf.maximum(probabilities, _LEAST_PROBABILITY))
            shares = tf.stop_gradient(tf.exp(logs)) * (1 - _EVEN_SHARE)
            shares += _EVEN_SHARE / tf.cast(tf.shape(logs)[1], tf.float32)
            if reading in (Reading.VALUES, Reading.NOTHING):
                # Of values, the squared error: the Fisher information of a normal distribution.
                logs = tf.cast(output, tf.float32)
                shares = tf.ones_like(logs)
            signs = generator.choice([-1.0, 1.0], logs.shape).astype(np.float32)
            loss = tf.reduce_sum(logs * tf.sqrt(shares) * signs)
            for other in others:
                signs = generator.choice([-1.0, 1.0], other.shape).astype(np.float32)
                loss += tf.reduce_sum(tf.cast(other, tf.float32) * signs)
        wanted = [[noted.linear[id(call)] for call in one.calls] for one in consumers]
        gradients = tape.gradient(loss, wanted, unconnected_gradients="zero")
        for index, (one, found) in enumerate(zip(consumers, gradients, strict=True)):
            for gradient in found:
                rows = keras.ops.convert_to_numpy(answers(one.layer, gradient))
                flat = np.asarray(rows, np.float32).reshape(-1, rows.shape[-1])
                flat = flat[np.isfinite(flat).all(axis=1)]
                sums[index] += flat.T @ flat
        images += len(value)
        step(len(value))
        if images >= FISHER_IMAGES:
            break
    return [_floored(one / max(images, 1)) for one in sums]


def _floored(matters: NDArray[np.float64]) -> NDArray[np.float64]:
    mean = float(np.trace(matters)) / len(matters)
    # An answer without any influence on these images may have some on others.
    return matters + np.eye(len(matters)) * (_FLOOR * mean if mean > 0.0 else 1e-12)
