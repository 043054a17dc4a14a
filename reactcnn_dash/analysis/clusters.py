"""Clusters of the filters of one layer, from their correlation.

Two methods that answer different questions, each with one parameter that the user sees:

* ``louvain`` finds communities: filters that go together more than chance lets expect. An overview.
* ``leiden-cpm`` finds redundancy: filters that correlate above a threshold on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.partitions import leiden_cpm, louvain

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from reactcnn_dash.analysis.correlation import Correlation

NO_CLUSTER = -1
"""The label of a filter without a correlation (a constant one): it is in no cluster."""

CLOSE = 0.8
"""Filters that correlate this much should not be torn apart by a default."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to cluster and its one parameter, as the page offers it.

    Attributes:
        key: what stands in links and in the store.
        label: the method's name for the user.
        parameter: the parameter's name for the user.
        symbol: the parameter's sign in formulas.
        default: the parameter's usual value, chosen by measuring on a trained VGG-16; see
            :func:`default_parameter` for the value that suits a layer.
        minimum: smallest value that makes sense.
        maximum: largest value that makes sense.
        step: sensible step between values.
        help: one sentence on what the method finds and what the parameter does.
    """

    key: str
    label: str
    parameter: str
    symbol: str
    default: float
    minimum: float
    maximum: float
    step: float
    help: str


METHODS: Mapping[str, Method] = {
    method.key: method
    for method in (
        Method(
            key="louvain",
            label="Louvain",
            parameter="resolution",
            symbol="γ",
            default=1.5,
            minimum=0.5,
            maximum=4.0,
            step=0.1,
            help=(
                "Groups filters that go together more than chance lets expect; "
                "a higher resolution γ gives more and tighter clusters."
            ),
        ),
        Method(
            key="leiden-cpm",
            label="Leiden (CPM)",
            parameter="threshold",
            symbol="τ",
            default=0.7,
            minimum=0.05,
            maximum=0.95,
            step=0.05,
            help=(
                "Groups filters that correlate above the threshold τ on average, "
                "so that a cluster reads as redundant at τ."
            ),
        ),
    )
}


def default_parameter(c: Correlation, method: str) -> float:
    """The parameter to begin with on this layer.

    ``leiden-cpm``: always the method's default. ``louvain``: its default, lowered where it would
    dissolve the layer's tightest group. Modularity puts filter i together with others only if for
    one of them w_ij > γ k_i k_j / 2m, so above γ_i = max_j (2m w_ij / k_i k_j) it stands alone in
    the best partition, however redundant it is; that happens first to a tight group that holds most
    of the layer's correlation. The value returned is a multiple of the method's step below the
    least γ_i of the filters that have a partner with r ≥ :data:`CLOSE`, and at least 1.

    Args:
        c: correlation of F filters.
        method: a key of :data:`METHODS`.

    Raises:
        ValueError: no such method.
    """
    chosen = _method(method)
    if method != "louvain":
        return chosen.default
    weight = np.clip(np.nan_to_num(c.r), 0.0, None)
    np.fill_diagonal(weight, 0.0)
    close = np.flatnonzero((weight >= CLOSE).any(axis=1))
    if not len(close):
        return chosen.default
    degree = weight.sum(axis=1)
    # Only pairs with weight count, and those have degrees above 0.
    expected = np.outer(degree[close], degree) / degree.sum()
    bearable = np.divide(
        weight[close], expected, out=np.zeros_like(expected), where=weight[close] > 0.0
    ).max(axis=1)
    # At the bound itself nothing is gained by joining: the last step strictly below it.
    steps = np.ceil(bearable.min() / chosen.step - 1e-9) - 1
    return float(np.clip(round(steps * chosen.step, 6), 1.0, chosen.default))


def cluster(
    c: Correlation, method: str, parameter: float, *, seed: int = 0
) -> npt.NDArray[np.int32]:
    """Put the filters of one layer into clusters.

    ``louvain``: Blondel et al. (2008) by python-louvain, carried on to a maximum of modularity
    with resolution γ (Reichardt & Bornholdt 2006) on the complete graph with weights max(r, 0):
    Σ over pairs inside clusters of (w_ij − γ k_i k_j / 2m).

    ``leiden-cpm``: Leiden algorithm (Traag, Waltman & van Eck 2019) for the constant Potts model
    (Traag, Van Dooren & Nesterov 2011) on the raw r, negative values included; maximises
    Σ over pairs inside clusters of (r_ij − τ).

    Args:
        c: correlation of F filters.
        method: a key of :data:`METHODS`.
        parameter: γ or τ; any finite value within the method's minimum and maximum.
        seed: of the method's random order; the same input and seed give the same labels.

    Returns:
        (F,) int32: 0, 1, 2 … by decreasing size (equal sizes: by their first filter);
        :data:`NO_CLUSTER` for filters whose correlation is undefined.

    Raises:
        ValueError: no such method, or a parameter out of its range.
    """
    chosen = _method(method)
    if not chosen.minimum <= parameter <= chosen.maximum:
        raise ValueError(
            f"{chosen.label}: the {chosen.parameter} {chosen.symbol} lies between "
            f"{chosen.minimum:g} and {chosen.maximum:g}, not {parameter:g}."
        )
    defined = np.flatnonzero(np.isfinite(np.diagonal(c.r)))
    labels = np.full(len(c.r), NO_CLUSTER, dtype=np.int32)
    if len(defined):
        find = louvain if method == "louvain" else leiden_cpm
        labels[defined] = _by_size(find(c.r[np.ix_(defined, defined)], parameter, seed))
    return labels


def _method(key: str) -> Method:
    method = METHODS.get(key)
    if method is None:
        raise ValueError(f"No method {key!r}; there are {', '.join(METHODS)}.")
    return method


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
    """The filters of every cluster, both ascending; :data:`NO_CLUSTER` is none."""
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
