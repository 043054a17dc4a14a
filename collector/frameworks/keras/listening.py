"""What single operations of a model return while the model's own call runs.

Nothing is carried out apart from the model: calling its layers one by one would leave out what the
model's call adds (``training=False`` for every layer below it, preprocessing of its own), and what
is stored has to be what the model says.
"""

from __future__ import annotations

import warnings
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import keras

from collector.frameworks.keras.layout import bound_to_layout, turned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Results = dict[tuple[int, int], tuple[Any, ...]]


def listen(
    model: Any,
    value: Any,
    operations: Iterable[Any],
    instead: Mapping[tuple[int, int | None], Callable[[Any], Any]],
) -> tuple[Any, Results]:
    """Call a model in inference mode and listen to some of its operations.

    Args:
        model: a built ``keras.Model``; it is as before when this returns.
        value: its input, a tensor.
        operations: what to listen to.
        instead: what to carry out instead of a call of an operation, by its ``id`` and how many of
            its calls come before; takes the operation's first argument.

    Returns:
        What the model returned, and what operations returned, flattened, by their ``id`` and how
        many of their calls came before.
    """
    results: Results = {}
    chosen = {id(operation): operation for operation in operations}
    chosen.update({id(layer): layer for layer in bound_to_layout(model)})
    with ExitStack() as stack:
        for operation in chosen.values():
            stack.enter_context(_heard(operation, results, instead))
        with warnings.catch_warnings():
            # A model whose only input stands in a list takes it without one too, but says so.
            warnings.filterwarnings("ignore", "The structure of `inputs`")
            output = model(value, training=False)
    return output, results


@contextmanager
def _heard(
    operation: Any,
    results: Results,
    instead: Mapping[tuple[int, int | None], Callable[[Any], Any]],
) -> Iterator[None]:
    """Shadow an operation's ``call`` by one that keeps what it returns."""
    own = turned(operation)
    turns: Counter[int] = Counter()

    def call(*args: Any, **kwargs: Any) -> Any:
        key = id(operation), turns[0]
        turns[0] += 1
        substitute = instead.get(key)
        result = own(*args, **kwargs) if substitute is None else substitute(args[0])
        results[key] = tuple(keras.tree.flatten(result))
        return result

    # Keras tracks what is assigned to a layer; this is none of the layer's business.
    shadowed = vars(operation).get("call")
    vars(operation)["call"] = call
    try:
        yield
    finally:
        if shadowed is None:
            del vars(operation)["call"]
        else:
            vars(operation)["call"] = shadowed
