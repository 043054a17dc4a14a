"""An ONNX model that can be collected: how it is fed and read, and what there is to watch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from collector.errors import ModelError
from collector.frameworks.agreement import LEAST_ROUNDING, first_difference, prove, some
from collector.frameworks.following import unwatched_notice
from collector.frameworks.kernels import kernel, weights_of
from collector.frameworks.onnx.appended import Feeding, values_of, with_capture, with_values
from collector.frameworks.onnx.capture import Capture, portions, probabilities_of
from collector.frameworks.onnx.graph import Graph, attributes, kernel_of, taken
from collector.frameworks.onnx.kernels import computed_kernels
from collector.frameworks.onnx.modelfile import Model, opset_of, read, weights_digest
from collector.frameworks.onnx.session import carry_out, session
from collector.frameworks.onnx.steps import details_of
from collector.frameworks.onnx.taps import (
    CONVOLUTIONS,
    Tap,
    find_taps,
    is_convolution,
    kind_of,
    out_of_reach,
)
from collector.frameworks.protocol import DEFAULT_SIZE, Fed, Identity
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
from collector.frameworks.scaling import AS_IT_IS, SCALINGS
from collector.frameworks.shapes import (
    CHANNELS,
    not_classes,
    not_images,
    odd_channels,
    several_inputs,
    times,
)
from reactcnn_dash.db import FLOAT32

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx
    from numpy.typing import NDArray

    from collector.frameworks.protocol import Asked, Captured, Pixels, Proven
    from collector.frameworks.scaling import Scaling
    from reactcnn_dash.db import Kernel

_ELEMENTS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8)
_REHEARSED = 3
_LIKE_KERNELS = (*CONVOLUTIONS, "Gemm", "MatMul")
_ROUNDING_OF_HALVES, _ROUNDING_OF_STEPS = 1e-2, 5e-2


@dataclass(frozen=True, slots=True, eq=False)
class Network(Fed):
    """See ``protocol.Network``.

    Attributes:
        model: the file.
        weights: the kernel of each tap as its framework has it, ``None`` where it is not known.
    """

    loaded: Identity
    model: Model
    feeding: Feeding
    output: str
    taps: tuple[Tap, ...]
    weights: tuple[NDArray[Any] | None, ...]
    outputs: int
    reading: Reading
    rescales: bool
    rounding: float
    custom_ops: str | None
    notices: tuple[str, ...]

    @property
    def details(self) -> Mapping[str, Any]:
        """See ``protocol.Network``: the exporter's names, its own and the opset, and the graph."""
        longer = {tap.name: tap.full_name for tap in self.taps if tap.name != tap.full_name}
        proto = self.model.proto
        producer = f"{proto.producer_name} {proto.producer_version}".strip()
        return {
            "full_names": longer,
            "producer": producer,
            "opset": opset_of(proto),
            **details_of(Graph(self.model), self.feeding.name, self.taps, self.weights),
        }

    def kernels(self) -> tuple[Kernel, ...]:
        """See ``protocol.Network``; one that depends on the image is left out."""
        return tuple(
            kernel(
                tap.name,
                weights_of(
                    weights,
                    transposed=tap.node.op_type == "ConvTranspose",
                    filters=tap.filters,
                ),
            )
            for tap, weights in zip(self.taps, self.weights, strict=True)
            if weights is not None
        )

    def proven(
        self,
        pixels: Pixels,
        *,
        pixel_range: str,
        maps: bool,
        batch_size: int,
        exact: bool,  # noqa: ARG002 - there is one arithmetic
        precision: str = FLOAT32,  # noqa: ARG002 - likewise; another is refused before
    ) -> Proven:
        """See ``protocol.Network``; the proof is the graph itself without what is appended."""
        scaling = SCALINGS[pixel_range]
        if self.feeding.element == TensorProto.UINT8 and scaling != AS_IT_IS:
            raise ModelError("the model takes bytes; only --pixel-range 0-255 can be given to it.")
        places = some(len(self.taps))
        # Before the other session is made: only one of them is in memory at a time.
        expected, *said = self._said(pixels, scaling, places)
        unrounded = pixels.dtype == np.float32
        data = with_capture(
            self.model.proto, self.taps, self.feeding, scaling, maps=maps, unrounded=unrounded
        )
        capture = Capture(
            session(data, self.model.arrays, self.custom_ops),
            self.taps,
            self.output,
            self.reading,
            maps=maps,
            batch=self.feeding.batch,
        )

        def parts(captured: Captured) -> str | None:
            return first_difference(self, captured, places, said, expected, limit=self.rounding)

        remedy = " Nothing is collected; export the model again, in inference mode."
        return prove(capture, pixels, batch_size, parts, remedy=remedy)

    def _said(
        self, pixels: Pixels, scaling: Scaling, places: Sequence[int]
    ) -> list[NDArray[np.float64]]:
        """Return what the graph itself says: probabilities, and maps (B, F, H, W) of some taps."""
        taps = [self.taps[place] for place in places]
        data = with_values(self.model.proto, taps, [])
        plain = session(data, self.model.arrays, self.custom_ops)
        names = [self.output, *map(values_of, taps)]
        values = pixels.astype(np.float32)
        if scaling.reversed:
            values = values[..., ::-1]
        values = values * np.asarray(scaling.scale, np.float32) + np.asarray(
            scaling.offset, np.float32
        )
        output, *maps = run_plain(plain, names, values, self.feeding)
        planar = [_planar(tap, one).astype(np.float64) for tap, one in zip(taps, maps, strict=True)]
        return [probabilities_of(output, self.reading).astype(np.float64), *planar]


