"""Images on their way into a network, again and again in the same order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from collector.batches import batches, read_ahead
from collector.capture import PIXEL_RANGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        limit: how many images.
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
        scale, offset = PIXEL_RANGES[self.pixel_range]
        shape = self.network.image_shape
        reading = batches(self.source, shape, size=self.size, most=self.limit)
        for batch in read_ahead(reading):
            self.check()
            if not len(batch):
                continue
            values = tf.cast(batch.pixels, tf.float32) * scale + offset
            if self.network.channels_first:
                values = tf.transpose(values, [0, 3, 1, 2])
            yield keras.ops.cast(values, self.network.graph.input.dtype)
