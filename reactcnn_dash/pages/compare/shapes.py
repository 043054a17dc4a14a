"""What the compare page is sent: two runs compared, one layer, images, and an experiment."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from reactcnn_dash.pages.shapes import Option

Kind = Literal["all", "corrected", "broken", "between"]


class Listed(TypedDict):
    """What can be picked."""

    runs: list[Option]
    experiments: list[Option]


class ComparedRun(TypedDict):
    """One of two runs; ``low`` and ``high`` are GAP over the run, by layer in common."""

    id: int
    uuid: str
    name: str
    images: int
    classes: list[str]
    answers: str
    precision: str
    shape: tuple[int, int, int]
    low: list[float | None]
    high: list[float | None]


class LayerRow(TypedDict):
    """The figures of one layer in A and B."""

    name: str
    kind: str
    filters: int
    height: int
    width: int
    cka: float | None
    ari: float | None
    nmi: float | None
    deadA: int
    deadB: int
    constantA: int
    constantB: int
    died: int
    alive: int
    same: float | None
    sure: float | None
    parameter: float


class Parting(TypedDict):
    """The layer in which the runs part first, and the filters that do."""

    layer: str | None
    filters: list[int]


class Compared(TypedDict):
    """Two runs compared, as far as the page shows them at first sight.

    ``rounding`` says what cannot be told apart where not both were computed in float32.
    """

    a: ComparedRun
    b: ComparedRun
    images: int
    leftOut: int
    labelled: int
    accuracy: tuple[float, float] | None
    errors: tuple[float, float] | None
    confidence: tuple[float | None, float | None]
    changed: dict[str, int]
    unmatched: list[str]
    notFinite: list[str]
    method: str
    parameter: float | None
    layers: list[LayerRow]
    cka: list[list[float | None]]
    ckaImages: int
    parting: Parting
    rounding: str


class LayerFilters(TypedDict):
    """One layer's filters, a list a figure; −1 for no match and no cluster."""

    same: list[float | None]
    match: list[int]
    r: list[float | None]
    margin: list[float | None]
    sure: list[int]
    a: list[int]
    b: list[int]
    colours: dict[str, str]
    died: list[int]
    alive: list[int]
    leftOut: list[int]


class ChangedImages(TypedDict):
    """A page of changed images.

    ``hits`` are ordinal in A and in B, label (−1: none), prediction in A and in B.
    """

    kind: Kind
    offset: int
    total: int
    kinds: list[Kind]
    hits: list[tuple[int, int, int, int, int]]


class RunAnswer(TypedDict):
    """What a run says of an image; ``gap`` is base64 of float32, layers in common.

    ``error`` is how many labels are wrong, or the mean absolute error of the values.
    """

    ordinal: int
    label: int | None
    prediction: int
    name: str | None
    error: float | None
    probabilities: list[float | None]
    gap: str


class ImagePair(TypedDict):
    """Both runs' answers to one image, and its place among the changed ones of a kind."""

    a: RunAnswer
    b: RunAnswer
    place: int | None
    total: int
    previous: int | None
    next: int | None


class CurvePoint(TypedDict):
    """The figures of a pair that are drawn against the epoch; lists are by layer.

    ``errors`` are mean absolute errors, of networks of values; ``changed`` is None where not both
    runs name a class.
    """

    layers: list[str]
    images: int
    accuracy: tuple[float, float] | None
    errors: tuple[float, float] | None
    confidence: tuple[float | None, float | None]
    changed: int | None
    answers: tuple[str, str]
    cka: list[float | None]
    ari: list[float | None]
    nmi: list[float | None]
    same: list[float | None]
    sure: list[float | None]
    deadA: list[int]
    deadB: list[int]
    constantA: list[int]
    constantB: list[int]
    died: list[int]
    alive: list[int]


class KnownPair(CurvePoint):
    """Two runs of an experiment with their figures."""

    a: int
    b: int


class Incomparable(TypedDict):
    """Why two runs of an experiment cannot be compared."""

    message: str


class OpenPair(TypedDict):
    """Two runs of an experiment that are not compared yet, or why they cannot be."""

    a: int
    b: int
    message: NotRequired[str]


class Epoch(TypedDict):
    """A run of an experiment."""

    id: int
    name: str
    epoch: int | None


class Experiment(TypedDict):
    """The figures of an experiment so far; while a pair is under way also those of ``Running``."""

    status: Literal["done", "running"]
    name: str
    against: str
    runs: list[Epoch]
    pairs: list[KnownPair | OpenPair]
    known: int
    done: NotRequired[int]
    total: NotRequired[int]
    behind: NotRequired[bool]
    loading: NotRequired[bool]
