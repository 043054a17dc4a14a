"""The profile of a run: what its filters usually do, learnt from a sample of its images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.analysis.breakaway import ClusterMates
from reactcnn_dash.db import ImageFilter, Layer, Run, RunState, StoreReader
from reactcnn_dash.results.deviations.packing import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

LEAST_OF_CLASS = 50
"""Images that must have been given a class before it has a distribution of its own."""
MOST_OF_CLASS = 512
"""Images that such a distribution is made of at most."""

CLUSTERS = (analysis.REDUNDANT.key, analysis.REDUNDANT.default)
"""The clusters that filters may break away from: those whose filters really move together."""


@dataclass(frozen=True, slots=True, eq=False)
class RunProfile:
    """What is usual for a run; L layers, F filters of all layers.

    Attributes:
        images: how many images the run had when it was made.
        ordinals: (n,) int64, the images it was made of, ascending.
        halves: a profile fitted to the images at even places of ``ordinals``, and one fitted to the
            others; each calibrated on those that it was not fitted to.
        quantiles: the distribution of every filter over the sample.
        mates: for each layer how its filters follow their clusters.
    """

    images: int
    ordinals: NDArray[np.int64]
    halves: tuple[analysis.Profile, analysis.Profile]
    quantiles: analysis.FilterQuantiles
    mates: tuple[analysis.Mates, ...]

    def half_for(self, ordinal: int) -> analysis.Profile:
        """Return a profile that was not fitted to an image."""
        place = int(np.searchsorted(self.ordinals, ordinal))
        fitted = place < len(self.ordinals) and self.ordinals[place] == ordinal
        return self.halves[1 if fitted and place % 2 == 0 else 0]

    def threshold(self, rate: float) -> float:
        """Return the score above which an image is odd, see ``analysis.score_threshold``."""
        return analysis.score_threshold(self.halves[0].scores, rate)


def by_layer(rows: NDArray[np.float32], layers: Sequence[Layer]) -> list[NDArray[np.float32]]:
    """Return (…, F) GAP rows layer by layer."""
    return [rows[..., layer.offset : layer.offset + layer.filters] for layer in layers]


def due(run: Run, fitted: int) -> bool:
    """Return whether a run should get a (new) profile.

    While it is collected, at growing numbers of images (``analysis.refit_due``); once it is over,
    when its profile is not of all that a sample holds.

    Args:
        run: the run.
        fitted: images that it had when its profile was made, 0 if there is none.
    """
    if run.state is RunState.COLLECTING:
        return analysis.refit_due(run.stored, fitted)
    return run.stored >= analysis.MINIMUM_ROWS and fitted < min(run.stored, analysis.SAMPLE)


def fit(
    reader: StoreReader,
    run: Run,
    images: int | None = None,
    progress: Callable[[int, int], None] = lambda _d, _t: None,
) -> RunProfile:
    """Learn the profile of a run.

    Args:
        reader: the store.
        run: the run.
        images: of how many of its images, from the first on; all if not given.
        progress: told how many steps of how many are done.

    Raises:
        analysis.TooFewRows: fewer usable images than a profile needs.
        StoreError: the store cannot be read.
    """
    images = run.stored if images is None else images
    layers = reader.layers(run.id)
    steps = len(layers) + 4
    progress(0, steps)
    block = reader.gap_rows_of(run.id, analysis.sample_ordinals(images).tolist())
    finite = np.isfinite(block.rows).all(axis=1)
    rows, ordinals = block.rows[finite], block.ordinals[finite]
    parts = by_layer(rows, layers) if len(rows) else []
    if len(rows) < analysis.MINIMUM_ROWS:
        raise analysis.TooFewRows(len(rows))
    progress(1, steps)
    halves = analysis.fit_halves(parts).profiles
    progress(3, steps)
    quantiles = analysis.FilterQuantiles.of(rows)
    mates: list[analysis.Mates] = []
    for part in parts:
        progress(4 + len(mates), steps)
        correlation = analysis.correlation(analysis.CoMoments.of(part))
        mates.append(analysis.fit_mates(part, analysis.cluster(correlation, *CLUSTERS)))
    progress(steps, steps)
    return RunProfile(images, ordinals, halves, quantiles, tuple(mates))


def class_quantiles(reader: StoreReader, run: Run, number: int) -> analysis.FilterQuantiles | None:
    """Return the distribution of every filter over images that were given a class.

    It is made when it is asked for, of at most :data:`MOST_OF_CLASS` images: tables of a thousand
    classes would take gigabytes.

    Returns:
        None when fewer than :data:`LEAST_OF_CLASS` images were given the class.

    Raises:
        StoreError: the store cannot be read.
    """
    given = reader.matching(run.id, ImageFilter(prediction=number))
    if len(given) < LEAST_OF_CLASS:
        return None
    chosen = given[analysis.sample_ordinals(len(given), MOST_OF_CLASS)]
    rows = reader.gap_rows_of(run.id, chosen.tolist()).rows
    rows = rows[np.isfinite(rows).all(axis=1)] if len(rows) else rows
    return analysis.FilterQuantiles.of(rows) if len(rows) >= LEAST_OF_CLASS else None


def pack_profile(profile: RunProfile) -> bytes:
    """Return a profile as bytes for ``unpack_profile``."""
    return to_bytes(profile)


def unpack_profile(data: bytes) -> RunProfile:
    """Return a packed profile.

    Raises:
        DamagedBlob: the bytes are none.
    """
    return from_bytes(
        data,
        RunProfile,
        analysis.Profile,
        analysis.LayerProfile,
        analysis.FilterQuantiles,
        analysis.Mates,
        ClusterMates,
    )
