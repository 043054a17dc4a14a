"""A Keras model that can be collected: how it is fed and read, and what there is to watch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.errors import ModelError
from collector.frameworks.keras.flatten import FlatGraph, flatten, is_graph
from collector.frameworks.keras.kernels import weights_of
from collector.frameworks.keras.models import weights_digest
from collector.frameworks.keras.proof import proven_capture
from collector.frameworks.keras.running import (
    FAILURES,
    REHEARSED,
    cannot_run,
    depends_on_its_batch,
    run_apart,
)
from collector.frameworks.keras.steps import details_of
from collector.frameworks.keras.taps import Tap, find_taps, unwatched
from collector.frameworks.kernels import kernel
from collector.frameworks.protocol import DEFAULT_SIZE
from collector.frameworks.reading import (
    Reading,
    are_shares,
    are_squashed,
    classes_of,
    keeps_scale,
    sigmoids,
    told,
    told_notice,
    unbounded,
)
from collector.frameworks.shapes import (
    CHANNELS,
    not_classes,
    not_images,
    odd_channels,
    several_inputs,
    times,
)
from collector.slim.costs import costs_by_filters
from reactcnn_dash.db import FLOAT32

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import Call
    from collector.frameworks.keras.models import LoadedModel
    from collector.frameworks.protocol import Pixels, Proven
    from reactcnn_dash.db import Kernel

_SPREAD = [[-40.0, 0.0, 40.0]]
_MOST_NAMED = 6

PASSING = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Identity,
    keras.layers.Reshape,
)
"""What comes between the last activation and the output without being one."""


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
        rescales: whether anything before the first kernels changes the scale of the pixels.
        notices: what the user should know, one line each.
    """

    loaded: LoadedModel
    graph: FlatGraph
    taps: tuple[Tap, ...]
    image_shape: tuple[int, int, int]
    channels_first: bool
    outputs: int
    reading: Reading
    rescales: bool
    notices: tuple[str, ...]

    @property
    def filters(self) -> int:
        """Number of filters of all taps, the length of a GAP row."""
        return sum(tap.filters for tap in self.taps)

    @property
    def details(self) -> Mapping[str, Any]:
        """See ``protocol.Network``: what each layer sees, takes and costs."""
        return {**details_of(self), "costs": costs_by_filters(self)}

    def has_weights(self, sha256: str) -> bool:
        """See ``protocol.Network``; stores of former versions have whole paths in the digest."""
        loaded = self.loaded
        return sha256 in (loaded.sha256, weights_digest(loaded.model.weights, whole_paths=True))

    def kernels(self) -> tuple[Kernel, ...]:
        """See ``protocol.Network``; a layer that is called twice has its kernel twice."""
        return tuple(kernel(tap.name, weights_of(tap.convolution)) for tap in self.taps)

    def proven(
        self,
        pixels: Pixels,
        *,
        pixel_range: str,
        maps: bool,
        batch_size: int,
        exact: bool,
        precision: str = FLOAT32,
    ) -> Proven:
        """See ``protocol.Network``."""
        return proven_capture(
            self,
            pixels,
            pixel_range=pixel_range,
            maps=maps,
            batch_size=batch_size,
            exact=exact,
            precision=precision,
        )


def understand(
    loaded: LoadedModel, native_shape: tuple[int, int] | None = None, head: str | None = None
) -> Network:
    """Find out how a model is fed and read, and what there is to watch.

    Args:
        loaded: the model.
        native_shape: (height, width) of the images, for models that take any size.
        head: what it ends in, one of ``HEADS``; ``None`` to judge it.

    Raises:
        ModelError: its input is not one image, its output is not images × classes, or it has no
            convolutions.
    """
    model = loaded.model
    stored = head != "none"
    inputs, outputs = _ends(model, one_output=stored)
    image_shape, channels_first, notice = _image_shape(inputs, native_shape)
    height, width, channels = image_shape
    shape = (channels, height, width) if channels_first else image_shape
    try:
        graph = flatten(model, shape)
        found = find_taps(graph)
    except ValueError as error:
        text = str(error).strip().splitlines()[0]
        raise ModelError(f"the model cannot take {height} × {width} images: {text}") from error
    closed = unwatched(graph)
    if not found:
        raise ModelError(_nothing_to_watch(model, closed))
    output, heard, rescales = _rehearse(graph, found)
    classes = _classes(outputs, output) if stored else 0
    taps = []
    for tap, value in zip(found, heard, strict=True):
        if value is None:
            closed[tap.name] += 1
        else:
            taps.append(_as_heard(tap, value))
    if not taps:
        raise ModelError(_nothing_to_watch(model, closed))
    _check_taps(taps, height, width)
    if head is None:
        reading = _reading(graph, output, values=loaded.of_values)
        reading_notice = reading.notice
    else:
        reading = told(head, classes, squashed=stored and _squashed(graph, output))
        reading_notice = told_notice(head, reading)
    texts = (notice, reading_notice, _closed_notice(closed), _training_notice(graph))
    return Network(
        loaded=loaded,
        graph=graph,
        taps=tuple(taps),
        image_shape=image_shape,
        channels_first=channels_first,
        outputs=classes_of(reading, classes),
        reading=reading,
        rescales=rescales,
        notices=tuple(text for text in texts if text),
    )