def understand(spec: str, asked: Asked) -> Network:
    """Load a model and find out how it is fed and read, and what there is to watch.

    Raises:
        ModelError: it cannot be loaded; its input is not one image, its output is not images ×
            classes, or it has no convolutions.
    """
    path = Path(spec).expanduser().resolve()
    model = read(spec, custom_ops=asked.custom_ops is not None)
    graph = Graph(model)
    feeding, notice = _feeding(graph, asked.native_shape)
    stored = asked.head != "none"
    output = _output(graph, only=stored)
    found, inside = find_taps(graph), out_of_reach(graph.proto)
    if not found:
        raise ModelError(_nothing_to_watch(graph, inside))
    entering = _before_kernels(graph, feeding.name)
    kernels_of = [kernel_of(tap.node) for tap in found]
    computed = [name for name in kernels_of if graph.value(name) is None]
    more = [name for name in (*entering, *computed) if name != feeding.name]
    data = with_values(model.proto, found, more)
    plain = session(data, model.arrays, asked.custom_ops, as_written=True)
    noise = np.random.default_rng(0).uniform(0, 255, (_REHEARSED, *feeding.shape))
    noise[1] /= 255
    noise[2:] = 0
    names = [output, *map(values_of, found)]
    said, *maps = run_plain(plain, names, noise, feeding)
    # An input cannot be an output too; that it reaches a kernel as it is says enough.
    given = [] if feeding.name in entering else run_plain(plain, entering, noise, feeding)
    kernels = computed_kernels(graph, plain, found, computed, feeding)
    taps, weights = [], []
    for tap, one, weight in zip(found, maps, kernels, strict=True):
        if one.ndim == 4 and len(one) == _REHEARSED:
            _, filters, height, width = _planar(tap, one).shape
            kind = kind_of(tap.node, None if weight is None else weight.shape)
            size = {"filters": filters, "height": height, "width": width}
            taps.append(dataclasses.replace(tap, kind=kind, **size))
            weights.append(weight)
    if not taps:
        raise ModelError(_nothing_to_watch(graph, inside))
    convolutions = [node.op_type for node in graph.nodes if is_convolution(node)]
    never = [kind for kind in convolutions if kind not in CONVOLUTIONS]
    unwatched = unwatched_notice(len(convolutions) - len(taps), never)
    classes = _classes(said) if stored else 0
    floats = said.dtype == np.float32 and not graph.quantised
    if asked.head:
        reading = told(asked.head, classes, squashed=stored and _squashed(graph, said))
        of_reading = told_notice(asked.head, reading)
    else:
        reading = _judged(graph, said, exact=floats)
        of_reading = reading.notice
    sha256, parameters = weights_digest(model)
    return Network(
        loaded=Identity("ONNX", path.stem, str(path), sha256, parameters, asked.class_names),
        model=model,
        feeding=feeding,
        output=output,
        taps=tuple(taps),
        weights=tuple(weights),
        outputs=classes_of(reading, classes),
        reading=reading,
        rescales=not any(keeps_scale(one[0], one[-1]) for one in given) if given else False,
        rounding=_rounding(graph, feeding, maps),
        custom_ops=asked.custom_ops,
        notices=tuple(
            text
            for text in (notice, of_reading, _inside(inside), unwatched, _by_company(taps))
            if text
        ),
    )


