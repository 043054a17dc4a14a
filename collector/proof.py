"""Proof, before a run begins, that what will be stored is what the user's own model says.

The compiled capture is held against the model itself on the run's first images: its probabilities
against ``model(images, training=False)``, the maps of some layers against a plain ``keras.Model``
that ends in them. More than rounding between the two, and there is no run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector.capture import Capture, Captured, Maps, probabilities_of
from collector.errors import ModelError, reason
from collector.network import depends_on_its_batch, run_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.images import ImageSource
    from collector.network import Network
    from collector.taps import Tap

    Array = NDArray[np.float64]
    Pixels = NDArray[np.uint8] | NDArray[np.float32]

IMAGES = 4
"""Images that the proof is made with."""
LAYERS = 6
"""Layers that are held against a plain model; all are when something is wrong."""

_ROUNDING = {"float16": 1e-2, "bfloat16": 5e-2}
_LEAST_ROUNDING = 1e-4
"""Largest difference that is called rounding, as a share of the largest value of a layer.

Two orders of summation differ by some 1e-6 in float32; ten layers deep by 1e-5.
"""
_NUDGE = 1e-6
_NUDGES = 10
"""A network that is chaotic may part by so many times what a nudge of its input does to it."""


class Parted(ModelError):
    """The capture says something else than the model."""


@dataclass(frozen=True, slots=True, eq=False)
class Proven:
    """A capture that says what the model says.

    Attributes:
        capture: compiled, warm.
        notices: what the user should know, one line each.
    """

    capture: Capture
    notices: tuple[str, ...]


def first_images(source: ImageSource, shape: tuple[int, int, int], position: int = 0) -> Pixels:
    """The next readable images of a source, or noise if the next files are no pictures.

    Returns:
        (n, H, W, C) as the network is given them, 1 ≤ n ≤ :data:`IMAGES`.

    Raises:
        ImageSourceError: the source's images cannot be brought to this shape.
    """
    pixels = source.read(position, position + IMAGES, shape).given
    if len(pixels):
        return pixels
    noise = np.random.default_rng(0).integers(0, 256, (IMAGES, *shape), dtype=np.uint8)
    return noise.astype(np.float32) if source.unrounded else noise


def proven_capture(
    network: Network,
    pixels: Pixels,
    *,
    pixel_range: str,
    maps: bool,
    batch_size: int,
    frozen: bool = True,
    exact: bool = False,
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
        )
        return _prove(network, capture, pixels)

    try:
        return compiled(exact=exact)
    except Parted as parted:
        if exact:
            raise
        # Faster convolutions are the one thing that is not the model's own.
        try:
            proven = compiled(exact=True)
        except Parted:
            raise parted from None
        notice = "faster convolutions differ from the model's own by more than rounding; not used."
        return Proven(proven.capture, (*proven.notices, notice))


def _prove(network: Network, capture: Capture, pixels: Pixels) -> Proven:
    # In another order and company than the model itself gets them: it shows if that matters.
    captured = _reversed(capture.warm_up(pixels[::-1]))
    reference = _Reference(network, capture, pixels)
    layers = _some(network.taps, LAYERS)
    limit = _rounding(network)
    found = _first_difference(network, captured, reference, layers, limit)
    if found is None:
        return Proven(capture, ())
    # Batch normalisation in training mode, or chance: then only equal batches get equal answers.
    alone = capture(pixels)
    limit = max(limit, _NUDGES * reference.sensitivity())
    found = _first_difference(network, alone, reference, network.taps, limit)
    if found is not None:
        raise Parted(
            f"what would be stored is not what the model says: {found}. Nothing is collected; "
            "replace layers of your own that answer differently in a compiled function, or collect "
            "the part of the model without them."
        )
    if not depends_on_its_batch(network.graph):
        return Proven(capture, ())
    notice = (
        "what the model says of an image depends on chance or on the images that share its batch; "
        "other batches would give other values."
    )
    return Proven(capture, (notice,))


def _reversed(captured: Captured) -> Captured:
    maps = captured.maps and tuple(
        Maps(one.codes[::-1], one.low[::-1], one.step[::-1]) for one in captured.maps
    )
    return Captured(captured.probabilities[::-1], captured.gap[::-1], maps)


def _rounding(network: Network) -> float:
    policies = {
        str(getattr(call.operation, "compute_dtype", "float32")) for call in network.graph.calls
    }
    return max(_ROUNDING.get(policy, _LEAST_ROUNDING) for policy in policies)


def _some(taps: Sequence[Tap], number: int) -> list[Tap]:
    """The first, the last, and some at equal distances between."""
    places = np.unique(np.linspace(0, len(taps) - 1, min(number, len(taps))).round().astype(int))
    return [taps[place] for place in places.tolist()]


class _Reference:
    """What the model itself says of some images, without any compilation of ours."""

    def __init__(self, network: Network, capture: Capture, pixels: Pixels) -> None:
        self._network = network
        self._pixels = pixels
        self._inputs = capture.inputs(pixels)
        self._heard = self._run(self._inputs)
        self.probabilities = self._probabilities(self._heard)

    def maps(self, taps: Sequence[Tap]) -> list[Array]:
        """Feature maps (n, F, H, W), by a plain model where that can be built."""
        plain = _plain_model(self._network, taps)
        tensors = [self._heard[id(tap.tensor)] for tap in taps]
        if plain is not None:
            with keras.StatelessScope():
                tensors = keras.tree.flatten(plain([self._inputs], training=False))
        return [_planar(tap, tensor) for tap, tensor in zip(taps, tensors, strict=True)]

    def sensitivity(self) -> float:
        """The largest relative difference that a nudge of the input makes in any layer."""
        nudged = self._run(self._inputs * (1 + _NUDGE))
        pairs = [(self.probabilities, self._probabilities(nudged))]
        for tap in self._network.taps:
            both = (self._heard[id(tap.tensor)], nudged[id(tap.tensor)])
            pairs.append((_gap(_planar(tap, both[0])), _gap(_planar(tap, both[1]))))
        return max(_difference(one, other) for one, other in pairs)

    def _run(self, inputs: Any) -> dict[int, Any]:
        try:
            return run_apart(
                self._network.graph, inputs, [tap.tensor for tap in self._network.taps]
            )
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise ModelError(f"TensorFlow cannot run the model: {reason(error)}") from error

    def _probabilities(self, heard: dict[int, Any]) -> Array:
        output = tf.cast(heard[id(self._network.graph.output)], tf.float32)
        return np.asarray(probabilities_of(output, self._network.reading), np.float64)


def _plain_model(network: Network, taps: Sequence[Tap]) -> Any:
    """A ``keras.Model`` from the model's input to the taps' layers; ``None`` if there is none.

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