def _ends(model: Any, *, one_output: bool) -> tuple[Any, Any]:
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
        raise several_inputs([str(tensor.name) for tensor in inputs])
    if one_output and len(outputs) != 1:
        raise ModelError(
            f"the model has {len(outputs)} outputs; it must give one array, images × classes; "
            "--head none watches its layers alone."
        )
    return inputs[0], outputs[0]


def _image_shape(
    tensor: Any, native_shape: tuple[int, int] | None
) -> tuple[tuple[int, int, int], bool, str | None]:
    axes = tuple(tensor.shape[1:])
    if len(axes) != 3:
        raise not_images(axes, "height × width × channels")
    if axes[2] in CHANNELS:
        channels_first, (height, width, channels) = False, axes
    elif axes[0] in CHANNELS:
        channels_first, (channels, height, width) = True, axes
    else:
        raise odd_channels(axes)
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


def _rehearse(graph: FlatGraph, taps: Sequence[Tap]) -> tuple[NDArray[np.float64], list[Any], bool]:
    """Run the model once, on noise, noise of 0–1 and black.

    Returns:
        Its output; what was heard of each tap, ``None`` where nothing was, or where it is not one
        map a filter and image; and whether it rescales pixels.

    Raises:
        ModelError: TensorFlow cannot run the model, or it answers with more than one array.
    """
    noise = np.random.default_rng(0).uniform(0, 255, (REHEARSED, *graph.input.shape[1:]))
    noise[1] /= 255
    noise[2:] = 0
    before, entering = _before_kernels(graph)
    try:
        values = run_apart(graph, noise, [*(tap.tensor for tap in taps), *entering])
    except FAILURES as error:
        raise cannot_run(error) from error
    output = values[id(graph.output)]
    if not keras.ops.is_tensor(output):
        raise ModelError(
            f"calling the model gives a {type(output).__name__}; it must give one array, images × "
            "classes."
        )
    heard = [values.get(id(tap.tensor)) for tap in taps]
    fitting = [
        value if value is not None and len(value.shape) == 4 and len(value) == len(noise) else None
        for value in heard
    ]
    rescales = _rescales(graph, before, [values.get(id(tensor)) for tensor in entering])
    return np.asarray(output.numpy(), np.float64), fitting, rescales


def _as_heard(tap: Tap, value: Any) -> Tap:
    """Return the tap with the size that its maps have when the model's own call is run."""
    _, *axes = value.shape
    filters, height, width = axes if tap.channels_first else (axes[2], axes[0], axes[1])
    return dataclasses.replace(tap, filters=filters, height=height, width=width)


def _nothing_to_watch(model: Any, closed: Counter[str]) -> str:
    if closed:
        return f"the model has no convolutions that can be watched: {_closed_notice(closed)}"
    return f"the model has no convolutions to watch; its layers: {_layers(model)}."


def _closed_notice(closed: Counter[str]) -> str | None:
    if not closed:
        return None
    number = closed.total()
    names = ", ".join(list(closed)[:_MOST_NAMED])
    more = f" and {len(closed) - _MOST_NAMED} more" if len(closed) > _MOST_NAMED else ""
    what = "1 convolution inside {} is" if number == 1 else f"{number} convolutions inside {{}} are"
    return (
        f"{what.format(names + more)} not watched: only layers whose call() is made of Keras "
        "layers and keras.ops, image by image, can be looked into."
    )


