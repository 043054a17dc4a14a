"""What the redundancy page is sent: a run's report, and whether a layer's clusters hold."""

from __future__ import annotations

from typing import TypedDict


class ReportedRun(TypedDict):
    """The run of a report."""

    id: int
    uuid: str
    name: str
    model: str
    checkpoint: str
    source: str
    state: str


class RedundantCluster(TypedDict):
    """A cluster with what speaks for it; pairs are 95 % intervals."""

    label: int
    colour: str
    filters: list[int]
    keep: int
    mean: float
    mean95: tuple[float, float]
    lowest: float
    lowest95: tuple[float, float]
    spatialR: float | None
    spatial: list[float | None]
    mapImages: int
    examples: list[int]
    explained: list[float | None]
    verdict: str


class ExplainedFilter(TypedDict):
    """A filter that does not stay: R² by all that stay and by a few of them, on other images."""

    filter: int
    r2: float | None
    by: list[int]
    r2By: float | None
    confirmed: bool


class ReportedLayer(TypedDict):
    """A layer: its figures, and its clusters of two or more filters, the tightest first."""

    name: str
    position: int
    height: int
    width: int
    filters: int
    dead: int
    constant: int
    pairs90: int
    pairs95: int
    rank: float
    couldGo: int
    confirmed: int
    clusters: list[RedundantCluster]
    stay: int | None
    explained: list[ExplainedFilter]


class RedundancyPayload(TypedDict):
    """What is redundant in a run."""

    run: ReportedRun
    shape: tuple[int, int, int]
    images: int
    mapImages: int
    explainedImages: int
    method: str
    threshold: float
    summary: str
    layers: list[ReportedLayer]


class CurvePoint(TypedDict):
    """Agreement (ARI) of two samples of so many images: mean and range of the draws."""

    images: int
    agreement: float
    low: float
    high: float


class Stability(TypedDict):
    """Whether a layer's clusters hold; ``enough``: images from which on they do."""

    verdict: str
    stored: int
    images: int
    target: float
    enough: int | None
    bootstrap: list[float]
    curve: list[CurvePoint]
