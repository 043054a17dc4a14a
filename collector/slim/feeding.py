"""Images on their way into a network, again and again in the same order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.batches import batches
from collector.frameworks.keras.capture import Capture
from collector.images import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from collector.frameworks.keras.network import Network
    from collector.images import ImageSource

MOST = 64
"""Images at a time, fewer where their activations would take more than :data:`BYTES`."""

BYTES = 96 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """Some images as a network's input.

    Attributes:
        source: where they come from.
        network: the network whose input they become.
        pixel_range: key of ``scaling.SCALINGS``.
        limit: how many images, drawn evenly over the classes of the source.
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
        """Yield the same with the images' labels, (B,) int64, -1 for none."""
        network = self.network
        capture = Capture(network, pixel_range=self.pixel_range, maps=False)
        # A folder stands in the order of its classes, so some are drawn from all of it.
        source = draw(self.source, self.limit)
        for batch in batches(source, network.image_shape, size=self.size, most=self.limit):
            self.check()
            if len(batch):
                yield capture.inputs(batch.given), batch.labels
