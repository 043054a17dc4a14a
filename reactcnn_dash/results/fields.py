"""What a run keeps of its network: which part of the image layers see, how they hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from reactcnn_dash.kinds import fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db import Layer, Run

Axis = tuple[float, float, float]
Field = tuple[Axis, Axis] | Literal["whole"] | None


class Merge(TypedDict):
    """Where branches come together."""

    kind: str
    of: list[int]


class Wiring(TypedDict):
    """How layers hang together, see `wiring_of`."""

    taps: list[list[int]]
    merges: list[Merge]
    costs: list[tuple[int, int]]


def fields_of(run: Run, layers: Sequence[Layer]) -> list[Any]:
    """Return each layer's receptive field, by position.

    Returns:
        Size, stride and start in pixels along height and width (see
        ``analysis.receptive_field.Axis``); ``whole`` for the whole image; None where it is not
        known, as in runs of former versions.
    """
    kept: Any = run.options.get("receptive_fields")
    known = fits(kept, list[Field]) and len(kept) == len(layers)
    return list(kept) if known else [None] * len(layers)


def wiring_of(run: Run, layers: Sequence[Layer]) -> Any:
    """Return how the layers hang together and what they cost, as the collector kept it.

    Returns:
        ``taps``, ``merges`` and ``costs``, by position; None where they are not known, as in runs
        of former versions, and of PyTorch modules that are watched by hooks.
    """
    kept: Any = run.options.get("wiring")
    if not fits(kept, Wiring):
        return None
    taps, merges, costs = kept["taps"], kept["merges"], kept["costs"]
    sources = [one for each in (*taps, *(merge["of"] for merge in merges)) for one in each]
    known = len(taps) == len(costs) == len(layers) and all(
        -len(merges) <= one < len(layers) for one in sources
    )
    return kept if known else None