def run_plain(
    plain: Any, names: Sequence[str], images: NDArray[Any], feeding: Feeding
) -> list[NDArray[Any]]:
    """Return some tensors of the graph itself for (B, H, W, C) values as it takes them."""
    if not names:
        return []
    dtype = helper.tensor_dtype_to_np_dtype(feeding.element)
    values = images.transpose(0, 3, 1, 2) if feeding.channels_first else images
    given = list(portions(values.astype(dtype), feeding.batch))
    # What the model returns may be what is watched, too.
    each = list(dict.fromkeys(names))
    parts = [carry_out(plain, each, {feeding.name: part}) for part in given]
    found = {
        name: np.concatenate(arrays)
        for name, arrays in zip(each, zip(*parts, strict=True), strict=True)
    }
    whole = [found[name] for name in names]
    # What fills up the last portion goes again; what has another number is of no image.
    filled = sum(map(len, given))
    return [one[: len(images)] if len(one) == filled else one for one in whole]


def _feeding(graph: Graph, native: tuple[int, int] | None) -> tuple[Feeding, str | None]:
    if len(graph.inputs) != 1:
        raise several_inputs([one.name for one in graph.inputs])
    (taken_in,) = graph.inputs
    tensor = taken_in.type.tensor_type
    if tensor.elem_type not in _ELEMENTS:
        raise ModelError(
            f"the model takes {TensorProto.DataType.Name(tensor.elem_type)} numbers; images can be "
            "given as FLOAT, FLOAT16, DOUBLE or UINT8."
        )
    batch, *axes = [dim.dim_value or None for dim in tensor.shape.dim] or [None]
    if len(axes) != 3:
        raise not_images(axes, "channels × height × width")
    if axes == [None, None, None]:
        axes[0] = _seen_by_the_first(graph)
    first = axes[0] in CHANNELS
    if not first and axes[2] not in CHANNELS:
        raise odd_channels(axes)
    channels, height, width = axes if first else (axes[2], axes[0], axes[1])
    notice = None
    if height is None or width is None:
        default = native or (DEFAULT_SIZE, DEFAULT_SIZE)
        height, width = height or default[0], width or default[1]
        if native is None:
            notice = (
                f"the model takes images of any size; it is given {height} × {width} ones, other "
                "sizes with --size HxW."
            )
    shape = (height, width, int(channels or 3))
    return Feeding(taken_in.name, tensor.elem_type, shape, first, batch), notice


def _seen_by_the_first(graph: Graph) -> int | None:
    """Return the channels that the first convolution sees."""
    for node in graph.nodes:
        if node.op_type in ("Conv", "ConvInteger", "QLinearConv"):
            shape = graph.shape(kernel_of(node))
            return None if shape is None else shape[1] * int(attributes(node).get("group", 1))
    return None


def _output(graph: Graph, *, only: bool) -> str:
    if only and len(graph.outputs) != 1:
        names = ", ".join(graph.outputs[:6])
        raise ModelError(
            f"the model has {len(graph.outputs)} outputs ({names}); it must give one array, images "
            "× classes; --head none watches its layers alone."
        )
    return str(graph.outputs[0])


def _classes(output: NDArray[Any]) -> int:
    if output.ndim != 2 or not output.shape[1]:
        raise not_classes(times(output.shape[1:]))
    return int(output.shape[1])


