"""How much of a network can go, what that costs, and what it takes to find out.

Calibrated on training images without labels; accuracy is measured on test images, of which the
surgery has seen none.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from collector import loop, session
from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.models import LoadedModel, load_model, weights_digest
from collector.frameworks.keras.network import Network, understand
from collector.images import open_images
from collector.images.arrays import ArrayImages
from collector.images.cifar10 import open_cifar10_training
from collector.progress import Silent
from collector.request import Request
from collector.signals import StopSignals
from collector.slim.feeding import Feed
from collector.slim.rebuilding import rebuild
from collector.slim.slimming import Slimming
from tests.benchmarks import residual
from tests.benchmarks.table import Result, at_least, at_most
from tests.benchmarks.watching import most_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.images import ImageSource
    from collector.slim.slimming import Cut

BATCH = 64
CALIBRATION = 3_000
FEWER = 1_500
TEST = 8_000
ROUNDS = 5
METHODS = ("l1", "random", "clusters")
SHAPE = (32, 32, 3)
SHARES = {"parameters": (0.30, 0.22, 0.15, 0.10, 0.06), "multiply-adds": (0.55, 0.50, 0.40)}
"""What stays, for the methods side by side."""


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Training images to calibrate with, and test images with labels."""

    calibration: ImageSource
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def accuracy(self, network: Network) -> float:
        """Per cent of the test images that a network gets right."""
        capture = Capture(network, maps=False, batch_size=BATCH)
        right = 0
        for start in range(0, len(self.pixels), BATCH):
            found = capture(self.pixels[start : start + BATCH]).probabilities.argmax(axis=1)
            right += int((found == self.labels[start : start + BATCH]).sum())
        return 100.0 * right / len(self.pixels)


def run(folder: Path, images: str, training: str, report: Callable[[str], None]) -> list[Result]:
    """Measure everything but fine-tuning; return the rows.

    Args:
        folder: an empty one to work in.
        images: what ``--images`` takes, test images with labels.
        training: likewise, the training images; ``cifar10`` for those of Keras' copy.
        report: told what is going on.
    """
    given = prepare(images, training)
    network = understand(load_model("vgg16-cifar10"), SHAPE[:2])
    base = given.accuracy(network)
    report(f"VGG-16: {base:.2f} % of {len(given.pixels):,} test images")
    slimming = Slimming(
        network, Feed(given.calibration, network, "0-255", CALIBRATION), (True, False)
    )
    report("VGG-16 is measured")

    def lost(cut: Cut) -> float:
        return base - given.accuracy(slim_network(slimming, cut))

    rows: list[Result] = []

    def add(row: Result) -> None:
        rows.append(row)
        report(f"{row.what}: {row.found}")

    steps = slimming.steps_within(0.22, None)
    refitted = lost(slimming.cut(slimming.chosen("refit", steps)))
    add(points("78 % of the parameters gone, no labels, no fine-tuning", refitted, 0.5))
    others = {method: lost(slimming.cut(slimming.chosen(method, steps))) for method in METHODS}
    report(", ".join(f"{method}: {value:.2f} points lost" for method, value in others.items()))
    add(
        at_least(
            "at the widths of the first row: refit − best of L1, random, clusters, each refitted",
            min(others.values()) - refitted,
            4,
            "points",
        )
    )
    few = slimming.cut(slimming.chosen("refit", slimming.steps_within(0.30, None)))
    add(points("70 % of the parameters gone, the same", lost(few), 0.2))
    slimming.choice = slimming.choice.towards((False, True))
    most = slimming.cut(slimming.chosen("refit", slimming.steps_within(None, 0.55)))
    add(points("45 % of the multiply-adds gone, the same", lost(most), 0.5))
    half = slimming.cut(slimming.chosen("refit", slimming.steps_within(None, 0.5)))
    add(speed(network, slim_network(slimming, half), given.pixels))
    add(surgery(folder, network, given))
    for row in memory(folder, given):
        add(row)
    add(in_the_residual_network(given, report))
    return rows


def tuned(folder: Path, images: str, training: str, report: Callable[[str], None]) -> list[Result]:
    """Fine-tune a much slimmer VGG-16 for three epochs; return the row."""
    given = prepare(images, training)
    test, train = folder / "test.npz", training
    np.savez(test, images=given.pixels, labels=given.labels)
    report("three epochs of fine-tuning")
    output = folder / "tuned.keras"
    collector(
        "slim", "--images", train, "--parameters", "10%", "--multiply-adds", "40%",
        "--fine-tune", "3", "--data", train, "--evaluate", str(test), "--output", str(output),
        "--store", str(folder / "tuned.db"),
    )  # fmt: skip
    accuracy = json.loads(output.with_name("tuned-result.json").read_text())["accuracy"]
    lost = 100.0 * (accuracy["before"] - accuracy["after"])
    what = "90 % of the parameters and 60 % of the multiply-adds gone, 3 epochs of fine-tuning"
    return [points(what, lost, 0.2)]