def _first_difference(
    network: Network,
    captured: Captured,
    reference: _Reference,
    taps: Sequence[Tap],
    limit: float,
) -> str | None:
    """Where the capture first says something else, in words; ``None`` if nowhere."""
    starts = np.cumsum([0, *(tap.filters for tap in network.taps)]).tolist()
    for tap, maps in zip(taps, reference.maps(taps), strict=True):
        place = network.taps.index(tap)
        gap = captured.gap[:, starts[place] : starts[place + 1]]
        difference = _difference(_gap(maps), gap)
        if captured.maps is not None:
            # A permutation of places would not be seen in their means.
            one = captured.maps[place]
            low, step = (value[..., None, None] for value in (one.low, one.step))
            decoded = low + step * one.codes
            spread = np.nan_to_num(step) / 2
            difference = max(difference, _difference(maps, decoded, spread, finite=True))
        if difference > limit:
            return f"{tap.name} is the first layer that parts from it, by {_share(difference)}"
    difference = _difference(reference.probabilities, captured.probabilities)
    if difference > limit:
        return f"its outputs part from it, by {_share(difference)}"
    return None


def _share(difference: float) -> str:
    return (
        f"{difference:.2g} of its largest value" if np.isfinite(difference) else "NaN or infinity"
    )


def _difference(
    expected: NDArray[Any], found: NDArray[Any], spread: Any = 0.0, *, finite: bool = False
) -> float:
    """Largest difference beyond ``spread`` as a share of the largest expected value.

    Infinite where one of the two is not finite and the other is, unless only those that are finite
    in both are asked for.
    """
    both = np.isfinite(expected) & np.isfinite(found)
    if not finite and (np.isfinite(expected) != np.isfinite(found)).any():
        return float("inf")
    if not both.any():
        return 0.0
    beyond = np.maximum(np.abs(np.where(both, expected - found, 0)) - spread, 0)
    scale = np.abs(expected[both]).max()
    return float(beyond.max() / scale) if scale else float(beyond.max())
