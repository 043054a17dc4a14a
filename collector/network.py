"""What a loaded model is to the collector: images in, probabilities and taps out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.errors import ModelError
from collector.flatten import FlatGraph, flatten, is_graph
from collector.taps import Tap, activation_name, find_taps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.flatten import Call
    from collector.models import LoadedModel

DEFAULT_SIZE = 224
"""Height and width for a model that takes any size when the images' own size varies."""

_CHANNELS = (1, 3)
_PASSING = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Reshape,
)


class Reading(Enum):
    """How the model's output becomes probabilities."""

    AS_IS = "probabilities"
    SOFTMAX = "logits"
    ONE_UNIT = "one probability"
    ONE_LOGIT = "one logit"


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A model that can be collected.

    Attributes:
        loaded: the model.
        graph: its flat graph.
        taps: what is watched, at least one.
        image_shape: (height, width, channels) of the images.
        channels_first: whether the model takes (B, C, H, W) instead of (B, H, W, C).
        outputs: number of classes.
        reading: how its output becomes probabilities.
        notices: what the user should know, one line each.
    """

    loaded: LoadedModel
    graph: FlatGraph
    taps: tuple[Tap, ...]
    image_shape: tuple[int, int, int]
    channels_first: bool
    outputs: int
    reading: Reading
    notices: tuple[str, ...]

    @property
    def filters(self) -> int:
        """Number of filters of all taps, the length of a GAP row."""
        return sum(tap.filters for tap in self.taps)

    @property
    def rescales(self) -> bool:
        """Whether anything before the first convolution can change the scale of the pixels."""
        return _rescales(self.graph)


def understand(loaded: LoadedModel, native_shape: tuple[int, int] | None = None) -> Network:
    """Find out how a model is fed and read, and what there is to watch.

    Args:
        loaded: the model.
        native_shape: (height, width) of the images, for models that take any size.

    Raises:
        ModelError: its input is not one image, its output is not images × classes, or it has no
            convolutions.
    """
    model = loaded.model
    inputs, outputs = _ends(model)
    image_shape, channels_first, notice = _image_shape(inputs, native_shape)
    height, width, channels = image_shape
    shape = (channels, height, width) if channels_first else image_shape
    try:
        graph = flatten(model, shape)
        taps = find_taps(graph)
    except ValueError as error:
        text = str(error).strip().splitlines()[0]
        raise ModelError(f"the model cannot take {height} × {width} images: {text}") from error
    if not taps:
        raise ModelError(f"the model has no convolutions to watch; its layers: {_layers(model)}.")
    _check_taps(taps, height, width)
    classes = _classes(outputs, graph.output)
    reading, reading_notice = _reading(graph, classes)
    return Network(
        loaded=loaded,
        graph=graph,
        taps=taps,
        image_shape=image_shape,
        channels_first=channels_first,
        outputs=2 if reading in (Reading.ONE_UNIT, Reading.ONE_LOGIT) else classes,
        reading=reading,
        notices=tuple(text for text in (notice, reading_notice) if text),
    )


def _ends(model: Any) -> tuple[Any, Any]:
    if not is_graph(model):
        if isinstance(model, keras.Sequential):
            raise ModelError(
                "the model was saved before it knew the shape of its input; add keras.Input(…) as "
                "its first layer, or call it once, and save it again."
            )
        raise ModelError(
            "the model is a subclass of keras.Model, whose inside Keras cannot tell; only "
            "Sequential and Functional models can be collected."
        )
    inputs, outputs = list(model.inputs), list(model.outputs)
    if len(inputs) != 1:
        names = ", ".join(str(tensor.name) for tensor in inputs)
        raise ModelError(f"the model has {len(inputs)} inputs ({names}); it must take images only.")
    if len(outputs) != 1:
        raise ModelError(
            f"the model has {len(outputs)} outputs; it must give one array, images × classes."
        )
    return inputs[0], outputs[0]


def _image_shape(
    tensor: Any, native_shape: tuple[int, int] | None
) -> tuple[tuple[int, int, int], bool, str | None]:
    axes = tuple(tensor.shape[1:])
    if len(axes) != 3:
        raise ModelError(
            f"the model takes {_times(axes)} numbers an example, not images "
            "(height × width × channels)."
        )
    if axes[2] in _CHANNELS:
        channels_first, (height, width, channels) = False, axes
    elif axes[0] in _CHANNELS:
        channels_first, (channels, height, width) = True, axes
    else:
        raise ModelError(
            f"the model takes images of {_times(axes)}; only 1 (grey) or 3 (RGB) channels can "
            "be given to it."
        )
    notice = None
    if height is None or width is None:
        native = native_shape or (DEFAULT_SIZE, DEFAULT_SIZE)
        height, width = height or native[0], width or native[1]
        if native_shape is None:
            notice = f"the model takes images of any size; it is given {height} × {width} ones."
    return (height, width, channels), channels_first, notice


def _check_taps(taps: Sequence[Tap], height: int, width: int) -> None:
    for tap in taps:
        if None in (tap.filters, tap.height, tap.width) or not tap.height * tap.width:
            raise ModelError(
                f"{tap.name}: the size of its feature maps for {height} × {width} images is "
                "unknown or 0; the model cannot be collected at this size."
            )


def _classes(declared: Any, tensor: Any) -> int:
    axes = tuple(tensor.shape[1:])
    if len(axes) != 1 or not isinstance(axes[0], int) or axes[0] < 1:
        raise ModelError(
            f"the model's output is images × {_times(tuple(declared.shape[1:])) or '?'}; it must "
            "be images × classes (for a detector or segmenter, save its backbone with a classifier "
            "on top)."
        )
    return axes[0]


def _reading(graph: FlatGraph, classes: int) -> tuple[Reading, str | None]:
    last = _last_activation(graph)
    if last == "sigmoid":
        return (Reading.ONE_UNIT if classes == 1 else Reading.AS_IS), None
    if last in {"softmax", "sparsemax"} and classes > 1:
        return Reading.AS_IS, None
    if last is None and classes > 1 and _sums_to_one(graph):
        return Reading.AS_IS, None
    if classes == 1:
        return Reading.ONE_LOGIT, "the model's output is taken for a logit; sigmoid is applied."
    return Reading.SOFTMAX, "the model's outputs are taken for logits; softmax is applied."


def _last_activation(graph: FlatGraph) -> str | None:
    """Name of the activation that the output went through last; None if that cannot be told."""
    producers = graph.producers()
    tensor = graph.output
    while (call := producers.get(id(tensor))) is not None:
        name = _activation_of(call)
        if name not in (None, "linear"):
            return name
        if name is None and not isinstance(call.operation, _PASSING):
            return None
        if name == "linear" and not isinstance(call.operation, keras.layers.Activation):
            return name
        tensor = call.inputs[0]
    return None


def _activation_of(call: Call) -> str | None:
    if isinstance(call.operation, keras.layers.Softmax):
        return "softmax"
    if isinstance(call.operation, keras.layers.Layer):
        return activation_name(call.operation)
    name = type(call.operation).__name__.lower()
    return name if name in {"softmax", "sigmoid", "sparsemax"} else None


def _sums_to_one(graph: FlatGraph) -> bool:
    """Whether an output of unknown make (an average of softmaxes, say) gives probabilities."""
    shape = (2, *graph.input.shape[1:])
    noise = np.random.default_rng(0).uniform(0, 255, shape)
    (value,) = graph.evaluate(keras.ops.convert_to_tensor(noise, graph.input.dtype), [graph.output])
    rows = keras.ops.convert_to_numpy(value).astype(np.float64)
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=1), 1, atol=1e-3))


def _rescales(graph: FlatGraph) -> bool:
    """Whether what comes before the first kernels brings pixels of 0–255 to another range.

    Asked of the values: a black and a white image are sent as far as the kernels. What keeps them
    far apart, and black near 0, keeps the scale, whatever layers it is made of; normalisation that
    was learnt on 0–1 tears them even further apart. Normalisation that has learnt nothing yet says
    nothing about the range, so it counts as rescaling.
    """
    calls, tensors = _before_kernels(graph)
    if not tensors:
        return False
    pair = np.stack([np.full(graph.input.shape[1:], value, np.float32) for value in (0, 255)])
    value = keras.ops.convert_to_tensor(pair, graph.input.dtype)
    kept = False
    for result in graph.evaluate(value, tensors):
        black, white = keras.ops.convert_to_numpy(result).astype(np.float64)
        # A normalisation by the image itself divides 0 by 0.
        if np.isfinite((black, white)).all():
            kept |= bool(np.abs(white - black).max() >= 64 and np.abs(black).max() < 20)
    return not kept or any(_is_fresh(call.operation) for call in calls)


def _before_kernels(graph: FlatGraph) -> tuple[list[Call], list[Any]]:
    """The calls that no kernel comes before, and what the first kernels take of them."""
    seen = {id(graph.input)}
    calls: list[Call] = []
    tensors: dict[int, Any] = {}
    for call in graph.calls:
        if not all(id(tensor) in seen for tensor in call.inputs):
            continue
        if any("kernel" in weight.name for weight in getattr(call.operation, "weights", ())):
            tensors.update((id(tensor), tensor) for tensor in call.inputs)
        else:
            calls.append(call)
            seen.update(map(id, call.outputs))
    return calls, list(tensors.values())


def _is_fresh(operation: Any) -> bool:
    """Whether it is a batch normalisation whose statistics are those that it began with."""
    if not isinstance(operation, keras.layers.BatchNormalization):
        return False
    mean, variance = map(keras.ops.convert_to_numpy, (
        operation.moving_mean, operation.moving_variance,
    ))  # fmt: skip
    return bool((mean == 0).all() and (variance == 1).all())


def _layers(model: Any) -> str:
    names = [f"{layer.name} ({type(layer).__name__})" for layer in model.layers]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _times(axes: Sequence[int | None]) -> str:
    return " × ".join("any" if axis is None else str(axis) for axis in axes)
