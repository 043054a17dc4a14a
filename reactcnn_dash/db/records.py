"""What the store takes and gives: frozen dataclasses and NumPy arrays, never database rows.

Arrays that come from the store are read-only views; copy them before changing them. Records that
hold arrays compare by identity, since comparing arrays element by element has no single truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from reactcnn_dash.db.predictions import NO_PREDICTION

if TYPE_CHECKING:
    from datetime import datetime

T = TypeVar("T")

UInt8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int32Array = NDArray[np.int32]
LabelArray = NDArray[np.integer[Any]]

FLOAT32: Final = "float32"
BFLOAT16: Final = "bfloat16"
"""What the convolutions of a run are computed in; everything that is reduced is float32."""

STALL_SECONDS = 10.0
"""A collecting run whose heartbeat is older than this counts as stalled."""


class Answers(StrEnum):
    """What a run's `probabilities` are, one a name in `class_names`.

    `CLASSES`: probabilities of classes of which one is right; only these have a prediction.
    `LABELS`: a probability a label, each of which may be right. `VALUES`: values as the network
    gives them. `NONE`: there are none.
    """

    CLASSES = "classes"
    LABELS = "labels"
    VALUES = "values"
    NONE = "none"


def mean_error(error_sum: float | None, error_count: int) -> float | None:
    """Return the mean of so many errors; None without any."""
    return error_sum / error_count if error_sum is not None and error_count else None


class RunState(StrEnum):
    """What a run is doing; `STALLED` and `HALF_DELETED` tell of a silent process, never stored.

    A `DELETING` run loses its images from the last to the first; `stored` counts those left.
    """

    COLLECTING = "collecting"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    STALLED = "stalled"
    DELETING = "deleting"
    HALF_DELETED = "half deleted"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One set of weights of one model, recognised by the SHA-256 of the weights (hex).

    `source` is where a run had them from; the same weights may have come from elsewhere in others.
    """

    id: int
    sha256: str
    model: str
    parameters: int
    source: str


@dataclass(frozen=True, slots=True)
class Layer:
    """One tapped convolution.

    `name` is the convolution's name, `tap` the name of the layer whose output is read. `height`
    and `width` are those of its feature maps; `offset` is where its `filters` values start in the
    concatenated GAP row of an image.
    """

    position: int
    name: str
    kind: str
    tap: str
    filters: int
    height: int
    width: int
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """The weights of one convolution with F filters of h × w places and C input channels.

    `weights` (F, h, w, C) float32, None where C is too large to look at; `spatial` (F, h, w)
    float32, the root of the sum of their squares over the channels; `channels` (F, C) float32, the
    same over the places.
    """

    layer: str
    weights: Float32Array | None
    spatial: Float32Array
    channels: Float32Array


@dataclass(frozen=True, slots=True)
class NewRun:
    """Everything that is known when a run begins.

    `feature_maps` is `all`, `none` or `last:N`. `image_shape` is (height, width, channels) of the
    pixels that the network sees. `options` must be JSON: what is needed to resume the run.
    `total` is the number of images expected, None when it is unknown. `experiment` is the name that
    the runs of one training share, `epoch` how many epochs its checkpoint was trained. `kernels`
    are those of the layers, by position, where they are known.
    """

    name: str
    model: str
    checkpoint_sha256: str
    parameters: int
    checkpoint_source: str
    image_source: str
    image_identity: str
    total: int | None
    batch_size: int
    feature_maps: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    options: dict[str, Any] = field(default_factory=dict)
    experiment: str | None = None
    epoch: int | None = None
    kernels: tuple[Kernel, ...] = ()


