"""Make a trained VGG-16 the packaged network, and say how right it is.

python -m tools.package CHECKPOINT --images TEST    write ``collector/data/vgg16-cifar10.npz``

What is printed is what the model card says: of the written file, as everybody gets it.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.frameworks.keras import vgg16
from collector.frameworks.keras.models import load_model
from collector.images import NO_LABEL, fit_labels, open_images
from collector.packaged import CLASSES, NAME
from reactcnn_dash.analysis.proportions import wilson_interval
from reactcnn_dash.results.text import percent_text

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    data = vgg16.packed(load_model(given.checkpoint).model)
    model = vgg16.architecture()
    try:
        vgg16.unpack(io.BytesIO(data), model)
    except (LookupError, ValueError) as error:
        parser.error(f"{given.checkpoint} is not of the packaged architecture: {error}")
    lines = [] if given.images is None else accuracies(model, given.images)
    path = given.folder / f"{given.name}.npz"
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)
    print(f"{path}: {len(data) / 1e6:.1f} MB", *lines, sep="\n")
    return 0


def accuracies(model: Any, images: str) -> list[str]:
    """Return a line for all images with a label, and one for each of their classes.

    Raises:
        ImageSourceError: the images, or their classes, are none of CIFAR-10's.
    """
    test = open_images(images)
    batch = test.read(0, len(test), (32, 32, 3))
    labels = fit_labels(test, len(CLASSES), CLASSES).apply(batch.labels)
    found = model.predict(batch.pixels.astype(np.float32), batch_size=BATCH, verbose=0)
    right = found.argmax(axis=1) == labels
    parts = {name: labels == index for index, name in enumerate(CLASSES)}
    lines = []
    for name, chosen in {"all": labels != NO_LABEL, **parts}.items():
        count, of = int(right[chosen].sum()), int(chosen.sum())
        if of:
            low, high = wilson_interval(count, of)
            interval = f"95 % interval {percent_text(low)} to {percent_text(high)}"
            share = percent_text(count / of, 2)
            lines.append(f"{name}: {share} ({count:,} of {of:,}; {interval})")
    return lines or [f"{test.description}: no image has a label"]


if __name__ == "__main__":
    sys.exit(main())
