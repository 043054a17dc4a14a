"""What the live page is sent: frames, clusters, what a search found, and deviations."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from reactcnn_dash.pages.shapes import Empty
from reactcnn_dash.results.maps_again import MapsAgain
from reactcnn_dash.results.what_if import WhatIfRun

__all__ = ["MapsAgain", "WhatIfRun"]


class ShownRun(TypedDict):
    """A run as the page's header tells of it.

    ``workers`` and ``gathered`` are of a run that several collectors share: those at work, and all
    images that are stored; ``stored`` are those before the first gap. ``precision`` is what its
    convolutions were computed in, ``rounding`` what that cost, in words; nothing in float32.
    """

    id: int
    uuid: str
    name: str
    model: str
    checkpoint: str
    source: str
    state: str
    stored: int
    total: int | None
    labelled: int
    correct: int
    meanError: float | None
    rate: float | None
    workers: int | None
    gathered: int | None
    latest: int
    precision: str
    rounding: str


class ShownLayer(TypedDict):
    """A tapped layer; ``offset`` is where its filters begin in a GAP row."""

    name: str
    kind: str
    filters: int
    height: int
    width: int
    offset: int


class Merge(TypedDict):
    """Where branches meet: the operation, and its sources as in ``Wiring``."""

    kind: str
    of: list[int]


class Wiring(TypedDict):
    """How layers hang together: the sources of each, the merges, and what each layer costs.

    A source is a layer's position, or −1 − k for the merge k. ``costs`` are a layer's parameters
    and multiply-adds an image.
    """

    taps: list[list[int]]
    merges: list[Merge]
    costs: list[list[int]]


class Model(TypedDict):
    """What the grid is drawn from; ``shape`` is height, width and channels of an image.

    ``answers``: what the numbers of an image's answer are, one a name in ``classes``;
    ``thresholds``: from which on a label is given, one a label; none for other answers. ``fields``:
    what part of the image the cells of a layer's maps see, by position. ``wiring`` is None where
    it is not known.
    """

    classes: list[str]
    answers: str
    thresholds: list[float]
    shape: tuple[int, int, int]
    layers: list[ShownLayer]
    fields: list[list[list[float]] | Literal["whole"] | None]
    wiring: Wiring | None


class ShownImage(TypedDict):
    """One image's answer.

    ``probabilities`` are class and probability, −1 for NaN, or place and value, None for NaN;
    ``prediction`` is −1 where the network names no class; ``gap`` is base64 of a byte a filter,
    on the scale from ``low`` to ``high`` of its layer. ``hits`` is a letter for each label of
    ``probabilities``: h a hit, f false, m missed, - rightly not given, + given and ? not, of which
    nobody knows whether it is right; None for other answers. ``targets`` says what is right of each
    of them, None where nothing is known; ``error`` how many labels are wrong, or the mean absolute
    error of the values.
    """

    ordinal: int
    label: int | None
    prediction: int
    name: str | None
    finite: bool
    probabilities: list[tuple[int, float | None]]
    hits: str | None
    targets: list[float | None] | None
    error: float | None
    gap: str
    low: list[float]
    high: list[float]


class Seen(TypedDict, total=False):
    """What the page already shows, so that it is not sent again."""

    uuid: str
    ordinal: int


class PollRequest(TypedDict):
    """A look at the store; ``run`` and ``ordinal`` None for the newest."""

    number: int
    run: int | None
    ordinal: int | None
    seen: NotRequired[Seen]
    find: NotRequired[Literal["next-misclassified", "opening"]]


class Frame(TypedDict, total=False):
    """The answer to a poll: what changed, and what there is to say.

    ``asked`` is the request's number; ``gone`` that the run is not there any more; ``found`` the
    ordinal that was looked for, or with ``beyond``, which says so, that is nearest to the one asked
    for.
    """

    asked: int
    run: ShownRun
    model: Model
    image: ShownImage
    notice: str
    info: str
    found: int
    beyond: str
    gone: bool
    empty: Empty


class ClustersAsked(TypedDict):
    """Which clusters: ``asked`` is the parameter, ``subset`` a search's text."""

    run: int
    layer: int
    method: str
    asked: float | None
    subset: str | None


class ClustersRequest(ClustersAsked):
    """Which clusters to work out; ``parameter`` None: the one that suits the layer.

    ``keep``: the picture on the page shows the same layer and method, and its nodes stay.
    """

    parameter: float | None
    keep: bool
    number: int


