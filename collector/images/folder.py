"""A folder of pictures, read file by file, never as a whole."""

from __future__ import annotations

import warnings
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from collector.images.base import NO_LABEL, ImageChunk, ImageSourceError, Shape, Skipped
from collector.images.convert import DAMAGE, convertible, picture_pixels, picture_size
from collector.images.scan import Listing, display_name, scan

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
LARGEST_FILE = 512 * 2**20
"""Bytes; a longer file is passed over unread."""
LARGEST_PICTURE = 100_000_000
"""Pixels; a small file can claim billions of them and take all memory when decoded."""

_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp")
_NOT_AN_IMAGE = "not a JPEG, PNG, BMP or WebP image"


class FolderImages:
    """A source over the files of a folder and its subfolders, in the order of their paths.

    Every file that is not hidden has a position; what is no picture is skipped with its reason
    when it is read. The first folder of a file's path is its class; files that lie directly in
    the folder have no label, and without subfolders there are no classes.

    Args:
        root: The folder.
        listing: What ``scan`` found in it.
    """

    def __init__(self, root: Path, listing: Listing) -> None:
        self._root = root
        self._files = listing.files
        found = sorted({_class_of(file) for file in listing.files} - {""})
        self._label_of = {name: label for label, name in enumerate(found)}
        self.identity = listing.identity
        self.spec = str(root)
        self.description = f"folder {display_name(root.name) or root}"
        self.class_names = tuple(map(display_name, found)) or None

    @property
    def labelled(self) -> bool:
        """Whether there are class folders."""
        return bool(self._label_of)

    @property
    def top_label(self) -> int:
        """The highest label, -1 when there are no class folders."""
        return len(self._label_of) - 1

    @property
    def native_shape(self) -> None:
        """Sizes vary from file to file."""
        return

    def __len__(self) -> int:
        return len(self._files)

    def check(self, shape: Shape) -> None:
        """See ``ImageSource.check``."""
        if not convertible(shape[-1]):
            raise ImageSourceError(
                f"{self.description}: pictures have 1 or 3 channels, but the model takes "
                f"{shape[-1]}; give an .npz file with images of that shape."
            )

    def read(self, start: int, stop: int, shape: Shape) -> ImageChunk:
        """See ``ImageSource.read``; one file is open at a time."""
        self.check(shape)
        files = self._files[start:stop]
        pixels = np.empty((len(files), *shape), np.uint8)
        labels: list[int] = []
        names: list[str] = []
        skipped: list[Skipped] = []
        resized_from = None
        for file in files:
            try:
                pixels[len(names)], size = _read_picture(self._root / file, shape)
            except _SkipError as reason:
                skipped.append(Skipped(display_name(file), str(reason)))
                continue
            if resized_from is None and size != shape[:2]:
                resized_from = size
            labels.append(self._label_of.get(_class_of(file), NO_LABEL))
            names.append(display_name(file))
        return ImageChunk(
            pixels[: len(names)],
            np.array(labels, np.int64),
            tuple(names),
            tuple(skipped),
            resized_from,
        )

    def position_after(self, stored: int, name: str | None) -> int:
        """The file after ``name`` in the order of paths, whether or not ``name`` still exists."""
        if stored == 0 or name is None:
            return min(stored, len(self))
        return bisect_right(self._files, name, key=display_name)


def open_folder(root: Path) -> FolderImages:
    """List a folder.

    Raises:
        ImageSourceError: It is empty, cannot be listed, or has no picture in it.
    """
    root = root.resolve()
    try:
        listing = scan(root)
    except OSError as error:
        raise ImageSourceError(
            f"cannot list {error.filename or root}: {error.strerror}."
        ) from error
    if not listing.files:
        raise ImageSourceError(
            f"the folder {root} is empty; put JPEG, PNG, BMP or WebP images into it, or use "
            "--images sample."
        )
    if not (
        any(file.lower().endswith(_SUFFIXES) for file in listing.files)
        or any(_begins_like_a_picture(root / file) for file in listing.files)
    ):
        raise ImageSourceError(
            f"no JPEG, PNG, BMP or WebP image in {root} ({len(listing.files)} other files)."
        )
    return FolderImages(root, listing)


class _SkipError(Exception):
    """Why a file is passed over."""


def _class_of(file: str) -> str:
    """First folder of a path; empty for a file that lies directly in the root."""
    return file.partition("/")[0] if "/" in file else ""


def _begins_like_a_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM"))
        or head[:4] + head[8:] == b"RIFFWEBP"
    )


def _read_picture(path: Path, shape: Shape) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Pixels of one file in ``shape``, and the (height, width) that it has itself."""
    try:
        size = path.stat().st_size
        if size == 0:
            raise _SkipError("empty file")
        if size > LARGEST_FILE:
            raise _SkipError(f"file of {size / 2**20:,.0f} MiB; at most {LARGEST_FILE >> 20}")
        # Pillow warns about metadata and size on stderr, where the progress bar is.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > LARGEST_PICTURE:
                    raise _SkipError(
                        f"{image.width} × {image.height} pixels; at most "
                        f"{LARGEST_PICTURE // 1_000_000} million"
                    )
                own = picture_size(image)
                return picture_pixels(image, shape), own
    except UnidentifiedImageError:
        raise _SkipError(_NOT_AN_IMAGE) from None
    except Image.DecompressionBombError:
        raise _SkipError(
            f"more pixels than the {LARGEST_PICTURE // 1_000_000} million allowed"
        ) from None
    except FileNotFoundError:
        raise _SkipError("no such file (moved away, or a broken link)") from None
    except PermissionError:
        raise _SkipError("no permission to read it") from None
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:120]
        raise _SkipError(f"damaged ({reason or type(error).__name__})") from error