def _judged(graph: Graph, output: NDArray[Any], *, exact: bool) -> Reading:
    """Return how outputs become probabilities, by their values and what they went through last."""
    classes = output.shape[1]
    rows = output[np.isfinite(output).all(axis=1)].astype(np.float64)
    last = _last(graph)
    kind = None if last is None else last.op_type
    if classes > 1 and (are_shares(rows, exact=exact) if len(rows) else kind == "Softmax"):
        return Reading.AS_IS
    if kind == "Sigmoid":
        return sigmoids(classes)
    return unbounded(rows, classes)


def _last(graph: Graph) -> onnx.NodeProto | None:
    """Return what the output went through last, shapes and types apart."""
    last = graph.producer(graph.outputs[0])
    while last is not None and last.op_type in {
        "Cast", "DequantizeLinear", "Flatten", "Identity", "QuantizeLinear", "Reshape", "Squeeze",
    }:  # fmt: skip
        last = graph.producer(last.input[0])
    return last


def _squashed(graph: Graph, output: NDArray[Any]) -> bool:
    """Return whether outputs are probabilities already, see ``are_squashed``."""
    last = _last(graph)
    kept: bool | None = None
    if last is not None and last.op_type in {"HardSigmoid", "Sigmoid", "Softmax"}:
        kept = True
    elif last is not None:
        # A bias that stands by itself belongs to its kernel.
        bias = last.op_type == "Add" and any(graph.is_constant(name) for name in last.input)
        kernels = {
            "Conv", "Gemm", "GlobalAveragePool", "MatMul", "QGemm", "QLinearConv", "QLinearMatMul",
        }  # fmt: skip
        kept = False if bias or last.op_type in kernels else None
    rows = output[np.isfinite(output).all(axis=1)].astype(np.float64)
    return are_squashed(rows, kept)


def _before_kernels(graph: Graph, start: str) -> list[str]:
    """Return what the first kernels are given: the tensors that no other kernel comes before."""
    seen, entering = {start}, dict[str, None]()
    for node in graph.nodes:
        inputs = [name for name in taken(node) if not graph.is_constant(name)]
        if not inputs or not all(name in seen for name in inputs):
            continue
        if node.op_type in _LIKE_KERNELS:
            entering.update(dict.fromkeys(_before_codes(graph, name) for name in inputs))
        else:
            seen.update(node.output)
    return list(entering)


def _before_codes(graph: Graph, name: str) -> str:
    node = graph.producer(name)
    codes = node is not None and node.op_type in ("DynamicQuantizeLinear", "QuantizeLinear")
    return str(node.input[0]) if node is not None and codes else name


def _rounding(graph: Graph, feeding: Feeding, maps: Sequence[NDArray[Any]]) -> float:
    if graph.quantised:
        return _ROUNDING_OF_STEPS
    halves = feeding.element == TensorProto.FLOAT16 or any(one.dtype == np.float16 for one in maps)
    return _ROUNDING_OF_HALVES if halves else LEAST_ROUNDING


def _planar(tap: Tap, maps: NDArray[Any]) -> NDArray[Any]:
    return maps.transpose(0, 3, 1, 2) if tap.channels_last else maps


def _inside(number: int) -> str | None:
    if not number:
        return None
    what = "1 convolution" if number == 1 else f"{number} convolutions"
    are = "is" if number == 1 else "are"
    return f"{what} in the bodies of If, Loop or Scan {are} not watched."


def _by_company(taps: Sequence[Tap]) -> str | None:
    if all(tap.node.op_type != "ConvInteger" for tap in taps):
        return None
    return (
        "the model quantises images by the greatest and least value of all that go together, so "
        "values depend a little on --batch-size."
    )


def _nothing_to_watch(graph: Graph, inside: int) -> str:
    kinds = list(dict.fromkeys(node.op_type for node in graph.nodes))
    text = f"the model has no convolutions to watch; its operators: {', '.join(kinds[:12])}"
    more = f" and {len(kinds) - 12} more" if len(kinds) > 12 else ""
    return f"{text}{more}. {_inside(inside) or ''}".strip()