class Beside(TypedDict):
    """The whole run's figures that stand beside those of a subset."""

    images: int
    clusters: int
    mean: float | None
    subsetMean: float | None
    agreement: float | None


class Clusters(ClustersAsked):
    """The clusters of a layer: a label a filter, −1 for one that never varies."""

    parameter: float
    methodLabel: str
    symbol: str
    images: int
    chosen: int
    stored: int
    renewedAt: int
    filters: int
    labels: list[int]
    clusters: int
    single: int
    constant: int
    dead: int
    beside: Beside | None


class ClustersRefused(ClustersAsked):
    """Why there are no clusters."""

    message: str


class ClusterRow(TypedDict):
    """A row of the table of clusters."""

    id: str
    cluster: int
    colour: str
    size: int
    mean: float | None
    lowest: float | None
    meanInterval: str | None
    lowestInterval: str | None
    together: int | None


class GraphElement(TypedDict):
    """A node or an edge as Cytoscape takes it."""

    data: dict[str, str | int]
    position: NotRequired[dict[str, float]]


class ClustersAnswer(TypedDict):
    """The clusters with what graph and table show; ``layout`` None: nodes stay where they are."""

    clusters: Clusters | ClustersRefused
    elements: list[GraphElement]
    layout: dict[str, str | float | bool] | None
    rows: list[ClusterRow]


class SearchPage(TypedDict):
    """A page of hits: ordinal, label, prediction, misclassified, confidence, error.

    ``place`` is that of the image that was asked about among all hits.
    """

    total: int
    place: int | None
    offset: int
    hits: list[tuple[int, int | None, int, bool | None, float | None, float | None]]


class OddRun(TypedDict):
    """A run's odd images: how many, and the most that are marked.

    ``provisional``: its last scores are still to come.
    """

    working: bool
    provisional: bool
    rate: float
    threshold: float | None
    scored: int
    profiled: int
    count: int
    odd: list[int]


class OddLayer(TypedDict):
    """How much a layer stands out; ``tail``: the share of usual images as far off."""

    name: str
    strangeness: float | None
    tail: float


class OddFilter(TypedDict):
    """A filter that neither the layer before nor its own explains."""

    layer: int
    filter: int
    deviation: float


class LeftCluster(TypedDict):
    """A filter that does not move with its cluster here."""

    layer: int
    filter: int
    mates: int
    found: float
    expected: float
    deviation: float


class OddImage(TypedDict):
    """One image's deviations; ``codes`` is base64 of a byte a filter."""

    score: float | None
    threshold: float | None
    against: int | None
    images: int
    codes: str
    layers: list[OddLayer]
    suspects: list[OddFilter]
    left: list[LeftCluster]


class NextOdd(TypedDict):
    """The next odd image, after the last the first; None where there is none."""

    image: int | None


class VisitFilter(TypedDict):
    """A filter to point at: ``stimulus`` drives it with ``r`` over ``images``, None for unknown.

    ``mapped``: its feature map for the image is stored.
    """

    layer: int
    filter: int
    stimulus: str | None
    r: float
    images: int
    mapped: bool


class VisitCluster(TypedDict):
    """A cluster of ``size`` filters with a mean r of ``mean`` over ``images``."""

    layer: int
    cluster: int
    size: int
    mean: float
    images: int


class FirstVisit(TypedDict):
    """What the tour of a run shows; None where there is nothing of the kind.

    ``image`` is the one that it begins on; ``odd`` and ``wrong`` count images that stand out and
    misclassified ones.
    """

    image: int | None
    filter: VisitFilter | None
    cluster: VisitCluster | None
    odd: int
    wrong: int


class WhatIf(TypedDict):
    """An image with some filters switched off, beside the image as it is.

    ``classes`` are class and probability before and after, None for NaN; ``before`` and ``after``
    the predicted class, None without one; ``codes`` is base64 of a byte a filter, how far its GAP
    moved on the scale ± ``spans`` of its layer; ``rounded``: the run was given finer pixels than
    the store keeps.
    """

    classes: list[tuple[int, float | None, float | None]]
    before: int | None
    after: int | None
    codes: str
    spans: list[float]
    rounded: bool


class ClassMap(TypedDict):
    """Where in an image a layer speaks for a class (Grad-CAM).

    ``codes`` is base64 of a byte a place, the largest 255; ``nowhere``: nothing speaks for it;
    ``beforeSoftmax``: of the score before the last softmax, else of the probability.
    """

    height: int
    width: int
    codes: str
    nowhere: bool
    beforeSoftmax: bool
