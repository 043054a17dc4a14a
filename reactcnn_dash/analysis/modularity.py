"""Modularity with a resolution, and partitions carried on until nothing raises it any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_NOTHING = 1e-12
"""A gain of modularity below this is rounding."""


def pair_gains(r: npt.NDArray[np.float64], resolution: float) -> npt.NDArray[np.float64] | None:
    """Return what two filters add to the modularity of a partition by being in one cluster.

    (w_ij − γ k_i k_j / 2m) / 2m with w = max(r, 0), k_i = Σ_j w_ij and 2m = Σ_i k_i, after
    Reichardt & Bornholdt (2006), "Statistical mechanics of community detection". A pair counts
    twice, as (i, j) and (j, i). The part of the filters themselves, which is the same in every
    partition, is left out.

    Args:
        r: (F, F) float64 correlation without NaN.
        resolution: γ.

    Returns:
        (F, F) float64 with zeros on its diagonal; None without any positive correlation.
    """
    weight = np.clip(r, 0.0, None)
    np.fill_diagonal(weight, 0.0)
    degree = weight.sum(axis=1)
    total = degree.sum()
    if not total > 0.0:
        return None
    gains: npt.NDArray[np.float64] = (
        weight - resolution * np.outer(degree, degree) / total
    ) / total
    np.fill_diagonal(gains, 0.0)
    return gains


def gained(gains: npt.NDArray[np.float64], labels: npt.NDArray[np.intp]) -> float:
    """Return the modularity of a partition, less that of every filter alone."""
    return float(gains[labels[:, None] == labels].sum())


def carried_on(
    gains: npt.NDArray[np.float64],
    labels: npt.NDArray[np.intp],
    order: npt.NDArray[np.intp] | None = None,
) -> npt.NDArray[np.intp]:
    """Carry a partition on to a maximum: no filter would move, and no two clusters would merge.

    The two steps of Blondel et al. (2008) in turn: filters move to the cluster where they gain
    most, or out of all; then whole clusters do.

    Args:
        gains: see :func:`pair_gains`.
        labels: (F,) where to begin.
        order: (F,) in which filters are visited.

    Returns:
        (F,) labels from 0 on, of a modularity that is not lower.
    """
    visits = np.arange(len(gains)) if order is None else order
    while True:
        labels = _moved(gains, labels, visits)
        between = _summed(_summed(gains, labels).T, labels).T
        np.fill_diagonal(between, 0.0)
        clusters = np.arange(len(between))
        merged = _moved(between, clusters, clusters)
        if len(np.unique(merged)) == len(clusters):
            return labels
        labels = merged[labels]


def _moved(
    gains: npt.NDArray[np.float64],
    labels: npt.NDArray[np.intp],
    visits: npt.NDArray[np.intp],
) -> npt.NDArray[np.intp]:
    """Move one after the other to where it gains most, until none gains."""
    count = len(gains)
    labels = np.unique(labels, return_inverse=True)[1]
    size = np.bincount(labels, minlength=count + 1)
    # What each would gain in each cluster; one more than there can be, so that one is empty.
    towards = np.zeros((count, count + 1))
    towards[:, : labels.max() + 1] = _summed(gains, labels)
    while True:
        here = towards[np.arange(count), labels]
        unhappy = towards.max(axis=1) > here + _NOTHING
        if not unhappy.any():
            return np.unique(labels, return_inverse=True)[1]
        for one in visits[unhappy[visits]]:
            old, new = labels[one], int(towards[one].argmax())
            # Others have moved since it was looked at.
            if towards[one, new] <= towards[one, old] + _NOTHING:
                continue
            towards[:, old] -= gains[:, one]
            towards[:, new] += gains[:, one]
            size[old] -= 1
            size[new] += 1
            if not size[old]:
                towards[:, old] = 0.0
            labels[one] = new


def _summed(
    values: npt.NDArray[np.float64], labels: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Sum the columns of each cluster; labels are 0 to their greatest without a gap."""
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max() + 1))
    summed: npt.NDArray[np.float64] = np.add.reduceat(values[:, order], starts, axis=1)
    return summed
