"""From what the user asked for to a run that can be collected: a new one, or one to go on with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collector.errors import ModelError, ResumeError
from collector.frameworks.agreement import IMAGES, first_images
from collector.frameworks.precision import MEASURED, emulated, line_of, proven_in
from collector.frameworks.protocol import Asked
from collector.frameworks.registry import framework_of
from collector.images import LabelFit, ValueRange, draw, fit_labels, fit_targets
from collector.loop import Work, expected
from collector.request import DEFAULT_PIXEL_RANGE, DEFAULT_READING, amount
from collector.space import image_bytes, space_notice
from collector.statistics import Statistics, restore
from reactcnn_dash.db import BFLOAT16, FLOAT32, Answers, Layer, NewRun, RunWriter, StoreReader

if TYPE_CHECKING:
    from collector.frameworks.protocol import Network, Proven
    from collector.images import ImageSource, Shape
    from collector.request import Request
    from collector.signals import StopSignals
    from reactcnn_dash.db import Run

_NO_BFLOAT16 = "models of {} are computed in float32 only; leave --precision out."
_EVIDENCE: dict[ValueRange | None, tuple[str, str]] = {
    ValueRange(0, 1): ("0–1", "0-1"),
    ValueRange(-1, 1): ("−1–1", "-1-1"),
}
"""Ranges of images that a model is trained on, in words and as ``--pixel-range`` has them."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A run that is ready to be collected.

    Attributes:
        work: what the loop needs.
        writer: the run, begun or taken up again; whoever has the session closes it.
        network: the network that runs.
        notices: what the user should know, one line each.
    """

    work: Work
    writer: RunWriter
    network: Network
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A run that could be collected; what it is has been checked, and nothing is stored of it yet.

    Attributes:
        network: the network that runs.
        labels: how labels become the model's classes.
        images: those of the run, in their order.
        proven: the network made ready.
        notices: what the user should know, one line each.
    """

    network: Network
    labels: LabelFit
    images: ImageSource
    proven: Proven
    notices: tuple[str, ...]


def begin(request: Request, source: ImageSource, signals: StopSignals) -> Session:
    """Begin a new run.

    Args:
        request: what was asked for.
        source: the images, opened.
        signals: told to let batches be finished as soon as there is a run.

    Raises:
        ModelError: the model cannot be watched.
        ImageSourceError: images or labels do not fit the model.
        StoreError: the store cannot be written.
    """
    prepared, new = prepare(request, source)
    work = Work(
        source=prepared.images,
        position=0,
        labels=prepared.labels,
        capture=prepared.proven.capture,
        image_bytes=image_bytes(prepared.network, new),
        statistics=Statistics(new.layers),
        limit=request.limit or request.first,
        pace=request.pace,
    )
    signals.finish_batches()
    writer = RunWriter.begin(request.store, new, durable=request.durable)
    return Session(work, writer, prepared.network, prepared.notices)


def prepare(request: Request, source: ImageSource) -> tuple[Prepared, NewRun]:
    """All that a new run needs, and what the store is to be told of it.

    Raises:
        ModelError, ImageSourceError: as for :func:`begin`.
    """
    network = open_network(
        request.model_or_default,
        request,
        source.native_shape,
        head=request.head,
        weights=request.weights,
    )
    source.check(network.image_shape)
    labels = labels_for(source, network)
    images = draw(source, request.limit)
    proven = proven_for(request, network, images)
    new = new_run(request, network, source, proven)
    notices = (
        of_custom(request),
        *network.notices,
        *source.notices,
        labels.notice,
        *proven.notices,
        line_of(proven),
        pixel_range_hint(network, source, request.preprocess or request.pixel_range),
        space_notice(network, new, new.total or 0, request.store),
    )
    return Prepared(network, labels, images, proven, tuple(filter(None, notices))), new


