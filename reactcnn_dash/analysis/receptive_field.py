"""Receptive fields: which part of the image a cell of a feature map can see.

Along each axis the cells of a map see intervals of one length at equal distances, so three numbers
say it all; each operation turns those of its input into those of its output (Araujo, Norris & Sim
2019, "Computing receptive fields of convolutional neural networks", Distill).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Axis:
    """What cells see along one axis, in pixels of the image: cell i from start + i · stride on.

    Attributes:
        size: how many pixels a cell sees.
        stride: how many lie between two cells' first ones.
        start: the first pixel of cell 0, below 0 where there is padding.
    """

    size: float = 1.0
    stride: float = 1.0
    start: float = 0.0

    def window(self, kernel: int, stride: int = 1, dilation: int = 1, before: int = 0) -> Axis:
        """Return what cells see behind a window that slides, as of a convolution or of pooling.

        Args:
            kernel: cells in the window.
            stride: cells between two windows' first ones.
            dilation: cells between two of a window's.
            before: cells of padding before the first.
        """
        return Axis(
            self.size + (kernel - 1) * dilation * self.stride,
            self.stride * stride,
            self.start - before * self.stride,
        )

    def transposed(self, kernel: int, stride: int, dilation: int = 1, before: int = 0) -> Axis:
        """Return what cells see behind a transposed convolution; at most, since cells take turns.

        Args:
            kernel: cells that a cell is spread over.
            stride: cells between those of two neighbours.
            dilation: cells between two of a kernel's.
            before: cells that are cut off before the first.
        """
        reach = (kernel - 1) * dilation
        step = self.stride / stride
        return Axis(self.size + reach * step, step, self.start + (before - reach) * step)

    def enlarged(self, factor: int, neighbours: int = 0) -> Axis:
        """Return what cells see that are repeated, with so many neighbours each side mixed in.

        At most.
        """
        step = self.stride / factor
        more = (factor - 1) * step
        beside = neighbours * self.stride
        return Axis(self.size + more + 2 * beside, step, self.start - more - beside)

    def padded(self, before: int) -> Axis:
        """Return what cells see behind so many cells of padding.

        A negative number cuts cells off.
        """
        return Axis(self.size, self.stride, self.start - before * self.stride)

    def of(self, cell: int, length: int) -> tuple[float, float]:
        """From where to where a cell sees, inside an image of so many pixels."""
        first = self.start + cell * self.stride
        return max(0.0, first), min(float(length), first + self.size)


def joined(axes: Iterable[Axis]) -> Axis | None:
    """Return what cells see that are put together of several maps.

    None where these have other strides.
    """
    known = list(axes)
    if len({round(axis.stride, 9) for axis in known}) != 1:
        return None
    start = min(axis.start for axis in known)
    end = max(axis.start + axis.size for axis in known)
    return Axis(end - start, known[0].stride, start)


def same_padding(length: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """Return how many cells padding "same" puts before the first of so many, as TensorFlow does."""
    windows = -(-length // stride)
    return max((windows - 1) * stride + (kernel - 1) * dilation + 1 - length, 0) // 2
