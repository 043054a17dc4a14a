"""Whether what would be stored is what a model says, judged on a run's first images.

Each framework says itself how its model is asked without any compilation of ours.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.errors import ModelError
from collector.frameworks.protocol import Proven
from reactcnn_dash.db import FLOAT32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from collector.frameworks.protocol import Capture, Captured, Network, Pixels
    from collector.images import ImageSource

IMAGES = 4
"""Images that the proof is made with."""
LAYERS = 6
"""Layers that are held against the model itself; all are when something is wrong."""
LEAST_ROUNDING = 1e-4
"""Largest difference that is called rounding, as a share of the largest value of a layer.

Two orders of summation differ by some 1e-6 in float32; ten layers deep by 1e-5.
"""


class Parted(ModelError):
    """The capture says something else than the model."""


def first_images(source: ImageSource, shape: tuple[int, int, int], most: int = IMAGES) -> Pixels:
    """Return the first readable images of a source, or noise if the first files are no pictures.

    Args:
        source: the images.
        shape: (height, width, channels) as the network wants them.
        most: how many files are looked at.

    Returns:
        (n, H, W, C) as the network is given them, 1 ≤ n ≤ ``most``.

    Raises:
        ImageSourceError: the source's images cannot be brought to this shape.
    """
    pixels = source.read(0, most, shape).given
    if len(pixels):
        return pixels
    noise = np.random.default_rng(0).integers(0, 256, (IMAGES, *shape), dtype=np.uint8)
    return noise.astype(np.float32) if source.unrounded else noise


def some(places: int) -> list[int]:
    """Return the first, the last, and some at equal distances between, :data:`LAYERS` at most."""
    chosen = np.linspace(0, places - 1, min(LAYERS, places)).round().astype(int)
    return sorted({int(place) for place in chosen})


def prove(
    capture: Capture,
    pixels: Pixels,
    batch_size: int,
    parts: Callable[[Captured], str | None],
    *,
    remedy: str = "",
    precision: str = FLOAT32,
) -> Proven:
    """Return a capture that says what the model itself says of some images.

    Args:
        capture: what would be stored.
        pixels: (n, H, W, C), the images.
        batch_size: how many images it is to be fast for.
        parts: says where the capture says something else, see :func:`first_difference`.
        remedy: what the user can do then.
        precision: what the capture computes in.

    Raises:
        Parted: it says something else, even of the images as the model itself got them.
    """
    missing = max(0, batch_size - len(pixels))
    # In another order and company than the model itself gets them: it shows if that matters.
    company: Any = np.pad(pixels[::-1], [(0, missing), (0, 0), (0, 0), (0, 0)])
    if parts(turned(capture(company), len(pixels))) is None:
        return Proven(capture, (), precision)
    alone = parts(capture(pixels))
    if alone is not None:
        raise Parted(f"what would be stored is not what the model says: {alone}.{remedy}")
    notice = (
        "what the model says of an image depends on the images that share its batch; other "
        "batches would give other values."
    )
    return Proven(capture, (notice,), precision)


def turned(captured: Captured, count: int) -> Captured:
    """Return what is said of the first ``count`` images, the last of them first."""

    def turn(array: NDArray[Any]) -> NDArray[Any]:
        return array[:count][::-1]

    maps = captured.maps and tuple(
        dataclasses.replace(one, codes=turn(one.codes), low=turn(one.low), step=turn(one.step))
        for one in captured.maps
    )
    return dataclasses.replace(
        captured, probabilities=turn(captured.probabilities), gap=turn(captured.gap), maps=maps
    )


def first_difference(
    network: Network,
    captured: Captured,
    places: Sequence[int],
    maps: Sequence[NDArray[Any]],
    probabilities: NDArray[Any],
    *,
    limit: float,
) -> str | None:
    """Say where the capture first says something else; ``None`` if nowhere.

    Args:
        network: what runs.
        captured: what it says.
        places: the taps to look at, by their place.
        maps: what the model itself says of them, (n, F, H, W) each.
        probabilities: what it says at its end.
        limit: the largest difference that is rounding, as a share of the largest value.
    """
    starts = np.cumsum([0, *(tap.filters for tap in network.taps)]).tolist()
    for place, expected in zip(places, maps, strict=True):
        gap = captured.gap[:, starts[place] : starts[place + 1]]
        # Values above and below 0 leave a mean near it, and rounding as large as they are.
        found = difference(expected.mean((2, 3)), gap, sizes=np.abs(expected).mean((2, 3)))
        if captured.maps is not None:
            # A permutation of places would not be seen in their means.
            one = captured.maps[place]
            low, step = (value[..., None, None] for value in (one.low, one.step))
            decoded = low + step * one.codes
            spread = np.nan_to_num(step) / 2
            found = max(found, difference(expected, decoded, spread, finite=True))
        if found > limit:
            name = network.taps[place].name
            return f"{name} is the first layer that parts from it, by {_share(found)}"
    found = difference(probabilities, captured.probabilities)
    return f"its outputs part from it, by {_share(found)}" if found > limit else None


def _share(found: float) -> str:
    return f"{found:.2g} of its largest value" if np.isfinite(found) else "NaN or infinity"


def difference(
    expected: NDArray[Any],
    found: NDArray[Any],
    spread: Any = 0.0,
    *,
    finite: bool = False,
    sizes: NDArray[Any] | None = None,
) -> float:
    """Largest difference beyond ``spread`` as a share of the largest of ``sizes``.

    Without them, of the largest expected value.

    Infinite where one of the two is not finite and the other is, unless only those that are finite
    in both are asked for.
    """
    both = np.isfinite(expected) & np.isfinite(found)
    if not finite and (np.isfinite(expected) != np.isfinite(found)).any():
        return float("inf")
    if not both.any():
        return 0.0
    with np.errstate(invalid="ignore"):
        apart = np.where(both, expected - found, 0)
    beyond = np.maximum(np.abs(apart) - spread, 0)
    scale = np.abs((expected if sizes is None else sizes)[both]).max()
    return float(beyond.max() / scale) if scale else float(beyond.max())