def proven_for(request: Request, network: Network, images: ImageSource) -> Proven:
    """Make a network ready for a new run, in the precision that was asked for.

    Raises:
        ModelError: it cannot be run, or not in that precision, or what would be stored is not what
            the model says.
    """
    asked = request.precision_or_default
    able = framework_of(request.model_or_default).bfloat16
    if asked == BFLOAT16 and not able:
        raise ModelError(_NO_BFLOAT16.format(network.loaded.framework))
    most = IMAGES if asked == FLOAT32 or not able else MEASURED
    pixels = first_images(images, network.image_shape, most)

    def make(precision: str) -> Proven:
        return network.proven(
            pixels,
            pixel_range=request.pixel_range_or_default,
            maps=request.feature_maps_or_default != "none",
            batch_size=request.batch_size_or_default,
            exact=request.exact,
            precision=precision,
        )

    if not able:
        proven = make(FLOAT32)
        if asked == FLOAT32:
            return proven
        notice = f"precision float32: {network.loaded.framework} computes in no other."
        return dataclasses.replace(proven, notices=(*proven.notices, notice))
    proven = proven_in(asked, network, make, pixels, request.batch_size_or_default)
    # The one in float32 has said what it had to; a whole network is not held for nothing.
    return dataclasses.replace(proven, against=None)


def prepare_again(
    request: Request, run: Run, source: ImageSource, *, in_any_order: bool = False
) -> Prepared:
    """All that is needed to go on with a run, with the arithmetic that it began with.

    Args:
        request: what was asked for.
        run: the run.
        source: the images.
        in_any_order: they come in any, and the first of them do not tell which they are.

    Raises:
        ResumeError, ModelError, ImageSourceError, StoreError: as for :func:`resume`.
    """
    if source.identity != run.image_identity and not in_any_order:
        raise ResumeError(
            f"the images are not those of run {run.id} ({run.image_source}): their contents, order "
            "or labels have changed; begin a new run."
        )
    network = _network_of(request, run)
    labels = labels_for(source, network)
    wanted, drawn = amount(run.options)
    images = draw(source, wanted) if drawn else source
    proven = network.proven(
        first_images(images, network.image_shape),
        pixel_range=run.options["pixel_range"],
        maps=run.feature_maps != "none",
        batch_size=run.batch_size,
        exact=run.options.get("arithmetic") == "direct",
        precision=run.precision,
    )
    slow = emulated() if run.precision == BFLOAT16 else None
    notices = tuple(filter(None, (of_custom(request), *proven.notices, slow)))
    return Prepared(network, labels, images, proven, notices)


def resume(request: Request, run: Run, source: ImageSource, signals: StopSignals) -> Session:
    """Go on with a run where its last acknowledged image stands.

    Args:
        request: what was asked for; what it leaves open is taken from the run.
        run: the run, not finished.
        source: the images, opened.
        signals: told to let batches be finished as soon as the run is taken up.

    Raises:
        ResumeError: model, images or options are not those of the run.
        ModelError, ImageSourceError, StoreError: as for :func:`begin`.
    """
    prepared = prepare_again(request, run, source)
    network, source = prepared.network, prepared.images
    reader = StoreReader(request.store)
    wanted, _ = amount(run.options)
    signals.finish_batches()
    writer = RunWriter.resume(request.store, str(run.id), durable=request.durable)
    try:
        # Only now is it certain that nobody else appends.
        last = reader.image(writer.run.id, writer.stored - 1).name if writer.stored else None
        work = Work(
            source=source,
            position=source.position_after(writer.stored, last),
            labels=prepared.labels,
            capture=prepared.proven.capture,
            image_bytes=image_bytes(network, writer.run),
            statistics=restore(reader, writer.run, layers_of(network)),
            limit=wanted,
            pace=request.pace if request.pace is not None else run.options.get("pace"),
        )
    except BaseException:
        writer.interrupt()
        writer.close()
        raise
    left = expected(work, writer.run.skipped) - writer.stored
    notice = space_notice(network, run, left, request.store)
    notices = (*prepared.notices, *([notice] if notice else []))
    return Session(work, writer, network, notices)


