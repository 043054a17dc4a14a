"""A Keras model as one flat list of operation calls, whatever is nested inside it.

Tapping needs to know who consumes a tensor. Inside a nested model Keras answers that for the
tensors with which the nested model was *built*, not for those with which it is *called* (a shared
one is called several times). So the graph is walked once with fresh symbolic tensors; from then on
a tensor is known by its identity and its consumers are read off the list. Layers that are made of
others (wrappers, blocks of one's own) are opened where their ``call`` takes symbolic tensors.

The list says what there is to watch. What is computed, the model's own call alone decides: a value
is what an operation returned during it (:mod:`collector.frameworks.keras.listening`).
"""

from __future__ import annotations

import inspect
import threading
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

from collector.frameworks.keras.layout import CONVOLUTIONS
from collector.frameworks.keras.listening import listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of a Keras operation (a layer, or a function of ``keras.ops``).

    Attributes:
        operation: what is called; shared with the model, never copied.
        path: names of the nested models and opened layers around it, outermost first.
        args: positional arguments, ``keras.KerasTensor`` where tensors stand.
        kwargs: keyword arguments, likewise.
        inputs: the tensors among the arguments; one that is used twice stands here twice.
        outputs: the tensors that the call returns.
        turn: how many calls of the operation come before this one when the model runs; ``None``
            for a function inside an opened layer, or a layer that its call makes, which nobody can
            listen to.
    """

    operation: Any
    path: tuple[str, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    turn: int | None


class NotHeard(ValueError):
    """An operation of the graph was not carried out when the model ran."""


@dataclass(frozen=True, slots=True, eq=False)
class FlatGraph:
    """The calls of a model in an order in which they can be carried out.

    Attributes:
        model: the model.
        input: the only input, a ``keras.KerasTensor`` of shape (None, …).
        outputs: the outputs, likewise; the first is the one that is read.
        calls: the calls, each after those whose outputs it takes.
        in_training: names of the layers and models that the graph calls with ``training=True``.
    """

    model: Any
    input: Any
    outputs: tuple[Any, ...]
    calls: tuple[Call, ...]
    in_training: tuple[str, ...]

    @property
    def output(self) -> Any:
        """The output that is read."""
        return self.outputs[0]

    def consumers(self) -> dict[int, list[Call]]:
        """Return which calls take a tensor, by the tensor's ``id``.

        A call that takes it twice, twice.
        """
        found: dict[int, list[Call]] = defaultdict(list)
        for call in self.calls:
            for tensor in call.inputs:
                found[id(tensor)].append(call)
        return found

    def producers(self) -> dict[int, Call]:
        """Return which call makes a tensor, by the tensor's ``id``."""
        return {id(tensor): call for call in self.calls for tensor in call.outputs}

    def evaluate(
        self,
        value: Any,
        wanted: Sequence[Any],
        substitutes: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> list[Any]:
        """Run the model in inference mode and give the values of some tensors of it.

        Args:
            value: a tensor of the shape and dtype of :attr:`input`.
            wanted: symbolic tensors of this graph.
            substitutes: what to carry out instead of some calls of one tensor, by the ``id`` of
                the call.

        Returns:
            Their values, in the order of ``wanted``.

        Raises:
            NotHeard: the model's own call does not carry out what makes one of them.
        """
        values = self.listen(value, wanted, substitutes)
        missing = [str(tensor.name) for tensor in wanted if id(tensor) not in values]
        if missing:
            raise NotHeard(f"the model does not compute {', '.join(missing)} when it is called.")
        return [values[id(tensor)] for tensor in wanted]

    def listen(
        self,
        value: Any,
        wanted: Sequence[Any],
        substitutes: Mapping[int, Callable[[Any], Any]] | None = None,
        changes: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> dict[int, Any]:
        """Do as :meth:`evaluate`, and leave out what cannot be had.

        Args:
            value: see :meth:`evaluate`.
            wanted: likewise.
            substitutes: likewise.
            changes: what the model is to go on with instead of some tensors, by the ``id`` of the
                tensor; each is the only one that a call returns which can be heard.

        Returns:
            Values by the ``id`` of their tensors: those wanted that were computed, and more.
        """
        producers = self.producers()
        substitutes = substitutes or {}
        makers = {tensor: producers[tensor] for tensor in changes or {}}
        heard = {id(call): call for call in self._to_hear(wanted, producers)}
        heard.update({id(call): call for call in self.calls if id(call) in substitutes})
        heard.update({id(call): call for call in makers.values()})
        instead = {
            (id(call.operation), call.turn): substitutes[id(call)]
            for call in heard.values()
            if id(call) in substitutes
        }
        changed = {
            (id(call.operation), call.turn): (changes or {})[tensor]
            for tensor, call in makers.items()
        }
        output, results = listen(
            self.model, value, [call.operation for call in heard.values()], instead, changed
        )
        values = {id(self.input): value}
        for call in heard.values():
            said = results.get((id(call.operation), call.turn or 0))
            if said is not None:
                values.update(zip(map(id, call.outputs), said, strict=True))
        # The last word is the model's own.
        several = len(self.outputs) > 1
        values[id(self.output)] = keras.tree.flatten(output)[0] if several else output
        for tensor in wanted:
            _carry_out(tensor, producers, values)
        return values

    def _to_hear(self, wanted: Iterable[Any], producers: Mapping[int, Call]) -> Iterator[Call]:
        for tensor in wanted:
            call = producers.get(id(tensor))
            if call is None:
                continue
            if call.turn is not None:
                yield call
            else:
                yield from self._to_hear(call.inputs, producers)


def flatten(model: Any, shape: Sequence[int]) -> FlatGraph:
    """Walk a Functional or Sequential model with one input.

    Args:
        model: a built ``keras.Model``; it is not changed.
        shape: shape of the input without the batch axis.

    Raises:
        ValueError: the model cannot work on inputs of this shape.
    """
    start = keras.KerasTensor((None, *shape), dtype=model.inputs[0].dtype)
    walk = _Walk()
    outputs = tuple(keras.tree.flatten(walk.through(model, [start], ())))
    # A nested model may compute more than what is used of it here.
    calls = _needed(walk.calls, outputs)
    return FlatGraph(model, start, outputs, calls, tuple(dict.fromkeys(walk.in_training)))


def is_graph(operation: Any) -> bool:
    """Return whether an operation is a model whose inside Keras knows as a graph."""
    return isinstance(operation, keras.Function) or (
        isinstance(operation, keras.Sequential) and bool(getattr(operation, "inputs", None))
    )


def layers_within(operation: Any) -> list[Any]:
    """Return the layers that an operation is made of, itself first; none for a function."""
    if not isinstance(operation, keras.Layer):
        return []
    # Keras lists a model's layers publicly, but not those of a layer.
    layers: list[Any] = operation._flatten_layers()
    return layers


def _needed(calls: Sequence[Call], wanted: Iterable[Any]) -> tuple[Call, ...]:
    """Return the calls, in their order, without which the wanted tensors cannot be had."""
    needed = {id(tensor) for tensor in wanted}
    chosen = []
    for call in reversed(calls):
        if any(id(tensor) in needed for tensor in call.outputs):
            needed.update(map(id, call.inputs))
            chosen.append(call)
    return tuple(chosen[::-1])


def _carry_out(tensor: Any, producers: Mapping[int, Call], values: dict[int, Any]) -> None:
    """Compute a tensor that only functions stand between and what was heard, if it can be."""
    call = producers.get(id(tensor))
    if id(tensor) in values or call is None or call.turn is not None:
        return
    for one in call.inputs:
        _carry_out(one, producers, values)
        if id(one) not in values:
            return

    def known(argument: Any) -> Any:
        return values[id(argument)] if isinstance(argument, keras.KerasTensor) else argument

    args, kwargs = keras.tree.map_structure(known, (call.args, call.kwargs))
    results = keras.tree.flatten(call.operation(*args, **kwargs))
    values.update(zip(map(id, call.outputs), results, strict=True))


class _Walk:
    """Collects the calls of a model in the order in which its own call carries them out."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.in_training: list[str] = []
        self._turns: Counter[int] = Counter()

    def through(self, model: Any, inputs: Sequence[Any], path: tuple[str, ...]) -> Any:
        """Walk the graph of a model; returns its symbolic outputs."""

        def visit(operation: Any, *args: Any, **kwargs: Any) -> Any:
            return self._visit(operation, path, args, kwargs)

        # A Sequential is no Function itself; made of its ends, both are walked the same way.
        # Keras has no public way to walk a graph.
        graph = keras.Function(model.inputs, model.outputs)
        outputs = graph._run_through_graph(
            list(inputs), operation_fn=lambda operation: operation, call_fn=visit
        )
        return outputs[0] if len(outputs) == 1 else outputs

    def _visit(
        self,
        operation: Any,
        path: tuple[str, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        audible: bool = True,
    ) -> Any:
        if kwargs.get("training") and not _trains_by_default(operation):
            self.in_training.append(operation.name)
        if is_graph(operation):
            fitted = self._fit(_tensors(args, kwargs), operation.inputs, path)
            return self.through(operation, fitted, (*path, operation.name))
        if _is_composite(operation):
            before = len(self.calls), self._turns.copy()
            try:
                return self._open(operation, (*path, operation.name), args, kwargs)
            except Exception:  # noqa: BLE001 - code of one's own may do anything to such tensors
                del self.calls[before[0] :]
                self._turns = before[1]
        outputs = operation.compute_output_spec(*args, **kwargs)
        self._record(operation, path, args, kwargs, outputs, audible=audible)
        return outputs

    def _open(
        self, layer: Any, path: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Let a layer's own call say what it is made of.

        Raises:
            Exception: whatever its code raises when it is given symbolic tensors.
        """
        first, lasting = len(self.calls), {id(one) for one in layers_within(layer)}

        def visit(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            # A layer has a place of its own when the model runs; a function is gone at once, and
            # so is a layer that the call makes.
            audible = id(operation) in lasting
            return self._visit(operation, path, args, kwargs, audible=audible)

        if layer._call_has_training_arg:
            kwargs = {**kwargs, "training": False}
        with _symbolic_calls(visit):
            outputs = layer.call(*args, **kwargs)
        if not any(isinstance(call.operation, CONVOLUTIONS) for call in self.calls[first:]):
            raise NotHeard(f"{layer.name} calls none of its convolutions as a layer.")
        self._turns[id(layer)] += 1
        return outputs

    def _record(
        self,
        operation: Any,
        path: tuple[str, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outputs: Any,
        *,
        audible: bool = True,
    ) -> None:
        turn = None
        if audible:
            turn = self._turns[id(operation)]
            self._turns[id(operation)] += 1
        tensors, results = _tensors(args, kwargs), tuple(keras.tree.flatten(outputs))
        self.calls.append(Call(operation, path, args, kwargs, tensors, results, turn))

    def _fit(
        self, tensors: Sequence[Any], inputs: Sequence[Any], path: tuple[str, ...]
    ) -> list[Any]:
        """Cast tensors to the dtypes of a nested model's inputs, as its own call would."""
        fitted = []
        for tensor, target in zip(tensors, inputs, strict=True):
            if tensor.dtype == target.dtype:
                fitted.append(tensor)
                continue
            cast = keras.KerasTensor(tensor.shape, dtype=target.dtype)
            args = (tensor, target.dtype)
            self._record(keras.ops.cast, path, args, {}, cast, audible=False)
            fitted.append(cast)
        return fitted


def _tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    leaves = keras.tree.flatten((args, kwargs))
    return tuple(leaf for leaf in leaves if isinstance(leaf, keras.KerasTensor))


def _trains_by_default(operation: Any) -> bool:
    """Return whether ``training=True`` stands in the graph though nobody asked for it."""
    parameter = inspect.signature(operation.call).parameters.get("training")
    return parameter is not None and parameter.default is True


def _is_composite(operation: Any) -> bool:
    return not isinstance(operation, CONVOLUTIONS) and any(
        isinstance(layer, CONVOLUTIONS) for layer in layers_within(operation)[1:]
    )


_PATCHING = threading.RLock()


@contextmanager
def _symbolic_calls(
    visit: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any],
) -> Iterator[None]:
    """Yield this thread's calls of operations with symbolic tensors to ``visit``.

    Keras itself would add a node to the operation for each, and so change the model.
    """
    owner = threading.get_ident()
    call_layer, call_symbolic = keras.Layer.__call__, keras.Operation.symbolic_call

    def layer(self: Any, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == owner and _tensors(args, kwargs):
            return visit(self, args, kwargs)
        return call_layer(self, *args, **kwargs)

    def symbolic(self: Any, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == owner:
            return visit(self, args, kwargs)
        return call_symbolic(self, *args, **kwargs)

    with _PATCHING:
        keras.Layer.__call__, keras.Operation.symbolic_call = layer, symbolic
        try:
            yield
        finally:
            keras.Layer.__call__, keras.Operation.symbolic_call = call_layer, call_symbolic
