"""A folder of pictures, read file by file, never as a whole."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from collector.images.base import NO_LABEL, ImageChunk, ImageSourceError, Shape, Skipped
from collector.images.checks import OPTION
from collector.images.classes import class_folders, class_of
from collector.images.convert import convertible
from collector.images.formats import READABLE, SUFFIXES, begins_like_a_picture, what_it_is
from collector.images.grey import grey_range
from collector.images.pictures import KerasReader, PillowReader, Reader, SkipError
from collector.images.scan import Listing, display_name, scan
from collector.images.target_file import taken_out

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.images.values import ValueRange

_HOW = (
    "pictures are turned upright (EXIF), laid on white where transparent and brought to size with "
    "antialiasing (Lanczos); a model that was trained on keras.utils.image_dataset_from_directory "
    "saw them otherwise: --reading keras."
)


class FolderImages:
    """A source over the files of a folder and its subfolders, in the order of their paths.

    Every file that is not hidden has a position; what is no picture is skipped with its reason
    when it is read. The first folder of a file's path is its class; files that lie directly in
    the folder have no label, and without subfolders there are no classes.

    Args:
        root: The folder.
        listing: What ``scan`` found in it.
        classes: The folders that are classes, in the order of their labels.
        reader: How files are read.
        notices: What the user should know, one line each.
        targets: (files, K) float32, see ``ImageSource.targets``.
        target_names: K names.
    """

    value_range = None

    def __init__(
        self,
        root: Path,
        listing: Listing,
        classes: tuple[str, ...],
        reader: Reader,
        notices: tuple[str, ...] = (),
        *,
        targets: NDArray[np.float32] | None = None,
        target_names: tuple[str, ...] | None = None,
    ) -> None:
        self._root = root
        self.targets = targets
        self.target_names = target_names
        self._files = listing.files
        self._reader = reader
        self._label_of = {name: label for label, name in enumerate(classes)}
        self.labels = np.fromiter(
            (self._label_of.get(class_of(file), NO_LABEL) for file in listing.files),
            np.int64,
            len(listing.files),
        )
        self.unrounded = reader.unrounded
        self.notices = notices
        self.identity = listing.identity
        self.spec = str(root)
        self.description = f"folder {display_name(root.name) or root}"
        self.class_names = tuple(map(display_name, classes)) or None

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
        stop = max(start, min(stop, len(self)))
        pixels = np.empty((stop - start, *shape), np.uint8)
        unrounded = np.empty((stop - start, *shape), np.float32) if self.unrounded else None
        read: list[int] = []
        skipped: list[Skipped] = []
        resized_from = None
        for position in range(start, stop):
            try:
                picture = self._reader(self._root / self._files[position], shape)
            except SkipError as reason:
                skipped.append(Skipped(display_name(self._files[position]), str(reason)))
                continue
            pixels[len(read)] = picture.pixels
            if unrounded is not None:
                unrounded[len(read)] = picture.unrounded
            if resized_from is None and picture.size != shape[:2]:
                resized_from = picture.size
            read.append(position)
        return ImageChunk(
            pixels[: len(read)],
            self.labels[read],
            tuple(display_name(self._files[position]) for position in read),
            tuple(skipped),
            resized_from,
            None if unrounded is None else unrounded[: len(read)],
            None if self.targets is None else self.targets[read],
        )

    def name(self, position: int) -> str | None:
        """See ``ImageSource.name``."""
        return display_name(self._files[position])

    def position_after(self, stored: int, name: str | None) -> int:
        """Return the file after ``name`` in the order of paths, even if ``name`` is gone."""
        if stored == 0 or name is None:
            return min(stored, len(self))
        return bisect_right(self._files, name, key=display_name)


def open_folder(
    root: Path,
    *,
    reading: str | None = None,
    value_range: ValueRange | None = None,
    classes: tuple[str, ...] | None = None,
    option: str = OPTION,
) -> FolderImages:
    """List a folder.

    Args:
        root: The folder.
        reading: One of ``vocabulary.READINGS``; ``None`` for the default, with a notice of it.
        value_range: What is black and what is white in grey pictures, ``None`` to judge.
        classes: Names of the model's classes, if the user gave them; folders called like splits
            are classes then if they are among them.
        option: How the user gives a value range, with ``{}`` where its numbers go.

    Raises:
        ImageSourceError: It is empty, cannot be listed, has no picture in it, its folders are no
            classes, or its grey pictures can be read in several ways.
    """
    root = root.resolve()
    try:
        listing = scan(root)
    except OSError as error:
        raise ImageSourceError(
            f"cannot list {error.filename or root}: {error.strerror}."
        ) from error
    listing, targets, target_names = taken_out(root, listing)
    if not listing.files:
        raise ImageSourceError(
            f"the folder {root} is empty; put {READABLE} images into it, or use --images sample."
        )
    if not (
        any(file.lower().endswith(SUFFIXES) for file in listing.files)
        or any(begins_like_a_picture(root / file) for file in listing.files)
    ):
        first = what_it_is(root / listing.files[0])
        raise ImageSourceError(
            f"no {READABLE} image in {root} ({len(listing.files)} other files"
            + (")." if first.startswith("not a") else f"; {listing.files[0]} is {first}).")
        )
    found, notices = class_folders(root, listing.files, classes)
    if reading == "keras":
        if value_range is not None:
            raise ImageSourceError("Keras' reading knows no value range: leave one of them out.")
        return FolderImages(
            root, listing, found, KerasReader(), notices, targets=targets, target_names=target_names
        )
    if value_range is None:
        value_range, notice = grey_range(root, listing.files, option)
        notices += (notice,) if notice else ()
    if reading is None:
        notices += (_HOW,)
    reader = PillowReader(value_range, option)
    return FolderImages(
        root, listing, found, reader, notices, targets=targets, target_names=target_names
    )