def _network_of(request: Request, run: Run) -> Network:
    """Return the network with which a run goes on.

    Raises:
        ResumeError: the model is not that of the run.
        ModelError, StoreError: as for :func:`begin`.
    """
    network = open_network(
        request.model or run.checkpoint.source,
        request,
        run.image_shape[:2],
        head=run.options.get("head"),
        weights=run.options.get("weights"),
    )
    if not network.has_weights(run.checkpoint.sha256):
        raise ResumeError(
            f"the weights of {network.loaded.source} are not those of run {run.id} "
            f"({run.checkpoint.sha256[:12]}…); begin a new run."
        )
    layers = StoreReader(request.store).layers(run.id)
    if network.image_shape != run.image_shape or layers_of(network) != layers:
        raise ResumeError(
            f"the model has other layers than run {run.id} collected; begin a new run."
        )
    return network


def pixel_range_hint(
    network: Network, source: ImageSource, given: str | None, *, option: str = "--pixel-range"
) -> str | None:
    """Return what to say of the pixel values that the model is given; ``None`` if they are settled.

    Args:
        network: what runs.
        source: the images.
        given: what the user says of the range, ``None`` for nothing.
        option: how it is said.
    """
    if given is not None or network.rescales:
        return None
    if source.value_range in _EVIDENCE:
        words, name = _EVIDENCE[source.value_range]
        return (
            f"the images are values of {words}, so the model was probably trained on those, but "
            f"it is given 0–255: say {option} {name}, or {option} {DEFAULT_PIXEL_RANGE} if not."
        )
    return (
        "the model does not rescale its input and is given pixel values 0–255; if it was "
        f"trained on 0–1 or −1–1, say so with {option}."
    )


def labels_for(source: ImageSource, network: Network) -> LabelFit:
    """Return how a source's labels become a network's classes, dropped where it has none.

    Raises:
        ImageSourceError: they do not fit.
    """
    answers, names = network.reading.answers, network.loaded.class_names
    if answers is Answers.CLASSES:
        return fit_labels(source, network.outputs, names)
    targets = None if answers is Answers.NONE else source.targets
    # Classes that stand as numbers are no targets of a model with several outputs.
    if targets is not None and not (source.labelled and targets.shape[1] != network.outputs):
        return fit_targets(source, network.outputs, names, sets=answers is Answers.LABELS)
    if not source.labelled:
        return LabelFit()
    said = {
        Answers.LABELS: "labels of which several may be right",
        Answers.VALUES: "values",
        Answers.NONE: "nothing that is stored",
    }[answers]
    due = "; what is due stands in an array called 'targets'" if answers is Answers.VALUES else ""
    return LabelFit.dropped(
        f"{source.description}: its classes are left out, since the model answers with {said}{due}."
    )


def open_network(
    model: str,
    request: Request,
    native_shape: tuple[int, int] | None,
    *,
    head: str | None = None,
    weights: str | None = None,
) -> Network:
    """Return the model as a network, its outputs as many as the names that the user gave to them.

    Raises:
        ModelError: it cannot be loaded or watched, or the names are not as many.
    """
    asked = Asked(
        class_names=request.class_names,
        native_shape=request.size or native_shape,
        head=head,
        custom_ops=request.custom_ops,
        custom=request.custom,
        weights=weights,
        trusted=request.trusted,
    )
    framework = framework_of(model)
    if weights is not None and not framework.takes_weights:
        raise ModelError(
            "--weights go with --model package.module:factory of PyTorch; other models hold theirs."
        )
    if request.custom is not None and not framework.takes_custom:
        raise ModelError(f"--custom goes with .keras files; {model} is none.")
    network = framework.load(model, asked)
    check_shape(network.image_shape, request.preprocess, request.size)
    if request.class_names is not None and len(request.class_names) != network.outputs:
        raise ModelError(
            f"{request.classes or 'the run'} names {len(request.class_names)} classes, but the "
            f"model has {network.outputs} outputs; a line for each is needed."
        )
    return network


def check_shape(shape: Shape, preprocess: str | None, size: tuple[int, int] | None = None) -> None:
    """Refuse another size than a model takes, and what is done to three channels where it has one.

    Raises:
        ModelError: saying which.
    """
    height, width, channels = shape
    if size not in (None, (height, width)):
        raise ModelError(f"the model takes images of {height} × {width} only; leave --size out.")
    if preprocess is not None and channels != 3:
        raise ModelError(f"--preprocess {preprocess} is for colour; the model takes grey.")


