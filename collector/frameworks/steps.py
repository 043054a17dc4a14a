"""How tapped layers hang together and what they see of the image, from a network's steps.

Each framework tells its graph as steps; what follows from them is the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

from reactcnn_dash.analysis.receptive_field import Axis, joined
from reactcnn_dash.results.fields import Merge

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    Moves = Callable[[tuple[Axis, Axis]], "Seen"]

Seen = tuple[Axis, Axis] | Literal["whole"] | None
"""Along height and width; the whole image, as behind global pooling; or not known."""


class Wiring(TypedDict):
    """What each tapped layer takes, where branches merge, and what layers cost.

    A source is the position of a tap, or −1 − k for the merge k; the image is none. ``costs`` are
    each tap's number of parameters and its multiply-adds an image, of the convolution alone.
    """

    taps: list[list[int]]
    merges: list[Merge]
    costs: list[list[int]]


class Details(TypedDict):
    """What the page's grid is told of a network.

    ``receptive_fields`` are for each tap size, stride and start (see :class:`Axis`) along height
    and width, ``whole`` for the whole image, None where it is not known.
    """

    receptive_fields: list[list[list[float]] | str | None]
    wiring: Wiring


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a network.

    Attributes:
        kind: what it is called where branches merge in it, as Keras calls it: ``Add``.
        inputs: what it takes, by any keys; weights may be among it.
        outputs: what it gives.
        moves: what is seen behind it, given what is seen before it along height and width.
        cost: parameters and multiply-adds an image, of a convolution alone.
    """

    kind: str
    inputs: Sequence[Hashable]
    outputs: Sequence[Hashable]
    moves: Moves | Literal["cell by cell"] | None
    cost: tuple[int, int] | None = None


def details(steps: Sequence[Step], image: Hashable, taps: Sequence[Hashable]) -> Details:
    """Return what the page's grid is told of a network.

    Args:
        steps: in an order in which they can be carried out.
        image: the key of the network's input.
        taps: the keys of what is tapped, by position.
    """
    fields = _seen(steps, image)
    return {
        "receptive_fields": [_as_json(fields.get(tap)) for tap in taps],
        "wiring": wiring(steps, image, taps),
    }


def wiring(steps: Sequence[Step], image: Hashable, taps: Sequence[Hashable]) -> Wiring:
    """Return what each tapped layer takes, where branches merge, and what layers cost.

    What takes one tensor only passes on whose it is; what takes those of several is a merge.
    """
    positions = {tap: i for i, tap in enumerate(taps)}
    sources: dict[Hashable, int | None] = {image: None}
    convolved: dict[Hashable, tuple[int, int]] = {}
    takes: list[list[int]] = [[] for _ in taps]
    costs: list[list[int]] = [[0, 0] for _ in taps]
    merges: list[Merge] = []
    for step in steps:
        found = {source for one in step.inputs if (source := sources.get(one)) is not None}
        if len(found) > 1:
            merges.append({"kind": step.kind, "of": sorted(found)})
            found = {-len(merges)}
        cost = step.cost
        for one in step.inputs:
            cost = cost or convolved.get(one)
        for one in step.outputs:
            sources[one] = next(iter(found), None)
            if cost is not None:
                convolved[one] = cost
            position = positions.get(one)
            if position is not None:
                takes[position] = sorted(found)
                sources[one] = position
                if cost is not None:
                    costs[position] = list(cost)
    return {"taps": takes, "merges": merges, "costs": costs}


def _seen(steps: Sequence[Step], image: Hashable) -> dict[Hashable, Seen]:
    seen: dict[Hashable, Seen] = {image: (Axis(), Axis())}
    for step in steps:
        # What is the same for every image is no part of it.
        taken = [seen[one] for one in step.inputs if one in seen]
        if taken:
            seen.update(dict.fromkeys(step.outputs, _behind(step, taken)))
    return seen


def _behind(step: Step, taken: Sequence[Seen]) -> Seen:
    if None in taken:
        return None
    if "whole" in taken:
        return "whole"
    axes = [one for one in taken if one is not None and one != "whole"]
    if step.moves == "cell by cell":
        height, width = (joined(one[i] for one in axes) for i in range(2))
        return None if height is None or width is None else (height, width)
    return step.moves(axes[0]) if step.moves is not None and len(axes) == 1 else None


def whole(_seen_before: tuple[Axis, Axis]) -> Seen:
    """Pool over all places, or fold them into a row: whatever follows sees everything."""
    return "whole"


def windowed(
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    before: Sequence[int],
    *,
    transposed: bool,
) -> Moves:
    """Look through a convolution or pooling, all given for height and width.

    Args:
        kernel: size of its windows.
        strides: cells from one window to the next.
        dilations: cells from one place of a window to the next.
        before: cells of padding before the first one.
        transposed: whether it is a transposed convolution.
    """

    def moves(seen: tuple[Axis, Axis]) -> Seen:
        height, width = (
            (axis.transposed if transposed else axis.window)(
                kernel[i], strides[i], dilations[i], before[i]
            )
            for i, axis in enumerate(seen)
        )
        return height, width

    return moves


def _as_json(seen: Seen) -> list[list[float]] | str | None:
    if seen is None or seen == "whole":
        return seen
    return [[axis.size, axis.stride, axis.start] for axis in seen]