@dataclass(frozen=True, slots=True)
class Shared:
    """How far a shared run is: its collectors that are at work, and all images that are stored.

    `Run.stored` counts the images before the first gap, which are those that readers see.
    """

    workers: int
    images: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One pass of the collector with one checkpoint over one image source.

    `stored`, `labelled`, `correct` and `skipped` count images; an image counts as labelled when
    it has a label, and as correct when its finite probabilities are largest at that label.
    `gap_low` and `gap_high`, (L,) float32, are the lowest and highest finite GAP value of each
    layer so far, NaN before the first. `rate` is in images a second. Times are aware, in UTC.
    `size` counts the bytes of its values in the store. `note` and `tags` are what people wrote.
    Of labels an image is correct when every label that is known of it is. Of values, `error_sum`
    adds up the mean absolute errors of the `error_count` images that have a target and a finite
    answer; it is None without any.
    `odd` counts the images that stand out, None while nobody has looked for them. `shared` is how
    far a run is that several collectors share, None for one with a single collector.
    """

    id: int
    uuid: str
    name: str
    checkpoint: Checkpoint
    image_source: str
    image_identity: str
    total: int | None
    batch_size: int
    feature_maps: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    options: dict[str, Any]
    state: RunState
    created_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    stored: int
    labelled: int
    correct: int
    skipped: int
    gap_low: Float32Array
    gap_high: Float32Array
    rate: float | None
    experiment: str | None = None
    epoch: int | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    size: int = 0
    odd: int | None = None
    shared: Shared | None = None
    error_sum: float | None = None
    error_count: int = 0

    @property
    def mean_error(self) -> float | None:
        """The mean absolute error of a network of values; None without targets."""
        return mean_error(self.error_sum, self.error_count)

    @property
    def answers(self) -> Answers:
        """What the network answers; runs of former versions are all of classes."""
        return Answers(self.options.get("answers", Answers.CLASSES))

    @property
    def precision(self) -> str:
        """What its convolutions were computed in; runs of former versions are all in float32."""
        return str(self.options.get("precision", FLOAT32))

    @property
    def thresholds(self) -> tuple[float, ...]:
        """From which probability on each label is given; of :attr:`Answers.LABELS` alone."""
        if self.answers is not Answers.LABELS:
            return ()
        return tuple(self.options.get("thresholds") or (0.5,) * len(self.class_names))


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list of runs shows of one; fields are those of `Run` and of its `Checkpoint`.

    `authors` says who wrote `name`, `note` and `tags` as they are now, and when: `by` and `at`, ISO
    8601 in UTC; what nobody is known to have written is missing.
    """

    id: int
    uuid: str
    name: str
    model: str
    sha256: str
    checkpoint_source: str
    image_source: str
    experiment: str | None
    epoch: int | None
    state: RunState
    created_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    stored: int
    total: int | None
    labelled: int
    correct: int
    skipped: int
    size: int
    note: str
    tags: tuple[str, ...]
    odd: int | None
    authors: dict[str, dict[str, str]]
    precision: str = FLOAT32
    error_sum: float | None = None
    error_count: int = 0

    @property
    def mean_error(self) -> float | None:
        """The mean absolute error of a network of values; None without targets."""
        return mean_error(self.error_sum, self.error_count)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a run is called, and how large it is; fields are those of `Run`."""

    id: int
    name: str
    stored: int
    size: int


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Runs, newest first; `damaged` says in a line each which are left out, and why."""

    runs: tuple[T, ...]
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class MapBatch:
    """Feature maps of one layer for B images, reduced to bytes.

    `codes` (B, F, H, W) uint8, `low` and `step` (B, F) float32; value = low + step · code. A NaN
    `step` marks a filter whose map holds non-finite values; its codes are 0.
    """

    codes: UInt8Array
    low: Float32Array
    step: Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class ImageBatch:
    """B consecutive images, `start` being the ordinal of the first.

    `labels` (B,) integers, -1 = none; `probabilities` (B, K) float32; `pixels` (B, H, W, C)
    uint8; `names` B strings or None; `gap` (B, F) float32, all layers side by side; `maps` one
    `MapBatch` a layer in the order of their positions, or None. `targets` (B, K) float32 is what is
    right of networks that answer with labels (1, or 0 for a label that is not) or values, NaN where
    that is not known; None for all others.
    """

    start: int
    labels: LabelArray
    probabilities: Float32Array
    pixels: UInt8Array
    names: tuple[str | None, ...]
    gap: Float32Array
    maps: tuple[MapBatch, ...] | None = None
    targets: Float32Array | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What is right of an image of a network that answers with labels or values.

    `values` (K,) float32: 1 or 0 a label, or the due values; NaN where it is not known. `hits` is a
    letter a label, see `targets.Letter`, None of values. `error` counts the labels that are wrong,
    or is the mean absolute error of the values; None where the answer is not finite.
    """

    values: Float32Array
    hits: str | None
    error: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One stored image.

    `probabilities` (K,) float32; `pixels` (H, W, C) uint8, (0, 0, C) once they are pruned; `sha256`
    is hex over the pixels' dtype, shape and bytes, the same in every run; `finite` is False when a
    probability, a GAP value or a feature map of the image was NaN or infinite. `target` is None
    where nothing is known to be right, and of networks that name a class.
    """

    ordinal: int
    label: int | None
    prediction: int
    probabilities: Float32Array
    name: str | None
    pixels: UInt8Array
    sha256: str
    finite: bool
    target: Target | None = None

    @property
    def named(self) -> int:
        """The class that the network names, -1 for none.

        `prediction` is the likeliest of those that are not NaN, which is no answer.
        """
        return self.prediction if np.isfinite(self.probabilities).all() else NO_PREDICTION


@dataclass(frozen=True, slots=True, eq=False)
class ImageFacts:
    """What is stored of one image but its pixels and GAP row; fields are those of `Image`.

    `misclassified` is None without a label; an answer that is not finite is never the right one.
    `damaged` says that the stored probabilities or the target are; they stand as NaN and as None.
    """

    ordinal: int
    label: int | None
    prediction: int
    probabilities: Float32Array
    misclassified: bool | None
    name: str | None
    sha256: str
    finite: bool
    damaged: bool = False
    target: Target | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMaps:
    """Feature maps of one layer for one image.

    `codes` (F, H, W) uint8, `low` and `step` (F,) float32; see `MapBatch`.
    """

    codes: UInt8Array
    low: Float32Array
    step: Float32Array


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationState:
    """Running co-moments of one layer's filters.

    The rows with ordinal < `covered` were folded in, of which `n` were finite. `mean`, `low` and
    `high` (F,) float64; `comoment` (F, F) float64 is symmetric: its upper triangle is stored.
    """

    layer: int
    covered: int
    n: int
    mean: Float64Array
    comoment: Float64Array
    low: Float64Array
    high: Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """The clusters of one layer by one method and parameter over the first `images` images.

    `labels` (F,) int32, -1 = no cluster (a constant filter).
    """

    layer: int
    method: str
    parameter: float
    images: int
    labels: Int32Array


@dataclass(frozen=True, slots=True, eq=False)
class GapBlock:
    """Consecutive GAP rows as they are read.

    `ordinals` (n,) int64 and `rows` (n, F) float32 are the undamaged ones; `damaged` lists the
    ordinals that were left out.
    """

    ordinals: NDArray[np.int64]
    rows: Float32Array
    damaged: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Everything that one poll of the page needs, read in one transaction.

    `image` and `gap`, (F,) float32, are None when the run has no such image yet, or when they are
    damaged: `damaged` then says what is wrong. A GAP row that was pruned is NaN, and said too.
    """

    run: Run
    latest_run_id: int
    image: Image | None
    gap: Float32Array | None
    damaged: str | None = None
