"""The collector against the network alone, against what people write by hand, and TensorBoard.

All ways run over the same images in turn, several rounds; a ratio is the median of its rounds, so
that what else the machine does meets all of them.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.models import load_model
from collector.frameworks.keras.network import Network, understand
from collector.frameworks.precision import named, processor_flags, units
from collector.images import open_images
from collector.loop import collect
from collector.progress import Silent
from collector.request import Request
from collector.session import begin
from collector.signals import StopSignals
from reactcnn_dash.db import BFLOAT16, FLOAT32
from tests.benchmarks.table import Result, at_least, at_most, only_measured
from tests.benchmarks.turns import in_turn, ratio, timed

if TYPE_CHECKING:
    from collections.abc import Callable

Pixels = NDArray[np.uint8]

WRITTEN = {"with": "all", "without": "none"}


class Bench:
    """The packaged network, its images and the ways to run it."""

    def __init__(self, folder: Path, images: int) -> None:
        self.folder = folder
        self.network: Network = understand(load_model("vgg16-cifar10"), (32, 32))
        self.model: Any = self.network.loaded.model
        self.pixels: Pixels = open_images("sample").read(0, images, (32, 32, 3)).pixels
        self.archive = folder / "images.npz"
        np.savez(self.archive, images=self.pixels)
        self._captures = {
            (maps, size, precision): Capture(
                self.network, maps=maps == "all", batch_size=size, precision=precision
            )
            for maps in WRITTEN.values()
            for size in (64, 1)
            for precision in (FLOAT32, BFLOAT16)
        }
        self._bare = tf.function(
            lambda x: self.model(tf.cast(x, tf.float32), training=False),
            input_signature=[tf.TensorSpec((None, 32, 32, 3), tf.uint8)],
        )
        taps = [self.model.get_layer(tap.tap).output for tap in self.network.taps]
        self.every = keras.Model(self.model.input, taps)
        self.sizes: dict[tuple[str, int], int] = {}
        self.warm_up()

    def warm_up(self) -> None:
        """Compile everything for both batch sizes."""
        for capture in self._captures.values():
            capture.warm_up(self.pixels[:64])
        for size in (64, 1):
            part = self.pixels[:size]
            self._bare(tf.constant(part))
            self.every.predict(part.astype(np.float32), verbose=0)

    def bare(self, size: int, images: int) -> float:
        """Return images a second of the compiled forward pass alone."""
        with timed(images) as rate:
            for start in range(0, images, size):
                self._bare(tf.constant(self.pixels[start : start + size])).numpy()
        return rate[0]

    def collector(
        self,
        size: int,
        images: int,
        maps: str,
        store: str | None = None,
        *,
        precision: str = FLOAT32,
    ) -> float:
        """Return images a second of a whole run of the collector, stored."""
        request = Request(
            store=store or str(self.folder / f"{time.monotonic_ns()}.db"),
            images=str(self.archive),
            batch_size=size,
            limit=images,
            feature_maps=maps,
        )
        source = open_images(str(self.archive))
        with StopSignals() as signals:
            session = begin(request, source, signals)
            # The compiled function is made once; what is measured is the run.
            work = replace(session.work, capture=self._captures[maps, size, precision])
            with timed(images) as rate:
                collect(work, session.writer, signals=signals, progress=Silent())
                session.writer.close()
        if store is None:
            self.sizes[maps, images] = Path(request.store).stat().st_size
        return rate[0]

    def predict(self, size: int, images: int) -> float:
        """Return images a second of ``Model(inputs, every tapped output).predict``."""
        pixels = self.pixels[:images].astype(np.float32)
        with timed(images) as rate:
            self.every.predict(pixels, batch_size=size, verbose=0)
        return rate[0]

    def predict_each(self, images: int) -> float:
        """Return images a second of ``predict`` called for one image after the other."""
        pixels = self.pixels[:images].astype(np.float32)
        with timed(images) as rate:
            for i in range(images):
                self.every.predict(pixels[i : i + 1], verbose=0)
        return rate[0]

    def tensorboard(self, size: int, images: int) -> float:
        """Return images a second of image summaries of every feature map."""
        writer = tf.summary.create_file_writer(str(self.folder / "tensorboard"))
        compiled = tf.function(lambda x: self.every(tf.cast(x, tf.float32), training=False))
        compiled(tf.constant(self.pixels[:size]))
        with timed(images) as rate, writer.as_default():
            for start in range(0, images, size):
                outputs = compiled(tf.constant(self.pixels[start : start + size]))
                for tap, maps in zip(self.network.taps, outputs, strict=True):
                    for i, one in enumerate(maps):
                        high = tf.reduce_max(one, (0, 1))
                        pictures = tf.transpose(tf.math.divide_no_nan(one, high), (2, 0, 1))
                        tf.summary.image(
                            tap.name, pictures[..., None], step=start + i, max_outputs=tap.filters
                        )
            writer.flush()
        return rate[0]


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure collecting; return its rows."""
    bench = Bench(folder, 2048)
    large, small = 2048, 192
    report("collecting, batch 64")
    by_64 = in_turn(
        3,
        {
            "bare": lambda: bench.bare(64, large),
            "gap": lambda: bench.collector(64, large, "none"),
            "maps": lambda: bench.collector(64, large, "all"),
            "predict": lambda: bench.predict(64, large),
            "gap, brief": lambda: bench.collector(64, large, "none", precision=BFLOAT16),
            "maps, brief": lambda: bench.collector(64, large, "all", precision=BFLOAT16),
        },
    )
    report("TensorBoard, batch 64")
    board = in_turn(
        3,
        {
            "maps": lambda: bench.collector(64, 256, "all"),
            "tensorboard": lambda: bench.tensorboard(64, 64),
        },
    )
    report("collecting, batch 1")
    by_1 = in_turn(
        4,
        {
            "bare": lambda: bench.bare(1, small),
            "maps": lambda: bench.collector(1, small, "all"),
            "predict": lambda: bench.predict_each(small // 4),
            "maps, brief": lambda: bench.collector(1, small, "all", precision=BFLOAT16),
        },
    )
    report("bytes an image")
    bytes_ = {maps: bytes_an_image(bench, maps) for maps in WRITTEN.values()}
    rate = statistics.median(by_64["gap"])
    slow = statistics.median(by_1["maps"])
    return [
        at_least(
            f"collector, GAP stored ÷ bare forward pass, batch 64 ({rate:.0f} images a second)",
            ratio(by_64, "gap", "bare"),
            0.95,
        ),
        at_least("the same with every feature map stored", ratio(by_64, "maps", "bare"), 0.85),
        at_least(
            f"the same at batch size 1, maps stored ({slow:.0f} a second)",
            ratio(by_1, "maps", "bare"),
            0.90,
        ),
        at_least(
            "collector, GAP stored ÷ `Model(inputs, outputs).predict`, nothing stored, batch 64",
            ratio(by_64, "gap", "predict"),
            1.2,
        ),
        at_least(
            "collector, maps stored ÷ the same `predict`, batch size 1",
            ratio(by_1, "maps", "predict"),
            5,
        ),
        at_least(
            "collector, maps stored ÷ TensorBoard image summaries of the maps, batch 64",
            ratio(board, "maps", "tensorboard"),
            10,
        ),
        *_by_precision(by_64, by_1),
        at_most("store, an image without maps", bytes_["none"] / 1000, 21, "KB"),
        at_most("store, an image with every map", bytes_["all"] / 1000, 210, "KB"),
    ]


def _by_precision(
    by_64: dict[str, list[float]], by_1: dict[str, list[float]]
) -> list[Result]:  # fmt: skip
    """Return the rows of bfloat16 ÷ float32; they have a goal where the processor has AMX."""
    here = units(processor_flags())
    found = [
        (
            f"`--precision bfloat16` ÷ float32, GAP stored, batch 64 ({named(here)})",
            ratio(by_64, "gap, brief", "gap"),
            3.0,
        ),
        ("the same with every feature map stored", ratio(by_64, "maps, brief", "maps"), 1.8),
        ("the same at batch size 1, maps stored", ratio(by_1, "maps, brief", "maps"), 1.6),
    ]
    if "AMX-BF16" in here:
        return [at_least(*row) for row in found]
    return [only_measured(what, value) for what, value, _ in found]


def bytes_an_image(bench: Bench, maps: str) -> float:
    """Return the bytes that one more image adds to a store.

    Two runs of different length are compared, so that what a run needs once (its correlation
    states, 7 MB for this network) is left out.
    """
    bench.collector(64, 512, maps)
    return (bench.sizes[maps, 2048] - bench.sizes[maps, 512]) / 1536
