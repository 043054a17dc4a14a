"""What the filter page is sent: a filter, its images, its clusters and its history."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from reactcnn_dash.results.filters.facts import ClassValues, FilterKernel, FilterState, Neighbour
from reactcnn_dash.results.filters.history import History, PastRun

__all__ = [
    "ClassValues",
    "FilterCluster",
    "FilterFacts",
    "FilterKernel",
    "FilterRun",
    "FilterState",
    "History",
    "Neighbour",
    "Neighbours",
    "PastRun",
    "RunNow",
    "TopImages",
]


class FilterRun(TypedDict):
    """The run of a filter; ``renewedAt``: how many images it will have when it is read again."""

    id: int
    uuid: str
    name: str
    model: str
    epoch: int | None
    stored: int
    renewedAt: int | None
    labelled: int
    classes: list[str]
    answers: str
    shape: tuple[int, int, int]


class Neighbours(TypedDict):
    """The filters nearest to one by r, and those most opposite to it.

    ``values``: its own GAP first, then those of its neighbours, on the same images.
    """

    nearest: list[Neighbour]
    opposite: list[Neighbour]
    values: list[list[float | None]]


class FilterFacts(Neighbours):
    """A filter but for its images, clusters and history.

    ``field``: what part of the image the cells of its map see.
    """

    run: FilterRun
    layers: list[tuple[str, int]]
    layer: int
    filter: int
    map: tuple[int, int]
    field: list[list[float]] | Literal["whole"] | None
    state: FilterState
    classes: ClassValues
    kernel: FilterKernel | None


class RunNow(TypedDict):
    """How far a run is."""

    stored: int
    collecting: bool


class TopImages(TypedDict):
    """The images that drive a filter most: ordinal, GAP, class (−1: none); by class ordinals."""

    images: int
    overall: list[tuple[int, float, int]]
    byClass: list[list[int]]


class FilterCluster(TypedDict):
    """A filter's cluster; without one (−1) there is no more to say."""

    method: str
    symbol: str
    parameter: float
    cluster: int
    size: NotRequired[int]
    meanR: NotRequired[float | None]
    lowestR: NotRequired[float | None]
    members: NotRequired[list[int]]