def methods(
    folder: Path, images: str, training: str, report: Callable[[str], None]
) -> list[Result]:
    """Lose filters of VGG-16 by every method at several widths; return the rows.

    The widths are those of ``refit``; what the filters did is handed over by all methods alike.
    """
    given = prepare(images, training)
    network = understand(load_model("vgg16-cifar10"), SHAPE[:2])
    base = given.accuracy(network)
    slimming = Slimming(
        network, Feed(given.calibration, network, "0-255", CALIBRATION), (True, False)
    )
    rows: list[Result] = []

    def compare(what: str, steps: int) -> None:
        for method in ("refit", *METHODS):
            cut = slimming.cut(slimming.chosen(method, steps))
            lost = base - given.accuracy(slim_network(slimming, cut))
            rows.append(
                Result(f"accuracy lost, {what}, {method}", "–", f"{lost:.2f} points", met=True)
            )
            report(f"{rows[-1].what}: {rows[-1].found}")

    for kept in SHARES["parameters"]:
        compare(f"{1 - kept:.0%} of the parameters gone", slimming.steps_within(kept, None))
    slimming.choice = slimming.choice.towards((False, True))
    for kept in SHARES["multiply-adds"]:
        compare(f"{1 - kept:.0%} of the multiply-adds gone", slimming.steps_within(None, kept))
    return rows


def prepare(images: str, training: str) -> Images:
    """Open the images."""
    test = open_images(images).read(0, TEST, SHAPE)
    if training == "cifar10":
        source: ImageSource = open_cifar10_training(sys.stderr)
    else:
        source = open_images(training)
    return Images(source, test.pixels, test.labels)


def points(what: str, lost: float, goal: float) -> Result:
    """Return a row of points of accuracy lost."""
    return at_most(f"accuracy lost, {what}", lost, goal, "points", digits=2)


def slim_network(slimming: Slimming, cut: Cut) -> Network:
    """The network that a cut leaves, as a Keras model of its own."""
    return known(rebuild(slimming.network.loaded.model, cut.slimmed, "slim"))


def known(model: Any) -> Network:
    """Understand a model that is in memory."""
    digest = weights_digest(model.weights)
    loaded = LoadedModel(model.name, "memory", model, digest, model.count_params(), None)
    return understand(loaded, SHAPE[:2])


def speed(whole: Network, slim: Network, pixels: NDArray[np.uint8]) -> Result:
    """Images a second of the slim network against the whole one, in turn."""
    captures = [Capture(network, maps=False, batch_size=BATCH) for network in (whole, slim)]
    for capture in captures:
        capture.warm_up(pixels[:BATCH])
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for capture in captures:
            begun = time.perf_counter()
            for start in range(0, 1024, BATCH):
                capture(pixels[start : start + BATCH])
            seconds.append(time.perf_counter() - begun)
        ratios.append(seconds[0] / seconds[1])
    what = "images a second, half of the multiply-adds gone ÷ whole, batch 64"
    return at_least(what, statistics.median(ratios), 1.7)


def surgery(folder: Path, network: Network, given: Images) -> Result:
    """Time of a surgery against that of one pass of the collector, maps stored."""
    shared = given.calibration.read(0, FEWER, SHAPE).pixels
    few = ArrayImages(shared, spec="few", description="few")
    request = Request(
        store=str(folder / "pass.db"), model="vgg16-cifar10", batch_size=BATCH, feature_maps="all"
    )
    with StopSignals() as signals:
        ready = session.begin(request, few, signals)
        begun = time.perf_counter()
        with closing(ready.writer):
            loop.collect(ready.work, ready.writer, signals=signals, progress=Silent())
        collecting = time.perf_counter() - begun
    begun = time.perf_counter()
    slimming = Slimming(network, Feed(few, network, "0-255", FEWER), (True, False))
    slimming.cut(slimming.chosen("refit", slimming.steps_within(0.22, None)))
    cutting = time.perf_counter() - begun
    what = f"surgery with {FEWER:,} images ÷ one pass of the collector over them, maps stored"
    return at_most(what, cutting / collecting, 12, "×")


def memory(folder: Path, given: Images) -> list[Result]:
    """Peak memory of the whole command, and how it grows when there are twice as many images."""
    peaks = []
    for count in (FEWER, 2 * FEWER):
        path = folder / f"{count}.npz"
        np.savez(path, images=given.calibration.read(0, count, SHAPE).pixels)
        peaks.append(
            peak(
                "slim",
                "--images",
                str(path),
                "--parameters",
                "22%",
                "--output",
                str(folder / f"{count}.keras"),
                "--quiet",
            )
        )
    return [
        at_most(f"peak memory of the surgery, {2 * FEWER:,} images", peaks[1], 2.5, "GB", digits=2),
        at_most("the same ÷ with half as many images", peaks[1] / peaks[0], 1.1, "×", digits=2),
    ]


def peak(*words: str) -> float:
    """Most resident memory of a process of the collector, in GB."""
    process = subprocess.Popen([sys.executable, "-m", "collector", *words])
    most = most_memory(process)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return most / 1e9


def collector(*words: str) -> None:
    """Run the collector in a process of its own."""
    subprocess.run([sys.executable, "-m", "collector", *words], check=True)


def in_the_residual_network(given: Images, report: Callable[[str], None]) -> Result:
    """The residual network without a third of its parameters."""
    network = known(residual.load())
    base = given.accuracy(network)
    report(f"residual network: {base:.2f} %")
    feed = Feed(given.calibration, network, "0-255", CALIBRATION)
    slimming = Slimming(network, feed, (True, False))
    cut = slimming.cut(slimming.chosen("refit", slimming.steps_within(0.8, None)))
    lost = base - given.accuracy(slim_network(slimming, cut))
    return points("residual network, 20 % of the parameters gone, no fine-tuning", lost, 0.5)
