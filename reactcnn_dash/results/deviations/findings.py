"""What is odd about one image: its layers, its filters, and those that left their cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash import analysis
from reactcnn_dash.results.deviations.profile import by_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer
    from reactcnn_dash.results.deviations.profile import RunProfile

MOST = 12
"""Filters that are named of an image."""


@dataclass(frozen=True, slots=True)
class LeftCluster:
    """A filter that broke away from its cluster, with the position of its layer."""

    layer: int
    what: analysis.Breakaway


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What is odd about one image; L layers, F filters of all layers.

    Attributes:
        score: see ``analysis.Oddness``.
        strangeness: (L,) float64, likewise.
        tail: (L,) float64, likewise.
        deviation: (F,) float64, each filter's signed deviation in normal scores.
        images: images behind these distributions.
        suspects: the filters that neither the layer before nor their own layer explains.
        left: those that broke away from their cluster.
    """

    score: float
    strangeness: NDArray[np.float64]
    tail: NDArray[np.float64]
    deviation: NDArray[np.float64]
    images: int
    suspects: tuple[analysis.Suspect, ...]
    left: tuple[LeftCluster, ...]


def findings(
    profile: RunProfile,
    layers: Sequence[Layer],
    ordinal: int,
    gap: NDArray[np.float32],
    *,
    usual: analysis.FilterQuantiles,
    rate: float,
) -> Findings:
    """Return what is odd about an image.

    Args:
        profile: what is usual for its run.
        layers: the run's layers.
        ordinal: the image.
        gap: (F,) its GAP row.
        usual: the distributions that the filters are set against: ``profile.quantiles``, or those
            of a class.
        rate: false alarms that are allowed, 0 < rate < 1.
    """
    half = profile.half_for(ordinal)
    parts = by_layer(gap, layers)
    whole = analysis.oddness(half, [part[None] for part in parts])
    finite = bool(np.isfinite(gap).all())
    left: list[LeftCluster] = []
    if finite:
        for position, (mates, part) in enumerate(zip(profile.mates, parts, strict=True)):
            left += [LeftCluster(position, one) for one in mates.breakaways(part, rate=rate)]
    return Findings(
        score=float(whole.score[0]),
        strangeness=whole.strangeness[0],
        tail=whole.tail[0],
        deviation=usual.deviation(gap[None])[0],
        images=usual.n,
        suspects=analysis.suspects(half, parts, most=MOST) if finite else (),
        left=tuple(sorted(left, key=lambda one: -abs(one.what.deviation))[:MOST]),
    )
