"""Filters that left their cluster on an image: usually they move with the others, here not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.anomaly import score_threshold
from reactcnn_dash.analysis.clusters import NO_CLUSTER
from reactcnn_dash.analysis.peeling import peel
from reactcnn_dash.analysis.profile import MINIMUM_ROWS, TooFewRows, relative_level, relative_root
from reactcnn_dash.analysis.shrinkage import ledoit_wolf

if TYPE_CHECKING:
    import numpy.typing as npt

    from reactcnn_dash.analysis.peeling import Peeled

    Matrix = npt.NDArray[np.float64]

USUALLY = 0.5
"""Share of a filter's variance that its mates explain, from which on it moves with them."""


@dataclass(frozen=True, slots=True)
class Breakaway:
    """A filter that is not where its cluster puts it on one image.

    Attributes:
        filter: number of the filter.
        cluster: its cluster's label.
        mates: number of other filters in the cluster.
        explained: share of its variance that the mates explain on images that were not fitted.
        found: its GAP value.
        expected: the value that its mates' values let one expect.
        deviation: signed, from what is expected, in usual deviations from it.
    """

    filter: int
    cluster: int
    mates: int
    explained: float
    found: float
    expected: float
    deviation: float


@dataclass(frozen=True, slots=True, eq=False)
class ClusterMates:
    """How the m members of one cluster follow each other.

    Attributes:
        label: the cluster's number.
        members: (m,) the filters, ascending.
        precision: (m, m) float64, inverse of the shrunk covariance of their standardised roots.
        mean: (m,) float64, mean of each member's unexplained part on images that were not fitted.
        spread: (m,) float64, its standard deviation, kept off 0.
        explained: (m,) float64, share of its variance that the others explain.
    """

    label: int
    members: npt.NDArray[np.intp]
    precision: Matrix
    mean: Matrix
    spread: Matrix
    explained: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Mates:
    """How the filters of one layer follow those of their own cluster; F filters.

    Attributes:
        center: (F,) float64, mean of the relative roots of the GAP values.
        scale: (F,) float64, their standard deviation; 1 for a filter that does not vary.
        clusters: the clusters of two or more filters that vary.
        largest: (C,) float64, ascending: largest absolute deviation of a filter that usually moves
            with its mates, on each of the C calibration images.
    """

    center: Matrix
    scale: Matrix
    clusters: tuple[ClusterMates, ...]
    largest: Matrix

    def breakaways(self, row: npt.ArrayLike, *, rate: float = 0.01) -> tuple[Breakaway, ...]:
        """Return the filters that broke away on one image, the furthest first.

        Args:
            row: (F,) finite GAP values.
            rate: share of usual images on which any filter of the layer may be named.

        Raises:
            ValueError: ``rate`` is not between 0 and 1.
        """
        limit = score_threshold(self.largest, rate)
        values = np.asarray(row, dtype=np.float64)[None, :]
        level = float(relative_level(values)[0, 0])
        u = ((relative_root(values) - self.center) / self.scale)[0]
        found = []
        for cluster in self.clusters:
            for index, deviation, residual in _taken(cluster, u[cluster.members], limit):
                if cluster.explained[index] < USUALLY:
                    continue
                number = int(cluster.members[index])
                # Back from standardised relative roots to a GAP value.
                root = (u[number] - residual) * self.scale[number] + self.center[number]
                found.append(
                    Breakaway(
                        filter=number,
                        cluster=cluster.label,
                        mates=len(cluster.members) - 1,
                        explained=float(cluster.explained[index]),
                        found=float(values[0, number]),
                        expected=float(np.copysign((root * level) ** 2, root)),
                        deviation=deviation,
                    )
                )
        return tuple(sorted(found, key=lambda one: -abs(one.deviation)))


def fit_mates(rows: npt.ArrayLike, labels: npt.ArrayLike) -> Mates:
    """Learn how the filters of a layer follow their mates.

    For each cluster, the residual of filter i given its mates is (P u)_i / P_ii, with u the
    standardised relative roots of the members and P the inverse of their shrunk covariance
    (Ledoit & Wolf 2004), fitted to the even rows. What is usual of it comes from the odd rows.

    Args:
        rows: (n, F) GAP rows of the layer, at least :data:`~reactcnn_dash.analysis.MINIMUM_ROWS`
            usable ones. Rows with a value that is not finite are left out.
        labels: (F,) cluster of each filter; ``NO_CLUSTER`` for one that has none.

    Raises:
        TooFewRows: fewer usable rows.
        ValueError: there are not as many labels as filters.
    """
    values = np.asarray(rows, dtype=np.float64)
    numbers = np.asarray(labels)
    if values.ndim != 2 or numbers.shape != values.shape[1:]:
        raise ValueError(f"{numbers.shape} labels do not fit rows of shape {values.shape}.")
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < MINIMUM_ROWS:
        raise TooFewRows(len(values))
    root = relative_root(values)
    center, scale = root[::2].mean(axis=0), root[::2].std(axis=0)
    varies = (scale > 0.0) & (root[1::2].std(axis=0) > 0.0) & (numbers != NO_CLUSTER)
    u = (root - center) / np.where(scale > 0.0, scale, 1.0)
    clusters = []
    largest = np.zeros(len(u[1::2]))
    for label in np.unique(numbers[varies]):
        members = np.flatnonzero(varies & (numbers == label))
        if len(members) > 1:
            cluster, deviation = _fit_cluster(int(label), members, u[:, members])
            clusters.append(cluster)
            if (usual := cluster.explained >= USUALLY).any():
                largest = np.maximum(largest, np.abs(deviation[:, usual]).max(axis=1))
    return Mates(center, np.where(scale > 0.0, scale, 1.0), tuple(clusters), np.sort(largest))


def _fit_cluster(
    label: int, members: npt.NDArray[np.intp], u: Matrix
) -> tuple[ClusterMates, Matrix]:
    """Return the cluster, and each member's deviation on the calibration rows."""
    covariance, _ = ledoit_wolf(u[::2])
    covariance[np.diag_indices(len(members))] += 1e-9
    precision = np.linalg.inv(covariance)
    precision = (precision + precision.T) / 2.0
    diagonal = np.diagonal(precision)
    unexplained = u[1::2] @ precision / np.sqrt(diagonal)
    mean = unexplained.mean(axis=0)
    # Between perfect duplicates nothing is unexplained; a difference must not be divided by 0.
    spread = np.maximum(unexplained.std(axis=0), 1e-3)
    residual = (unexplained - mean) / np.sqrt(diagonal)
    explained = 1.0 - residual.var(axis=0) / u[1::2].var(axis=0)
    cluster = ClusterMates(label, members, precision, mean, spread, explained)
    return cluster, (unexplained - mean) / spread


def _taken(cluster: ClusterMates, u: Matrix, limit: float) -> list[Peeled]:
    return peel(
        cluster.precision,
        cluster.precision @ u,
        cluster.mean,
        cluster.spread,
        most=len(u) - 1,
        least=limit,
    )