def _training_notice(graph: FlatGraph) -> str | None:
    """Return what the graph's ``training=True`` does to the output, found out by trying."""
    if not graph.in_training:
        return None
    names = ", ".join(graph.in_training)
    called = f"{names} {'is' if len(graph.in_training) == 1 else 'are'} called with training=True"
    if depends_on_its_batch(graph):
        return (
            f"{called} in the model's graph, so what the model says of an image depends on chance "
            "or on the images that share its batch."
        )
    return (
        f"{called} in the model's graph; Keras {keras.__version__} overrides that when a model "
        "predicts, and so it is run in inference mode."
    )


def _classes(declared: Any, output: NDArray[np.float64]) -> int:
    _, *axes = output.shape
    if len(axes) != 1 or axes[0] < 1:
        shape = times(tuple(declared.shape[1:])) if len(declared.shape) == output.ndim else ""
        raise not_classes(shape or times(axes))
    return int(axes[0])


def _reading(graph: FlatGraph, output: NDArray[np.float64], *, values: bool) -> Reading:
    """Return how outputs become probabilities, judged by their values, not by layers' names."""
    rows = output[np.isfinite(output).all(axis=1)]
    classes = output.shape[1]
    last = _last_activation(graph)
    exact = graph.output.dtype in ("float32", "float64")
    if classes > 1 and are_shares(rows if len(rows) else _said(last, _SPREAD), exact=exact):
        return Reading.AS_IS
    if _is_sigmoid(last):
        return sigmoids(classes)
    return unbounded(rows, classes, values=values)


def _squashed(graph: FlatGraph, output: NDArray[np.float64]) -> bool:
    """Return whether outputs are probabilities already, see ``are_squashed``."""
    last = _last_activation(graph)
    said = _said(last, _SPREAD)
    kept = None if said is None else bool(((said >= 0) & (said <= 1)).all())
    return are_squashed(output[np.isfinite(output).all(axis=1)], False if last is None else kept)


def _is_sigmoid(activation: Any) -> bool:
    said = _said(activation, _SPREAD)
    return said is not None and np.allclose(said, [[0, 0.5, 1]], rtol=0, atol=1e-3)


def _said(activation: Any, values: list[list[float]]) -> NDArray[np.float64] | None:
    """Return what an activation makes of some values; ``None`` if it takes none of that shape."""
    if activation is None:
        return None
    try:
        with keras.StatelessScope():
            said = activation(keras.ops.convert_to_tensor(values, "float32"))
        return np.asarray(said.numpy(), np.float64)
    except Exception:  # noqa: BLE001 - it may be any operation, with any demands
        return None


def _last_activation(graph: FlatGraph) -> Any:
    """Return what the output went through last, a function or a layer.

    ``None`` if it is a kernel.
    """
    producers = graph.producers()
    tensor = graph.output
    while (call := producers.get(id(tensor))) is not None:
        operation = call.operation
        activation = getattr(operation, "activation", None)
        if activation not in (None, keras.activations.linear):
            return activation
        if not isinstance(operation, (*PASSING, keras.layers.Activation)):
            return None if hasattr(operation, "kernel") else operation
        tensor = call.inputs[0]
    return None


def _rescales(graph: FlatGraph, before: Sequence[Call], entering: Sequence[Any]) -> bool:
    """Return whether what comes before the first kernels brings pixels of 0–255 to another range.

    Asked of the values, whatever layers it is made of; normalisation that was learnt on 0–1 tears
    them even further apart. Normalisation that has learnt nothing yet says nothing about the range,
    and a call of one's own nothing about what its layers are given; both count as rescaling.

    Args:
        graph: the model's graph.
        before: the calls that come before its first kernels.
        entering: what those kernels were given of noise, of something else, and of black; ``None``
            where that is not known.
    """
    if not type(graph.model).call.__module__.startswith("keras."):
        return True
    kept = not entering
    for value in entering:
        if value is None:
            continue
        noise, *_, black = keras.ops.convert_to_numpy(value).astype(np.float64)
        kept |= bool(keeps_scale(noise, black))
    return not kept or any(_is_fresh(call.operation) for call in before)


def _before_kernels(graph: FlatGraph) -> tuple[list[Call], list[Any]]:
    """Return the calls that no kernel comes before, and what the first kernels take of them."""
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
    """Return whether it is a batch normalisation whose statistics are those that it began with."""
    if not isinstance(operation, keras.layers.BatchNormalization):
        return False
    mean, variance = map(keras.ops.convert_to_numpy, (
        operation.moving_mean, operation.moving_variance,
    ))  # fmt: skip
    return bool((mean == 0).all() and (variance == 1).all())


def _layers(model: Any) -> str:
    names = [f"{layer.name} ({type(layer).__name__})" for layer in model.layers]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
