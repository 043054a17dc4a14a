"""Which tensors of an ONNX graph are worth watching: every convolution, after its activation.

The rule is that of Keras models: from each convolution the only path is followed through
normalisation and activation, up to a merge, a branch or the graph's output. Exporters write many
activations out (SiLU as x · sigmoid(x), GELU with Erf, HardSwish, Mish): between a convolution and
the next point through which everything goes, any elementwise functions of its output alone count
as its activation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onnx import helper

from collector.frameworks.following import Role, next_cut
from collector.frameworks.onnx.graph import attributes, kernel_of, taken
from collector.frameworks.onnx.modelfile import subgraphs
from collector.frameworks.onnx.names import names_of
from collector.frameworks.shapes import TO_FIRST, TO_LAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from collector.frameworks.onnx.graph import Graph

CONVOLUTIONS = ("Conv", "ConvInteger", "ConvTranspose", "QLinearConv")
_OTHERS = ("DeformConv", "FusedConv", "NhwcFusedConv")
_NORMALISATIONS = frozenset({
    "BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization",
    "LpNormalization",
})  # fmt: skip
# Where those that work on whole numbers have the scale of what they give.
_SCALES = {
    "QLinearAdd": 6, "QLinearConv": 6, "QLinearLeakyRelu": 3, "QLinearMul": 6, "QLinearSigmoid": 3,
    "QuantizeLinear": 1,
}  # fmt: skip
_SUMS = frozenset({"Add", "QLinearAdd", "Sub", "Sum"})
_PRODUCTS = frozenset({"Div", "Mul", "QLinearMul"})
_MEANS = frozenset({"GlobalAveragePool", "ReduceMean", "ReduceSum", "ReduceSumSquare"})
_LENGTHS = frozenset({"ReduceL2"})
_AXES = frozenset({"Expand", "Flatten", "Reshape", "Squeeze", "Unsqueeze"})
ELEMENTWISE = _SUMS | _PRODUCTS | {
    "Abs", "And", "Atan", "Ceil", "Celu", "Clip", "Cos", "Elu", "Equal", "Erf", "Exp", "FastGelu",
    "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "LeakyRelu", "Less",
    "LessOrEqual", "Log", "Max", "Min", "Mish", "Neg", "Not", "Or", "PRelu", "Pow",
    "QLinearLeakyRelu", "QLinearSigmoid", "QuantizeLinear", "QuickGelu", "Reciprocal", "Relu",
    "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Swish",
    "Tanh", "ThresholdedRelu", "Where",
}  # fmt: skip
PASSING = frozenset({"Cast", "DequantizeLinear", "Dropout", "Identity"})
_NEVER_NEGATIVE = frozenset({"HardSigmoid", "Relu", "Sigmoid", "Softplus"})


@dataclass(frozen=True, slots=True, eq=False)
class Tap:
    """One convolution and the tensor that is read for it.

    Attributes:
        name: what a person called the convolution, unique among the taps.
        full_name: what the exporter called it.
        kind: one of :data:`CONVOLUTIONS`, a depthwise one said so.
        tap: name of the node whose output is read.
        node: the convolution.
        tensor: that output, or what is to be made a float again of it.
        scale: the node that makes it a float again, where it is quantised.
        channels_last: whether the tensor is (B, H, W, F) instead of (B, F, H, W).
        never_negative: whether the last activation rules out values below 0.
        filters: number of feature maps; 0 until it is known.
        height: their height, likewise.
        width: their width, likewise.
    """

    name: str
    full_name: str
    kind: str
    tap: str
    node: onnx.NodeProto
    tensor: str
    scale: onnx.NodeProto | None
    channels_last: bool
    never_negative: bool
    filters: int = 0
    height: int = 0
    width: int = 0


def find_taps(graph: Graph) -> tuple[Tap, ...]:
    """Find the tap of every convolution, in the order in which they are computed."""
    nodes = [
        node
        for node in graph.nodes
        # Those of one axis or of three have kernels of other ranks.
        if node.op_type in CONVOLUTIONS and len(graph.shape(kernel_of(node)) or range(4)) == 4
    ]
    shorts = names_of(nodes, graph)
    return tuple(_tap(graph, node, name) for node, name in zip(nodes, shorts, strict=True))


def is_convolution(node: onnx.NodeProto) -> bool:
    """Return whether a node is a convolution of any kind, watched or not."""
    return node.op_type in CONVOLUTIONS or node.op_type in _OTHERS


def out_of_reach(graph: onnx.GraphProto) -> int:
    """Return the number of convolutions inside the bodies of If, Loop and Scan nodes."""
    return sum(
        sum(map(is_convolution, inner.node)) + out_of_reach(inner) for inner in subgraphs(graph)
    )


def _tap(graph: Graph, node: onnx.NodeProto, name: str) -> Tap:
    tensor, last, following = node.output[0], node, node.output[0]
    read, scale = tensor, _scale_of(node)
    # What onnxruntime saves for one processor may have whole numbers of channels last.
    channels_last = last_is_last = bool(attributes(node).get("channels_last", 0))
    while True:
        cut = _next_cut(graph, following)
        if cut is None:
            break
        maker = graph.producer(cut)
        if maker is None:
            break
        following = cut
        if maker.op_type == "Transpose":
            if attributes(maker).get("perm") != (TO_FIRST if channels_last else TO_LAST):
                break
            channels_last = not channels_last
        elif maker.op_type == "QuantizeLinear":
            read, scale, last_is_last = cut, _scale_of(maker), channels_last
        elif maker.op_type not in PASSING:
            read, last, scale, last_is_last = cut, maker, _scale_of(maker), channels_last
    return Tap(
        name=name,
        full_name=node.name or node.output[0],
        kind=kind_of(node, graph.shape(kernel_of(node))),
        tap=last.name or read,
        node=node,
        tensor=read,
        scale=scale,
        channels_last=last_is_last,
        never_negative=_never_negative(graph, last),
    )


def _scale_of(node: onnx.NodeProto) -> onnx.NodeProto | None:
    """Return a node that makes floats of the codes that a node gives; ``None`` if it gives none."""
    first = _SCALES.get(node.op_type)
    if first is None:
        return None
    said = {name: value for name, value in attributes(node).items() if name == "axis"}
    inputs = [node.output[0], *node.input[first : first + 2]]
    domain = node.domain if node.op_type == "QuantizeLinear" else ""
    return helper.make_node("DequantizeLinear", inputs, [""], domain=domain, **said)


def _next_cut(graph: Graph, tensor: str) -> str | None:
    """Return the next tensor through which all that is made of ``tensor`` goes.

    ``None`` if there is none.
    """
    consumers = graph.takers(tensor)
    if not consumers or tensor in graph.outputs:
        return None
    if len(consumers) == 1 and (after := _goes_on(graph, consumers[0], tensor)) is not None:
        return after
    node = next_cut(_Paths(graph), tensor)
    return None if node is None else str(node.output[0])


def _goes_on(graph: Graph, node: onnx.NodeProto, tensor: str) -> str | None:
    """Return what comes behind a node that alone takes a tensor, if it keeps its filters apart.

    ``None`` also for functions of each cell, which are followed with all others.
    """
    kind = node.op_type
    if kind == "Reshape":
        return _behind_groups(graph, node, tensor)
    goes = kind == "Transpose" or (kind in _NORMALISATIONS and node.input[0] == tensor)
    return str(node.output[0]) if goes else None


def _behind_groups(graph: Graph, node: onnx.NodeProto, tensor: str) -> str | None:
    """Return what a normalisation of groups gives, which older opsets have no operator for.

    The filters of a group are put side by side, normalised, and put in order again.
    """
    kinds = ("InstanceNormalization", "Reshape")
    for kind in kinds:
        after = graph.takers(node.output[0])
        if len(after) != 1 or after[0].op_type != kind or node.output[0] in graph.outputs:
            return None
        (node,) = after
    axes = graph.value(node.input[1])
    in_order = _asks_shape(graph, node.input[1], tensor) if axes is None else len(axes) == 4
    return str(node.output[0]) if in_order else None


def _asks_shape(graph: Graph, shape: str, tensor: str) -> bool:
    """Return whether a shape is made of that of ``tensor``."""
    waiting, seen = [shape], set[str]()
    while waiting:
        name = waiting.pop()
        node = graph.producer(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        if node.op_type == "Shape" and node.input[0] == tensor:
            return True
        waiting.extend(taken(node))
    return False


class _Paths:
    """See ``following.Wiring``; values are the names of tensors."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def takers(self, value: str) -> list[onnx.NodeProto]:
        return self._graph.takers(value)

    def place(self, node: onnx.NodeProto) -> int:
        return self._graph.places[id(node)]

    def role(self, node: onnx.NodeProto) -> Role | None:
        kind = node.op_type
        if kind in _SUMS:
            return Role.SUM
        if kind in _PRODUCTS:
            return Role.PRODUCT
        if kind == "Sqrt" or (kind == "Pow" and self._is_root(node)):
            return Role.ROOT
        if kind in _MEANS | _LENGTHS:
            role = Role.MEAN if kind in _MEANS else Role.DEVIATION
            return role if self._keeps_images(node) else None
        if kind in _AXES:
            return Role.AXES
        return Role.CELLS if kind in ELEMENTWISE | PASSING else None

    def taken(self, node: onnx.NodeProto) -> list[str]:
        return [name for name in taken(node) if not self._graph.is_constant(name)]

    def given(self, node: onnx.NodeProto) -> str:
        return str(node.output[0])

    def is_result(self, value: str) -> bool:
        return value in self._graph.outputs

    def _is_root(self, node: onnx.NodeProto) -> bool:
        exponent = self._graph.value(node.input[1])
        return exponent is not None and exponent.size == 1 and abs(float(exponent.item())) == 0.5

    def _keeps_images(self, node: onnx.NodeProto) -> bool:
        """Return whether a reduction does not put images together."""
        if node.op_type == "GlobalAveragePool":
            return True
        axes = self._graph.axes(node) or []
        return bool(axes) and not {0, -4} & set(axes)


def _never_negative(graph: Graph, node: onnx.NodeProto) -> bool:
    if node.op_type == "Clip":
        low = attributes(node).get("min")
        if low is None and len(node.input) > 1 and node.input[1]:
            value = graph.value(node.input[1])
            low = None if value is None else float(value)
        return low is not None and low >= 0
    return node.op_type in _NEVER_NEGATIVE


def kind_of(node: onnx.NodeProto, shape: Sequence[int] | None) -> str:
    """Return what a convolution is called whose kernel has this shape, where it is known."""
    groups = attributes(node).get("group", 1)
    if groups == 1 or shape is None:
        return str(node.op_type)
    depthwise = shape[0] == groups if node.op_type == "ConvTranspose" else shape[1] == 1
    return f"{node.op_type} (depthwise)" if depthwise else str(node.op_type)
