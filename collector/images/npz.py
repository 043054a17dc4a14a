"""``.npz`` files with ``images`` and optionally ``labels`` and ``class_names``.

The rule for pixels, decided once for the whole array:

- uint8 is taken as it is, bool as 0 and 255;
- other integers within 0–255 are taken as they are; uint16 beyond that is scaled, round(v / 257);
- floats within 0–1 are multiplied by 255, floats within 0–255 are not; both are rounded;
- anything else is refused, since guessing what -1 or 2.7 means would show the network a picture
  that nobody meant.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.images.arrays import ArrayImages
from collector.images.base import NO_LABEL, ImageSourceError
from collector.images.convert import scale_to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_KEYS = ("images", "labels", "class_names")
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
_ROWS = 1024


def open_npz(path: Path) -> ArrayImages:
    """Load an ``.npz`` file; pickles inside it are never opened.

    Args:
        path: File holding ``images`` (n, h, w, c) or (n, h, w), and optionally ``labels`` (n,) or
            (n, 1) integers with -1 for none, and ``class_names`` (k,) strings.

    Raises:
        ImageSourceError: The file is no ``.npz``, is damaged, or its arrays do not fit.
    """
    arrays = _load(path)
    try:
        images = _pixels(_images(arrays))
        class_names = _class_names(arrays.get("class_names"))
        labels = _labels(arrays.get("labels"), len(images), class_names)
    except ImageSourceError as error:
        raise ImageSourceError(f"{path}: {error}") from error
    return ArrayImages(images, labels, class_names, spec=str(path.resolve()), description=path.name)


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


def free_memory() -> int | None:
    """The bytes of memory that may be had without swapping, ``None`` where nothing tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(known["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in known else None


def _images(arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    if "images" not in arrays:
        raise ImageSourceError(
            "no array called 'images' in it; save it with numpy.savez(path, images=..., "
            "labels=...)."
        )
    images = arrays["images"]
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4:
        raise ImageSourceError(
            f"'images' has shape {images.shape}; it has to be (n, height, width, channels)."
        )
    if 0 in images.shape:
        raise ImageSourceError(f"'images' has shape {images.shape}, so there is no image in it.")
    if images.shape[1] in (1, 3) and images.shape[3] not in (1, 3, 4):
        raise ImageSourceError(
            f"'images' has shape {images.shape}; channels come last: use "
            "numpy.moveaxis(images, 1, -1)."
        )
    return images


def _pixels(images: NDArray[Any]) -> NDArray[np.uint8]:
    if images.dtype == np.uint8:
        return images
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(255)
    if images.dtype.kind not in "iuf":
        raise ImageSourceError(
            f"'images' has dtype {images.dtype}; uint8, or numbers within 0–1 or 0–255, are needed."
        )
    low, high = images.min(), images.max()
    is_float = images.dtype.kind == "f"
    if not (low >= 0 and (high <= 255 or images.dtype == np.uint16)):
        raise ImageSourceError(
            f"'images' ({images.dtype}) has values from {low:g} to {high:g}; "
            "uint8, or numbers within 0–1 or 0–255, are needed."
        )
    pixels = np.empty(images.shape, np.uint8)
    # In blocks, since float64 temporaries of the whole array would take eight times its bytes.
    for start in range(0, len(images), _ROWS):
        block = images[start : start + _ROWS]
        if is_float:
            factor = 255.0 if high <= 1 else 1.0
            pixels[start : start + _ROWS] = np.rint(block.astype(np.float64) * factor)
        else:
            pixels[start : start + _ROWS] = scale_to_bytes(block) if high > 255 else block
    return pixels


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


def _labels(
    labels: NDArray[Any] | None, images: int, class_names: tuple[str, ...] | None
) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ImageSourceError(
            f"'labels' has shape {labels.shape}; one number for each image is needed (of one-hot "
            "rows take numpy.argmax(labels, axis=1))."
        )
    if labels.dtype.kind not in "iu":
        raise ImageSourceError(f"'labels' has dtype {labels.dtype}; integers are needed.")
    if len(labels) != images:
        raise ImageSourceError(f"{len(labels)} labels for {images} images; one for each is needed.")
    low, high = int(labels.min()), int(labels.max())
    top = len(class_names) - 1 if class_names is not None else np.iinfo(np.int32).max
    if low < NO_LABEL or high > top:
        wrong = low if low < NO_LABEL else high
        allowed = f"0–{top}" if class_names is not None else "0 and up"
        raise ImageSourceError(f"label {wrong} is out of range; {allowed} fit, and -1 for none.")
    return labels.astype(np.int64)
