"""From what the user asked for to a run that can be collected: a new one, or one to go on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.errors import ResumeError
from collector.images import fit_labels
from collector.kernels import kernels_of
from collector.loop import Work
from collector.models import LoadedModel, load_model
from collector.network import Network, understand
from collector.proof import Proven, first_images, proven_capture
from collector.statistics import Statistics, restore
from reactcnn_dash.db import Layer, NewRun, RunWriter, StoreReader

if TYPE_CHECKING:
    from collector.images import ImageSource
    from collector.request import Request
    from collector.signals import StopSignals
    from reactcnn_dash.db import Run


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
    network = understand(load_model(request.model_or_default), source.native_shape)
    source.check(network.image_shape)
    labels = fit_labels(source, network.outputs, network.loaded.class_names)
    notices = [*network.notices, *([labels.notice] if labels.notice else [])]
    if request.pixel_range is None and not network.rescales:
        notices.append(
            "the model does not rescale its input and is given pixel values 0–255; if it was "
            "trained on 0–1 or −1–1, say so with --pixel-range."
        )
    proven = _proven(
        network,
        source,
        pixel_range=request.pixel_range_or_default,
        feature_maps=request.feature_maps_or_default,
        batch_size=request.batch_size_or_default,
        exact=request.exact,
    )
    notices += proven.notices
    new = new_run(request, network, source, arithmetic=proven.capture.arithmetic)
    work = Work(
        source=source,
        position=0,
        labels=labels,
        capture=proven.capture,
        image_bytes=image_bytes(network, new),
        statistics=Statistics(new.layers),
        limit=request.limit,
        pace=request.pace,
    )
    signals.finish_batches()
    writer = RunWriter.begin(request.store, new, durable=request.durable)
    return Session(work, writer, network, tuple(notices))


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
    if source.identity != run.image_identity:
        raise ResumeError(
            f"the images are not those of run {run.id} ({run.image_source}): their contents, order "
            "or labels have changed; begin a new run."
        )
    loaded = load_model(request.model or run.checkpoint.source)
    _check_weights(loaded, run)
    network = understand(loaded, run.image_shape[:2])
    reader = StoreReader(request.store)
    layers = reader.layers(run.id)
    if network.image_shape != run.image_shape or _layers(network) != layers:
        raise ResumeError(
            f"the model has other layers than run {run.id} collected; begin a new run."
        )
    labels = fit_labels(source, network.outputs, network.loaded.class_names)
    # A run that began with one arithmetic goes on with it.
    proven = _proven(
        network,
        source,
        pixel_range=run.options["pixel_range"],
        feature_maps=run.feature_maps,
        batch_size=run.batch_size,
        exact=run.options.get("arithmetic") == "direct",
    )
    signals.finish_batches()
    writer = RunWriter.resume(request.store, str(run.id), durable=request.durable)
    try:
        # Only now is it certain that nobody else appends.
        last = reader.image(writer.run.id, writer.stored - 1).name if writer.stored else None
        work = Work(
            source=source,
            position=source.position_after(writer.stored, last),
            labels=labels,
            capture=proven.capture,
            image_bytes=image_bytes(network, writer.run),
            statistics=restore(reader, writer.run, layers),
            limit=run.options.get("limit"),
            pace=request.pace if request.pace is not None else run.options.get("pace"),
        )
    except BaseException:
        writer.interrupt()
        writer.close()
        raise
    return Session(work, writer, network, proven.notices)


def _check_weights(loaded: LoadedModel, run: Run) -> None:
    if loaded.sha256 != run.checkpoint.sha256:
        raise ResumeError(
            f"the weights of {loaded.source} are not those of run {run.id} "
            f"({run.checkpoint.sha256[:12]}…); begin a new run."
        )


def new_run(request: Request, network: Network, source: ImageSource, *, arithmetic: str) -> NewRun:
    """What the store is told of a run before its first image."""
    loaded = network.loaded
    total = len(source) if request.limit is None else min(request.limit, len(source))
    return NewRun(
        name=request.name or f"{loaded.name} on {source.description}",
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
        layers=_layers(network),
        options={
            "images": source.spec,
            "pixel_range": request.pixel_range_or_default,
            "limit": request.limit,
            "pace": request.pace,
            "arithmetic": arithmetic,
        },
        kernels=kernels_of(network),
        experiment=request.experiment,
        epoch=request.epoch,
    )


def _class_names(network: Network, source: ImageSource) -> tuple[str, ...]:
    for names in (network.loaded.class_names, source.class_names):
        if names is not None and len(names) == network.outputs:
            return names
    return tuple(f"class {index}" for index in range(network.outputs))


def _layers(network: Network) -> tuple[Layer, ...]:
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


def _proven(
    network: Network,
    source: ImageSource,
    *,
    pixel_range: str,
    feature_maps: str,
    batch_size: int,
    exact: bool,
) -> Proven:
    return proven_capture(
        network,
        first_images(source, network.image_shape),
        pixel_range=pixel_range,
        maps=feature_maps != "none",
        batch_size=batch_size,
        exact=exact,
    )


def image_bytes(network: Network, run: Run | NewRun) -> int:
    """Roughly the bytes that one image of a run takes while it waits to be stored."""
    height, width, channels = network.image_shape
    size = height * width * channels + 4 * network.filters + 4 * network.outputs
    if run.feature_maps != "none":
        size += sum(tap.filters * (tap.height * tap.width + 8) for tap in network.taps)
    return size
