"""The images and names of a call, and what is said of images that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.errors import ResumeError
from collector.images import open_images, parse_value_range, read_classes
from reactcnn_dash.printing import one_line, write_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from collector.images import ImageSource, Skipped
    from collector.request import Request
    from reactcnn_dash.db import Run

_MOST_NAMED = 20


def names_for(request: Request, run: Run | None) -> tuple[str, ...] | None:
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


def name_skipped(skipped: Sequence[Skipped]) -> None:
    """Name files that were passed over."""
    # Not a notice: what is missing from a run must be said even when asked to be quiet.
    lines = [one_line(f"  {file.name}: {file.reason}") for file in skipped[:_MOST_NAMED]]
    if len(skipped) > _MOST_NAMED:
        lines.append(f"  and {len(skipped) - _MOST_NAMED} more")
    count = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
    write_error("\n".join([f"{count} skipped:", *lines]))
