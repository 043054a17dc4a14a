"""``make bench``: measure speed on this machine and print the README's table.

The machine should do nothing else meanwhile. Timings are of this machine; ratios travel.
"""

from __future__ import annotations

import argparse
import importlib
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
LONG = (
    "slim-tuned",
    "slim-methods",
    "torch",
    "people",
    "wall",
    "large",
    "large-postgres",
    "shared",
)
"""Measured only when asked for: long, in need of PyTorch, or without a goal."""


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
        "--minutes",
        type=float,
        default=2.0,
        help="how long many people look at a run that is collected (default: 2)",
    )
    result.add_argument(
        "--count",
        type=int,
        default=1_000_000,
        help="images of the large run that pages are asked about (default: 1,000,000)",
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
                results += measured(part, Path(folder), options, report)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    sys.stdout.write(f"{render(results)}\n\n{machine}, {time.monotonic() - begun:.0f} s\n")
    return 0 if all(result.met for result in results) else 1


def measured(
    part: str, folder: Path, options: argparse.Namespace, report: Callable[[str], None]
) -> list[Result]:
    """Measure one part, in a folder of its own."""
    if part in ("collecting", "corruptions", "faults", "postgres", "wall") or part.startswith(
        "slim"
    ):
        from collector.frameworks.keras.runtime import start_tensorflow

        # As the collector starts it, for all that are compared.
        start_tensorflow()
    if part == "collecting":
        from tests.benchmarks import collecting, training

        return [*collecting.run(folder, report), *training.run(folder, report)]
    if part in PROOFS:
        return went_wrong(part, options.images, report)
    if part.startswith("slim"):
        from tests.benchmarks import slim

        methods = {"slim-tuned": slim.tuned, "slim-methods": slim.methods}
        return methods.get(part, slim.run)(folder, options.images, options.training, report)
    if part == "memory":
        from tests.benchmarks import memory

        return memory.run(folder, options.baseline, report)
    if part == "large-postgres":
        from tests.benchmarks import large

        return large.run_postgresql(folder, options.count, report)
    plain = importlib.import_module(f"tests.benchmarks.{'onnx_road' if part == 'onnx' else part}")
    how_much = {"people": [options.minutes], "large": [options.count]}.get(part, [])
    found: list[Result] = plain.run(folder, *how_much, report)
    return found


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
