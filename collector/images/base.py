"""What every image source is: positions that can be read in chunks, an identity, class names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, int, int]
"""Height, width and channels of the model's input."""

NO_LABEL = -1
"""Stands in a chunk's labels for an image that has none."""


class ImageSourceError(Exception):
    """Images cannot be had from this source; ``str()`` is one line for the user."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was passed over: its name inside the source, and why, each on one line."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class ImageChunk:
    """The images that stand at a range of positions of a source, without those skipped.

    Attributes:
        pixels: (n, H, W, C) uint8, as the network is to see them. May be a read-only view.
        labels: (n,) int64; ``NO_LABEL`` (-1) for none.
        names: n names, ``None`` where the source has no names. A name has no line breaks.
        skipped: Files of the range that could not be read. n + len(skipped) = positions read.
        resized_from: (height, width) of the chunk's first image that had another size than
            asked for, ``None`` when nothing was resized.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str | None, ...]
    skipped: tuple[Skipped, ...] = ()
    resized_from: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.pixels)


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
    def native_shape(self) -> tuple[int, int] | None:
        """(height, width) of every image, ``None`` when it varies."""

    def __len__(self) -> int:
        """Number of positions, unreadable files included."""

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

    def position_after(self, stored: int, name: str | None) -> int:
        """Position at which an interrupted run goes on.

        Args:
            stored: Number of images that the run holds.
            name: Name of the last of them, ``None`` if it has none.
        """
