"""Colours of clusters. Red is kept for the selected cluster and is not among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CLUSTER_COLOURS: Final = (
    "#3b7dd8",
    "#2a9d6f",
    "#e0a106",
    "#8a5bd6",
    "#17a2b8",
    "#d9731a",
    "#6b8e23",
    "#c04fa8",
    "#4657a8",
    "#7cc36a",
    "#b08d57",
    "#5fb3e6",
    "#9b6b9e",
    "#2f6f73",
    "#c9b037",
    "#7a7fdc",
)
SINGLETON: Final = "#a3abb8"
CONSTANT: Final = "#6b7280"


def cluster_colours(sizes: Mapping[int, int]) -> dict[int, str]:
    """Return the colours of a layer's clusters by their numbers.

    A colour goes with the number, or is the next one free: none comes twice before all have come.
    Clusters of one filter are grey.

    Args:
        sizes: filters of each cluster by its number; negative for filters that never vary.
    """
    colours, taken = {}, set[int]()
    for label, size in sorted(sizes.items()):
        if label < 0 or size < 2:
            colours[label] = CONSTANT if label < 0 else SINGLETON
            continue
        if len(taken) == len(CLUSTER_COLOURS):
            taken = set()
        place = label % len(CLUSTER_COLOURS)
        while place in taken:
            place = (place + 1) % len(CLUSTER_COLOURS)
        taken.add(place)
        colours[label] = CLUSTER_COLOURS[place]
    return colours
