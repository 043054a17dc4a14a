"""Batches of exactly the asked size out of an image source, read ahead while others work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from collector.images import ImageChunk, ImageSource, Shape, Skipped


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Images on their way to the network.

    Attributes:
        pixels: (B, H, W, C) uint8.
        labels: (B,) integers, -1 = none.
        names: B names or ``None``.
        skipped: files that were passed over on the way to these images.
        resized_from: (height, width) of the first image that had another size, if one had.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str | None, ...]
    skipped: tuple[Skipped, ...]
    resized_from: tuple[int, int] | None

    def __len__(self) -> int:
        return len(self.labels)


def batches(
    source: ImageSource, shape: Shape, *, size: int, position: int = 0, most: int | None = None
) -> Iterator[Batch]:
    """Read a source batch by batch.

    A batch is filled up when files are skipped, so every batch but the last has ``size`` images
    and a resumed run cuts its batches where an uninterrupted one does. The last batch may be
    empty, when only skipped files remained.

    Args:
        source: where images come from.
        shape: (H, W, C) of the images wanted.
        size: images a batch, ≥ 1.
        position: where in the source to begin.
        most: number of images after which to stop.
    """
    left = len(source) if most is None else most
    while position < len(source) and left > 0:
        wanted = min(size, left)
        chunks: list[ImageChunk] = []
        count = 0
        while count < wanted and position < len(source):
            stop = min(position + wanted - count, len(source))
            chunk = source.read(position, stop, shape)
            chunks.append(chunk)
            count += len(chunk)
            position = stop
        left -= count
        yield _joined(chunks)


def read_ahead(source: Iterator[Batch]) -> Iterator[Batch]:
    """Give the same batches, each read in another thread while the one before is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as pool:
        coming = pool.submit(next, source, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield batch


def _joined(chunks: list[ImageChunk]) -> Batch:
    if len(chunks) == 1:
        (chunk,) = chunks
        return Batch(chunk.pixels, chunk.labels, chunk.names, chunk.skipped, chunk.resized_from)
    return Batch(
        pixels=np.concatenate([chunk.pixels for chunk in chunks]),
        labels=np.concatenate([chunk.labels for chunk in chunks]),
        names=tuple(name for chunk in chunks for name in chunk.names),
        skipped=tuple(file for chunk in chunks for file in chunk.skipped),
        resized_from=next((chunk.resized_from for chunk in chunks if chunk.resized_from), None),
    )
