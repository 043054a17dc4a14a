"""The kernels of an ONNX graph's convolutions, as floats, however they stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from collector.frameworks.onnx.capture import portions
from collector.frameworks.onnx.graph import kernel_of
from collector.frameworks.onnx.session import carry_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx
    from numpy.typing import NDArray

    from collector.frameworks.onnx.appended import Feeding
    from collector.frameworks.onnx.graph import Graph
    from collector.frameworks.onnx.taps import Tap


def computed_kernels(
    graph: Graph, plain: Any, taps: Sequence[Tap], computed: Sequence[str], feeding: Feeding
) -> list[NDArray[Any] | None]:
    """Return the weights of each convolution, those that the graph computes of others included."""
    constant = [name for name in computed if graph.is_constant(name)]
    black = np.zeros((1, *feeding.shape))
    values: dict[str, NDArray[Any]] = {}
    if constant:
        dtype = helper.tensor_dtype_to_np_dtype(feeding.element)
        images = black.transpose(0, 3, 1, 2) if feeding.channels_first else black
        (part,) = portions(images.astype(dtype), feeding.batch)
        found = carry_out(plain, constant, {feeding.name: part})
        values = dict(zip(constant, found, strict=True))
    return [_floats(graph, tap.node, values) for tap in taps]


def _floats(
    graph: Graph, node: onnx.NodeProto, values: Mapping[str, NDArray[Any]]
) -> NDArray[Any] | None:
    """Return the kernel of a convolution, its codes as the floats that they stand for."""
    name = kernel_of(node)
    written = graph.value(name)
    kernel = values.get(name) if written is None else written
    if kernel is None or node.op_type not in ("ConvInteger", "QLinearConv"):
        return kernel
    if node.op_type == "ConvInteger":
        scale = _scale_behind(graph, node)
        of_kernel = node.input[3] if len(node.input) > 3 else ""
        zero = graph.value(of_kernel) if of_kernel else np.zeros(1)
    else:
        scale, zero = (graph.value(one) for one in node.input[4:6])
    if scale is None or zero is None:
        return None
    each = (-1, 1, 1, 1)
    floats: NDArray[Any] = (kernel - zero.astype(np.float32).reshape(each)) * scale.reshape(each)
    return floats


def _scale_behind(graph: Graph, node: onnx.NodeProto) -> NDArray[Any] | None:
    """Return the scale of a kernel by which what a convolution gives is multiplied.

    Together with the scale of what the convolution takes, which is not known.
    """
    following, given = node, ""
    for kind in ("Cast", "Mul"):
        given, after = following.output[0], graph.takers(following.output[0])
        if len(after) != 1 or after[0].op_type != kind:
            return None
        (following,) = after
    makers = [graph.producer(one) for one in following.input if one != given]
    both = [one for maker in makers if maker is not None for one in maker.input]
    known = [value for one in both if (value := graph.value(one)) is not None]
    return known[0] if len(known) == 1 else None
