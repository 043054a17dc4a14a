"""The images that drive each filter most, kept while rows pass by, in memory that does not grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

OVERALL = 9
"""Images kept of each filter."""
BY_CLASS = 4
"""Images kept of each filter and class."""

_NONE = np.uint64(0)
_SIGN = np.uint32(0x80000000)
_ALL = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class TopImage:
    """An image and a filter's GAP value on it."""

    ordinal: int
    value: float


class TopImages:
    """The images with the highest GAP values of each filter, over all and by class.

    Of equal values those of the lower ordinals are kept, so that the result depends on the rows
    only, not on how they were cut into blocks.

    Attributes:
        overall: (OVERALL, F) uint64, one key an image (see :func:`_keys`), 0 for none; in no order.
        by_class: (K, BY_CLASS, F) uint64, likewise.
    """

    def __init__(self, overall: npt.NDArray[np.uint64], by_class: npt.NDArray[np.uint64]) -> None:
        self.overall = overall
        self.by_class = by_class

    @classmethod
    def empty(cls, filters: int, classes: int) -> TopImages:
        """Begin with no images."""
        return cls(
            np.zeros((OVERALL, filters), np.uint64),
            np.zeros((classes, BY_CLASS, filters), np.uint64),
        )

    def add(
        self,
        ordinals: npt.NDArray[np.integer],
        rows: npt.NDArray[np.float32],
        classes: npt.NDArray[np.integer],
    ) -> None:
        """Take in some images.

        Args:
            ordinals: (n,) of images that were not taken in before, below 2³² − 1.
            rows: (n, F) float32 GAP values; those that are not finite are passed over.
            classes: (n,) class of each image, −1 for none.
        """
        keys = _keys(ordinals, rows)
        self.overall = _highest(self.overall, keys)
        for number in np.unique(classes[classes >= 0]).tolist():
            if number < len(self.by_class):
                best = _highest(self.by_class[number], keys[classes == number])
                self.by_class[number] = best

    def of(self, filter_: int, number: int | None = None) -> tuple[TopImage, ...]:
        """Return the images of a filter, highest value first.

        Args:
            filter_: the filter.
            number: a class, ``None`` for all images.
        """
        kept = self.overall if number is None else self.by_class[number]
        keys = np.sort(kept[:, filter_])[::-1]
        keys = keys[keys != _NONE]
        pairs = zip(_ordinals(keys).tolist(), _values(keys).tolist(), strict=True)
        return tuple(TopImage(ordinal, value) for ordinal, value in pairs)


def _keys(
    ordinals: npt.NDArray[np.integer], rows: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint64]:
    """Values and ordinals as one number each, whose order is that of the values.

    The upper half is the float's bits, turned so that they compare as the floats do; the lower
    half counts down with the ordinal.
    """
    bits = np.ascontiguousarray(rows, np.float32).view(np.uint32)
    upper = np.where(bits & _SIGN, ~bits, bits | _SIGN).astype(np.uint64)
    lower = (np.uint64(_ALL) - ordinals.astype(np.uint64))[:, None]
    keys: npt.NDArray[np.uint64] = (upper << np.uint64(32)) | lower
    keys[~np.isfinite(rows)] = _NONE
    return keys


def _values(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.float32]:
    upper = (keys >> np.uint64(32)).astype(np.uint32)
    return np.where(upper & _SIGN, upper ^ _SIGN, ~upper).view(np.float32)


def _ordinals(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    ordinals: npt.NDArray[np.int64] = (np.uint64(_ALL) - (keys & np.uint64(_ALL))).astype(np.int64)
    return ordinals


def _highest(kept: npt.NDArray[np.uint64], keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    count = len(kept)
    return np.partition(np.concatenate([kept, keys]), len(keys), axis=0)[-count:]
