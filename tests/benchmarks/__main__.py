"""``make bench``: measure speed on this machine and print the README's table.

The machine should do nothing else meanwhile. Timings are of this machine; ratios travel.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.table import Result

PARTS = ("collecting", "memory", "onnx", "page", "comparison", "slim", "postgres")
PROOFS = ("corruptions", "faults")
"""The two proofs of what finds out where a network goes wrong: ``make bench-proofs``."""
LONG = ("slim-tuned", "slim-methods", "torch")
"""Measured only when asked for: two take half an hour each, one needs PyTorch."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    result.add_argument("--only", choices=(*PARTS, *PROOFS, *LONG), help="measure one part")
    result.add_argument("--proofs", action="store_true", help="measure the two long proofs instead")
    result.add_argument(
        "--baseline",
        type=Path,
        metavar="DIR",
        help="checkout of an older build to compare memory and speed with (default: none)",
    )
    result.add_argument(
        "--images",
        default="cifar10",
        help="where the proofs take CIFAR-10 images from (default: Keras' copy, the first 8,000 of "
        "its test images)",
    )
    result.add_argument(
        "--training",
        default="cifar10",
        help="where slimming takes CIFAR-10's training images from (default: Keras' copy)",
    )
    return result


def main() -> int:
    """Run the benchmarks; return 0, or 1 when a goal is missed."""
    options = parser().parse_args()
    from tests.benchmarks.table import render

    begun = time.monotonic()

    def report(text: str) -> None:
        sys.stderr.write(f"[{time.monotonic() - begun:4.0f} s] {text}\n")

    results = []
    usual = PROOFS if options.proofs else PARTS
    for part in (*PARTS, *PROOFS, *LONG):
        if options.only == part or (options.only is None and part in usual):
            with tempfile.TemporaryDirectory(prefix="reactcnn-bench-") as folder:
                if part == "collecting":
                    from collector.frameworks.keras.runtime import start_tensorflow

                    # As the collector starts it, for all that are compared.
                    start_tensorflow()
                    from tests.benchmarks import collecting

                    results += collecting.run(Path(folder), report)
                    from tests.benchmarks import training

                    results += training.run(Path(folder), report)
                elif part == "memory":
                    from tests.benchmarks import memory

                    results += memory.run(Path(folder), options.baseline, report)
                elif part == "onnx":
                    from tests.benchmarks import onnx_road

                    results += onnx_road.run(Path(folder), report)
                elif part in ("corruptions", "faults"):
                    from collector.frameworks.keras.runtime import start_tensorflow

                    start_tensorflow()
                    results += went_wrong(part, options.images, report)
                elif part.startswith("slim"):
                    from collector.frameworks.keras.runtime import start_tensorflow

                    start_tensorflow()
                    from tests.benchmarks import slim

                    measure = {"slim-tuned": slim.tuned, "slim-methods": slim.methods}.get(
                        part, slim.run
                    )
                    results += measure(Path(folder), options.images, options.training, report)
                elif part == "postgres":
                    from collector.frameworks.keras.runtime import start_tensorflow

                    start_tensorflow()
                    from tests.benchmarks import postgres

                    results += postgres.run(Path(folder), report)
                elif part == "torch":
                    from tests.benchmarks import torch

                    results += torch.run(Path(folder), report)
                elif part == "comparison":
                    from tests.benchmarks import comparison

                    results += comparison.run(Path(folder), report)
                else:
                    from tests.benchmarks import page

                    results += page.run(Path(folder), report)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    sys.stdout.write(f"{render(results)}\n\n{machine}, {time.monotonic() - begun:.0f} s\n")
    return 0 if all(result.met for result in results) else 1


def went_wrong(part: str, images: str, report: Callable[[str], None]) -> list[Result]:
    """Run one of the two proofs of what finds out where it went wrong."""
    from collector.images import ImageSourceError
    from tests.benchmarks import corruptions, faults
    from tests.benchmarks.cifar import prepare
    from tests.benchmarks.table import Result

    try:
        subject = prepare(images)
    except ImageSourceError as error:
        report(f"{part}: {error}")
        return [Result(f"{part}, over CIFAR-10 images", "–", "not measured", met=False)]
    if part == "corruptions":
        return corruptions.run(subject, report)
    return faults.run(subject, report)


if __name__ == "__main__":
    sys.exit(main())
