"""A view of an ONNX graph: who makes a tensor, who takes it, and what is constant."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from collector.frameworks.onnx.modelfile import array_of

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from collector.frameworks.onnx.modelfile import Model

_BY_CHANCE = frozenset({
    "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
})  # fmt: skip
_OF_SAME_SHAPE = ("Cast", "DequantizeLinear", "Identity", "QuantizeLinear")
_OF_SHAPE = ("Shape", "Size")
_QUANTISED = ("QuantizeLinear", "QLinearConv", "DynamicQuantizeLinear", "ConvInteger")


class Graph:
    """An ONNX graph, its nodes in an order in which they can be carried out.

    Attributes:
        proto: the graph.
        inputs: the inputs that are no weights.
        places: the place of each node in its order, by the node's ``id``.
    """

    def __init__(self, model: Model) -> None:
        self.proto = proto = model.proto.graph
        self._arrays = model.arrays
        # An object of a protocol buffer is made anew whenever it is asked for.
        self.nodes = list(proto.node)
        self.places = {id(node): place for place, node in enumerate(self.nodes)}
        self._initializers = {one.name: one for one in proto.initializer}
        self.inputs = [one for one in proto.input if one.name not in self._initializers]
        self.outputs = [one.name for one in proto.output]
        self._producers = {name: node for node in self.nodes for name in node.output if name}
        self._consumers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        self._constant = set(self._initializers)
        for node in self.nodes:
            for name in taken(node):
                self._consumers[name].append(node)
            known = all(name in self._constant for name in taken(node))
            if (known and node.op_type not in _BY_CHANCE) or node.op_type in _OF_SHAPE:
                self._constant.update(node.output)
            elif node.op_type == "DynamicQuantizeLinear":
                # Scale and zero are those of all images that go together.
                self._constant.update(node.output[1:])

    @property
    def quantised(self) -> bool:
        """Whether any of it is computed with whole numbers."""
        return any(node.op_type in _QUANTISED for node in self.nodes)

    def producer(self, tensor: str) -> onnx.NodeProto | None:
        """Return the node that makes a tensor; ``None`` for inputs and initializers."""
        return self._producers.get(tensor)

    def consumers(self, tensor: str) -> list[onnx.NodeProto]:
        """Return the nodes that take a tensor, one that takes it twice but once."""
        found = {id(node): node for node in self._consumers[tensor]}
        return list(found.values())

    def takers(self, tensor: str) -> list[onnx.NodeProto]:
        """Return the nodes that take a tensor's values, those that only ask its shape left out."""
        return [node for node in self.consumers(tensor) if node.op_type not in _OF_SHAPE]

    def is_constant(self, tensor: str) -> bool:
        """Return whether a tensor is the same for every image of a size that goes with others."""
        return tensor in self._constant

    def shape(self, tensor: str) -> tuple[int, ...] | None:
        """Return the shape of a weight; ``None`` where it does not stand in the graph."""
        while (node := self.producer(tensor)) is not None and node.op_type in _OF_SAME_SHAPE:
            tensor = node.input[0]
        if tensor in self._initializers:
            return tuple(self._initializers[tensor].dims)
        value = self.value(tensor)
        return None if value is None else value.shape

    def value(self, tensor: str) -> NDArray[Any] | None:
        """Return a constant that is written down in the graph; ``None`` for all others."""
        node = self.producer(tensor)
        if tensor in self._initializers:
            return array_of(self._initializers[tensor], self._arrays)
        if node is not None and node.op_type == "Constant":
            said = attributes(node)
            found = next((said[name] for name in said if name.startswith("value")), None)
            if isinstance(found, TensorProto):
                return np.asarray(numpy_helper.to_array(found))
            return None if found is None else np.asarray(found)
        if node is not None and node.op_type == "Identity":
            return self.value(node.input[0])
        return None

    def axes(self, node: onnx.NodeProto) -> list[int] | None:
        """Return the axes of a reduction; ``None`` where they are all, or not written down."""
        given = attributes(node).get("axes")
        if given is None and len(node.input) > 1 and node.input[1]:
            value = self.value(node.input[1])
            given = None if value is None else value.reshape(-1).tolist()
        return None if given is None else [int(axis) for axis in given]

    def origin(self, tensor: str) -> str:
        """Return the initializer that a constant is made of first of all, or the tensor itself."""
        while (node := self.producer(tensor)) is not None and node.input:
            tensor = node.input[0]
        return tensor


def taken(node: onnx.NodeProto) -> list[str]:
    """Return the tensors that a node takes, those that its inner graphs use included."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        inner_graphs = [attribute.g] if attribute.HasField("g") else list(attribute.graphs)
        for inner in inner_graphs:
            own = {one.name for one in (*inner.input, *inner.initializer)}
            for one in inner.node:
                names.extend(name for name in taken(one) if name not in own)
                own.update(one.output)
            names.extend(one.name for one in inner.output if one.name not in own)
    return names


def kernel_of(node: onnx.NodeProto) -> str:
    """Return the tensor that is a convolution's kernel."""
    return str(node.input[3 if node.op_type == "QLinearConv" else 1])


def bias_of(node: onnx.NodeProto) -> str | None:
    """Return the tensor that is a convolution's bias; ``None`` where it has none."""
    if node.op_type == "ConvInteger":
        return None
    place = 8 if node.op_type == "QLinearConv" else 2
    return (node.input[place] or None) if len(node.input) > place else None


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes as Python values."""
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}
