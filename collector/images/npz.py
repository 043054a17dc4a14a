"""``.npz`` files with ``images`` and optionally ``labels``, ``targets``, ``class_names``."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.images.base import ImageSourceError
from collector.images.checks import OPTION, Words, checked_images
from collector.space import free_memory

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.images.arrays import ArrayImages
    from collector.images.values import ValueRange

_KEYS = ("images", "labels", "targets", "class_names")
# A damaged flag makes zipfile see encryption or an unknown method, which is a RuntimeError.
_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
_WORDS = Words("'images'", "'labels'", "'targets'", OPTION)


def open_npz(path: Path, value_range: ValueRange | None = None) -> ArrayImages:
    """Load an ``.npz`` file; pickles inside it are never opened.

    Args:
        path: File holding ``images`` (n, h, w, c), (n, h, w) or (h, w, c), and optionally
            ``labels`` ((n,) or (n, 1) integers with -1 for none, or (n, k) zeros and ones, a
            number a label), ``targets`` (n,) or (n, k), the values that are due, and
            ``class_names`` (k,) strings.
        value_range: What is black and what is white; ``None`` to judge by the values.

    Raises:
        ImageSourceError: The file is no ``.npz``, is damaged, or its arrays do not fit.
    """
    arrays = _load(path)
    if "images" not in arrays:
        raise ImageSourceError(
            f"{path}: no array called 'images' in it; save it with numpy.savez(path, images=..., "
            "labels=...)."
        )
    try:
        return checked_images(
            arrays["images"],
            arrays.get("labels"),
            _class_names(arrays.get("class_names")),
            targets=arrays.get("targets"),
            words=_WORDS,
            value_range=value_range,
            spec=str(path.resolve()),
            description=path.name,
        )
    except ImageSourceError as error:
        raise ImageSourceError(f"{path}: {error}") from error


def _load(path: Path) -> dict[str, NDArray[Any]]:
    if not zipfile.is_zipfile(path):
        raise ImageSourceError(
            f"{path} is not an .npz file; give a folder of images, or save an array with "
            "numpy.savez(path, images=...)."
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            _refuse_too_large(path)
            arrays = {key: archive[key] for key in _KEYS if key in archive}
    except MemoryError as error:
        raise ImageSourceError(
            f"{path} does not fit into memory; split it, or use a folder of images."
        ) from error
    except _DAMAGE as error:
        if "pickle" in str(error):
            raise ImageSourceError(
                f"{path} holds Python objects, which are never loaded; save plain arrays (images "
                "of one size, class names as strings)."
            ) from error
        raise ImageSourceError(f"{path} is damaged and cannot be read; save it again.") from error
    for key, array in arrays.items():
        # What is no array comes back as the bytes that it is.
        if not isinstance(array, np.ndarray):
            raise ImageSourceError(
                f"{path}: {key!r} is no array but something else, such as a pickle, which is never "
                "loaded; save plain arrays."
            )
    return arrays


def _refuse_too_large(path: Path, free: int | None = None) -> None:
    """Refuse an archive whose arrays would fill the memory, told by its directory alone.

    Args:
        path: the archive.
        free: bytes of memory that may be had; as the system says if not given.
    """
    with zipfile.ZipFile(path) as archive:
        size = sum(one.file_size for one in archive.infolist() if one.filename[:-4] in _KEYS)
    free = free_memory() if free is None else free
    if free is not None and size > free:
        raise ImageSourceError(
            f"{path} expands to {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB of memory are "
            "free; split it, or use a folder of images."
        )


def _class_names(names: NDArray[Any] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    if names.ndim != 1 or names.dtype.kind not in "US" or not len(names):
        raise ImageSourceError(
            f"'class_names' has shape {names.shape} and dtype {names.dtype}; a list of strings is "
            "needed."
        )
    try:
        return tuple(
            name.decode("utf-8") if isinstance(name, bytes) else str(name)
            for name in names.tolist()
        )
    except UnicodeDecodeError as error:
        raise ImageSourceError("'class_names' is not UTF-8 text; save it as strings.") from error
