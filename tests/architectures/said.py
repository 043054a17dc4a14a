"""What a road watches of a network, and how that differs from what the framework itself says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collector.frameworks.protocol import Asked
from collector.frameworks.registry import framework_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.frameworks.protocol import Network

    Array = NDArray[np.float64]

ALLOWED = 1e-4
"""How far means may be off, of the largest of a layer: exporters write other graphs."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a framework says of one convolution.

    Attributes:
        steps: names of what follows on it alone, itself first.
        means: the mean of each map behind each of these, (B, F).
        part: whether it is a part of a layer, a convolution of its own in some graphs only.
    """

    steps: tuple[str, ...]
    means: tuple[Array, ...]
    part: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What a road says of a network.

    Attributes:
        names: of its taps, in order.
        taps: names of what is read.
        means: of each tap, (B, F).
        notices: what it says to the user.
    """

    names: tuple[str, ...]
    taps: tuple[str, ...]
    means: tuple[Array, ...]
    notices: tuple[str, ...]

    @classmethod
    def of(cls, network: Network, pixels: NDArray[np.uint8], pixel_range: str) -> Said:
        """Run a network and return what is stored of it."""
        proven = network.proven(
            pixels, pixel_range=pixel_range, maps=True, batch_size=len(pixels), exact=True
        )
        gap = proven.capture(pixels).gap.astype(np.float64)
        ends = np.cumsum([tap.filters for tap in network.taps])[:-1]
        return cls(
            tuple(tap.name for tap in network.taps),
            tuple(tap.tap for tap in network.taps),
            tuple(np.split(gap, ends, axis=1)),
            tuple(network.notices),
        )

    @classmethod
    def of_file(cls, path: str, pixels: NDArray[np.uint8], pixel_range: str) -> Said:
        """Load a file as the collector does and return what is stored of it."""
        _, height, width, _ = pixels.shape
        asked = Asked(native_shape=(height, width), head="none")
        return cls.of(framework_of(path).load(path, asked), pixels, pixel_range)


def line(said: Said, expected: Sequence[Expected], allowed: float, names: str) -> tuple[str, bool]:
    """Return one line on a road, and whether it tells of a fault."""
    odd, left = _differences(said, expected, allowed)
    whole = sum(not one.part for one in expected)
    words = [f"{len(said.names)} taps of {whole} convolutions"]
    words += [f"within {allowed:g}" if np.isfinite(allowed) else "values not compared"]
    words += [f"{len(odd)} elsewhere: {'; '.join(odd[:3])}"] if odd else []
    words += [f"{left} without a tap"] if left else []
    words += ["names not unique"] if len({*said.names}) < len(said.names) else []
    words += [f"other names: {names}"] if names else []
    words += [one for one in said.notices if "watched" in one or "together" in one]
    return ", ".join(words), bool(odd or left)


def other_names(names: Sequence[str], others: Sequence[str]) -> str:
    """Return how names are not those of the first road, shortened to a few."""
    if [*names] == [*others]:
        return ""
    odd = [one for one in names if one not in others]
    missing = [one for one in others if one not in names]
    few = f"{len(odd)}: {' '.join(odd[:4])} instead of {' '.join(missing[:4])}"
    return few if odd or missing else "in another order"


def _differences(said: Said, expected: Sequence[Expected], allowed: float) -> tuple[list[str], int]:
    """Return the taps that are not the last step of any convolution, and how many have none.

    Taps of graphs that are in another order are found by their values.
    """
    free, odd = list(range(len(expected))), []
    for place, (name, tap) in enumerate(zip(said.names, said.taps, strict=True)):
        mean = said.means[place]
        order = [*(i for i in free if i == place), *(i for i in free if i != place)]
        ends = (i for i in order if _close(mean, expected[i].means[-1], allowed))
        found = next(ends, None)
        if found is not None:
            free.remove(found)
            continue
        where = [
            f"{'>'.join(one.steps)} at {step}"
            for one in expected
            for step, value in zip(one.steps, one.means, strict=True)
            if _close(mean, value, allowed)
        ]
        odd.append(f"{name} ({tap}): {where[0] if where else 'nowhere'}")
    return odd, sum(not expected[i].part for i in free)


def _close(one: Array, other: Array, allowed: float) -> bool:
    if one.shape != other.shape:
        return False
    largest = float(np.abs(other).max()) or 1.0
    return bool(np.abs(one - other).max() <= allowed * largest)
