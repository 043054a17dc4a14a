"""What the filter page is sent: a filter, its images, its clusters and its history."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class FilterRun(TypedDict):
    """The run of a filter; ``renewedAt``: how many images it will have when it is read again."""

    id: int
    uuid: str
    name: str
    model: str
    experiment: str | None
    epoch: int | None
    state: str
    stored: int
    renewedAt: int | None
    labelled: int
    classes: list[str]
    shape: tuple[int, int, int]


class FilterState(TypedDict):
    """How a filter stands over the run's images."""

    images: int
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    constant: bool
    dead: bool


class ClassValues(TypedDict):
    """A filter's values by class: a histogram a class over common edges."""

    images: int
    edges: list[float]
    counts: list[list[int]]
    means: list[float | None]
    ofClass: list[int]
    selectivity: float | None
    favourite: int | None


class FilterKernel(TypedDict):
    """A filter's weights (height, width, channels), None where they are too many; their norms."""

    size: tuple[int, int]
    channels: int
    weights: list[list[list[float]]] | None
    spatial: list[list[float]]
    strongest: list[tuple[int, float]]
    source: str | None


class Neighbour(TypedDict):
    """Another filter of the layer: r and its 95 % interval."""

    filter: int
    r: float
    low: float
    high: float


class FilterFacts(TypedDict):
    """A filter but for its images, clusters and history.

    ``values``: its own GAP first, then those of its neighbours, on the same images.
    """

    run: FilterRun
    layers: list[tuple[str, int]]
    layer: int
    filter: int
    map: tuple[int, int]
    state: FilterState
    classes: ClassValues
    kernel: FilterKernel | None
    nearest: list[Neighbour]
    opposite: list[Neighbour]
    values: list[list[float | None]]


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
    images: int
    cluster: int
    size: NotRequired[int]
    meanR: NotRequired[float | None]
    lowestR: NotRequired[float | None]
    members: NotRequired[list[int]]


class PastRun(TypedDict):
    """A filter in one run of its history."""

    id: int
    name: str
    epoch: int | None
    images: int
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    dead: bool
    constant: bool
    selectivity: float | None
    accuracy: float | None


class History(TypedDict):
    """A filter across checkpoints; ``epochs``: every run has one."""

    experiment: str | None
    epochs: bool
    runs: list[PastRun]
