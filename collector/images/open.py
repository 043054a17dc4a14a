"""From what the user typed after ``--images`` to a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.images.base import ImageSource, ImageSourceError
from collector.images.cifar10 import open_cached_cifar10, open_cifar10
from collector.images.folder import open_folder
from collector.images.npz import open_npz
from collector.images.sample import open_sample

if TYPE_CHECKING:
    from typing import TextIO


def open_images(spec: str, *, progress: TextIO | None = None) -> ImageSource:
    """Open the source that ``spec`` names.

    Args:
        spec: ``sample``, ``cifar10``, ``auto`` (CIFAR-10 when Keras' cache has it, else the
            sample), a folder of images, or an ``.npz`` file. A folder that is called like one of
            the keywords is reached as ``./sample``.
        progress: Stream for the download bar of ``cifar10`` (``sys.stderr``, say); ``None``
            downloads silently.

    Raises:
        ImageSourceError: There are no images to be had, and why.
    """
    if spec == "auto":
        return open_cached_cifar10() or open_sample()
    if spec == "sample":
        return open_sample()
    if spec == "cifar10":
        return open_cifar10(progress)
    path = Path(spec).expanduser()
    if spec and path.is_dir():
        return open_folder(path)
    if path.is_file():
        return open_npz(path)
    raise ImageSourceError(
        f"no images at {spec!r}: give a folder, an .npz file, sample or cifar10."
    )
