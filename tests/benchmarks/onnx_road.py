"""The ONNX road: the collector against the bare session, and its start beside Keras'."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from collector.frameworks.onnx.entry import start
from collector.images import open_images
from collector.loop import collect
from collector.progress import Silent
from collector.request import Request
from collector.session import begin
from collector.signals import StopSignals
from reactcnn_dash.db import StoreError, StoreReader
from tests.benchmarks.table import Result, at_least, at_most
from tests.benchmarks.turns import in_turn, ratio, timed
from tests.benchmarks.watching import most_memory
from tests.collector.onnx_graphs import saved, vgg16_graph

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGE, SMALL = 2048, 192
STARTS = 3


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure the ONNX road; return its rows."""
    start()
    path = saved(vgg16_graph(), folder, "vgg16.onnx")
    archive = folder / "images.npz"
    pixels = open_images("sample").read(0, LARGE, (32, 32, 3)).pixels
    np.savez(archive, images=pixels)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)

    def bare(size: int, images: int) -> float:
        with timed(images) as rate:
            for first in range(0, images, size):
                session.run(None, {"pixels": given[first : first + size]})
        return rate[0]

    report("ONNX, batch 64")
    by_64 = in_turn(
        3,
        {
            "bare": lambda: bare(64, LARGE),
            "gap": lambda: collected(path, archive, 64, LARGE, "none"),
            "maps": lambda: collected(path, archive, 64, LARGE, "all"),
        },
    )
    report("ONNX, batch 1")
    by_1 = in_turn(
        4,
        {
            "bare": lambda: bare(1, SMALL),
            "maps": lambda: collected(path, archive, 1, SMALL, "all"),
        },
    )
    report("start and memory of both roads")
    roads = {"onnx": path, "keras": "vgg16-cifar10"}
    started = [
        {name: started_at(folder, model, archive) for name, model in roads.items()}
        for _ in range(STARTS)
    ]
    seconds, memory = (
        {name: statistics.median(one[name][place] for one in started) for name in roads}
        for place in (0, 1)
    )
    rate = statistics.median(by_64["gap"])
    return [
        at_least(
            f"ONNX, GAP stored ÷ bare session, batch 64 ({rate:.0f} images a second)",
            ratio(by_64, "gap", "bare"),
            0.95,
        ),
        at_least("the same with every feature map stored", ratio(by_64, "maps", "bare"), 0.85),
        at_least("the same at batch size 1, maps stored", ratio(by_1, "maps", "bare"), 0.90),
        at_most(
            f"ONNX, start → first image stored ({seconds['onnx']:.1f} s) ÷ Keras",
            seconds["onnx"] / seconds["keras"],
            0.35,
            "×",
        ),
        at_most(
            f"ONNX, resident memory ({memory['onnx'] / 1e6:.0f} MB) ÷ Keras",
            memory["onnx"] / memory["keras"],
            0.4,
            "×",
        ),
    ]


def collected(model: str, archive: Path, size: int, images: int, maps: str) -> float:
    """Return images a second of a whole run, stored."""
    request = Request(
        store=str(archive.parent / f"{time.monotonic_ns()}.db"),
        model=model,
        images=str(archive),
        batch_size=size,
        first=images,
        feature_maps=maps,
    )
    with StopSignals() as signals:
        session = begin(request, open_images(str(archive)), signals)
        work = replace(session.work, limit=images)
        with timed(images) as rate:
            collect(work, session.writer, signals=signals, progress=Silent())
            session.writer.close()
    return rate[0]


def started_at(folder: Path, model: str, archive: Path) -> tuple[float, int]:
    """Return seconds from a process' start to its first stored image, and its most memory."""
    store = folder / f"{time.monotonic_ns()}.db"
    options = ["--images", str(archive), "--store", str(store), "--first", "200", "--no-scores"]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "collector", "--model", model, "--quiet", *options],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    seconds = 0.0

    def look() -> None:
        nonlocal seconds
        with suppress(StoreError):
            if not seconds and store.exists() and StoreReader(str(store)).run(1).stored:
                seconds = time.monotonic() - began

    most = most_memory(process, look)
    return seconds or time.monotonic() - began, most
