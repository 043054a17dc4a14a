"""What a call opens, and what is said of it, whether a run has one collector or several."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING

from collector.errors import ResumeError
from collector.frameworks.registry import framework_of
from collector.images import open_images, parse_value_range, read_classes
from collector.request import DEFAULT_STORE
from reactcnn_dash.errors import DONE, INPUT
from reactcnn_dash.printing import one_line, write_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from collector.frameworks.protocol import Network
    from collector.images import ImageSource, Skipped
    from collector.request import Request
    from reactcnn_dash.db import Run

_MOST_NAMED = 20


def opened(
    request: Request, run: Run | None, progress: TextIO | None
) -> tuple[Request, ImageSource]:
    """Bring the model's framework up; what can be told without it is told at once.

    Args:
        request: what was asked for.
        run: the run that goes on, None for a new one.
        progress: where a download shows how far it is.

    Returns:
        The request with the names of the model's classes, and the images.

    Raises:
        ModelError, ImageSourceError, ResumeError: they cannot be used, or are not those of the run.
    """
    model = request.model_or_default if run is None else request.model or run.checkpoint.source
    framework = framework_of(model)
    framework.check(model)
    named = dataclasses.replace(request, class_names=_names_for(request, run))
    source = images_for(named, run, progress)
    framework.start()
    return named, source


def introduction(network: Network, run: Run, store: str, verb: str) -> list[str]:
    """Return what is said before the first image, a line each; ``verb`` is what the run does."""
    height, width, channels = network.image_shape
    total = "" if run.total is None else f"{run.total:,} images of "
    return [
        f"model   {network.loaded.name}: {len(network.taps)} layers, {network.filters:,} filters, "
        f"{network.loaded.parameters:,} parameters",
        f"images  {total}{run.image_source}, seen as {height} × {width} × {channels}, "
        f"{run.batch_size} at a time",
        f"store   {store}, feature maps: {run.feature_maps}",
        f"run     {run.id} ({one_line(run.name)}) {verb}",
        f"watch   python -m reactcnn_dash --store {shlex.quote(store)}",
    ]


def finished_already(run: Run) -> str:
    """Return what is said of a run with which nothing is left to do."""
    return f"run {run.id} is finished with {run.stored:,} images: nothing to do."


def go_on_with(option: str, store: str) -> str:
    """Return how a run is gone on with that was interrupted."""
    where = "" if store == DEFAULT_STORE else f" --store {shlex.quote(store)}"
    return f"go on with {option}{where}"


def _names_for(request: Request, run: Run | None) -> tuple[str, ...] | None:
    """Return the names that the user gave to the model's classes, now or when the run began."""
    names = None if request.classes is None else read_classes(request.classes)
    if run is None or run.options.get("classes") is None:
        return names
    if names is not None and names != run.class_names:
        raise ResumeError(
            f"{request.classes} names other classes than when run {run.id} began; leave --classes "
            "out."
        )
    return run.class_names


def images_for(request: Request, run: Run | None, progress: TextIO | None) -> ImageSource:
    """Return the images that were asked for, or those of the run that goes on."""
    options = {} if run is None else run.options
    value_range = request.value_range or options.get("value_range")
    return open_images(
        request.images or options.get("images") or request.images_or_default,
        progress=progress,
        reading=request.reading or options.get("reading"),
        value_range=None if value_range is None else parse_value_range(value_range),
        classes=request.class_names,
    )


def name_skipped(skipped: Sequence[Skipped]) -> int:
    """Name files that were passed over; return the exit code."""
    if not skipped:
        return DONE
    # Not a notice: what is missing from a run must be said even when asked to be quiet.
    lines = [one_line(f"  {file.name}: {file.reason}") for file in skipped[:_MOST_NAMED]]
    if len(skipped) > _MOST_NAMED:
        lines.append(f"  and {len(skipped) - _MOST_NAMED} more")
    count = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
    write_error("\n".join([f"{count} skipped:", *lines]))
    return INPUT
