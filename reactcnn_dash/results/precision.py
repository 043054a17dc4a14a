"""In which precision a run was computed, what that cost, and what can no longer be told apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np

from reactcnn_dash.analysis.fault import SAME, differences
from reactcnn_dash.db import FLOAT32
from reactcnn_dash.finite import significant
from reactcnn_dash.kinds import fits
from reactcnn_dash.results.naming import filter_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import Run

FEWEST: Final = 8
"""Images below which nothing is said of the rounding: so few have no standard deviation yet."""
MARGIN: Final = 2.0
"""A difference below so many times the largest rounding measured in a layer may be rounding.

It was measured over few images, and two runs in bfloat16 may round in different orders.
"""


class KeptRounding(TypedDict):
    """A rounding as a run's options have it; what is infinite is None."""

    images: int
    changed: int | None
    median: float | None
    largest: float | None
    filter: str
    layers: dict[str, tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True)
class Rounding:
    """How far GAP values in bfloat16 are from those in float32, on some images.

    Of a filter: the root mean square difference over the images, in its standard deviations over
    them; infinite where only one of the two is finite.

    Attributes:
        images: how many.
        changed: of how many of them another class is predicted; ``None`` where none is named.
        median: over all filters.
        largest: of all filters.
        filter: the one that it is of, as ``layer/number``.
        layers: median and largest of each layer, by its name.
    """

    images: int
    changed: int | None
    median: float
    largest: float
    filter: str
    layers: Mapping[str, tuple[float, float]]

    @property
    def text(self) -> str:
        """What was measured, as a part of a line."""
        changed = ""
        if self.changed is not None:
            verb = "differs" if self.changed == 1 else "differ"
            changed = f"; {self.changed:,} of {self.images:,} predictions {verb}"
        return (
            f"GAP is off by {_number(self.median)} of a filter's standard deviation in the median "
            f"and {_number(self.largest)} at most ({self.filter}), on {self.images:,} images"
            f"{changed}"
        )

    def as_json(self) -> KeptRounding:
        """Return it as a run's options have it."""
        return {
            "images": self.images,
            "changed": self.changed,
            "median": significant(self.median, 4),
            "largest": significant(self.largest, 4),
            "filter": self.filter,
            "layers": {
                name: (significant(a, 4), significant(b, 4)) for name, (a, b) in self.layers.items()
            },
        }


def rounding_of(
    layers: Iterable[tuple[str, int]],
    single: NDArray[np.float32],
    brief: NDArray[np.float32],
    predictions: tuple[NDArray[np.int64], NDArray[np.int64]] | None,
) -> Rounding | None:
    """Measure the rounding; ``None`` with too few images, or none that is finite.

    Args:
        layers: name and number of filters of each layer.
        single: (n, F) GAP values in float32, layers side by side.
        brief: (n, F) those in bfloat16.
        predictions: (n,) classes, in float32 and in bfloat16; ``None`` where none is named.
    """
    finite = np.isfinite(single).all(axis=1)
    if finite.sum() < FEWEST:
        return None
    found: dict[str, tuple[float, float]] = {}
    every: list[NDArray[np.float64]] = []
    addresses: list[str] = []
    start = 0
    for name, filters in layers:
        part = slice(start, start + filters)
        start += filters
        off = differences(brief[finite, part], single[finite, part])
        found[name] = float(np.median(off)), float(off.max())
        every.append(off)
        addresses += [filter_address(name, number) for number in range(filters)]
    whole = np.concatenate(every)
    changed: int | None = None
    if predictions is not None:
        first, second = (one[finite] for one in predictions)
        changed = int((first != second).sum())
    worst = int(np.argmax(whole))
    return Rounding(
        images=int(finite.sum()),
        changed=changed,
        median=float(np.median(whole)),
        largest=float(whole[worst]),
        filter=addresses[worst],
        layers=found,
    )


def rounding_in(options: Mapping[str, Any]) -> Rounding | None:
    """Return the rounding that was measured when a run began, if it was and is there."""
    kept: Any = options.get("rounding")
    if not fits(kept, KeptRounding):
        return None
    layers = {name: (_float(both[0]), _float(both[1])) for name, both in kept["layers"].items()}
    return Rounding(
        images=kept["images"],
        changed=kept["changed"],
        median=_float(kept["median"]),
        largest=_float(kept["largest"]),
        filter=kept["filter"],
        layers=layers,
    )


def precision_text(run: Run) -> str:
    """Return what is to be said of a run's precision; nothing in float32."""
    if run.precision == FLOAT32:
        return ""
    rounding = rounding_in(run.options)
    cost = "what it costs was not measured" if rounding is None else rounding.text
    return f"computed in bfloat16: {cost}"


def limits(runs: Sequence[Run], names: Sequence[str]) -> tuple[float, ...]:
    """Return the difference of two runs in each layer that may be rounding alone.

    In standard deviations of a filter, as ``analysis.fault`` has it; infinite where a run is of
    bfloat16 whose rounding is not known.

    Args:
        runs: both.
        names: the layers.
    """
    found = np.full(len(names), SAME)
    for run in runs:
        if run.precision == FLOAT32:
            continue
        rounding = rounding_in(run.options)
        known = {} if rounding is None else rounding.layers
        own = [MARGIN * known[name][1] if name in known else math.inf for name in names]
        found = np.maximum(found, own)
    return tuple(found.tolist())


def told_apart(a: Run, b: Run) -> str:
    """Return what cannot be told apart in two runs over the same images; nothing in float32."""
    kinds = [run.precision for run in (a, b)]
    if kinds == [FLOAT32, FLOAT32]:
        return ""
    both = " and ".join(dict.fromkeys(kinds))
    how = f"Runs of {both} are compared" if len(set(kinds)) > 1 else f"Both runs are of {both}"
    known = [rounding_in(run.options) for run in (a, b) if run.precision != FLOAT32]
    measured = [one for one in known if one is not None]
    if len(measured) < len(known):
        return (
            f"{how}, and what bfloat16 costs was not measured: which small differences are "
            "rounding alone cannot be told."
        )
    worst = max(measured, key=lambda one: one.largest)
    changed = [one for one in measured if one.changed]
    votes = "".join(
        f"; of {one.images:,} predictions it changed {one.changed:,}" for one in changed[:1]
    )
    return (
        f"{how}: rounding is up to {_number(worst.largest)} of a filter's standard deviation "
        f"({worst.filter}){votes}. Differences below twice what was measured in a layer "
        "cannot be told from it."
    )


def _number(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else "NaN or infinity"


def _float(value: float | None) -> float:
    return math.inf if value is None else float(value)
