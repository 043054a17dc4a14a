"""Proof, before a run begins, that what will be stored is what the user's own model says.

The compiled capture is held against the model itself on the run's first images: its probabilities
against ``model(images, training=False)``, the maps of some layers against a plain ``keras.Model``
that ends in them. More than rounding between the two, and there is no run.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector.frameworks.agreement import (
    IMAGES,
    LEAST_ROUNDING,
    Parted,
    difference,
    first_difference,
    some,
    turned,
)
from collector.frameworks.keras.capture import Capture, probabilities_of
from collector.frameworks.keras.running import FAILURES, cannot_run, depends_on_its_batch, run_apart
from collector.frameworks.protocol import Proven
from reactcnn_dash.db import BFLOAT16, FLOAT32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.frameworks.keras.network import Network
    from collector.frameworks.keras.taps import Tap
    from collector.frameworks.protocol import Captured, Pixels

    Array = NDArray[np.float64]

_ROUNDING = {"float16": 1e-2, "bfloat16": 5e-2}
_NUDGE = {FLOAT32: 1e-6, BFLOAT16: 2**-9}
_NUDGES = 10
"""A network that is chaotic may part by so many times what a nudge of its input does to it."""


def proven_capture(
    network: Network,
    pixels: Pixels,
    *,
    pixel_range: str,
    maps: bool,
    batch_size: int,
    frozen: bool = True,
    exact: bool = False,
    precision: str = FLOAT32,
) -> Proven:
    """Compile a network and prove it.

    Args:
        network: what to run.
        pixels: (n, H, W, C), the run's first images as the network is given them.
        pixel_range: see :class:`Capture`, as for what follows.
        maps: whether feature maps are wanted.
        batch_size: how many images it is to be fast for.
        frozen: whether weights are taken as they are now.
        exact: whether every convolution is computed by its definition.
        precision: ``float32`` or ``bfloat16``.

    Raises:
        ModelError: the model cannot be run, or what would be stored is not what it says.
    """

    def compiled(*, exact: bool) -> Proven:
        capture = Capture(
            network,
            pixel_range=pixel_range,
            maps=maps,
            batch_size=batch_size,
            frozen=frozen,
            exact=exact,
            unrounded=pixels.dtype == np.float32,
            precision=precision,
        )
        return _prove(network, capture, pixels[:IMAGES], precision)

    try:
        return compiled(exact=exact)
    except Parted as parted:
        if exact or precision == BFLOAT16:
            raise
        # Faster convolutions are the one thing that is not the model's own.
        try:
            proven = compiled(exact=True)
        except Parted:
            raise parted from None
        notice = "faster convolutions differ from the model's own by more than rounding; not used."
        return dataclasses.replace(proven, notices=(*proven.notices, notice))


def _prove(network: Network, capture: Capture, pixels: Pixels, precision: str) -> Proven:
    # In another order and company than the model itself gets them: it shows if that matters.
    captured = turned(capture.warm_up(pixels[::-1]), len(pixels))
    reference = _Reference(network, capture, pixels)
    limit = max(_rounding(network), _ROUNDING.get(precision, LEAST_ROUNDING))
    found = reference.parts(captured, some(len(network.taps)), limit)
    if found is None:
        return Proven(capture, (), precision)
    # Batch normalisation in training mode, or chance: then only equal batches get equal answers.
    alone = capture(pixels)
    limit = max(limit, _NUDGES * reference.sensitivity(_NUDGE[precision]))
    found = reference.parts(alone, range(len(network.taps)), limit)
    if found is not None:
        raise Parted(
            f"what would be stored is not what the model says: {found}. Nothing is collected; "
            "replace layers of your own that answer differently in a compiled function, or collect "
            "the part of the model without them."
        )
    if not depends_on_its_batch(network.graph):
        return Proven(capture, (), precision)
    notice = (
        "what the model says of an image depends on chance or on the images that share its batch; "
        "other batches would give other values."
    )
    return Proven(capture, (notice,), precision)


def _rounding(network: Network) -> float:
    policies = {
        str(getattr(call.operation, "compute_dtype", "float32")) for call in network.graph.calls
    }
    return max(_ROUNDING.get(policy, LEAST_ROUNDING) for policy in policies)


class _Reference:
    """What the model itself says of some images, without any compilation of ours."""

    def __init__(self, network: Network, capture: Capture, pixels: Pixels) -> None:
        self._network = network
        self._inputs = capture.inputs(pixels)
        self._heard = self._run(self._inputs)
        self._said = self._probabilities(self._heard)

    def parts(self, captured: Captured, places: Sequence[int], limit: float) -> str | None:
        """Say where a capture says something else of some taps."""
        maps = self._maps([self._network.taps[place] for place in places])
        return first_difference(self._network, captured, places, maps, self._said, limit=limit)

    def _maps(self, taps: Sequence[Tap]) -> list[Array]:
        # By a plain model where that can be built.
        plain = _plain_model(self._network, taps)
        tensors = [self._heard[id(tap.tensor)] for tap in taps]
        if plain is not None:
            with keras.StatelessScope():
                tensors = keras.tree.flatten(plain([self._inputs], training=False))
        return [_planar(tap, tensor) for tap, tensor in zip(taps, tensors, strict=True)]

    def sensitivity(self, nudge: float) -> float:
        """Return the largest relative difference that a nudge of the input makes in any layer."""
        nudged = self._run(self._inputs * (1 + nudge))
        pairs = [(self._said, self._probabilities(nudged))]
        for tap in self._network.taps:
            both = (self._heard[id(tap.tensor)], nudged[id(tap.tensor)])
            pairs.append((_gap(_planar(tap, both[0])), _gap(_planar(tap, both[1]))))
        return max(difference(one, other) for one, other in pairs)

    def _run(self, inputs: Any) -> dict[int, Any]:
        try:
            return run_apart(
                self._network.graph, inputs, [tap.tensor for tap in self._network.taps]
            )
        except FAILURES as error:
            raise cannot_run(error) from error

    def _probabilities(self, heard: dict[int, Any]) -> Array:
        output = tf.cast(heard[id(self._network.graph.output)], tf.float32)
        return np.asarray(probabilities_of(output, self._network.reading), np.float64)


def _plain_model(network: Network, taps: Sequence[Tap]) -> Any:
    """Return a ``keras.Model`` from the model's input to the taps' layers.

    ``None`` if there is none.

    There is one where the model's call is Keras' own and each layer stands in the model itself and
    is called once. Channels first TensorFlow cannot compute on processors.
    """
    model = network.loaded.model
    if network.channels_first or not type(model).call.__module__.startswith("keras."):
        return None
    calls = network.graph.producers()
    outputs = []
    for tap in taps:
        call = calls[id(tap.tensor)]
        layer = call.operation
        if call.path or not isinstance(layer, keras.Layer) or len(layer._inbound_nodes) != 1:
            return None
        outputs.append(layer.output)
    try:
        return keras.Model(model.inputs, outputs)
    except ValueError:
        # Keras finds a circle where a layer hands on its input itself, like Equalization in 3.15.
        return None


def _planar(tap: Tap, tensor: Any) -> Array:
    maps = np.asarray(tf.cast(tensor, tf.float32), np.float64)
    return maps if tap.channels_first else maps.transpose(0, 3, 1, 2)


def _gap(maps: Array) -> Array:
    gap: Array = maps.mean((2, 3))
    return gap
