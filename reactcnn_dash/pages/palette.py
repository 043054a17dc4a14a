"""Colours of clusters. Red is kept for the selected cluster and is not among them."""

from __future__ import annotations

from typing import Final

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


def cluster_colour(label: int, size: int) -> str:
    """Return the colour of a cluster: stable for its number, grey when it has one filter."""
    if label < 0:
        return CONSTANT
    if size < 2:
        return SINGLETON
    return CLUSTER_COLOURS[label % len(CLUSTER_COLOURS)]
