"""Carry out a flat graph call by call, so that single calls can be narrower.

What is collected is what a model's own call says (``flatten``), but that call knows no layers with
fewer channels, and it begins at the images each time. So a slimming computes the calls themselves,
and proves first that this gives what the model gives.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.errors import ModelError
from collector.frameworks.keras.layout import turned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collector.frameworks.keras.flatten import Call, FlatGraph

TOLERANCE = 1e-3
"""How far, relative to the largest, two ways to compute an output may differ."""


def carry_out(
    calls: Sequence[Call],
    known: Mapping[int, Any],
    wanted: Sequence[Any],
    substitutes: Mapping[int, Callable[[Any], Any]] | None = None,
    changes: Mapping[int, Callable[[Any], Any]] | None = None,
) -> list[Any]:
    """Compute some tensors in inference mode.

    Args:
        calls: the calls of a graph, or what follows a tensor of it.
        known: values of the tensors that no call of these makes, by their ``id``.
        wanted: symbolic tensors.
        substitutes: what to carry out instead of some calls of one tensor, by the call's ``id``.
        changes: what to go on with instead of some tensors, by the tensor's ``id``.

    Returns:
        Their values, in the order of ``wanted``.
    """
    values = dict(known)

    def value_of(argument: Any) -> Any:
        return values[id(argument)] if isinstance(argument, keras.KerasTensor) else argument

    for call in _needed(calls, wanted, known):
        args, kwargs = keras.tree.map_structure(value_of, (call.args, call.kwargs))
        instead = substitutes.get(id(call)) if substitutes else None
        result = instead(args[0]) if instead else _apply(call.operation, args, kwargs)
        for tensor, made in zip(call.outputs, keras.tree.flatten(result), strict=True):
            change = changes.get(id(tensor)) if changes else None
            values[id(tensor)] = change(made) if change else made
    return [values[id(tensor)] for tensor in wanted]


def whole_output(
    graph: FlatGraph, value: Any, substitutes: Mapping[int, Callable[[Any], Any]] | None = None
) -> Any:
    """Return the output of a graph that is read, for a value of its input."""
    return whole_outputs(graph, value, substitutes)[0]


def whole_outputs(
    graph: FlatGraph, value: Any, substitutes: Mapping[int, Callable[[Any], Any]] | None = None
) -> list[Any]:
    """Return all outputs of a graph for a value of its input."""
    return carry_out(graph.calls, {id(graph.input): value}, graph.outputs, substitutes)


def prove_same(found: Any, wanted: Any, what: str) -> None:
    """Make sure that two outputs are the same.

    Raises:
        ModelError: they are not; ``what`` says what differs from what.
    """
    one, other = (keras.ops.convert_to_numpy(array).astype(np.float64) for array in (found, wanted))
    largest = np.abs(other[np.isfinite(other)]).max(initial=1e-30)
    if one.shape != other.shape or not np.allclose(
        one, other, rtol=0, atol=TOLERANCE * float(largest), equal_nan=True
    ):
        raise ModelError(f"{what}, so nothing is written; this network cannot be slimmed here.")


def called(layer: Any) -> Callable[[Any], Any]:
    """Return a layer of one's own making as a function; with channels first it is turned around."""
    layer.call = turned(layer)
    function: Callable[[Any], Any] = layer
    return function


def _apply(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if not isinstance(operation, keras.Operation):
        return operation(*args, **kwargs)
    if "training" in inspect.signature(operation.call).parameters:
        kwargs = {**kwargs, "training": False}
    around = turned(operation)
    return (operation if around == operation.call else around)(*args, **kwargs)


def _needed(
    calls: Sequence[Call], wanted: Sequence[Any], known: Mapping[int, Any]
) -> Sequence[Call]:
    needed = {id(tensor) for tensor in wanted} - set(known)
    chosen = []
    for call in reversed(calls):
        if any(id(tensor) in needed for tensor in call.outputs):
            needed.update(id(tensor) for tensor in call.inputs if id(tensor) not in known)
            chosen.append(call)
    return chosen[::-1]
