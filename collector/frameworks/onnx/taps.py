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

from collector.frameworks.onnx.graph import attributes, taken
from collector.frameworks.onnx.modelfile import subgraphs
from collector.frameworks.onnx.names import names_of

if TYPE_CHECKING:
    import onnx

    from collector.frameworks.onnx.graph import Graph

CONVOLUTIONS = ("Conv", "ConvTranspose")
_NORMALISATIONS = frozenset({
    "BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization",
    "LpNormalization",
})  # fmt: skip
ELEMENTWISE = frozenset({
    "Abs", "Add", "Celu", "Clip", "Div", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish",
    "LeakyRelu", "Log", "Max", "Min", "Mish", "Mul", "Neg", "PRelu", "Pow", "QuickGelu",
    "Reciprocal", "Relu", "Selu", "Shrink", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub",
    "Swish", "Tanh", "ThresholdedRelu",
})  # fmt: skip
PASSING = frozenset({"Cast", "Dropout", "Identity"})
_NEVER_NEGATIVE = frozenset({"HardSigmoid", "Relu", "Sigmoid", "Softplus"})
_TO_LAST, _TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


@dataclass(frozen=True, slots=True, eq=False)
class Tap:
    """One convolution and the tensor that is read for it.

    Attributes:
        name: what a person called the convolution, unique among the taps.
        full_name: what the exporter called it.
        kind: ``Conv`` or ``ConvTranspose``, a depthwise one said so.
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
        if node.op_type in CONVOLUTIONS and len(graph.shape(node.input[1]) or range(4)) == 4
    ]
    shorts = names_of(nodes, graph)
    return tuple(_tap(graph, node, name) for node, name in zip(nodes, shorts, strict=True))


def out_of_reach(graph: onnx.GraphProto) -> int:
    """Return the number of convolutions inside the bodies of If, Loop and Scan nodes."""
    return sum(
        sum(node.op_type in CONVOLUTIONS for node in inner.node) + out_of_reach(inner)
        for inner in subgraphs(graph)
    )


def _tap(graph: Graph, node: onnx.NodeProto, name: str) -> Tap:
    tensor, last, following = node.output[0], node, node.output[0]
    read, scale = tensor, None
    channels_last = last_is_last = False
    while True:
        cut = _next_cut(graph, following)
        if cut is None:
            break
        maker = graph.producer(cut)
        if maker is None:
            break
        following = cut
        if maker.op_type == "Transpose":
            if attributes(maker).get("perm") != (_TO_FIRST if channels_last else _TO_LAST):
                break
            channels_last = not channels_last
        elif maker.op_type == "QuantizeLinear":
            (scale, *_) = graph.consumers(cut)
            read, last_is_last = cut, channels_last
            following = scale.output[0]
            if len(graph.consumers(cut)) > 1 or following in graph.outputs:
                break
        elif maker.op_type not in PASSING:
            read, last, scale, last_is_last = cut, maker, None, channels_last
    return Tap(
        name=name,
        full_name=node.name or node.output[0],
        kind=f"{node.op_type} (depthwise)" if _is_depthwise(graph, node) else node.op_type,
        tap=last.name or read,
        node=node,
        tensor=read,
        scale=scale,
        channels_last=last_is_last,
        never_negative=_never_negative(graph, last),
    )


def _next_cut(graph: Graph, tensor: str) -> str | None:
    """Return the next tensor through which all that is made of ``tensor`` goes.

    ``None`` if there is none.

    What lies between are elementwise functions of ``tensor`` alone, or one normalisation.
    """
    consumers = graph.consumers(tensor)
    if not consumers or tensor in graph.outputs:
        return None
    if len(consumers) == 1 and _goes_on(graph, consumers[0], tensor):
        return str(consumers[0].output[0])
    # Tensors made of it that still have nodes to go to, each with how many.
    waiting = {tensor: len(consumers)}
    made, open_nodes, done = {tensor}, {id(node): node for node in consumers}, set[int]()
    while open_nodes:
        node = min(open_nodes.values(), key=lambda one: graph.places[id(one)])
        del open_nodes[id(node)]
        done.add(id(node))
        if not _is_elementwise(graph, node, made):
            return None
        for name in {name for name in taken(node) if name in waiting}:
            waiting[name] -= 1
            if not waiting[name]:
                del waiting[name]
        output = str(node.output[0])
        if output in graph.outputs and (open_nodes or waiting):
            return None
        if not open_nodes and not waiting:
            return output
        followers = graph.consumers(output)
        if not followers:
            continue
        made.add(output)
        waiting[output] = len(followers)
        open_nodes.update({id(one): one for one in followers if id(one) not in done})
    return None


def _goes_on(graph: Graph, node: onnx.NodeProto, tensor: str) -> bool:
    """Return whether a node that alone takes a tensor keeps its filters apart."""
    kind = node.op_type
    if kind in _NORMALISATIONS:
        return bool(node.input[0] == tensor)
    if kind == "Transpose":
        return True
    if kind == "QuantizeLinear":
        after = graph.consumers(node.output[0])
        return bool(after) and all(one.op_type == "DequantizeLinear" for one in after)
    return kind in PASSING or _is_elementwise(graph, node, {tensor})


def _is_elementwise(graph: Graph, node: onnx.NodeProto, made: set[str]) -> bool:
    if node.op_type not in ELEMENTWISE and node.op_type not in PASSING:
        return False
    return all(name in made or graph.is_constant(name) for name in taken(node))


def _never_negative(graph: Graph, node: onnx.NodeProto) -> bool:
    if node.op_type == "Clip":
        low = attributes(node).get("min")
        if low is None and len(node.input) > 1 and node.input[1]:
            value = graph.value(node.input[1])
            low = None if value is None else float(value)
        return low is not None and low >= 0
    return node.op_type in _NEVER_NEGATIVE


def _is_depthwise(graph: Graph, node: onnx.NodeProto) -> bool:
    groups = attributes(node).get("group", 1)
    shape = graph.shape(node.input[1])
    if groups == 1 or shape is None:
        return False
    return shape[1 if node.op_type == "Conv" else 0] == (1 if node.op_type == "Conv" else groups)
