"""The clusters of chosen images beside those of the whole run. Pure functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reactcnn_dash import analysis

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Beside:
    """What the whole run's clusters say of a subset's.

    Attributes:
        images: images of the whole run's clustering.
        clusters: the whole run's clusters of two or more filters.
        mean_r: mean r of all pairs inside the whole run's clusters, over all images; None without
            a pair.
        subset_mean_r: mean r of all pairs inside the subset's clusters, over its images.
        agreement: adjusted Rand index of the two clusterings; None when no filter is in a cluster
            in both.
        together: for each of the subset's clusters, how many of its filters are in one and the
            same cluster of the whole run: the largest overlap.
    """

    images: int
    clusters: int
    mean_r: float | None
    subset_mean_r: float | None
    agreement: float | None
    together: dict[int, int]


def beside(
    labels: NDArray[np.int32],
    summaries: Sequence[analysis.ClusterSummary],
    whole_labels: NDArray[np.int32],
    whole_summaries: Sequence[analysis.ClusterSummary],
    whole_images: int,
) -> Beside:
    """Compare a subset's clusters with those of the whole run.

    Args:
        labels: ``(F,)`` clusters over the subset, with their ``summaries``.
        summaries: see ``labels``.
        whole_labels: ``(F,)`` clusters over ``whole_images`` images, with ``whole_summaries``.
        whole_summaries: see ``whole_labels``.
        whole_images: images of the whole run.
    """
    agreement = analysis.adjusted_rand(labels, whole_labels)
    together = dict.fromkeys((summary.label for summary in summaries), 0)
    for flow in analysis.cluster_flow(labels, whole_labels):
        if analysis.NO_CLUSTER not in (flow.source, flow.target):
            together[flow.source] = max(together[flow.source], flow.filters)
    return Beside(
        images=whole_images,
        clusters=sum(summary.size > 1 for summary in whole_summaries),
        mean_r=mean_inside(whole_summaries),
        subset_mean_r=mean_inside(summaries),
        agreement=None if math.isnan(agreement) else agreement,
        together=together,
    )


def mean_inside(summaries: Sequence[analysis.ClusterSummary]) -> float | None:
    """Return the mean r of all pairs inside clusters, each pair counting once."""
    pairs = [(s.size * (s.size - 1) // 2, s.mean_r) for s in summaries if s.mean_r is not None]
    count = sum(n for n, _ in pairs)
    return sum(n * mean for n, mean in pairs) / count if count else None
