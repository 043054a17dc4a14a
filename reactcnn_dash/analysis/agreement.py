"""How far two clusterings of the same filters agree, and which filters went where.

Filters in :data:`~reactcnn_dash.analysis.clusters.NO_CLUSTER` on either side belong to no cluster
and do not count in the measures; the flow shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.clusters import NO_CLUSTER

if TYPE_CHECKING:
    import numpy.typing as npt

    Labels = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Flow:
    """Filters that are in one cluster of the first clustering and in one of the second.

    Attributes:
        source: cluster of the first; ``NO_CLUSTER`` for filters that are in none there.
        target: cluster of the second, likewise.
        filters: how many filters.
    """

    source: int
    target: int
    filters: int


def cluster_flow(first: Labels, second: Labels) -> tuple[Flow, ...]:
    """Return every pair of clusters that share filters, by source and target.

    Args:
        first: (F,) cluster of each filter.
        second: (F,) the same for the second clustering.

    Raises:
        ValueError: the two are not of the same filters.
    """
    _check(first, second)
    pairs, counts = np.unique(np.stack([first, second]), axis=1, return_counts=True)
    return tuple(
        Flow(source, target, filters)
        for (source, target), filters in zip(pairs.T.tolist(), counts.tolist(), strict=True)
    )


def adjusted_rand(first: Labels, second: Labels) -> float:
    """Return the adjusted Rand index: 1 for the same partition, about 0 for chance.

    Hubert & Arabie (1985), "Comparing partitions". With N pairs of filters, t of them together in
    both clusterings, a in the first and b in the second:
    ARI = (t − ab/N) / ((a + b)/2 − ab/N), and 1 where both say the same of every pair.

    Args:
        first: (F,) cluster of each filter.
        second: (F,) the same for the second clustering.

    Returns:
        NaN when no filter is in a cluster on both sides.

    Raises:
        ValueError: the two are not of the same filters.
    """
    table = _contingency(first, second)
    filters = int(table.sum())
    if not filters:
        return float("nan")
    # Whole numbers to the end: pairs of a few thousand filters, squared, are beyond float64.
    pairs = filters * (filters - 1) // 2
    together, in_first, in_second = (
        sum(n * (n - 1) // 2 for n in counts[counts > 1].tolist())
        for counts in (table, table.sum(axis=1), table.sum(axis=0))
    )
    if together == in_first == in_second:
        return 1.0
    above: int = 2 * (together * pairs - in_first * in_second)
    below: int = (in_first + in_second) * pairs - 2 * in_first * in_second
    return above / below


def normalised_mutual_information(first: Labels, second: Labels) -> float:
    """Normalised mutual information 2 I(A; B) / (H(A) + H(B)), in [0, 1].

    1 for the same partition, 0 for independent ones. Not adjusted for chance: many small clusters
    score high by themselves, so read it beside :func:`adjusted_rand`.

    Args:
        first: (F,) cluster of each filter.
        second: (F,) the same for the second clustering.

    Returns:
        NaN when no filter is in a cluster on both sides; 1 when both have one cluster only.

    Raises:
        ValueError: the two are not of the same filters.
    """
    table = _contingency(first, second)
    filters = table.sum()
    if not filters:
        return float("nan")
    if np.count_nonzero(table) == table.shape[0] == table.shape[1]:
        # The same partition: 1 without rounding, and also where one cluster makes it 0 / 0.
        return 1.0
    joint = table / filters
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    expected = np.outer(rows, columns)
    some = joint > 0
    mutual = float((joint[some] * np.log(joint[some] / expected[some])).sum())
    entropies = -float((rows * np.log(rows)).sum() + (columns * np.log(columns)).sum())
    return min(1.0, max(0.0, 2.0 * mutual / entropies))


def _contingency(first: Labels, second: Labels) -> npt.NDArray[np.int64]:
    _check(first, second)
    both = (first != NO_CLUSTER) & (second != NO_CLUSTER)
    rows, row = np.unique(first[both], return_inverse=True)
    columns, column = np.unique(second[both], return_inverse=True)
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    np.add.at(table, (row, column), 1)
    return table


def _check(first: Labels, second: Labels) -> None:
    if first.shape != second.shape:
        raise ValueError(f"Labels of {len(first)} and {len(second)} filters do not compare.")
