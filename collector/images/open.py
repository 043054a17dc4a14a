"""From what the user typed after ``--images`` to a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.images.base import ImageSource, ImageSourceError
from collector.images.checks import OPTION
from collector.images.cifar10 import open_cached_cifar10, open_cifar10
from collector.images.folder import open_folder
from collector.images.npz import open_npz
from collector.images.sample import open_sample
from reactcnn_dash.vocabulary import IMAGE_SETS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from collector.images.values import ValueRange

_KEYWORDS = ("auto", *IMAGE_SETS)


def open_images(
    spec: str,
    *,
    progress: TextIO | None = None,
    reading: str | None = None,
    value_range: ValueRange | None = None,
    classes: Sequence[str] | None = None,
    option: str = OPTION,
) -> ImageSource:
    """Open the source that ``spec`` names.

    Args:
        spec: ``sample``, ``cifar10``, ``auto`` (CIFAR-10 when Keras' cache has it, else the
            sample), a folder of images, or an ``.npz`` file. A folder that is called like one of
            the keywords is reached as ``./sample``.
        progress: Stream for the download bar of ``cifar10`` (``sys.stderr``, say); ``None``
            downloads silently.
        reading: How pictures of a folder are read: ``pillow`` or ``keras``; ``None`` for the
            default, which says so.
        value_range: What is black and what is white in an array or in grey pictures, ``None`` to
            judge by the values.
        classes: Names of the model's classes, if the user gave them.
        option: How the user gives a value range, with ``{}`` where its numbers go.

    Raises:
        ImageSourceError: There are no images to be had, and why.
    """
    path = Path(spec).expanduser()
    is_folder = bool(spec) and spec not in _KEYWORDS and path.is_dir()
    if reading == "keras" and not is_folder:
        raise ImageSourceError(f"{spec}: only a folder of pictures can be read as Keras reads it.")
    if value_range is not None and spec in _KEYWORDS:
        raise ImageSourceError(f"{spec} has bytes, 0–255: leave the value range out.")
    if spec == "auto":
        return open_cached_cifar10() or open_sample()
    if spec == "sample":
        return open_sample()
    if spec == "cifar10":
        return open_cifar10(progress)
    if is_folder:
        return open_folder(
            path,
            reading=reading,
            value_range=value_range,
            classes=None if classes is None else tuple(classes),
            option=option,
        )
    if path.is_file():
        return open_npz(path, value_range)
    raise ImageSourceError(
        f"no images at {spec!r}: give a folder, an .npz file, sample or cifar10."
    )
