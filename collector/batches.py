"""Batches of exactly the asked size out of an image source, read ahead while others work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from collector.images import ImageChunk, joined
from reactcnn_dash.db import ImageBatch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from collector.frameworks.protocol import Captured
    from collector.images import ImageSource, LabelFit, Shape

T = TypeVar("T")


def batches(
    source: ImageSource, shape: Shape, *, size: int, position: int = 0, most: int | None = None
) -> Iterator[ImageChunk]:
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
        yield joined(chunks)


def read_ahead(source: Iterator[T]) -> Generator[T]:
    """Yield the same batches, each read in another thread while the one before is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as pool:
        coming = pool.submit(next, source, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield batch


def as_stored(chunk: ImageChunk, captured: Captured, labels: LabelFit, start: int) -> ImageBatch:
    """Return images with what a network said of them, as the store takes them.

    Args:
        chunk: the images.
        captured: what the network said.
        labels: how their labels become its classes.
        start: the ordinal of the first.
    """
    return ImageBatch(
        start=start,
        labels=labels.apply(chunk.labels),
        probabilities=captured.probabilities,
        pixels=chunk.pixels,
        names=chunk.names,
        gap=captured.gap,
        maps=captured.maps,
        targets=labels.targets(chunk.targets),
    )


def resized_notice(size: tuple[int, int], shape: Shape) -> str:
    """Return what is said of images that have another (height, width) than the model takes."""
    return (
        f"images of {size[0]} × {size[1]} are resized to the model's {shape[0]} × {shape[1]} "
        "(others likewise)."
    )
