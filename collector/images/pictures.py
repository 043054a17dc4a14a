"""One file of a folder to pixels: by Pillow with care, or exactly as Keras reads it."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from collector.images.checks import refusal
from collector.images.convert import DAMAGE, check_high_bytes, picture_pixels, picture_size
from collector.images.formats import (
    FORMATS,
    READABLE_BY_KERAS,
    is_heic,
    is_raw,
    readable_heic,
    what_it_is,
)
from collector.images.values import DEEP, DoubtError, ValueRange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.images.base import Shape

LARGEST_FILE = 512 * 2**20
"""Bytes; a longer file is passed over unread."""
LARGEST_PICTURE = 100_000_000
"""Pixels; a small file can claim billions of them and take all memory when decoded."""


class SkipError(Exception):
    """Why a file is passed over."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A file that was read.

    Attributes:
        pixels: (H, W, C) uint8.
        size: (height, width) that it has itself.
        unrounded: (H, W, C) float32, 0–255, where ``pixels`` are rounded, else ``None``.
    """

    pixels: NDArray[np.uint8]
    size: tuple[int, int]
    unrounded: NDArray[np.float32] | None = None


class Reader(Protocol):
    """A way to read files.

    Attributes:
        unrounded: whether its pictures have ``unrounded`` pixels.
    """

    unrounded: bool

    def __call__(self, path: Path, shape: Shape) -> Picture:
        """Read a file in (H, W, C).

        Raises:
            SkipError: it cannot be read, and why.
        """


class PillowReader:
    """Reads by the rules of ``convert``.

    Args:
        value_range: what is black and what is white in grey pictures, ``None`` to judge.
        option: how the user gives a value range, with ``{}`` where its numbers go.
    """

    unrounded = False

    def __init__(self, value_range: ValueRange | None, option: str) -> None:
        self._value_range = value_range
        self._option = option

    def __call__(self, path: Path, shape: Shape) -> Picture:
        """See ``Reader``."""
        try:
            with opened(path) as image:
                if self._value_range != DEEP:
                    check_high_bytes(image)
                size = picture_size(image)
                return Picture(picture_pixels(image, shape, self._value_range), size)
        except DoubtError as doubt:
            raise SkipError(refusal("it", doubt, self._option).rstrip(".")) from doubt
        except UnidentifiedImageError:
            raise SkipError(what_it_is(path)) from None
        except (*DAMAGE, Image.DecompressionBombError) as error:
            raise _damaged(error) from error


class KerasReader:
    """Reads what ``keras.utils.image_dataset_from_directory`` gives by default.

    TensorFlow's decoders, EXIF ignored, alpha dropped, bilinear without antialiasing.
    """

    unrounded = True

    def __call__(self, path: Path, shape: Shape) -> Picture:
        """See ``Reader``."""
        import tensorflow as tf  # noqa: PLC0415 - seconds, and started by then

        height, width, channels = shape
        try:
            _check_pixels(path)
            data = path.read_bytes()
            # Where Keras' pipeline does it, whatever devices there are.
            with tf.device("CPU:0"):
                image = tf.image.decode_image(data, channels=channels, expand_animations=False)
                unrounded = np.asarray(tf.image.resize(image, (height, width)), np.float32)
        except (tf.errors.OpError, ValueError) as error:
            text = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", str(getattr(error, "message", error)))
            if "Unknown image file format" in text:
                raise SkipError(
                    f"{what_it_is(path, READABLE_BY_KERAS)}, which is all that Keras reads"
                ) from error
            raise SkipError(f"Keras cannot read it ({_one_line(text)})") from error
        except DAMAGE as error:
            raise _damaged(error) from error
        pixels = np.rint(np.clip(unrounded, 0, 255)).astype(np.uint8)
        return Picture(pixels, tuple(image.shape[:2]), unrounded)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture with Pillow, not decoded yet.

    Raises:
        SkipError: it is empty, far too large, or of a kind that is not read.
        UnidentifiedImageError: it is no picture.
    """
    _check_size(path)
    if is_raw(path):
        raise SkipError(what_it_is(path))
    # Pillow warns about metadata and size on stderr, where the progress bar is.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _identified(path) as image:
            if image.width * image.height > LARGEST_PICTURE:
                raise SkipError(
                    f"{image.width} × {image.height} pixels; at most "
                    f"{LARGEST_PICTURE // 1_000_000} million"
                )
            yield image


def _check_pixels(path: Path) -> None:
    """Pass over what would take all memory before TensorFlow decodes it."""
    try:
        with opened(path):
            pass
    except UnidentifiedImageError:
        # Whether it can be read is TensorFlow's to say.
        pass
    except Image.DecompressionBombError as error:
        raise _damaged(error) from error


def _identified(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        if not is_heic(path) or not readable_heic():
            raise
        return Image.open(path, formats=("HEIF",))


def _check_size(path: Path) -> None:
    size = path.stat().st_size
    if size == 0:
        raise SkipError("empty file")
    if size > LARGEST_FILE:
        raise SkipError(f"file of {size / 2**20:,.0f} MiB; at most {LARGEST_FILE >> 20}")


def _damaged(error: BaseException) -> SkipError:
    if isinstance(error, Image.DecompressionBombError):
        return SkipError(f"more pixels than the {LARGEST_PICTURE // 1_000_000} million allowed")
    if isinstance(error, FileNotFoundError):
        return SkipError("no such file (moved away, or a broken link)")
    if isinstance(error, PermissionError):
        return SkipError("no permission to read it")
    return SkipError(f"damaged ({_one_line(str(error)) or type(error).__name__})")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:120]
