"""Which tensors of a model are worth watching: every convolution, after its activation.

From each convolution the only path is followed through normalisation and activation layers, and
through what is written out as far as :mod:`collector.frameworks.following` follows it; the last of
them is tapped. The walk stops before a merge, where branches part for good and where a tensor is
the model's output, since what comes after belongs to more than this convolution.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.frameworks.following import next_cut
from collector.frameworks.keras.activations import (
    is_activation,
    is_cast,
    is_never_negative,
    is_normalisation,
)
from collector.frameworks.keras.flatten import layers_within
from collector.frameworks.keras.layout import CONVOLUTIONS
from collector.frameworks.keras.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.frameworks.keras.flatten import Call, FlatGraph


@dataclass(frozen=True, slots=True, eq=False)
class Tap:
    """One convolution and the tensor that is read for it.

    Attributes:
        name: the convolution's name, unique among the taps: with the names of the nested models
            before it (``encoder/conv``) or the number of the call behind it (``conv#2``) where the
            name alone stands for several.
        kind: the convolution's class, e.g. ``Conv2D``.
        tap: name of the layer or operation whose output is read; of a function inside a layer,
            which has no name, its kind.
        convolution: the layer itself.
        tensor: that output, a ``keras.KerasTensor`` of four axes.
        filters: number of feature maps.
        height: their height.
        width: their width.
        channels_first: whether the tensor is (B, F, H, W) instead of (B, H, W, F).
        never_negative: whether the last activation rules out values below 0.
    """

    name: str
    kind: str
    tap: str
    convolution: Any
    tensor: Any
    filters: int
    height: int
    width: int
    channels_first: bool
    never_negative: bool


def find_taps(graph: FlatGraph) -> tuple[Tap, ...]:
    """Find the tap of every convolution, in the order in which they are computed.

    Returns:
        One tap a call of a convolution (a shared layer that is called twice gives two); empty
        when the model has none.
    """
    paths = Paths(graph)
    convolutions = [call for call in graph.calls if isinstance(call.operation, CONVOLUTIONS)]
    taps = []
    for call, name in zip(convolutions, _unique_names(convolutions), strict=True):
        last = following = call
        while (after := _next_cut(following, paths)) is not None:
            following = after
            # A cast passes filters on, but is nothing to watch: wrappers end with one.
            last = last if is_cast(following.operation) else following
        (tensor,) = last.outputs
        channels_first = call.operation.data_format == "channels_first"
        _, *axes = tensor.shape
        filters, height, width = axes if channels_first else (axes[2], axes[0], axes[1])
        taps.append(
            Tap(
                name=name,
                kind=type(call.operation).__name__,
                tap=_name(last),
                convolution=call.operation,
                tensor=tensor,
                filters=filters,
                height=height,
                width=width,
                channels_first=channels_first,
                never_negative=is_never_negative(last.operation),
            )
        )
    return tuple(taps)


def unwatched(graph: FlatGraph) -> Counter[str]:
    """Return the numbers of convolutions inside layers that could not be opened, by layer."""
    closed = {
        id(call.operation): call.operation
        for call in graph.calls
        if not isinstance(call.operation, CONVOLUTIONS)
    }
    return Counter(
        {
            operation.name: inside
            for operation in closed.values()
            if (inside := sum(isinstance(one, CONVOLUTIONS) for one in layers_within(operation)))
        }
    )


def _name(call: Call) -> str:
    # A function inside a layer is made anew whenever the layer is called, its name with it.
    name: str = call.operation.name
    return name if call.turn is not None else type(call.operation).__name__.lower()


def _next_cut(call: Call, paths: Paths) -> Call | None:
    """Return the next call through which all that is made of this call's output goes.

    ``None`` if there is none, or filters do not stay apart there.
    """
    (tensor,) = call.outputs
    takers = paths.takers(id(tensor))
    # A model's output may be taken, too, but nothing after it is what the model says.
    if len(takers) == 1 and not paths.is_result(id(tensor)):
        (after,) = takers
        alone = len(after.inputs) == len(after.outputs) == 1
        if alone and _goes_on(after.operation) and after.outputs[0].shape == tensor.shape:
            return after
    found = next_cut(paths, id(tensor))
    return found if found is not None and found.outputs[0].shape == tensor.shape else None


def _goes_on(operation: Any) -> bool:
    return is_normalisation(operation) or is_activation(operation) or is_cast(operation)


def _unique_names(calls: Sequence[Call]) -> list[str]:
    """Return the plain names where they are unique, else with path, else numbered by call."""
    bearers: dict[str, set[tuple[int, tuple[str, ...]]]] = {}
    for call in calls:
        bearers.setdefault(call.operation.name, set()).add((id(call.operation), call.path))
    seen: Counter[str] = Counter()
    names = []
    for call in calls:
        plain = call.operation.name
        name = plain if len(bearers[plain]) == 1 else "/".join((*call.path, plain))
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names
