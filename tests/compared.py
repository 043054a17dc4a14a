"""Small stores with runs to compare: the same images in other orders, through other networks."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import RunWriter
from tests import stores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, StoreUrl


def write(
    path: StoreUrl,
    name: str,
    made: stores.Truth,
    layers: tuple[Layer, ...] | None = None,
    *,
    experiment: str | None = None,
    epoch: int | None = None,
) -> None:
    """Write a truth as a finished run."""
    new = dataclasses.replace(
        stores.new_run(name, len(made.gap), "none"),
        layers=layers or stores.layers(),
        experiment=experiment,
        epoch=epoch,
    )
    writer = RunWriter.begin(path, new)
    for start in range(0, len(made.gap), 100):
        stores.append(writer, made, start, min(start + 100, len(made.gap)), maps=False)
    writer.finish()
    writer.close()


def chosen(made: stores.Truth, rows: NDArray[np.int64]) -> stores.Truth:
    """Return some images of a truth, in this order."""
    return stores.Truth(
        gap=made.gap[rows],
        probabilities=made.probabilities[rows],
        labels=made.labels[rows],
        pixels=made.pixels[rows],
        codes=(),
    )


def other_checkpoint(made: stores.Truth, seed: int) -> stores.Truth:
    """The same images and labels through another network: noisier, other answers, a dead filter."""
    rng = np.random.default_rng(seed)
    gap = made.gap + 0.5 * rng.random(made.gap.shape, np.float32)
    gap[:, 6 + 3] = 0
    probabilities = rng.permuted(made.probabilities, axis=1)
    return dataclasses.replace(made, gap=gap, probabilities=probabilities)
