"""What onnxruntime puts together where it saves an optimised model, taken apart again.

A ``FusedConv`` is a convolution, what is added to it and its activation in one operator. The value
between convolution and sum, which is the last that belongs to the convolution alone, does not exist
in such a graph. Written out the graph says the same, and onnxruntime fuses it anew when it runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

_FUSED = "FusedConv"
_PARAMETERS = {"LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "Clip": ("min", "max")}
_CLIPS_BY_INPUTS = 11
"""The opset from which on the ends of ``Clip`` are inputs."""


def unfuse(graph: onnx.GraphProto, opset: int) -> None:
    """Write the fused convolutions of a graph out, in place."""
    if not any(node.op_type == _FUSED for node in graph.node):
        return
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        nodes += _parts(graph, node, opset) if node.op_type == _FUSED else [node]
    del graph.node[:]
    graph.node.extend(nodes)


def _parts(graph: onnx.GraphProto, node: onnx.NodeProto, opset: int) -> Iterator[onnx.NodeProto]:
    said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    activation = said.pop("activation", b"").decode()
    numbers = said.pop("activation_params", [])
    tensor, inputs = node.output[0], [str(name) for name in node.input]
    *taken, added = inputs + [""] * (4 - len(inputs))
    behind = [*(["Add"] if added else []), *([activation] if activation else [])]
    names = [*(f"{tensor}.{kind}" for kind in ["Conv", *behind][:-1]), tensor]
    yield helper.make_node("Conv", taken, names[:1], name=node.name, **said)
    for kind, before, after in zip(behind, names, names[1:], strict=False):
        inputs, options = [before], dict[str, Any]()
        if kind == "Add":
            inputs.append(added)
        elif kind == "Clip" and opset >= _CLIPS_BY_INPUTS:
            for end, number in zip(_PARAMETERS[kind], numbers, strict=False):
                inputs.append(f"{tensor}.{end}")
                graph.initializer.append(
                    numpy_helper.from_array(np.asarray(number, np.float32), inputs[-1])
                )
        else:
            options = dict(zip(_PARAMETERS.get(kind, ()), numbers, strict=False))
        name = f"{node.name}.{kind}" if node.name else ""
        yield helper.make_node(kind, inputs, [after], name=name, **options)
