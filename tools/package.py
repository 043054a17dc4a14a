"""Make a trained VGG-16 the packaged network, and say how right it is.

python -m tools.package CHECKPOINT --images TEST    write ``collector/data/vgg16-cifar10.npz``

What is printed is what the model card says: of the written file, as everybody gets it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from collector.frameworks.keras import vgg16
from collector.frameworks.keras.models import load_model
from collector.images import open_images
from collector.packaged import CLASSES, NAME
from reactcnn_dash.analysis.proportions import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

FOLDER = Path(vgg16.__file__).parents[2] / "data"
BATCH = 64


def main(words: Sequence[str] | None = None) -> int:
    """Write the file and print what it gets right."""
    parser = argparse.ArgumentParser(prog="tools.package", description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", help="a .keras file of `collector train`")
    parser.add_argument("--images", help="test images with labels, as the collector takes them")
    parser.add_argument("--name", default=NAME, help="of the packaged checkpoint (%(default)s)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to (%(default)s)")
    given = parser.parse_args(words)
    path = given.folder / f"{given.name}.npz"
    path.write_bytes(vgg16.packed(load_model(given.checkpoint).model))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if given.images is not None:
        model = vgg16.architecture()
        with path.open("rb") as file:
            vgg16.unpack(file, model)
        test = open_images(given.images)
        batch = test.read(0, len(test), (32, 32, 3))
        found = model.predict(batch.pixels.astype(np.float32), batch_size=BATCH, verbose=0)
        print(*accuracies(found.argmax(axis=1), batch.labels), sep="\n")
    return 0


def accuracies(found: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> list[str]:
    """Return a line for all images, and one for each class.

    Args:
        found: (N,) predicted classes.
        labels: (N,) true ones.
    """
    lines = []
    for name, chosen in [("all", np.ones(len(labels), bool))] + [
        (name, labels == index) for index, name in enumerate(CLASSES)
    ]:
        right, of = int((found == labels)[chosen].sum()), int(chosen.sum())
        low, high = wilson_interval(right, of)
        lines.append(
            f"{name}: {right / of:.2%} ({right:,} of {of:,}; 95 % interval {low:.1%} to {high:.1%})"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
