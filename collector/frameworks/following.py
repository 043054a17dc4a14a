"""How far the path of a convolution goes past functions that are written out.

What graphs of all frameworks have in common: between a value and the next one through which
everything goes that is made of it, there may be any functions of each cell by itself (``x *
sigmoid(x)``), and what a normalisation is made of: cells less their mean, cells divided by a
deviation. What weighs cells by a mean without a root (squeeze and excitation) is no normalisation.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Sequence

Value = TypeVar("Value", bound="Hashable")
Node = TypeVar("Node")


class Role(Enum):
    """What an operation does to the cells of what it takes."""

    CELLS = "a function of each cell"
    SUM = "a sum or difference, cell by cell"
    PRODUCT = "a product or quotient, cell by cell"
    ROOT = "a square root of each cell"
    MEAN = "a mean or sum over axes, not over images"
    DEVIATION = "a deviation or length over axes, not over images"
    AXES = "the same values along other axes"


class _Made(Enum):
    """What a value is that was made of a convolution's output."""

    CELLS = "one for each cell"
    MEAN = "one for many cells"
    DEVIATION = "one for many cells, behind a root"


class Wiring(Protocol[Value, Node]):
    """A graph, as far as paths through it go."""

    def takers(self, value: Value) -> Collection[Node]:
        """Return the operations that take a value, each once, those that ask its shape left out."""

    def place(self, node: Node) -> int:
        """Return the place of an operation in an order in which they can be carried out."""

    def role(self, node: Node) -> Role | None:
        """Return what an operation does; ``None`` where it mixes cells or filters."""

    def taken(self, node: Node) -> Sequence[Value]:
        """Return what an operation takes, what is the same for every image left out."""

    def given(self, node: Node) -> Value:
        """Return what an operation gives."""

    def is_result(self, value: Value) -> bool:
        """Return whether a value is what the model returns."""


def next_cut(wiring: Wiring[Value, Node], value: Value) -> Node | None:
    """Return the operation whose result is the next through which all made of ``value`` goes.

    ``None`` if there is none before something mixes cells or filters, or adds what is not made of
    ``value``.
    """
    if wiring.is_result(value):
        return None
    made = {value: _Made.CELLS}
    # How many operations are still to take each value that was made.
    waiting = {value: len(wiring.takers(value))}
    following = {wiring.place(node): node for node in wiring.takers(value)}
    while following:
        node = following.pop(min(following))
        taken = wiring.taken(node)
        if not all(one in made for one in taken):
            return None
        result = _result(wiring.role(node), [made[one] for one in taken])
        if result is None:
            return None
        for one in dict.fromkeys(taken):
            waiting[one] -= 1
        output = wiring.given(node)
        made[output] = result
        waiting[output] = len(wiring.takers(output))
        if result is _Made.CELLS and not _left(waiting, but=output):
            return node
        if wiring.is_result(output):
            return None
        following.update({wiring.place(one): one for one in wiring.takers(output)})
    return None


def _left(waiting: dict[Value, int], *, but: Value) -> bool:
    return any(count for one, count in waiting.items() if one != but)


def _result(role: Role | None, taken: Iterable[_Made]) -> _Made | None:
    """Return what an operation makes of such values; ``None`` where that ends the path."""
    kinds = set(taken)
    if role is None or not kinds:
        return None
    few = kinds - {_Made.CELLS}
    if role in (Role.MEAN, Role.DEVIATION) and _Made.CELLS in kinds:
        return _Made.MEAN if role is Role.MEAN else _Made.DEVIATION
    if not few:
        return None if role is Role.AXES else _Made.CELLS
    if _Made.CELLS not in kinds:
        return _Made.DEVIATION if role is Role.ROOT or _Made.DEVIATION in few else _Made.MEAN
    # Cells and a mean of them: a normalisation takes the mean away and divides by the deviation.
    fits = role is Role.SUM or (role is Role.PRODUCT and few == {_Made.DEVIATION})
    return _Made.CELLS if fits else None


def unwatched_notice(number: int, kinds: Iterable[str] = ()) -> str | None:
    """Return what to say of so many convolutions that are no layer of images of filters.

    Args:
        number: how many there are.
        kinds: of which kinds some of them are that are never watched.
    """
    if not number:
        return None
    what = "1 convolution is" if number == 1 else f"{number} convolutions are"
    among = "".join(f", {kind} among them" for kind in dict.fromkeys(kinds))
    return f"{what} not watched{among}: only those over height and width, image by image, are."
