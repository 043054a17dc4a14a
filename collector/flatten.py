"""A Keras model as one flat list of operation calls, whatever models are nested inside it.

Tapping needs to know who consumes a tensor. Inside a nested model Keras answers that for the
tensors with which the nested model was *built*, not for those with which it is *called* (a shared
one is called several times). So the graph is walked once with fresh symbolic tensors; from then on
a tensor is known by its identity and its consumers are read off the list.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from collector.layout import apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of a Keras operation (a layer, or a function of ``keras.ops``).

    Attributes:
        operation: what is called; shared with the model, never copied.
        path: names of the nested models around it, outermost first.
        args: positional arguments, ``keras.KerasTensor`` where tensors stand.
        kwargs: keyword arguments, likewise.
        inputs: the tensors among the arguments; one that is used twice stands here twice.
        outputs: the tensors that the call returns.
    """

    operation: Any
    path: tuple[str, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FlatGraph:
    """The calls of a model in an order in which they can be carried out.

    Attributes:
        input: the only input, a ``keras.KerasTensor`` of shape (None, …).
        output: the only output, likewise.
        calls: the calls, each after those whose outputs it takes.
    """

    input: Any
    output: Any
    calls: tuple[Call, ...]

    def consumers(self) -> dict[int, list[Call]]:
        """Which calls take a tensor, by the tensor's ``id``; a call that takes it twice, twice."""
        found: dict[int, list[Call]] = defaultdict(list)
        for call in self.calls:
            for tensor in call.inputs:
                found[id(tensor)].append(call)
        return found

    def producers(self) -> dict[int, Call]:
        """Which call makes a tensor, by the tensor's ``id``."""
        return {id(tensor): call for call in self.calls for tensor in call.outputs}

    def evaluate(
        self,
        value: Any,
        wanted: Sequence[Any],
        substitutes: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> list[Any]:
        """Carry out what is needed for some tensors, in inference mode.

        Args:
            value: a tensor of the shape and dtype of :attr:`input`.
            wanted: symbolic tensors of this graph.
            substitutes: what to carry out instead of some calls of one tensor, by the ``id`` of
                the call.

        Returns:
            Their values, in the order of ``wanted``.
        """
        values = {id(self.input): value}

        def known(argument: Any) -> Any:
            return values[id(argument)] if isinstance(argument, keras.KerasTensor) else argument

        for call in _needed(self.calls, wanted):
            args, kwargs = keras.tree.map_structure(known, (call.args, call.kwargs))
            instead = substitutes.get(id(call)) if substitutes else None
            result = instead(args[0]) if instead else apply(call.operation, args, kwargs)
            results = keras.tree.flatten(result)
            values.update(zip(map(id, call.outputs), results, strict=True))
        return [values[id(tensor)] for tensor in wanted]


def flatten(model: Any, shape: Sequence[int]) -> FlatGraph:
    """Walk a Functional or Sequential model with one input and one output.

    Args:
        model: a built ``keras.Model``; it is not changed.
        shape: shape of the input without the batch axis.

    Raises:
        ValueError: the model cannot work on inputs of this shape.
    """
    start = keras.KerasTensor((None, *shape), dtype=model.inputs[0].dtype)
    calls: list[Call] = []
    (output,) = keras.tree.flatten(_walk(model, [start], (), calls.append))
    # A nested model may compute more than what is used of it here.
    return FlatGraph(start, output, _needed(calls, [output]))


def is_graph(operation: Any) -> bool:
    """Whether an operation is a model whose inside Keras knows as a graph."""
    return isinstance(operation, keras.Function) or (
        isinstance(operation, keras.Sequential) and bool(getattr(operation, "inputs", None))
    )


def _needed(calls: Sequence[Call], wanted: Iterable[Any]) -> tuple[Call, ...]:
    """The calls, in their order, without which the wanted tensors cannot be had."""
    needed = {id(tensor) for tensor in wanted}
    chosen = []
    for call in reversed(calls):
        if any(id(tensor) in needed for tensor in call.outputs):
            needed.update(map(id, call.inputs))
            chosen.append(call)
    return tuple(chosen[::-1])


def _walk(
    model: Any, inputs: Sequence[Any], path: tuple[str, ...], record: Callable[[Call], None]
) -> Any:
    def visit(operation: Any, *args: Any, **kwargs: Any) -> Any:
        tensors = tuple(
            leaf
            for leaf in keras.tree.flatten((args, kwargs))
            if isinstance(leaf, keras.KerasTensor)
        )
        # A nested model that is always to train would behave differently piece by piece.
        if is_graph(operation) and not kwargs.get("training"):
            fitted = _fit(tensors, operation.inputs, path, record)
            return _walk(operation, fitted, (*path, operation.name), record)
        outputs = operation.compute_output_spec(*args, **kwargs)
        results = tuple(keras.tree.flatten(outputs))
        record(Call(operation, path, args, kwargs, tensors, results))
        return outputs

    # A Sequential is no Function itself; made of its ends, both kinds are walked the same way.
    # Keras has no public way to walk a graph.
    graph = keras.Function(model.inputs, model.outputs)
    outputs = graph._run_through_graph(
        list(inputs), operation_fn=lambda operation: operation, call_fn=visit
    )
    return outputs[0] if len(outputs) == 1 else outputs


def _fit(
    tensors: Sequence[Any],
    inputs: Sequence[Any],
    path: tuple[str, ...],
    record: Callable[[Call], None],
) -> list[Any]:
    """Cast tensors to the dtypes of a nested model's inputs, as its own call would."""
    fitted = []
    for tensor, target in zip(tensors, inputs, strict=True):
        if tensor.dtype == target.dtype:
            fitted.append(tensor)
            continue
        cast = keras.KerasTensor(tensor.shape, dtype=target.dtype)
        record(Call(keras.ops.cast, path, (tensor, target.dtype), {}, (tensor,), (cast,)))
        fitted.append(cast)
    return fitted
