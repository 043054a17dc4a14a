"""Collects a made-up run at a steady pace: ``python growing.py STORE IMAGES RATE WIDTHS``.

Only what the product offers is imported, so that any version of it can be measured with this file.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from collector.statistics import Statistics
from reactcnn_dash.db import ImageBatch, Layer, MapBatch, NewRun, RunWriter

VGG16 = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
CLASSES = 10
BATCH = 32
_SAVE_EVERY = 2048
_MAPS_OF = 200


def layers(widths: tuple[int, ...]) -> tuple[Layer, ...]:
    """Give layers of so many filters, with maps of 2 by 2."""
    offsets = [0, *np.cumsum(widths).tolist()]
    return tuple(
        Layer(i, f"conv{i + 1}", "Conv2D", f"relu{i + 1}", filters, 2, 2, offsets[i])
        for i, filters in enumerate(widths)
    )


def new_run(widths: tuple[int, ...], images: int, feature_maps: str, name: str) -> NewRun:
    """Give a run of a made-up network."""
    return NewRun(
        name=name, model="made-up", checkpoint_sha256="5a" * 32, parameters=1,
        checkpoint_source="made up", image_source="noise", image_identity="1d" * 32, total=images,
        batch_size=BATCH, feature_maps=feature_maps,
        class_names=tuple(f"class {number}" for number in range(CLASSES)), image_shape=(32, 32, 3),
        layers=layers(widths), options={},
    )  # fmt: skip


def batch(
    start: int, count: int, widths: tuple[int, ...], *, maps: bool, seed: int = 0
) -> ImageBatch:
    """Give a batch whose filters move in groups of eight; the images depend on `start` alone."""
    chance, of_run = np.random.default_rng(start), np.random.default_rng((start, seed))
    drive = of_run.gamma(2.0, 1.0, (count, sum(widths) // 8 + 1)).astype(np.float32)
    gap = np.repeat(drive, 8, axis=1)[:, : sum(widths)]
    gap += 0.2 * of_run.random(gap.shape, dtype=np.float32)
    return ImageBatch(
        start=start,
        labels=chance.integers(0, CLASSES, count),
        probabilities=of_run.dirichlet(np.ones(CLASSES), count).astype(np.float32),
        pixels=chance.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8),
        names=(None,) * count,
        gap=gap,
        maps=tuple(
            MapBatch(
                codes=chance.integers(0, 256, (count, width, 2, 2), dtype=np.uint8),
                low=np.zeros((count, width), np.float32),
                step=np.full((count, width), 0.01, np.float32),
            )
            for width in widths
        )
        if maps
        else None,
    )


def grow(
    store: str,
    images: int,
    rate: float,
    widths: tuple[int, ...] = VGG16,
    *,
    maps: bool = True,
    size: int = BATCH,
    name: str = "growing",
    seed: int = 0,
) -> None:
    """Write a run of so many images, so many a second at most, as a collector does."""
    new = new_run(widths, images, f"last:{_MAPS_OF}" if maps else "none", name)
    statistics = Statistics(new.layers)
    begun = time.monotonic()
    with RunWriter.begin(store, new) as writer:
        for start in range(0, images, size):
            made = batch(start, min(size, images - start), widths, maps=maps, seed=seed)
            statistics.add(made.gap)
            due = (start + size) // _SAVE_EVERY > start // _SAVE_EVERY
            writer.append(made, statistics.states() if due else (), rate=rate)
            if start == 0:
                print("begun", flush=True)  # noqa: T201
            time.sleep(max(0.0, begun + writer.stored / rate - time.monotonic()))
        writer.save_states(statistics.states())
        writer.finish()


if __name__ == "__main__":
    grow(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
