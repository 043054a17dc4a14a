"""What is drawn of a clustering: few edges and good places to start from.

The complete graph of a wide layer is a hairball that no browser lays out in time. One tree inside
each cluster holds it together, and start positions from here put each cluster on its own disc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.clusters import NO_CLUSTER, cluster_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

SPACING = 24.0
"""Pixels between neighbouring filters on a disc."""

GAP_BETWEEN_DISCS = 1.5 * SPACING
"""Pixels left free between the discs of two clusters."""

_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))

# With radius 0.6√(k + ½), in spacings, neighbours on the spiral stand about one spacing apart.
_SPIRAL_SCALE = 0.6


def spanning_edges(
    labels: npt.NDArray[np.integer], r: npt.NDArray[np.float64]
) -> tuple[tuple[int, int, float], ...]:
    """Return the maximum spanning tree of r inside each cluster (Prim 1957).

    Args:
        labels: (F,) cluster of each filter; those in no cluster get no edge.
        r: (F, F) correlation. Filters whose r is undefined get no edge.

    Returns:
        (i, j, r_ij) with i < j, ascending: a cluster has one edge less than filters.
    """
    edges: list[tuple[int, int, float]] = []
    defined = np.isfinite(np.diagonal(r))
    for cluster in cluster_members(labels).values():
        members = cluster[defined[cluster]]
        if len(members) > 1:
            pairs = _tree(members, r[np.ix_(members, members)])
            edges += ((i, j, float(r[i, j])) for i, j in pairs)
    return tuple(sorted(edges))


def _tree(members: npt.NDArray[np.intp], r: npt.NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    outside = np.ones(len(members), dtype=bool)
    outside[0] = False
    # For every filter still outside: the filter of the tree that it correlates with most, and r.
    nearest = np.zeros(len(members), dtype=np.intp)
    best = r[0].copy()
    for _ in range(len(members) - 1):
        new = int(np.argmax(np.where(outside, best, -np.inf)))
        i, j = sorted((int(members[nearest[new]]), int(members[new])))
        yield i, j
        outside[new] = False
        closer = r[new] > best
        best[closer] = r[new][closer]
        nearest[closer] = new


def start_positions(
    labels: npt.NDArray[np.integer], r: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """StoreAddress each filter where it stands before the force-directed layout sets in.

    Each cluster is a disc filled along a sunflower spiral (Vogel 1979), the filter that correlates
    most with its own cluster in the middle. The discs stand in centred lines, the largest first,
    with :data:`GAP_BETWEEN_DISCS` between them, so that no two overlap. Filters in no cluster stand
    in lines of their own below all discs. The same input gives the same picture.

    Args:
        labels: (F,) cluster of each filter.
        r: (F, F) correlation.

    Returns:
        (F, 2) float64, x and y in pixels, y growing downwards, x centred on 0.
    """
    positions = np.zeros((len(labels), 2))
    groups = sorted(
        cluster_members(labels).values(), key=lambda members: (-len(members), int(members[0]))
    )
    radii = np.array([disc_radius(len(members)) for members in groups])
    apart = np.flatnonzero(labels == NO_CLUSTER)
    width = _line_width(radii, len(apart))
    centres, bottom = _lines(radii, width, GAP_BETWEEN_DISCS)
    for members, centre in zip(groups, centres, strict=True):
        own = r[np.ix_(members, members)].sum(axis=1)
        order = np.lexsort((members, -own))
        positions[members[order]] = centre + _sunflower(len(members))
    if len(apart):
        places, _ = _lines(np.full(len(apart), SPACING / 2), width, 0.0)
        positions[apart] = places
        positions[apart, 1] += bottom + (2 * GAP_BETWEEN_DISCS if groups else 0.0)
    return positions


def disc_radius(filters: int) -> float:
    """Radius in pixels of the disc of a cluster, with half a :data:`SPACING` around its filters."""
    outermost = _SPIRAL_SCALE * np.sqrt(filters - 0.5) if filters > 1 else 0.0
    return float(SPACING * (outermost + 0.5))


def _sunflower(count: int) -> npt.NDArray[np.float64]:
    if count == 1:
        return np.zeros((1, 2))
    k = np.arange(count)
    radius = SPACING * _SPIRAL_SCALE * np.sqrt(k + 0.5)
    return np.stack(
        [radius * np.cos(k * _GOLDEN_ANGLE), radius * np.sin(k * _GOLDEN_ANGLE)], axis=1
    )


def _line_width(radii: npt.NDArray[np.float64], apart: int) -> float:
    # A picture about 1.5 times as wide as high, like the panel that it is shown in.
    area = float(np.square(2 * radii + GAP_BETWEEN_DISCS).sum()) + apart * SPACING**2
    widest = float(2 * radii.max()) if len(radii) else SPACING
    return max(widest, float(np.sqrt(1.5 * area)))


def _lines(
    radii: npt.NDArray[np.float64], width: float, gap: float
) -> tuple[npt.NDArray[np.float64], float]:
    """Centres of discs set in lines like words, radii descending; and where the last line ends."""
    centres = np.zeros((len(radii), 2))
    top = 0.0
    start = 0
    while start < len(radii):
        ends = np.cumsum(2 * radii[start:] + gap) - gap
        count = max(1, int(np.searchsorted(ends, width, side="right")))
        line = slice(start, start + count)
        centres[line, 0] = ends[:count] - radii[line] - ends[count - 1] / 2
        centres[line, 1] = top + radii[start]
        top += 2 * float(radii[start]) + gap
        start += count
    return centres, top - gap if len(radii) else 0.0
