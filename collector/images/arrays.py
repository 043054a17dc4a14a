"""Images that stand in memory as one array."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from collector.images.base import NO_LABEL, ImageChunk, ImageSourceError, Shape
from collector.images.convert import array_pixels, convertible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.images.values import ValueRange

_Scalar = TypeVar("_Scalar", bound=np.generic)


class ArrayImages:
    """A source over (n, h, w, c) uint8; reading in the array's own shape is a slice.

    Args:
        images: (n, h, w, c) uint8, n at least 1. Not copied; a read-only view is kept.
        labels: (n,) int64, -1 for none; ``None`` when no image has a label.
        class_names: Name of each label, if known.
        targets: (n, K) float32, see ``ImageSource.targets``.
        names: n names, if the images have any.
        spec: What ``open_images`` takes to open the same again.
        description: Short text for people.
        notices: What the user should know, one line each.
        value_range: The range that float images had.
    """

    unrounded = False

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64] | None = None,
        class_names: tuple[str, ...] | None = None,
        *,
        targets: NDArray[np.float32] | None = None,
        names: Sequence[str] | None = None,
        spec: str,
        description: str,
        notices: tuple[str, ...] = (),
        value_range: ValueRange | None = None,
    ) -> None:
        self._images = _read_only(images)
        self.labels = _read_only(
            np.full(len(images), NO_LABEL, np.int64) if labels is None else labels
        )
        self.targets = None if targets is None else _read_only(targets)
        self._names = names
        self.spec = spec
        self.description = description
        self.class_names = class_names
        self.notices = notices
        self.value_range = value_range
        self.identity = _identity(self._images, self.labels, class_names, targets)

    @property
    def target_names(self) -> tuple[str, ...] | None:
        """See ``ImageSource.target_names``."""
        return self.class_names

    @property
    def labelled(self) -> bool:
        """Whether any image has a label."""
        return self.top_label != NO_LABEL

    @property
    def top_label(self) -> int:
        """The highest label, -1 when there is none."""
        return int(self.labels.max())

    @property
    def native_shape(self) -> tuple[int, int]:
        """(height, width) of every image."""
        height, width = self._images.shape[1:3]
        return height, width

    def __len__(self) -> int:
        return len(self._images)

    def check(self, shape: Shape) -> None:
        """See ``ImageSource.check``; equal shapes always fit, whatever their channels."""
        own = self._images.shape[1:]
        if own == shape:
            return
        if not convertible(shape[-1]) or own[-1] not in (1, 3, 4):
            raise ImageSourceError(
                f"{self.description}: images of {_times(own)} do not fit a model that takes "
                f"{_times(shape)}; only grey, RGB and RGBA images are converted, to 1 or 3 "
                "channels."
            )

    def read(self, start: int, stop: int, shape: Shape) -> ImageChunk:
        """See ``ImageSource.read``."""
        self.check(shape)
        part = self._images[start:stop]
        names = (None,) * len(part) if self._names is None else tuple(self._names[start:stop])
        resized_from = None
        pixels = part
        if part.shape[1:] != shape:
            pixels = np.empty((len(part), *shape), np.uint8)
            for index, image in enumerate(part):
                pixels[index] = array_pixels(image, shape)
            if self.native_shape != shape[:2] and len(part):
                resized_from = self.native_shape
        targets = None if self.targets is None else self.targets[start:stop]
        return ImageChunk(pixels, self.labels[start:stop], names, (), resized_from, targets=targets)

    def name(self, position: int) -> str | None:
        """See ``ImageSource.name``."""
        return None if self._names is None else self._names[position]

    def position_after(self, stored: int, name: str | None) -> int:  # noqa: ARG002
        """Nothing is ever skipped in an array, so positions are ordinals."""
        return min(stored, len(self))


def _read_only(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    view = array.view()
    view.flags.writeable = False
    return view


def _identity(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    class_names: tuple[str, ...] | None,
    targets: NDArray[np.float32] | None,
) -> str:
    digest = hashlib.sha256(repr((images.shape, class_names)).encode())
    digest.update(np.ascontiguousarray(images).data)
    digest.update(np.ascontiguousarray(labels, "<i8").data)
    if targets is not None and not np.array_equal(targets, labels[:, None]):
        digest.update(np.ascontiguousarray(targets, "<f4").data)
    return digest.hexdigest()


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
