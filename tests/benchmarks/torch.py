"""PyTorch: the collector's capture against the bare module, eager, in inference mode."""

from __future__ import annotations

import logging
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from collector.frameworks.keras import vgg16
from collector.frameworks.protocol import Asked
from collector.frameworks.torch.network import understand
from collector.images import open_images
from collector.packaged import NAME
from collector.torch import watch
from tests.benchmarks.table import Result, at_least, at_most
from tests.torch.test_vgg16 import converted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_ROUNDS = 7
_ROWS = ((64, False, 0.95), (64, True, 0.85), (1, True, 0.90))


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure the packaged VGG-16, converted to PyTorch."""
    logging.disable(logging.INFO)
    module = converted(vgg16.load(NAME))
    pixels = open_images("sample").read(0, 1000, (32, 32, 3)).pixels
    network = understand(module, Asked(native_shape=(32, 32)), source="benchmark")
    results = []
    for size, maps, goal in _ROWS:
        images = pixels[: 256 if size > 1 else 64]
        proven = network.proven(
            images[:4], pixel_range="0-255", maps=maps, batch_size=size, exact=False
        )
        ratio = _ratio(
            partial(_bare, module, images, size), partial(_each, proven.capture, images, size)
        )
        stored = "maps" if maps else "GAP"
        what = f"PyTorch, {stored}, batch {size} ÷ bare eager module under inference_mode"
        results.append(at_least(what, ratio, goal))
        report(f"{what}: {ratio:.2f}")
    watched = watch(module, str(folder / "runs.db"), pixels)
    ratio = 1 / _ratio(partial(_bare, module, pixels, 64), watched.record, rounds=3)
    results.append(at_most("record() of 1,000 images ÷ their forward pass", ratio, 1.15, "×", 2))
    return results


def _bare(module: Any, pixels: NDArray[Any], size: int) -> None:
    with torch.inference_mode():
        for start in range(0, len(pixels), size):
            part = torch.from_numpy(pixels[start : start + size].copy())
            module(part.permute(0, 3, 1, 2).float().contiguous())


def _each(capture: Any, pixels: NDArray[Any], size: int) -> None:
    for start in range(0, len(pixels), size):
        capture(pixels[start : start + size])


def _ratio(
    one: Callable[[], object], other: Callable[[], object], rounds: int = _ROUNDS
) -> float:  # fmt: skip
    """Median of how often the second goes into the time of the first, in turn, after a warm-up."""
    one(), other()
    shares = []
    for _ in range(rounds):
        times = []
        for way in (one, other):
            begun = time.perf_counter()
            way()
            times.append(time.perf_counter() - begun)
        shares.append(times[0] / times[1])
    return statistics.median(shares)
