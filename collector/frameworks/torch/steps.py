"""An exported module as steps: what the page is told of how its layers hang together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import torch

from collector.frameworks.shapes import TO_FIRST, TO_LAST
from collector.frameworks.steps import Step, details, whole, windowed
from collector.frameworks.torch.taps import (
    CONVOLUTIONS,
    ELEMENTWISE,
    PASSING,
    argument,
    is_constant,
    is_transposed,
    operation,
)

if TYPE_CHECKING:
    from torch.fx import Node

    from collector.frameworks.steps import Details, Moves
    from collector.frameworks.torch.exported import Exported

_NAMES: Final = {
    "add": "Add", "cat": "Concatenate", "mul": "Multiply", "sub": "Subtract", "div": "Divide",
    "maximum": "Maximum", "minimum": "Minimum",
}  # fmt: skip
"""What Keras calls the operations in which branches merge."""
_CELL_BY_CELL: Final = (
    ELEMENTWISE
    | PASSING
    | {
        *("_native_batch_norm_legit_no_training", "batch_norm", "cudnn_batch_norm"),
        *("native_batch_norm", "cat"),
    }
)
_POOLING: Final = ("avg_pool2d", "max_pool2d", "max_pool2d_with_indices")
_WHOLE: Final = frozenset({
    "_adaptive_avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "group_norm",
    "instance_norm", "native_group_norm",
})  # fmt: skip
_OVER_AXES: Final = ("amax", "mean", "sum")


def details_of(way: Exported) -> Details:
    """Return ``steps.details`` of an exported module."""
    nodes = list(way.program.graph.nodes)
    images = [one for one in nodes if one.op == "placeholder" and not is_constant(one)]
    costs = {place.convolution: _cost(place.convolution) for place in way.places}
    steps = [
        Step(
            kind=_NAMES.get(operation(node), operation(node)),
            inputs=list(node.all_input_nodes),
            outputs=[node],
            moves=_moves(node),
            cost=costs.get(node),
        )
        for node in nodes
        if node.op == "call_function"
    ]
    return details(steps, images[0], [place.last for place in way.places])


def _shape(node: Any) -> tuple[int, ...]:
    """Return the shape of a node's value, of the first where it has several."""
    value = node.meta.get("val") if isinstance(node, torch.fx.Node) else None
    if isinstance(value, tuple | list) and value:
        value = value[0]
    return tuple(map(int, value.shape)) if isinstance(value, torch.Tensor) else ()


def _moves(node: Node) -> Any:
    name = operation(node)
    if name in _CELL_BY_CELL or not name or _is_over_channels(node):
        # What has no operation takes one of several results.
        return "cell by cell"
    if name == "permute":
        # Channels put last or first, and nothing else.
        return "cell by cell" if list(argument(node, "dims", [])) in (TO_LAST, TO_FIRST) else None
    if name in (*_WHOLE, *_OVER_AXES) or len(_shape(node)) != 4:
        return whole
    if name in (*CONVOLUTIONS, *_POOLING):
        return _windowed(node)
    sized = _padded if name in ("pad", "constant_pad_nd") else _enlarged
    return sized(node) if sized is _padded or name.startswith("upsample_") else None


def _is_over_channels(node: Node) -> bool:
    """Return whether a node puts a place's channels together, and no places."""
    before = _shape(node.args[0])[2:] if node.args else ()
    return operation(node) in _OVER_AXES and _shape(node)[2:] == before != ()


def _pair(value: Any) -> list[int]:
    """Return a number for height and width each, as operations take one for both."""
    values = [value] if isinstance(value, int) else list(value)
    return [int(one) for one in (values * 2 if len(values) == 1 else values)]


def _windowed(node: Node) -> Moves | None:
    name = operation(node)
    pooling = name in _POOLING
    kernel = _pair(argument(node, "kernel_size", 1)) if pooling else _shape(node.args[1])[2:]
    strides = _pair(argument(node, "stride", []) or (kernel if pooling else 1))
    dilations = _pair(argument(node, "dilation", 1))
    padding = argument(node, "padding", 0)
    if padding == "same":
        pads = [dilations[i] * (kernel[i] - 1) // 2 for i in range(2)]
    else:
        pads = [0, 0] if padding == "valid" else _pair(padding)
    return windowed(kernel, strides, dilations, pads, transposed=is_transposed(node))


def _padded(node: Node) -> Moves | None:
    # From the last axis on, before and after: left, right, above, below.
    pads = list(argument(node, "pad", []))
    if len(pads) not in (2, 4):
        return None
    left, above = int(pads[0]), int(pads[2]) if len(pads) == 4 else 0
    return lambda seen: (seen[0].padded(above), seen[1].padded(left))


def _enlarged(node: Node) -> Moves | None:
    before, after = _shape(node.args[0])[2:], _shape(node)[2:]
    factors = [b // a for a, b in zip(before, after, strict=True)]
    if [a * f for a, f in zip(before, factors, strict=True)] != list(after):
        return None
    beside = 0 if "nearest" in operation(node) else 1
    return lambda seen: (
        seen[0].enlarged(factors[0], beside),
        seen[1].enlarged(factors[1], beside),
    )


def _cost(node: Node) -> tuple[int, int]:
    """Parameters and multiply-adds an image of a call of a convolution."""
    weights = math.prod(_shape(node.args[1]))
    bias = math.prod(_shape(argument(node, "bias", None)) or (0,))
    # A transposed convolution multiplies each place of its input, any other each of its output.
    places = _shape(node.args[0] if is_transposed(node) else node)[2:]
    return weights + bias, math.prod(places) * weights
