"""Clusters of the filters of one layer, from their correlation, by one of ``METHODS``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.methods import method_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from reactcnn_dash.analysis.correlation import Correlation

NO_CLUSTER = -1
"""The label of a filter without a correlation (a constant one): it is in no cluster."""


def default_parameter(c: Correlation, method: str) -> float:
    """Return the parameter of a method to begin with on this layer.

    Args:
        c: correlation of F filters.
        method: a key of ``METHODS``.

    Raises:
        UnknownMethod: no such method.
    """
    chosen = method_of(method)
    return chosen.suited(c, chosen.default, chosen.step)


def cluster(
    c: Correlation, method: str, parameter: float, *, seed: int = 0
) -> npt.NDArray[np.int32]:
    """Put the filters of one layer into clusters by a method, see its algorithm.

    Args:
        c: correlation of F filters.
        method: a key of ``METHODS``.
        parameter: the method's; any finite value within the method's minimum and maximum.
        seed: of the method's random order; the same input and seed give the same labels.

    Returns:
        (F,) int32: 0, 1, 2 … by decreasing size (equal sizes: by their first filter);
        :data:`NO_CLUSTER` for filters whose correlation is undefined.

    Raises:
        UnknownMethod: no such method, or a parameter out of its range.
    """
    chosen = method_of(method, parameter)
    defined = np.flatnonzero(np.isfinite(np.diagonal(c.r)))
    labels = np.full(len(c.r), NO_CLUSTER, dtype=np.int32)
    if len(defined):
        labels[defined] = _by_size(chosen.find(c.r[np.ix_(defined, defined)], parameter, seed))
    return labels


def match_labels(
    new: npt.NDArray[np.integer], old: npt.NDArray[np.integer]
) -> npt.NDArray[np.int32]:
    """Renumber new clusters so that each keeps the number of the old one it continues.

    The pairs of new and old clusters are chosen so that the most filters keep their number
    (assignment problem on the overlaps). A new cluster that continues none gets the smallest
    number that no old cluster has.

    Args:
        new: (F,) labels of a clustering; :data:`NO_CLUSTER` stays.
        old: (F,) labels of an earlier clustering of the same filters.

    Returns:
        (F,) int32: the same partition as ``new``.

    Raises:
        ValueError: the two are not of the same filters.
    """
    if new.shape != old.shape:
        raise ValueError(f"Labels of {len(new)} and {len(old)} filters do not match.")
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - slow to import

    new_names, new_index = np.unique(new[new != NO_CLUSTER], return_inverse=True)
    old_names = np.unique(old[old != NO_CLUSTER])
    overlap = np.zeros((len(new_names), len(old_names)), dtype=np.int64)
    both = (new != NO_CLUSTER) & (old != NO_CLUSTER)
    np.add.at(
        overlap,
        (np.searchsorted(new_names, new[both]), np.searchsorted(old_names, old[both])),
        1,
    )
    kept = {
        int(row): int(old_names[column])
        for row, column in zip(*linear_sum_assignment(overlap, maximize=True), strict=True)
        if overlap[row, column]
    }
    taken = set(old_names.tolist())
    unused = (number for number in range(len(new) + len(taken)) if number not in taken)
    names = [kept[row] if row in kept else next(unused) for row in range(len(new_names))]
    labels = np.full(len(new), NO_CLUSTER, dtype=np.int32)
    labels[new != NO_CLUSTER] = np.array(names, dtype=np.int32)[new_index]
    return labels


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """What the page says about one cluster.

    Attributes:
        label: its number.
        size: how many filters it holds.
        mean_r: mean correlation of the pairs inside; None without a pair.
        lowest_r: lowest correlation of a pair inside; None without a pair.
        filters: the filters, ascending.
    """

    label: int
    size: int
    mean_r: float | None
    lowest_r: float | None
    filters: tuple[int, ...]


def summarise(
    labels: npt.NDArray[np.integer], r: npt.NDArray[np.float64]
) -> tuple[ClusterSummary, ...]:
    """Describe every cluster, the tightest (highest mean r) first, single filters last.

    Args:
        labels: (F,) cluster of each filter; those in :data:`NO_CLUSTER` are left out.
        r: (F, F) correlation; pairs that are NaN count in neither mean nor lowest.
    """
    summaries = [_summary(label, members, r) for label, members in cluster_members(labels).items()]
    return tuple(
        sorted(summaries, key=lambda s: (s.mean_r is None, -(s.mean_r or 0.0), -s.size, s.label))
    )


def cluster_members(labels: npt.NDArray[np.integer]) -> dict[int, npt.NDArray[np.intp]]:
    """Return the filters of every cluster, both ascending; :data:`NO_CLUSTER` is none."""
    order = np.argsort(labels, kind="stable")
    names, starts = np.unique(labels[order], return_index=True)
    groups = zip(names.tolist(), np.split(order, starts[1:]), strict=True)
    return {label: members for label, members in groups if label != NO_CLUSTER}


def _summary(
    label: int, members: npt.NDArray[np.intp], r: npt.NDArray[np.float64]
) -> ClusterSummary:
    filters = tuple(members.tolist())
    if len(members) == 1:
        return ClusterSummary(label=label, size=1, mean_r=None, lowest_r=None, filters=filters)
    pairs = r[np.ix_(members, members)][np.triu_indices(len(members), 1)]
    pairs = pairs[np.isfinite(pairs)]
    return ClusterSummary(
        label=label,
        size=len(members),
        mean_r=float(pairs.mean()) if len(pairs) else None,
        lowest_r=float(pairs.min()) if len(pairs) else None,
        filters=filters,
    )


def _by_size(found: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
    _, first, index, sizes = np.unique(
        found, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(sizes), dtype=np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes), dtype=np.int32)
    return rank[index]
