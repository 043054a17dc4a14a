"""Which values of an exported module are worth watching: every convolution, after its activation.

The rule is that of Keras models: from each convolution the only path is followed through
normalisation and activation, up to a merge, a branch or the module's output. An activation that is
written out, like ``x * torch.sigmoid(x)``, counts: between a convolution and the next value through
which everything goes, any elementwise functions of its output alone.
"""

from __future__ import annotations

import operator
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.fx import Graph, Node

CONVOLUTIONS: Final = frozenset({"conv2d", "convolution", "conv_transpose2d"})
_NORMALISATIONS = frozenset({
    "_native_batch_norm_legit_no_training", "batch_norm", "cudnn_batch_norm", "group_norm",
    "instance_norm", "layer_norm", "native_batch_norm", "native_group_norm", "native_layer_norm",
    "rms_norm",
})  # fmt: skip
ELEMENTWISE = frozenset({
    "abs", "add", "celu", "clamp", "clamp_max", "clamp_min", "div", "elu", "erf", "exp", "expm1",
    "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log", "log1p",
    "log_sigmoid", "maximum", "minimum", "mish", "mul", "neg", "pow", "prelu", "reciprocal",
    "relu", "relu6", "rrelu", "rsqrt", "rsub", "selu", "sigmoid", "silu", "softplus", "softshrink",
    "softsign", "sqrt", "square", "sub", "tanh", "threshold", "where",
})  # fmt: skip
PASSING = frozenset({
    "_to_copy", "alias", "clone", "contiguous", "detach", "dropout", "feature_dropout", "to",
})  # fmt: skip
_NEVER_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softplus"})
_TO_LAST, _TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


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
    graph: Graph, leaves: frozenset[str], weights: dict[Node, str]
) -> list[StoreAddress]:
    """Find the tap of every convolution, in the order in which they are computed.

    Args:
        graph: of an exported program, made functional.
        leaves: paths of modules that hold no others.
        weights: paths of the parameters by the nodes that bring them in.
    """
    order = {node: index for index, node in enumerate(graph.nodes)}
    calls = [
        node
        for node in graph.nodes
        if operation(node) in CONVOLUTIONS and len(node.meta["val"].shape) == 4
    ]
    ends = _ends(graph)
    turns = Counter[str]()
    places = []
    for node in calls:
        path = _path(node, weights)
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
        )
        places.append(StoreAddress(tap, node, last))
    return places


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


def _path(node: Node, weights: dict[Node, str]) -> str:
    """Return what a person called the convolution: its module, or else where its weights are."""
    path, kind = _innermost(node)
    if "Conv" in kind and path:
        return path
    weight = node.args[1]
    known = weights.get(weight) if isinstance(weight, torch.fx.Node) else None
    if known is not None:
        return plain_path(known).removesuffix(".weight")
    return f"{path}.{operation(node)}".lstrip(".")


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
            if list(cut.args[1]) != (_TO_FIRST if channels_last else _TO_LAST):
                break
            channels_last = not channels_last
        elif name not in PASSING:
            last, last_is_last = cut, channels_last
        following = cut
    return last, last_is_last


def _next_cut(node: Node, order: dict[Node, int]) -> Node | None:
    """Return the next node through which all that is made of ``node`` goes.

    ``None`` if there is none.

    What lies between are elementwise functions of ``node`` alone, or one normalisation.
    """
    users = list(node.users)
    if len(users) == 1 and (one := _goes_on(users[0], node)) is not None:
        return one
    made, waiting = {node}, set(users)
    while waiting:
        first = min(waiting, key=order.__getitem__)
        waiting.discard(first)
        if operation(first) not in ELEMENTWISE | PASSING or _shape(first) != _shape(node):
            return None
        if not all(one in made or _is_constant(one) for one in first.all_input_nodes):
            return None
        made.add(first)
        waiting.update(first.users)
        # Everything that is made so far has gone into the one node.
        if not waiting - set(first.users) and _all_gone(made - {first}, made):
            return first
    return None


def _all_gone(nodes: set[Node], into: set[Node]) -> bool:
    return all(user in into for node in nodes for user in node.users)


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
    taken = [one for one in user.users if one.target is operator.getitem]
    return taken[0] if len(taken) == 1 and taken[0].args[1] == 0 else None


def _shape(node: Node) -> Sequence[Any] | None:
    values = node.meta.get("val")
    return list(values.shape) if isinstance(values, torch.Tensor) else None


def _is_constant(node: Node) -> bool:
    """Return whether it is a weight, or made of weights alone: the images have no part in it."""
    if node.op == "placeholder":
        return bool(node.meta.get("reactcnn_weight"))
    return all(map(_is_constant, node.all_input_nodes))


def _never_negative(node: Node) -> bool:
    name = operation(node)
    if name in ("hardtanh", "clamp", "clamp_min"):
        least = argument(node, "min" if name != "hardtanh" else "min_val", -1)
        return isinstance(least, int | float) and least >= 0
    return name in _NEVER_NEGATIVE
