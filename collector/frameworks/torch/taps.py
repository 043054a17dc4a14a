"""Which values of an exported module are worth watching: every convolution, after its activation.

The rule is that of Keras models: from each convolution the only path is followed through
normalisation and activation, up to a merge, a branch or the module's output. What is written out,
like ``x * torch.sigmoid(x)``, counts as far as :mod:`collector.frameworks.following` follows it.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from collector.frameworks.following import Role, next_cut
from collector.frameworks.shapes import TO_FIRST, TO_LAST

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from torch.fx import Graph, Node

CONVOLUTIONS: Final = frozenset({"conv2d", "convolution", "conv_transpose2d"})
_ALL = CONVOLUTIONS | {"conv1d", "conv3d", "conv_transpose1d", "conv_transpose3d"}
_NORMALISATIONS = frozenset({
    "_native_batch_norm_legit_no_training", "batch_norm", "cudnn_batch_norm", "group_norm",
    "instance_norm", "layer_norm", "native_batch_norm", "native_group_norm", "native_layer_norm",
    "rms_norm",
})  # fmt: skip
_SUMS, _PRODUCTS = frozenset({"add", "rsub", "sub"}), frozenset({"div", "mul"})
_MEANS = frozenset({"mean", "sum", "var"})
_LENGTHS = frozenset({"linalg_vector_norm", "norm", "std"})
_AXES = frozenset({"expand", "reshape", "squeeze", "unsqueeze", "view"})
ELEMENTWISE = _SUMS | _PRODUCTS | {
    "_prelu_kernel", "abs", "addcmul", "asinh", "atan", "bitwise_and", "bitwise_not", "bitwise_or",
    "ceil", "celu", "clamp", "clamp_max", "clamp_min", "cos", "elu", "eq", "erf", "erfc", "exp",
    "exp2", "expm1", "fake_quantize_per_channel_affine", "fake_quantize_per_tensor_affine", "floor",
    "ge", "gelu", "gt", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "heaviside", "le",
    "leaky_relu", "lerp", "log", "log1p", "log2", "log_sigmoid", "logical_and", "logical_not",
    "logical_or", "lt", "masked_fill", "maximum", "minimum", "mish", "nan_to_num", "ne", "neg",
    "pow", "prelu", "reciprocal", "relu", "relu6", "round", "rrelu", "rsqrt", "selu", "sigmoid",
    "sign", "silu", "sin", "softplus", "softshrink", "softsign", "sqrt", "square", "tanh",
    "threshold", "trunc", "where",
}  # fmt: skip
PASSING = frozenset({
    "_to_copy", "alias", "clone", "contiguous", "detach", "dropout", "feature_dropout", "to",
})  # fmt: skip
_OF_SHAPE = frozenset(
    {"empty_like", "full_like", "ones_like", "sym_numel", "sym_size", "zeros_like"}
)
"""What asks no values of what it takes."""
_NEVER_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softplus"})
_CONSTANT = "reactcnn_constant"


@dataclass(frozen=True, slots=True)
class Tap:
    """One call of a convolution and the value that is read for it.

    Attributes:
        name: path of the convolution in the module, unique among the taps: with the number of the
            call behind it (``conv#2``) where it is called several times.
        path: the path alone.
        kind: class of the convolution's module, or the function's name; a depthwise one said so.
        tap: path of the module whose output is read, or of the module that calls the function,
            and the function's name (``layer1.0/relu``).
        filters: number of feature maps.
        height: their height.
        width: their width.
        channels_last: whether the value is (B, H, W, F) instead of (B, F, H, W).
        never_negative: whether the last activation rules out values below 0.
        leaf: path of the module whose output the value is, where that is called once.
        transposed: whether it is a transposed convolution.
    """

    name: str
    path: str
    kind: str
    tap: str
    filters: int
    height: int
    width: int
    channels_last: bool
    never_negative: bool
    leaf: str | None
    transposed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class StoreAddress:
    """Where in the graph a tap is.

    Attributes:
        tap: what is watched.
        convolution: the node that calls the convolution.
        last: the node whose value is read.
    """

    tap: Tap
    convolution: Node
    last: Node


def operation(node: Node) -> str:
    """Name of the operation behind a node (``conv2d``); empty for what is no operation."""
    target = node.target
    if isinstance(target, torch._ops.OpOverload):
        return str(target._schema.name).partition("::")[2]
    return ""


def find_places(
    graph: Graph, leaves: frozenset[str], weights: dict[Node, str], images: Node
) -> list[StoreAddress]:
    """Find the tap of every convolution, in the order in which they are computed.

    Args:
        graph: of an exported program, made functional.
        leaves: paths of modules that hold no others.
        weights: paths of the parameters by the nodes that bring them in.
        images: the node that brings the images in.
    """
    order = {node: index for index, node in enumerate(graph.nodes)}
    calls = [node for node in graph.nodes if _is_watched(node, images)]
    ends = _ends(graph)
    turns = Counter[str]()
    places = []
    for node, path in zip(calls, _paths(calls, weights), strict=True):
        turns[path] += 1
        last, channels_last = _last(node, order)
        filters, height, width = _axes(last, channels_last=channels_last)
        (inner, _) = _innermost(last)
        leaf = inner in leaves
        tap = Tap(
            name=path if turns[path] == 1 else f"{path}#{turns[path]}",
            path=path,
            kind=_kind(node),
            tap=inner if leaf else f"{inner}/{operation(last) or 'output'}".lstrip("/"),
            filters=filters,
            height=height,
            width=width,
            channels_last=channels_last,
            never_negative=_never_negative(last),
            leaf=inner if leaf and ends.get(inner) == [last] else None,
            transposed=is_transposed(node),
        )
        places.append(StoreAddress(tap, node, last))
    return places


def unwatched(graph: Graph, places: Sequence[StoreAddress]) -> int:
    """Return the number of calls of convolutions that are none of ``places``."""
    return sum(operation(node) in _ALL for node in graph.nodes) - len(places)


def _is_watched(node: Node, images: Node) -> bool:
    """Return whether it is a convolution over height and width, image by image."""
    if operation(node) not in CONVOLUTIONS:
        return False
    shape = node.meta["val"].shape
    # Numbers of images are symbols; to compare them as numbers would narrow what they stand for.
    return len(shape) == 4 and str(shape[0]) == str(images.meta["val"].shape[0])


def _innermost(node: Node) -> tuple[str, str]:
    """Path and class name of the module that calls a node's operation."""
    stack = node.meta.get("nn_module_stack") or {"": ("", "")}
    path, kind = list(stack.values())[-1]
    name = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    return plain_path(path), name.rpartition(".")[2]


def plain_path(path: str) -> str:
    """Return a module's path without what compilation puts in between."""
    return ".".join(part for part in path.split(".") if part != "_orig_mod")


def _ends(graph: Graph) -> dict[str, list[Node]]:
    """Return the last nodes of each module's calls, by its path."""
    by_call: dict[tuple[str, str], Node] = {}
    for node in graph.nodes:
        stack = node.meta.get("nn_module_stack") or {}
        if node.op == "call_function" and stack:
            key, (path, _) = list(stack.items())[-1]
            by_call[plain_path(path), key] = node
    ends: dict[str, list[Node]] = {}
    for (path, _), node in by_call.items():
        ends.setdefault(path, []).append(node)
    return ends


def _paths(calls: Sequence[Node], weights: Mapping[Node, str]) -> list[str]:
    """Return what a person called each convolution: its module, or else where its kernel is.

    A module of several kernels does not tell them apart.
    """
    plain = [_path(node) or _path_of_kernel(node, weights) or operation(node) for node in calls]
    kernels: dict[str, set[Any]] = {}
    for path, node in zip(plain, calls, strict=True):
        kernels.setdefault(path, set()).add(node.args[1])
    return [
        path if len(kernels[path]) == 1 else _path_of_kernel(node, weights) or path
        for path, node in zip(plain, calls, strict=True)
    ]


def _path(node: Node) -> str:
    path, kind = _innermost(node)
    return path if "Conv" in kind else ""


def _path_of_kernel(node: Node, weights: Mapping[Node, str]) -> str:
    """Return where the parameter is that a kernel is, or is made of first of all."""
    kernel = node.args[1]
    while isinstance(kernel, torch.fx.Node) and kernel not in weights and kernel.all_input_nodes:
        kernel = kernel.all_input_nodes[0]
    known = weights.get(kernel, "") if isinstance(kernel, torch.fx.Node) else ""
    return plain_path(known.partition(".parametrizations.")[0]).removesuffix(".weight")


def _kind(node: Node) -> str:
    _, kind = _innermost(node)
    name = kind if "Conv" in kind else operation(node)
    groups = argument(node, "groups", 1)
    inputs = node.args[0].meta["val"].shape[1] if isinstance(node.args[0], torch.fx.Node) else 0
    return f"{name} (depthwise)" if groups > 1 and groups == inputs else name


def argument(node: Node, name: str, default: Any) -> Any:
    """Return an argument of an operation, by position or by name."""
    assert isinstance(node.target, torch._ops.OpOverload)
    for index, one in enumerate(node.target._schema.arguments):
        if one.name == name:
            return node.args[index] if index < len(node.args) else node.kwargs.get(name, default)
    return default


def is_transposed(node: Node) -> bool:
    """Return whether a convolution is a transposed one."""
    return operation(node) == "conv_transpose2d" or bool(argument(node, "transposed", False))


def _axes(node: Node, *, channels_last: bool) -> tuple[int, int, int]:
    _, *axes = node.meta["val"].shape
    filters, height, width = (axes[2], axes[0], axes[1]) if channels_last else axes
    return int(filters), int(height), int(width)


def _last(node: Node, order: dict[Node, int]) -> tuple[Node, bool]:
    """Return the last node of a convolution's path, and whether its channels come last."""
    last = following = node
    channels_last = last_is_last = False
    while (cut := _next_cut(following, order)) is not None:
        name = operation(cut)
        if name == "permute":
            if list(cut.args[1]) != (TO_FIRST if channels_last else TO_LAST):
                break
            channels_last = not channels_last
        elif name not in PASSING:
            last, last_is_last = cut, channels_last
        following = cut
    return last, last_is_last


def _next_cut(node: Node, order: dict[Node, int]) -> Node | None:
    """Return the next node through which all that is made of ``node`` goes.

    ``None`` if there is none.
    """
    users = _takers(node)
    if len(users) == 1 and (one := _goes_on(users[0], node)) is not None:
        return one
    return next_cut(_Paths(order), node)


def _takers(node: Node) -> list[Node]:
    return [one for one in node.users if operation(one) not in _OF_SHAPE]


class _Paths:
    """See ``following.Wiring``; a node stands for what it gives, too."""

    def __init__(self, order: dict[Node, int]) -> None:
        self._order = order

    def takers(self, value: Node) -> list[Node]:
        return _takers(value)

    def place(self, node: Node) -> int:
        return self._order[node]

    def role(self, node: Node) -> Role | None:
        name = operation(node)
        if name in _MEANS | _LENGTHS:
            role = Role.MEAN if name in _MEANS else Role.DEVIATION
            return role if _keeps_images(node) else None
        if name in _AXES or (name == "slice" and _is_whole(node)):
            return Role.AXES
        if name not in ELEMENTWISE | PASSING or _shape(node) not in map(_shape, self.taken(node)):
            return None
        if name in _SUMS:
            return Role.SUM
        if name in _PRODUCTS:
            return Role.PRODUCT
        root = name in ("rsqrt", "sqrt") or (name == "pow" and node.args[1] in (0.5, -0.5))
        return Role.ROOT if root else Role.CELLS

    def taken(self, node: Node) -> list[Node]:
        return [one for one in node.all_input_nodes if not is_constant(one)]

    def given(self, node: Node) -> Node:
        return node

    def is_result(self, value: Node) -> bool:
        return any(one.op == "output" for one in value.users)


def _is_whole(node: Node) -> bool:
    """Return whether a slice leaves nothing out."""
    return [*map(str, _shape(node) or ())] == [*map(str, _shape(node.all_input_nodes[0]) or ())]


def _keeps_images(node: Node) -> bool:
    """Return whether a reduction does not put images together."""
    dims = argument(node, "dim", None)
    axes = [dims] if isinstance(dims, int) else dims
    before = _shape(node.args[0]) if isinstance(node.args[0], torch.fx.Node) else None
    return bool(axes and before) and not {0, -len(before or ())} & set(axes)


def _goes_on(user: Node, node: Node) -> Node | None:
    """Return the node after ``node`` where that is one normalisation or a change of axes."""
    name = operation(user)
    if name == "permute":
        return user
    if name not in _NORMALISATIONS or user.args[0] is not node:
        return None
    values = user.meta.get("val")
    if isinstance(values, torch.Tensor):
        return user if values.shape == node.meta["val"].shape else None
    # A normalisation that also gives mean and deviation.
    taken = [one for one in user.users if one.target is operator.getitem and one.users]
    return taken[0] if len(taken) == 1 and taken[0].args[1] == 0 else None


def _shape(node: Node) -> Sequence[Any] | None:
    values = node.meta.get("val")
    return list(values.shape) if isinstance(values, torch.Tensor) else None


def is_constant(node: Node) -> bool:
    """Return whether it is made of weights and shapes alone: the images have no part in it."""
    return bool(node.meta.get(_CONSTANT))


def mark_constants(graph: Graph, weights: Collection[Node]) -> None:
    """Note which nodes :func:`is_constant` of, those that bring weights in among them."""
    for node in graph.nodes:
        made = node.op != "placeholder" and all(map(is_constant, node.all_input_nodes))
        if node in weights or made or operation(node) in _OF_SHAPE:
            node.meta[_CONSTANT] = True


def _never_negative(node: Node) -> bool:
    name = operation(node)
    if name in ("hardtanh", "clamp", "clamp_min"):
        least = argument(node, "min" if name != "hardtanh" else "min_val", -1)
        return isinstance(least, int | float) and least >= 0
    return name in _NEVER_NEGATIVE
