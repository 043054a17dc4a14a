"""Where the time of an image goes: network, packing, SQLite, sums, scores; and what codecs cost.

``python -m tests.benchmarks --only wall``. Times are of the processor, not of the clock, so that a
machine that does other things meanwhile tells about the same. blosc2 and lz4 are compared where
they are installed.
"""

from __future__ import annotations

import importlib
import time
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.models import load_model
from collector.frameworks.keras.network import understand
from collector.images import open_images
from collector.request import Request
from collector.session import begin, layers_of
from collector.signals import StopSignals
from reactcnn_dash.db import Answers, ImageBatch
from reactcnn_dash.db.backport import zstd
from reactcnn_dash.db.blobs import pack, unpack
from reactcnn_dash.db.packing import map_rows, pack_batch
from reactcnn_dash.results.deviations.scorer import Scorer
from tests.benchmarks.table import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Codec = Callable[[Bytes], int]
    """Compresses one image's maps and tells how many bytes that takes."""

BATCH = 64
IMAGES = 1024
SCORED = 3000
ROUNDS = 3


class Clock:
    """Processor time of this process, a name at a time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.process_time()

    def skip(self) -> None:
        """Count nothing since the last call."""
        self._since = time.process_time()

    def lap(self, name: str) -> None:
        """Count what passed since the last call to ``name``."""
        now = time.process_time()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
        self._since = time.process_time()


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure; return the rows, without goals."""
    report("what an image costs")
    seconds, gap, codes = pieces(folder)
    whole = sum(seconds.values())
    rows = [
        told(f"{name}, an image, {1000 * one / IMAGES:.3f} ms of a processor", one / whole)
        for name, one in seconds.items()
    ]
    report("scores")
    network = seconds["network"] / IMAGES
    for name, one in scoring(gap).items():
        rows.append(told(f"{name} ÷ the network's for as many", one / network))
    report("codecs")
    today = 0.0
    for name, codec in codecs():
        size, cost = compressed(codec, codes)
        today = today or size
        what = f"maps of an image by {name}, {cost:.3f} ms of a processor, {size / 1000:.1f} KB"
        rows.append(told(what, size / today))
    cost = reading(codes)
    rows.append(
        told(f"reading the maps of an image, {cost:.3f} ms of a processor", cost / 1000 / network)
    )
    return rows


def told(what: str, share: float) -> Result:
    """Return a row that only tells."""
    return Result(what, "–", f"{share:.3f}", met=True)


def pieces(folder: Path) -> tuple[dict[str, float], NDArray[np.float32], Bytes]:
    """Return processor seconds by piece, (n, F) GAP rows and (n, bytes) codes of real images."""
    network = understand(load_model("vgg16-cifar10"), (32, 32))
    pixels = open_images("sample").read(0, SCORED, (32, 32, 3)).pixels
    capture = Capture(network, maps=True, batch_size=BATCH)
    capture.warm_up(pixels[:BATCH])
    request = Request(
        store=str(folder / "wall.db"), images="sample", batch_size=BATCH, feature_maps="all"
    )
    clock, gaps, codes = Clock(), [], []
    with StopSignals() as signals, threadpool_limits(1, "blas"):
        session = begin(request, open_images("sample"), signals)
        statistics, layers = session.work.statistics, layers_of(network)
        for start in range(0, IMAGES, BATCH):
            part = pixels[start : start + BATCH]
            clock.skip()
            captured = capture(part)
            clock.lap("network")
            gaps.append(captured.gap)
            batch = ImageBatch(
                start=start,
                labels=np.full(len(part), -1),
                probabilities=captured.probabilities,
                pixels=part,
                names=(None,) * len(part),
                gap=captured.gap,
                maps=captured.maps,
            )
            clock.skip()
            statistics.add(captured.gap)
            clock.lap("sums of the correlations")
            plain = ImageBatch(
                start, batch.labels, batch.probabilities, part, batch.names, batch.gap, None
            )
            clock.skip()
            pack_batch(1, plain, layers, 0, answers=Answers.CLASSES)
            clock.lap("packing all but maps")
            assert captured.maps is not None
            map_rows(1, start, captured.maps)
            clock.lap("compressing maps")
            if start < 2 * BATCH:
                codes.append(flat(captured.maps))
            clock.skip()
            session.writer.append(batch)
            clock.lap("SQLite")
        session.writer.finish()
        clock.skip()
        session.writer.close()
        clock.lap("SQLite")
        rest = [capture(pixels[i : i + BATCH]).gap for i in range(IMAGES, SCORED, BATCH)]
    seconds = clock.seconds
    # What was packed apart was packed once more inside.
    seconds["SQLite"] -= seconds["packing all but maps"] + seconds["compressing maps"]
    return seconds, np.concatenate([*gaps, *rest]), np.concatenate(codes)


def flat(maps: Any) -> Bytes:
    """Return (n, bytes) codes as one row of the store holds them."""
    parts = [np.moveaxis(one.codes, 1, -1).reshape(len(one.codes), -1) for one in maps]
    return np.concatenate(parts, axis=1)