def of_custom(request: Request) -> str | None:
    """Return what is said of code that was run, None where none was."""
    if request.custom is None:
        return None
    return f"--custom: the code in {request.custom} was run, with all rights that you have."


def _run_name(request: Request, weights: str, source: ImageSource) -> str:
    """Return the name of a run that nobody named: its checkpoint's file, epoch, and images."""
    stem = Path(weights).name.removesuffix(".keras")
    epoch = "" if request.epoch is None else f" · epoch {request.epoch}"
    return f"{stem}{epoch} on {source.description}"


def new_run(request: Request, network: Network, source: ImageSource, proven: Proven) -> NewRun:
    """Return what the store is told of a run before its first image."""
    loaded = network.loaded
    wanted = request.limit or request.first
    total = len(source) if wanted is None else min(wanted, len(source))
    return NewRun(
        name=request.name or request.share or _run_name(request, loaded.source, source),
        model=loaded.name,
        checkpoint_sha256=loaded.sha256,
        parameters=loaded.parameters,
        checkpoint_source=loaded.source,
        image_source=source.description,
        image_identity=source.identity,
        total=total,
        batch_size=request.batch_size_or_default,
        feature_maps=request.feature_maps_or_default,
        class_names=_class_names(network, source),
        image_shape=network.image_shape,
        layers=layers_of(network),
        options={
            "framework": loaded.framework,
            "preprocess": request.preprocess,
            "custom": request.custom,
            "head": request.head or network.reading.head,
            "answers": network.reading.answers.value,
            **_thresholds(request, network),
            **network.details,
            "images": source.spec,
            "pixel_range": request.pixel_range_or_default,
            "limit": request.limit,
            "first": request.first,
            "reading": request.reading or DEFAULT_READING,
            "value_range": request.value_range,
            "classes": request.classes,
            "pace": request.pace,
            "arithmetic": proven.capture.arithmetic,
            "precision": proven.precision,
            "rounding": None if proven.rounding is None else proven.rounding.as_json(),
        },
        kernels=network.kernels(),
        experiment=request.experiment,
        epoch=request.epoch,
    )


def _class_names(network: Network, source: ImageSource) -> tuple[str, ...]:
    of_source = source.class_names
    if network.reading.answers is not Answers.CLASSES:
        of_source = source.target_names
    for names in (network.loaded.class_names, of_source):
        if names is not None and len(names) == network.outputs:
            return names
    word = {Answers.LABELS: "label", Answers.VALUES: "value"}.get(network.reading.answers, "class")
    if network.outputs == 1 and word == "value":
        return (word,)
    return tuple(f"{word} {index}" for index in range(network.outputs))


def _thresholds(request: Request, network: Network) -> dict[str, list[float]]:
    """Return the thresholds of a network of labels, as the run's options have them.

    Raises:
        ModelError: there is none to be had, or they are not as many as the labels.
    """
    told = request.thresholds
    if network.reading.answers is not Answers.LABELS:
        if told is not None:
            raise ModelError("thresholds are of independent labels; the model has none.")
        return {}
    if told is not None and len(told) not in (1, network.outputs):
        raise ModelError(f"{len(told)} thresholds for {network.outputs} labels; give one a label.")
    several = told is not None and len(told) > 1
    return {"thresholds": [*told] if told and several else [*(told or (0.5,))] * network.outputs}


def layers_of(network: Network) -> tuple[Layer, ...]:
    """Return the layers of a network as a run stores them."""
    layers = []
    offset = 0
    for position, tap in enumerate(network.taps):
        layers.append(
            Layer(
                position=position,
                name=tap.name,
                kind=tap.kind,
                tap=tap.tap,
                filters=tap.filters,
                height=tap.height,
                width=tap.width,
                offset=offset,
            )
        )
        offset += tap.filters
    return tuple(layers)
