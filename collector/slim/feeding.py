"""Images on their way into a network, again and again in the same order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.capture import Capture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from collector.images import ImageSource
    from collector.network import Network

MOST = 64
"""Images at a time, fewer where their activations would take more than :data:`BYTES`."""

BYTES = 96 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """Some images as a network's input.

    Attributes:
        source: where they come from.
        network: the network whose input they become.
        pixel_range: key of ``capture.PIXEL_RANGES``.
        limit: how many images, evenly over the source.
        check: called before each batch; raises to end the work.
    """

    source: ImageSource
    network: Network
    pixel_range: str
    limit: int
    check: Callable[[], None] = lambda: None

    @property
    def size(self) -> int:
        """Images at a time."""
        outputs = (tensor for call in self.network.graph.calls for tensor in call.outputs)
        bytes_ = 4 * sum(math.prod(one or 1 for one in tensor.shape[1:]) for tensor in outputs)
        return int(max(1, min(MOST, BYTES // max(bytes_, 1))))

    def __iter__(self) -> Iterator[Any]:
        """Tensors of up to :data:`MOST` images each, never none."""
        for value, _labels in self.labelled():
            yield value

    def labelled(self) -> Iterator[tuple[Any, NDArray[np.int64]]]:
        """The same with the images' labels, (B,) int64, -1 for none."""
        capture = Capture(self.network, pixel_range=self.pixel_range, maps=False)
        for pixels, labels in self._read():
            self.check()
            yield capture.inputs(pixels), labels

    def _read(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        shape, size = self.network.image_shape, self.size
        whole = len(self.source)
        # A folder stands in the order of its classes, so some images are taken from all over it.
        count = min(self.limit, whole)
        positions = (np.arange(count) * whole // max(count, 1)).tolist()
        for start in range(0, count, size):
            part = positions[start : start + size]
            if part[-1] - part[0] == len(part) - 1:
                chunks = [self.source.read(part[0], part[-1] + 1, shape)]
            else:
                chunks = [self.source.read(one, one + 1, shape) for one in part]
            pixels = np.concatenate([chunk.pixels for chunk in chunks])
            if len(pixels):
                yield pixels, np.concatenate([chunk.labels for chunk in chunks])