def scoring(gap: NDArray[np.float32]) -> dict[str, float]:
    """Return processor seconds an image of 3,000 of scoring, and of learning what is usual."""
    network = understand(load_model("vgg16-cifar10"), (32, 32))
    clock = Clock()
    with threadpool_limits(1, "blas"):
        scorer = Scorer(layers_of(network))
        scorer.add(gap[:512])
        clock.skip()
        scorer.learn(512)
        clock.lap("learning what is usual, 512 images,")
        for start in range(512, len(gap), 256):
            scorer.add(gap[start : start + 256])
            scorer.score()
        clock.lap("scoring")
        scorer.finish()
        clock.lap(f"the last profile and scores, {len(gap):,} images,")
    learnt, scored, last = clock.seconds.items()
    return {
        learnt[0]: learnt[1] / 512,
        scored[0]: scored[1] / (len(gap) - 512),
        last[0]: last[1] / len(gap),
    }


def compressed(codec: Codec, codes: Bytes) -> tuple[float, float]:
    """Return bytes and milliseconds an image, of the fastest round."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        size = sum(codec(row) for row in codes)
        best = min(best, time.process_time() - begun)
    return size / len(codes), 1000 * best / len(codes)


def reading(codes: Bytes) -> float:
    """Return milliseconds an image, of the fastest round."""
    blobs = [pack(row, compress=True) for row in codes]
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for blob in blobs:
            unpack(blob)
        best = min(best, time.process_time() - begun)
    return 1000 * best / len(blobs)


def codecs() -> Iterator[tuple[str, Codec]]:
    """Yield ways to compress, the store's own first."""
    yield "what the store does (Huffman's code)", lambda row: len(pack(row, compress=True))
    for level in (-5, -1, 1, 2, 3):
        yield f"zstd {level}", _of_zstd(zstd.ZstdCompressor(level))
    parameter = zstd.CompressionParameter
    fast: dict[int, int] = {
        parameter.strategy: zstd.Strategy.fast,
        parameter.window_log: 17,
        parameter.hash_log: 12,
        parameter.min_match: 7,
    }
    huffman = _of_zstd(zstd.ZstdCompressor(options=fast))
    yield "zstd, long repetitions only", huffman

    def zeros(row: Bytes) -> int:
        filled = row != 0
        written = b"".join((np.packbits(filled).data, np.compress(filled, row).data))
        zlib.crc32(written)
        return len(written)

    def values(row: Bytes) -> int:
        filled = row != 0
        return len(np.packbits(filled)) + huffman(np.compress(filled, row))

    def both(row: Bytes) -> int:
        filled = row != 0
        return huffman(beside(np.packbits(filled))) + huffman(np.compress(filled, row))

    def layers(row: Bytes) -> int:
        size = 0
        for at, (start, stop) in enumerate(pairwise(LAYERS)):
            codes = row[start:stop]
            told = numbers(codes, LINE) if at == 0 else codes
            filled = codes != 0
            changed = filled.copy()
            if at < SMOOTH:
                changed[LINE:] ^= filled[:-LINE]
            size += huffman(np.packbits(changed)) + huffman(np.compress(filled, told))
        return size

    yield "zeros left out, with a checksum as the store's", zeros
    yield "zeros left out, values by Huffman", values
    yield "the same, the bitmap by its changes along a line and by Huffman too", both
    yield "the same, large layers apart, by what changes from line to line", layers
    yield from _others()


SHAPES = ((32, 64), (32, 64), (16, 128), (16, 128), *((8, 256),) * 3, *((4, 512),) * 3)
"""Side and filters of the layers of the packaged network, but for the last three of 2 × 2."""
ENDS = np.cumsum([0, *(side * side * filters // 8 for side, filters in SHAPES)])
LINE = 2048
"""Values a line of each of the first four layers; those after them are too small for it."""
SMOOTH = 4
LAYERS = (*(8 * ENDS[: SMOOTH + 1]).tolist(), None)


def beside(bitmap: Bytes) -> Bytes:
    """Return where a bitmap differs from that of the position before, layer by layer."""
    result = bitmap.copy()
    for (start, stop), (_, filters) in zip(pairwise(ENDS.tolist()), SHAPES, strict=True):
        step = filters // 8
        result[start + step : stop] ^= bitmap[start : stop - step]
    return result


def numbers(codes: Bytes, line: int) -> Bytes:
    """Return the number of each value among those around the one above: it, one more, one less.

    Where one side ends, the numbers go on to the other: below a 0 a value is its own number.
    """
    result = codes.copy()
    above, here = codes[:-line], codes[line:]
    distance = np.maximum(here, above) - np.minimum(here, above)
    one_side = distance > np.minimum(above, ~above)
    near = distance + distance - (here > above).view(np.uint8)
    far = (above.view(np.int8) >> 7).view(np.uint8) ^ here
    result[line:] = near ^ ((near ^ far) & -one_side.view(np.uint8))
    return result


def _of_zstd(compressor: zstd.ZstdCompressor) -> Codec:
    return lambda row: len(compressor.compress(row.data, compressor.FLUSH_FRAME))


def _others() -> Iterator[tuple[str, Codec]]:
    try:
        block = importlib.import_module("lz4.block")
        yield "lz4", lambda row: len(block.compress(row.data, store_size=False))
        blosc = importlib.import_module("blosc2")
    except ImportError:
        return
    for codec in ("LZ4", "ZSTD"):
        for filtered in ("NOFILTER", "BITSHUFFLE"):
            yield f"blosc2, {codec}, {filtered.lower()}", _of_blosc(blosc, codec, filtered)


def _of_blosc(blosc: Any, codec: str, filtered: str) -> Codec:
    options = {
        "codec": getattr(blosc.Codec, codec),
        "filters": [getattr(blosc.Filter, filtered)],
        "filters_meta": [0],
    }
    return lambda row: len(blosc.compress2(row, clevel=1, typesize=1, nthreads=1, **options))
