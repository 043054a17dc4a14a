"""What every image source is: positions that can be read in chunks, an identity, class names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from reactcnn_dash.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.images.values import ValueRange

Shape: TypeAlias = tuple[int, int, int]
"""Height, width and channels of the model's input."""

NO_LABEL = -1
"""Stands in a chunk's labels for an image that has none."""


class ImageSourceError(UserError):
    """Images cannot be had from this source; ``str()`` is one line for the user."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was passed over: its name inside the source, and why, each on one line."""

    name: str
    reason: str


def none_readable(skipped: Sequence[Skipped]) -> str:
    """Return what to say when nothing but skipped files, at least one, was found."""
    first = "; ".join(f"{file.name}: {file.reason}" for file in skipped[:3])
    more = f"; and {len(skipped) - 3:,} more" if len(skipped) > 3 else ""
    count = "the only image" if len(skipped) == 1 else f"none of the {len(skipped):,} images"
    return f"{count} could{' not' if len(skipped) == 1 else ''} be read: {first}{more}."


@dataclass(frozen=True, slots=True, eq=False)
class ImageChunk:
    """The images that stand at a range of positions of a source, without those skipped.

    Attributes:
        pixels: (n, H, W, C) uint8. May be a read-only view.
        labels: (n,) int64; ``NO_LABEL`` (-1) for none.
        names: n names, ``None`` where the source has no names. A name has no line breaks.
        skipped: Files of the range that could not be read. n + len(skipped) = positions read.
        resized_from: (height, width) of the chunk's first image that had another size than
            asked for, ``None`` when nothing was resized.
        unrounded: (n, H, W, C) float32, 0–255, what the network is to be given where ``pixels`` are
            rounded; ``None`` where they are what it is given.
        targets: (n, K) float32, see ``ImageSource.targets``.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str | None, ...]
    skipped: tuple[Skipped, ...] = ()
    resized_from: tuple[int, int] | None = None
    unrounded: NDArray[np.float32] | None = None
    targets: NDArray[np.float32] | None = None

    @property
    def given(self) -> NDArray[np.uint8] | NDArray[np.float32]:
        """(n, H, W, C) uint8 or float32, 0–255: what the network is given."""
        return self.pixels if self.unrounded is None else self.unrounded

    def __len__(self) -> int:
        return len(self.pixels)


def joined(chunks: Sequence[ImageChunk]) -> ImageChunk:
    """Return the images of chunks of one source, at least one, as one chunk."""
    if len(chunks) == 1:
        return chunks[0]
    unrounded = [chunk.unrounded for chunk in chunks if chunk.unrounded is not None]
    targets = [chunk.targets for chunk in chunks if chunk.targets is not None]
    return ImageChunk(
        pixels=np.concatenate([chunk.pixels for chunk in chunks]),
        labels=np.concatenate([chunk.labels for chunk in chunks]),
        names=tuple(name for chunk in chunks for name in chunk.names),
        skipped=tuple(file for chunk in chunks for file in chunk.skipped),
        resized_from=next((chunk.resized_from for chunk in chunks if chunk.resized_from), None),
        unrounded=np.concatenate(unrounded) if unrounded else None,
        targets=np.concatenate(targets) if targets else None,
    )


class ImageSource(Protocol):
    """A finite, ordered source of images; positions 0 … len-1 never change their meaning.

    Positions count files or rows; a run's ordinals count stored images. They differ by the files
    that were skipped, which is why ``position_after`` exists.
    """

    @property
    def spec(self) -> str:
        """What opens the same source again from anywhere: a keyword or an absolute path."""

    @property
    def description(self) -> str:
        """Short text for people: ``sample``, ``cifar10``, ``folder holiday``, ``test.npz``."""

    @property
    def identity(self) -> str:
        """SHA-256 (hex) that recognises the same images in the same order."""

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Name of each label, ``None`` when the source names none."""

    @property
    def labelled(self) -> bool:
        """Whether any image has a label."""

    @property
    def top_label(self) -> int:
        """The highest label that occurs, ``NO_LABEL`` (-1) when none does."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """(len,) int64, the label of each position; ``NO_LABEL`` (-1) for none."""

    @property
    def targets(self) -> NDArray[np.float32] | None:
        """(len, K) float32, what is right of networks that answer with labels or values.

        Of each label 1 or 0, or the values that are due; NaN where it is not known. ``None`` where
        the source says neither.
        """

    @property
    def target_names(self) -> tuple[str, ...] | None:
        """Name of each of the K labels or values, ``None`` when the source names none."""

    @property
    def native_shape(self) -> tuple[int, int] | None:
        """(height, width) of every image, ``None`` when it varies."""

    @property
    def value_range(self) -> ValueRange | None:
        """The range of float images, where it tells what a model was trained on."""

    @property
    def unrounded(self) -> bool:
        """Whether chunks have what the network is given as float32 beside the rounded pixels."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about how the images are read, one line each."""

    def __len__(self) -> int:
        """Return the number of positions, unreadable files included."""

    def check(self, shape: Shape) -> None:
        """Make sure that the images can be brought to ``shape``, before a run begins.

        Raises:
            ImageSourceError: The channels cannot be converted.
        """

    def read(self, start: int, stop: int, shape: Shape) -> ImageChunk:
        """Read positions ``start`` … ``stop``-1, clipped to the source's length.

        Args:
            start: First position, at least 0.
            stop: End of the range, not read itself.
            shape: (H, W, C) of the result. Images of another size are resized to it, without
                regard to their proportions (Lanczos, antialiased).

        Raises:
            ImageSourceError: The channels cannot be converted.
        """

    def name(self, position: int) -> str | None:
        """Name of the image at a position, ``None`` if it has none."""

    def position_after(self, stored: int, name: str | None) -> int:
        """Position at which an interrupted run goes on.

        Args:
            stored: Number of images that the run holds.
            name: Name of the last of them, ``None`` if it has none.
        """
