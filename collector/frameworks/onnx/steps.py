"""An ONNX graph as steps: what the page is told of how its layers hang together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from collector.frameworks.onnx.graph import Graph, attributes, bias_of, kernel_of, taken
from collector.frameworks.onnx.taps import CONVOLUTIONS, ELEMENTWISE, PASSING
from collector.frameworks.shapes import TO_FIRST, TO_LAST
from collector.frameworks.steps import Step, details, whole, windowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx
    from numpy.typing import NDArray

    from collector.frameworks.onnx.taps import Tap
    from collector.frameworks.steps import Details, Moves

_NAMES: Final = {
    "Concat": "Concatenate", "Mul": "Multiply", "Sub": "Subtract", "Div": "Divide",
    "Max": "Maximum", "Min": "Minimum", "Sum": "Add", "Mean": "Average", "QLinearAdd": "Add",
    "QLinearMul": "Multiply", "QLinearConcat": "Concatenate",
}  # fmt: skip
"""What Keras calls the operators in which branches merge."""
_POOLING: Final = ("AveragePool", "LpPool", "MaxPool", "QLinearAveragePool")
_CELL_BY_CELL: Final = (
    ELEMENTWISE | PASSING | {"BatchNormalization", "Concat", "Mean", "QLinearConcat"}
)
_WHOLE: Final = frozenset({
    "Flatten", "Gemm", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "GroupNormalization",
    "InstanceNormalization", "QGemm", "QLinearGlobalAveragePool",
})  # fmt: skip
_OVER_AXES: Final = ("ReduceMax", "ReduceMean", "ReduceSum")


def details_of(
    graph: Graph, image: str, taps: Sequence[Tap], weights: Sequence[NDArray[Any] | None]
) -> Details:
    """Return ``steps.details`` of a graph.

    Args:
        graph: the model's.
        image: the name of its input.
        taps: with the size of their maps.
        weights: the kernel of each, where it is known.
    """
    costs = {
        id(tap.node): None if one is None else _cost(graph, tap, one.shape)
        for tap, one in zip(taps, weights, strict=True)
    }
    steps = [_step(graph, node, costs.get(id(node))) for node in graph.nodes]
    # A quantised tensor is read as what is made a float of it.
    keys = [tap.tensor for tap in taps]
    return details(steps, image, keys)


def _step(graph: Graph, node: onnx.NodeProto, cost: tuple[int, int] | None) -> Step:
    kind = node.op_type
    cell_by_cell = kind in _CELL_BY_CELL or _is_layout(node) or _is_over_channels(graph, node)
    return Step(
        kind=_NAMES.get(kind, kind),
        inputs=[name for name in taken(node) if not graph.is_constant(name)],
        outputs=list(node.output),
        moves="cell by cell" if cell_by_cell else _moves(graph, node),
        cost=cost,
    )


def _is_layout(node: onnx.NodeProto) -> bool:
    """Return whether a node only puts channels last or first."""
    return node.op_type == "Transpose" and attributes(node).get("perm") in (TO_LAST, TO_FIRST)


def _is_over_channels(graph: Graph, node: onnx.NodeProto) -> bool:
    """Return whether a node puts a place's channels together, and no places."""
    if node.op_type not in _OVER_AXES:
        return False
    return graph.axes(node) == [1] and bool(attributes(node).get("keepdims", 1))


def _is_over_places(graph: Graph, node: onnx.NodeProto) -> bool:
    """Return whether a node puts all places together, wherever the channels are."""
    axes = graph.axes(node)
    over = None if axes is None else {axis % 4 for axis in axes}
    return over is None or over >= {2, 3} or over >= {1, 2}


def _moves(graph: Graph, node: onnx.NodeProto) -> Moves | None:
    kind = node.op_type
    if kind in _WHOLE or (kind in _OVER_AXES and _is_over_places(graph, node)):
        return whole
    if kind in (*CONVOLUTIONS, *_POOLING):
        return _windowed(graph, node)
    if kind == "Pad":
        return _padded(graph, node)
    if kind in ("Resize", "Upsample"):
        return _enlarged(graph, node)
    return None


def _kernel(graph: Graph, node: onnx.NodeProto) -> list[int] | None:
    given = attributes(node).get("kernel_shape")
    if given is None and node.op_type in CONVOLUTIONS:
        shape = graph.shape(kernel_of(node))
        given = None if shape is None else shape[2:]
    return None if given is None or len(given) != 2 else list(given)


def _windowed(graph: Graph, node: onnx.NodeProto) -> Moves | None:
    said = attributes(node)
    kernel = _kernel(graph, node)
    # What "same" puts before the first place depends on the size of the maps, which is not told.
    if kernel is None or said.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return None
    strides, dilations = said.get("strides", [1, 1]), said.get("dilations", [1, 1])
    pads = said.get("pads", [0, 0, 0, 0])
    transposed = node.op_type == "ConvTranspose"
    return windowed(kernel, strides, dilations, pads, transposed=transposed)


def _padded(graph: Graph, node: onnx.NodeProto) -> Moves | None:
    pads = attributes(node).get("pads")
    if pads is None and len(node.input) > 1:
        value = graph.value(node.input[1])
        pads = None if value is None else value.tolist()
    if pads is None or len(pads) != 8 or len(node.input) > 3:
        return None
    # Channels are not padded: so it shows which axes are the places'.
    first, last = not (pads[1] or pads[5]), not (pads[3] or pads[7])
    if first == last:
        return None
    above, left = (pads[2], pads[3]) if first else (pads[1], pads[2])
    return lambda seen: (seen[0].padded(above), seen[1].padded(left))


def _enlarged(graph: Graph, node: onnx.NodeProto) -> Moves | None:
    said = attributes(node)
    scales = said.get("scales")
    if scales is None and node.op_type in ("Resize", "Upsample"):
        place = 1 if node.op_type == "Upsample" else 2
        value = graph.value(node.input[place]) if len(node.input) > place else None
        scales = None if value is None else value.tolist()
    if not scales or len(scales) != 4 or any(one != int(one) or one < 1 for one in scales):
        return None
    if scales[1] != 1:
        return None
    beside = 0 if said.get("mode", b"nearest") == b"nearest" else 1
    high, wide = int(scales[2]), int(scales[3])
    return lambda seen: (seen[0].enlarged(high, beside), seen[1].enlarged(wide, beside))


def _cost(graph: Graph, tap: Tap, kernel: Sequence[int]) -> tuple[int, int]:
    """Parameters and multiply-adds an image of a tap's convolution with a kernel of this shape."""
    weights = math.prod(kernel)
    name = bias_of(tap.node)
    more = None if name is None else graph.shape(name)
    bias = math.prod(more) if more else 0
    places = tap.height * tap.width
    if tap.node.op_type == "ConvTranspose":
        places = _places_before(tap, kernel[2:])
    return weights + bias, places * weights


def _places_before(tap: Tap, kernel: Sequence[int]) -> int:
    """How many places a transposed convolution multiplies: those of what it takes."""
    said = attributes(tap.node)
    strides, dilations = said.get("strides", [1, 1]), said.get("dilations", [1, 1])
    pads, more = said.get("pads", [0, 0, 0, 0]), said.get("output_padding", [0, 0])
    same = said.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")
    places = 1
    for i, length in enumerate((tap.height, tap.width)):
        spread = length + pads[i] + pads[i + 2] - dilations[i] * (kernel[i] - 1) - 1 - more[i]
        places *= -(-length // strides[i]) if same else spread // strides[i] + 1
    return places
