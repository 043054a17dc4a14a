"""Where a suspect run departs from a good one: on the same images, or by what is usual for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.results.comparison.comparing import NotComparable, common_layers, match_images
from reactcnn_dash.results.deviations.profile import by_layer, fit
from reactcnn_dash.results.deviations.scores import PROFILE
from reactcnn_dash.results.precision import limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer, Run, StoreReader

SAMPLE = 1024
"""The most images of the suspect run that are looked at."""

LEAST_COMMON = 16
"""Images in common from which on the runs are set against each other image by image."""


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """Where two runs part.

    Attributes:
        good: the good run.
        suspect: the suspect run.
        layers: the layers that were looked at, in the order in which they are computed.
        same_images: whether the runs were set against each other image by image; otherwise the
            suspect run against what is usual for the good one.
        found: what the analysis says.
    """

    good: Run
    suspect: Run
    layers: tuple[Layer, ...]
    same_images: bool
    found: analysis.FaultLocation

    @property
    def first(self) -> Layer | None:
        """The first layer that changed for certain; None if none did."""
        return None if self.found.first is None else self.layers[self.found.first]


def locate(reader: StoreReader, good: int | str, suspect: int | str) -> Fault:
    """Find out where a suspect run departs from a good one.

    Args:
        reader: the store.
        good: id, UUID or name of the good run.
        suspect: the same of the suspect run.

    Raises:
        NotComparable: the runs have no layer in common, or not the same layers where that matters.
        analysis.TooFewRows: too few images in common, and the good run has too few for a profile.
        analysis.NoFaultToFind: the suspect run has no usable image.
        StoreError: a run is not there, or the store cannot be read.
    """
    runs = reader.run(good), reader.run(suspect)
    pairs = match_images(*(reader.predictions(run) for run in runs))
    if len(pairs.a) >= LEAST_COMMON:
        return _image_by_image(reader, runs, (pairs.a, pairs.b))
    return _by_what_is_usual(reader, runs)


def _image_by_image(
    reader: StoreReader, runs: tuple[Run, Run], pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Fault:
    layers, _ = common_layers(reader, *runs)
    chosen = analysis.sample_ordinals(len(pairs[0]), SAMPLE)
    sides = [
        _rows(reader, run, ordinals[chosen]) for run, ordinals in zip(runs, pairs, strict=True)
    ]
    # A damaged row takes its counterpart along.
    both = sides[0][0] & sides[1][0]
    good, suspect = (
        by_layer(rows[both[found]], [pair[side] for pair in layers])
        for side, (found, rows) in enumerate(sides)
    )
    return Fault(
        *runs,
        layers=tuple(pair[1] for pair in layers),
        same_images=True,
        found=analysis.locate_fault(suspect, good, limits(runs, [pair[1].name for pair in layers])),
    )


def _by_what_is_usual(reader: StoreReader, runs: tuple[Run, Run]) -> Fault:
    good, suspect = runs
    # The profile knows all layers of the good run: fewer in the suspect run would not fit it.
    layers, unmatched = common_layers(reader, good, suspect)
    if unmatched:
        raise NotComparable(
            f"Runs {good.name!r} and {suspect.name!r} have fewer than {LEAST_COMMON} images in "
            f"common, and not the same layers ({', '.join(unmatched[:3])} …): collect both over "
            "the same images."
        )
    profile = PROFILE.find(reader, good) or fit(reader, good)
    ordinals = analysis.sample_ordinals(suspect.stored, SAMPLE)
    _, rows = _rows(reader, suspect, ordinals)
    parts = by_layer(rows, [pair[1] for pair in layers])
    return Fault(
        *runs,
        layers=tuple(pair[1] for pair in layers),
        same_images=False,
        found=analysis.locate_fault(parts, profile.halves[0]),
    )


def _rows(
    reader: StoreReader, run: Run, ordinals: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return which of some ordinals have an undamaged row, and these rows, in their order."""
    block = reader.gap_rows_of(run.id, ordinals.tolist())
    found = np.isin(ordinals, block.ordinals)
    return found, block.rows[np.searchsorted(block.ordinals, ordinals[found])]
