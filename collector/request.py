"""What the user asked for, as values; what was not given is ``None``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.errors import ResumeError
from collector.frameworks.protocol import AUTO
from collector.packaged import NAME
from reactcnn_dash.db import FLOAT32
from reactcnn_dash.vocabulary import READINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reactcnn_dash.db import Run

DEFAULT_MODEL = NAME
DEFAULT_IMAGES = "auto"
DEFAULT_PIXEL_RANGE = "0-255"
DEFAULT_BATCH_SIZE = 1
DEFAULT_READING = READINGS[0]
DEFAULT_FEATURE_MAPS = "last:1000"
DEFAULT_PRECISION = FLOAT32
DEFAULT_STORE = "reactcnn.db"


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the collector.

    Attributes:
        store: URL or path of the store.
        model: the packaged network's name or a path.
        images: what ``open_images`` takes.
        pixel_range: key of ``PIXEL_RANGES``.
        preprocess: key of ``PREPROCESSES``, instead of a pixel range.
        size: (height, width) for a model that takes any.
        head: what the model ends in, one of ``HEADS``.
        thresholds: from which probability on each label is given: one for all, or one a label.
        custom_ops: path of a library of operators for an ONNX model.
        custom: path of a Python file that registers layers of a Keras model; it is run.
        weights: path of the weights of a PyTorch model.
        trusted: whether PyTorch's files may run code when they are opened.
        batch_size: images a batch.
        limit: number of images of the whole run, drawn evenly over the classes.
        first: number of images of the whole run, the first ones.
        reading: how pictures are read: one of ``READINGS``.
        value_range: ``LOW,HIGH``, what is black and what is white.
        classes: path of the file that names the model's classes, or ``imagenet``.
        class_names: the names in it.
        pace: images a second at most.
        name: the run's name.
        experiment: what the run has in common with others.
        epoch: how many epochs the checkpoint was trained.
        feature_maps: ``all``, ``none`` or ``last:N``.
        resume: id, UUID or name of a run to go on with.
        share: id or name of a run that several collectors share.
        exact: whether every convolution is computed by its definition.
        precision: what convolutions are computed in, one of ``PRECISIONS``.
        durable: whether every batch waits for the disk.
        scores: whether images are scored for what stands out.
    """

    store: str = DEFAULT_STORE
    model: str | None = None
    images: str | None = None
    pixel_range: str | None = None
    preprocess: str | None = None
    size: tuple[int, int] | None = None
    head: str | None = None
    thresholds: tuple[float, ...] | None = None
    custom_ops: str | None = None
    custom: str | None = None
    weights: str | None = None
    trusted: bool = False
    batch_size: int | None = None
    limit: int | None = None
    first: int | None = None
    reading: str | None = None
    value_range: str | None = None
    classes: str | None = None
    class_names: tuple[str, ...] | None = None
    pace: float | None = None
    name: str | None = None
    experiment: str | None = None
    epoch: int | None = None
    feature_maps: str | None = None
    resume: str | None = None
    share: str | None = None
    exact: bool = False
    precision: str | None = None
    durable: bool = False
    scores: bool = True

    @property
    def model_or_default(self) -> str:
        """The model of a new run."""
        return self.model or DEFAULT_MODEL

    @property
    def images_or_default(self) -> str:
        """The images of a new run."""
        return self.images or DEFAULT_IMAGES

    @property
    def pixel_range_or_default(self) -> str:
        """The pixel range, or what is done to pixels instead, of a new run."""
        return self.preprocess or self.pixel_range or DEFAULT_PIXEL_RANGE

    @property
    def batch_size_or_default(self) -> int:
        """The batch size of a new run."""
        return self.batch_size or DEFAULT_BATCH_SIZE

    @property
    def precision_or_default(self) -> str:
        """What the convolutions of a new run are computed in."""
        return self.precision or DEFAULT_PRECISION

    @property
    def feature_maps_or_default(self) -> str:
        """Which feature maps a new run keeps."""
        return self.feature_maps or DEFAULT_FEATURE_MAPS


def amount(options: Mapping[str, Any]) -> tuple[int | None, bool]:
    """Return how many images a run is to hold, and whether they are drawn rather than the first."""
    if "first" not in options:
        # Begun before images were drawn.
        return options.get("limit"), False
    limit = options["limit"]
    return (limit, True) if limit is not None else (options["first"], False)


def _size(run: Run) -> str:
    height, width, _ = run.image_shape
    return f"{height}x{width}"


def _numbers(thresholds: tuple[float, ...] | None) -> str | None:
    """Return thresholds as a person gives them; one that is the same for all once."""
    if not thresholds:
        return None
    told = thresholds[:1] if len(set(thresholds)) == 1 else thresholds
    return ",".join(f"{one:g}" for one in told)


def check_options(request: Request, run: Run) -> None:
    """Refuse to resume with other options than the run was begun with.

    Raises:
        ResumeError: naming the option, its value then and now.
    """
    pairs: dict[str, tuple[Any, Any]] = {
        "--name": (request.name, run.name),
        "--experiment": (request.experiment, run.experiment),
        "--epoch": (request.epoch, run.epoch),
        "--batch-size": (request.batch_size, run.batch_size),
        "--limit": (request.limit, run.options.get("limit")),
        "--first": (request.first, run.options.get("first")),
        "--reading": (request.reading, run.options.get("reading", DEFAULT_READING)),
        "--value-range": (request.value_range, run.options.get("value_range")),
        "--classes": (request.classes, run.options.get("classes")),
        "--feature-maps": (request.feature_maps, run.feature_maps),
        "--pixel-range": (
            request.pixel_range,
            None if run.options.get("preprocess") else run.options.get("pixel_range"),
        ),
        "--preprocess": (request.preprocess, run.options.get("preprocess")),
        "--size": (request.size and f"{request.size[0]}x{request.size[1]}", _size(run)),
        "--weights": (request.weights, run.options.get("weights")),
        "--head": (request.head, run.options.get("head")),
        "--threshold": (_numbers(request.thresholds), _numbers(run.thresholds)),
        # Whatever was chosen when it began is kept.
        "--precision": (None if request.precision == AUTO else request.precision, run.precision),
        "--exact": (request.exact or None, run.options.get("arithmetic") == "direct" or None),
    }
    for option, (now, then) in pairs.items():
        if now is not None and now != then:
            begun = f"without {option}" if then is None else f"with {option} {then}"
            wanted = option if now is True else f"{option} {now}"
            raise ResumeError(
                f"run {run.id} was begun {begun}; it cannot go on with {wanted}: leave that out."
            )
