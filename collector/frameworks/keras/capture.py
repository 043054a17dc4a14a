"""One compiled function from pixels to probabilities, GAP values and feature maps as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector.errors import out_of_memory
from collector.frameworks.keras.convolution import substitute, worthwhile
from collector.frameworks.keras.folding import folded, in_bfloat16
from collector.frameworks.keras.running import FAILURES, cannot_run
from collector.frameworks.precision import NoBfloat16
from collector.frameworks.protocol import Captured
from collector.frameworks.quantised import LEAST_RANGE
from collector.frameworks.reading import Reading
from collector.frameworks.scaling import AS_IT_IS, SCALINGS
from reactcnn_dash.db import BFLOAT16, FLOAT32, MapBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from collector.frameworks.keras.network import Network
    from collector.frameworks.keras.taps import Tap
    from collector.frameworks.scaling import Scaling

# A TensorFlow graph is at most 2 GiB; beyond half of that the weights stay variables.
_MOST_CONSTANTS = 2**28


class Capture:
    """A network compiled for collecting.

    Args:
        network: what to run.
        pixel_range: key of ``SCALINGS``.
        maps: whether feature maps are wanted.
        frozen: take the weights as they are now, which is faster; else as they are at each call,
            so that a training needs to compile only once.
        batch_size: how many images it is to be fast for; it takes any number.
        unrounded: whether pixels come as float32, 0–255, instead of as uint8.
        exact: whether every convolution is computed by its definition.
        precision: what convolutions and dense layers multiply, ``float32`` or ``bfloat16``; see
            ``folding.in_bfloat16`` for those that do.

    Raises:
        NoBfloat16: none can, or a graphics processor computes.
    """

    def __init__(
        self,
        network: Network,
        *,
        pixel_range: str = "0-255",
        maps: bool = True,
        frozen: bool = True,
        batch_size: int = 1,
        unrounded: bool = False,
        exact: bool = False,
        precision: str = FLOAT32,
    ) -> None:
        self._network = network
        self._brief = _checked_brief(network) if precision == BFLOAT16 else frozenset[int]()
        self._batch_size = batch_size
        self._scaling = SCALINGS[pixel_range]
        self._maps = maps
        self._frozen = frozen
        self._exact = exact
        self._substituted = False
        dtype = tf.float32 if unrounded else tf.uint8
        signature = [tf.TensorSpec((None, *network.image_shape), dtype, name="pixels")]
        self._function = tf.function(self._forward, input_signature=signature, autograph=False)

    @property
    def arithmetic(self) -> str:
        """How convolutions are computed: ``winograd`` where some are substituted, or ``direct``."""
        return "winograd" if self._substituted else "direct"

    def warm_up(self, pixels: NDArray[np.uint8] | NDArray[np.float32]) -> Captured:
        """Compile and run once, so that what cannot work fails before a run begins.

        Args:
            pixels: (n, H, W, C) as for a call, n ≥ 1.

        Returns:
            What the network says of them, computed in batches of the size that is to come, the
            last one filled up with black images.

        Raises:
            ModelError: TensorFlow cannot run the model, or not with so many images at once.
        """
        try:
            parts = []
            for start in range(0, len(pixels), self._batch_size):
                part = pixels[start : start + self._batch_size]
                black = self._batch_size - len(part)
                filled: NDArray[Any] = np.pad(part, [(0, black), (0, 0), (0, 0), (0, 0)])
                parts.append(self(filled))
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            raise out_of_memory(self._batch_size) from error
        except FAILURES as error:
            raise cannot_run(error) from error
        return _joined(parts, len(pixels))

    def __call__(self, pixels: NDArray[np.uint8] | NDArray[np.float32]) -> Captured:
        """Run (B, H, W, C) images, B ≥ 1, through the network; float32 if they are not rounded.

        The arrays of the result share memory with TensorFlow's tensors and are read-only.
        """
        probabilities, gap, low, step, codes = self._function(tf.constant(pixels))
        maps = None
        if self._maps:
            maps = self._split(_view(low), _view(step), [_view(code) for code in codes])
        return Captured(_view(probabilities), _view(gap), maps)

    def _split(
        self,
        low: NDArray[np.float32],
        step: NDArray[np.float32],
        codes: Sequence[NDArray[np.uint8]],
    ) -> tuple[MapBatch, ...]:
        result = []
        start = 0
        for tap, code in zip(self._network.taps, codes, strict=True):
            # A view: whoever stores it copies it anyway, at half the price of TensorFlow's.
            planar = code if tap.channels_first else code.transpose(0, 3, 1, 2)
            part = slice(start, start + tap.filters)
            start += tap.filters
            result.append(MapBatch(planar, low[:, part], step[:, part]))
        return tuple(result)

    def _constants(self, substitutes: Mapping[int, Any]) -> list[tuple[Any, Any]]:
        """Return the weights that the graph still reads as constants of it.

        Only then can TensorFlow fold them into each other and keep them in the order that oneDNN
        wants. Substitutes hold the weights of their layers themselves.
        """
        loaded = self._network.loaded
        if not self._frozen or loaded.parameters > _MOST_CONSTANTS:
            return []
        heard = [call for call in self._network.graph.calls if call.turn is not None]
        read = {id(call.operation) for call in heard if id(call) not in substitutes}
        unread = {
            id(weight)
            for call in heard
            if id(call) in substitutes and id(call.operation) not in read
            for weight in call.operation.weights
        }
        weights = [weight for weight in loaded.model.weights if id(weight) not in unread]
        with tf.init_scope():
            values = [weight.numpy() for weight in weights]
        return [(weight, tf.constant(value)) for weight, value in zip(weights, values, strict=True)]

    def _substitutes(self) -> dict[int, Callable[[Any], Any]]:
        """Faster ways to carry out some convolutions."""
        # In bfloat16 they cost as much as they save: its digits are too few for the transforms.
        if self._exact or not self._frozen or self._brief:
            return {}
        if not worthwhile(self._network.loaded.parameters):
            return {}
        pairs = ((call, substitute(call, self._batch_size)) for call in self._network.graph.calls)
        return {id(call): instead for call, instead in pairs if instead is not None}

    def inputs(self, pixels: Any) -> Any:
        """Return what the model is given for (B, H, W, C) pixels, a tensor."""
        network = self._network
        values = scaled(pixels, self._scaling)
        if network.channels_first:
            values = tf.transpose(values, [0, 3, 1, 2])
        return tf.cast(values, network.graph.input.dtype)

    def _forward(self, pixels: Any) -> tuple[Any, ...]:
        network = self._network
        graph = network.graph
        wanted = [graph.output, *(tap.tensor for tap in network.taps)]
        substitutes = self._substitutes()
        self._substituted = bool(substitutes)
        frozen = self._frozen and network.loaded.parameters <= _MOST_CONSTANTS
        if frozen or self._brief:
            substitutes |= folded(graph, wanted, substitutes, self._brief, frozen=frozen)
        # A model may be called what TensorFlow allows inside a scope only, like "_model".
        with (
            tf.name_scope("network"),
            keras.StatelessScope(state_mapping=self._constants(substitutes)),
        ):
            output, *tensors = graph.evaluate(self.inputs(pixels), wanted, substitutes)
        tensors = [tf.cast(tensor, tf.float32) for tensor in tensors]
        gaps = [
            tf.reduce_mean(tensor, _space(tap))
            for tap, tensor in zip(network.taps, tensors, strict=True)
        ]
        probabilities = probabilities_of(tf.cast(output, tf.float32), network.reading)
        if not self._maps:
            return probabilities, tf.concat(gaps, 1), (), (), ()
        parts = [
            _to_bytes(tap, tensor, gap)
            for tap, tensor, gap in zip(network.taps, tensors, gaps, strict=True)
        ]
        codes, lows, steps = zip(*parts, strict=True)
        return (
            probabilities,
            tf.concat(gaps, 1),
            tf.concat(lows, 1),
            tf.concat(steps, 1),
            list(codes),
        )


def scaled(pixels: Any, scaling: Scaling) -> Any:
    """Return what a model wants of (B, H, W, C) pixel values 0-255, a float32 tensor."""
    values = tf.cast(pixels, tf.float32)
    if scaling.reversed:
        values = tf.reverse(values, [-1])
    return values if scaling == AS_IT_IS else values * scaling.scale + scaling.offset


def _checked_brief(network: Network) -> frozenset[int]:
    """Return the calls that are computed in bfloat16.

    Raises:
        NoBfloat16: there are none, or not on this machine.
    """
    if tf.config.list_physical_devices("GPU"):
        raise NoBfloat16(
            "bfloat16 is for processors, and here a graphics processor computes; leave --precision "
            "out."
        )
    brief = in_bfloat16(network.graph)
    if not brief:
        raise NoBfloat16(
            "the model has no layer that could be computed in bfloat16: only plain Conv2D (but for "
            "the first) and Dense (but for the last) of float32 can; leave --precision out."
        )
    return brief


def _space(tap: Tap) -> list[int]:
    return [2, 3] if tap.channels_first else [1, 2]


def probabilities_of(output: Any, reading: Reading) -> Any:
    """Turn a model's output, (B, K) float32, into what is stored of it, a tensor.

    Of an output that is not stored, (B, …), it is (B, 0).
    """
    if reading is Reading.NOTHING:
        return tf.zeros([tf.shape(output)[0], 0])
    if reading is Reading.SOFTMAX:
        return tf.nn.softmax(output)
    if reading in (Reading.AS_IS, Reading.LABELS, Reading.VALUES):
        return output
    if reading is Reading.LABEL_LOGITS:
        return tf.sigmoid(output)
    unit = tf.sigmoid(output) if reading is Reading.ONE_LOGIT else output
    return tf.concat([1 - unit, unit], 1)


def _to_bytes(tap: Tap, tensor: Any, gap: Any) -> tuple[Any, Any, Any]:
    """Quantise one layer's maps: codes with the tensor's axes, (B, F) low and step."""
    space = _space(tap)
    high = tf.maximum(tf.reduce_max(tensor, space), 0)
    least = 0.0 if tap.never_negative else tf.reduce_min(tensor, space)
    low = tf.minimum(tf.zeros_like(high), least)
    size = high - low
    # A sum is finite only if all its terms are, so the GAP tells about the whole map.
    finite = tf.math.is_finite(gap) & tf.math.is_finite(size)
    varies = finite & (size > LEAST_RANGE)
    factor = tf.where(varies, 255 / tf.where(varies, size, 1), 0)
    step = tf.where(finite, tf.where(varies, size / 255, 0), np.float32(np.nan))
    low = tf.where(varies, low, 0)
    # With half a step more, cutting off rounds. What is not finite becomes NaN by the factor 0, and
    # NaN becomes the byte 0 on x86 and ARM alike.
    offset = tf.constant(0.5) if tap.never_negative else _spread(0.5 - low * factor, tap)
    return _quantise(tensor, _spread(factor, tap), offset), low, step


def _codes(tensor: Any, factor: Any, offset: Any) -> Any:
    return tf.cast(tensor * factor + offset, tf.uint8)


# One pass over the tensor, by XLA, in a third of the time of three. Nothing but this is left to
# XLA, which compiles such an expression in 50 ms a shape, and a whole network in seconds.
_quantise = tf.function(_codes, jit_compile=True, autograph=False)


def _spread(values: Any, tap: Tap) -> Any:
    axes = [2, 3] if tap.channels_first else [1, 1]
    return tf.expand_dims(tf.expand_dims(values, axes[0]), axes[1])


def _joined(parts: Sequence[Captured], count: int) -> Captured:
    """Return the first ``count`` images of some batches as one."""

    def join(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(arrays)[:count]

    layers = None
    if parts[0].maps is not None:
        layers = tuple(
            MapBatch(
                join([one.codes for one in layer]),
                join([one.low for one in layer]),
                join([one.step for one in layer]),
            )
            for layer in zip(*(part.maps or () for part in parts), strict=True)
        )
    return Captured(
        join([part.probabilities for part in parts]), join([part.gap for part in parts]), layers
    )


def _view(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(memoryview(tensor))
    return array
