"""A Keras model's graph as far as paths through it go, see ``following``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import keras

from collector.frameworks.following import Role
from collector.frameworks.keras.activations import ACTIVATION_OPERATIONS, is_activation, is_function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.frameworks.keras.flatten import Call, FlatGraph

_L = keras.layers
_LAYERS: Final = {
    _L.Add: Role.SUM,
    _L.Average: Role.SUM,
    _L.Subtract: Role.SUM,
    _L.Multiply: Role.PRODUCT,
    _L.Maximum: Role.CELLS,
    _L.Minimum: Role.CELLS,
}
_FUNCTIONS: Final = {
    **dict.fromkeys(("Add", "Subtract"), Role.SUM),
    **dict.fromkeys(("Divide", "DivideNoNan", "Multiply", "TrueDivide"), Role.PRODUCT),
    **dict.fromkeys(("Rsqrt", "Sqrt"), Role.ROOT),
    **dict.fromkeys(("Mean", "Sum", "Var"), Role.MEAN),
    **dict.fromkeys(("Norm", "Std"), Role.DEVIATION),
    **dict.fromkeys(("ExpandDims", "Reshape", "Squeeze"), Role.AXES),
    **dict.fromkeys(
        ACTIVATION_OPERATIONS
        | {
            *("Absolute", "Abs", "Arctan", "Cast", "Ceil", "Clip", "Cos", "Equal", "Erf", "Exp"),
            *("Exp2", "Expm1", "Floor", "Greater", "GreaterEqual", "Less", "LessEqual", "Log"),
            *("Log1p", "Logaddexp", "LogicalAnd", "LogicalNot", "LogicalOr", "Maximum", "Minimum"),
            *("Negative", "NotEqual", "Power", "Reciprocal", "Round", "Sign", "Sin", "Sinh"),
            *("Square", "Where"),
        },
        Role.CELLS,
    ),
}
"""Class names of functions of ``keras.ops``, which has no public names for them."""
_OF_SHAPE: Final = frozenset({"FullLike", "OnesLike", "ZerosLike"})
"""What asks no values of what it takes."""


class Paths:
    """See ``following.Wiring``; values are the ids of tensors."""

    def __init__(self, graph: FlatGraph) -> None:
        self._results = {id(tensor) for tensor in graph.outputs}
        self._places = {id(call): place for place, call in enumerate(graph.calls)}
        self._constant: set[int] = set()
        self._takers: dict[int, dict[int, Call]] = {}
        for call in graph.calls:
            if _named(call.operation) in _OF_SHAPE or not self.taken(call):
                self._constant.update(map(id, call.outputs))
                continue
            for tensor in call.inputs:
                self._takers.setdefault(id(tensor), {})[id(call)] = call

    def takers(self, value: int) -> Sequence[Call]:
        """See ``following.Wiring``."""
        return [*self._takers.get(value, {}).values()]

    def place(self, node: Call) -> int:
        """See ``following.Wiring``."""
        return self._places[id(node)]

    def role(self, node: Call) -> Role | None:
        """See ``following.Wiring``."""
        operation = node.operation
        if len(node.outputs) != 1:
            return None
        role = _FUNCTIONS.get(_named(operation)) or _LAYERS.get(type(operation))
        if role in (Role.MEAN, Role.DEVIATION):
            return role if _keeps_images(operation, node) else None
        if role is Role.AXES:
            return role
        if role is None and is_activation(operation):
            role = Role.CELLS
        # What is spread over more places or filters than it has is no longer one for each cell.
        shapes = [tensor.shape for tensor in node.inputs if id(tensor) not in self._constant]
        return role if node.outputs[0].shape in shapes else None

    def taken(self, node: Call) -> Sequence[int]:
        """See ``following.Wiring``."""
        return [id(tensor) for tensor in node.inputs if id(tensor) not in self._constant]

    def given(self, node: Call) -> int:
        """See ``following.Wiring``."""
        return id(node.outputs[0])

    def is_result(self, value: int) -> bool:
        """See ``following.Wiring``."""
        return value in self._results


def _named(operation: Any) -> str:
    """Return the class name of a function of Keras; empty for a layer, which may be anybody's."""
    return type(operation).__name__ if is_function(operation) else ""


def _keeps_images(operation: Any, call: Call) -> bool:
    """Return whether a reduction does not put images together."""
    axis = getattr(operation, "axis", None)
    axes = [axis] if isinstance(axis, int) else axis
    return bool(axes) and not {0, -len(call.inputs[0].shape)} & set(axes or ())
