"""The two algorithms behind the clusters: a correlation matrix in, a partition out.

The graph libraries are imported at the first use, not with the module: the collector imports this
package for its correlations and should not wait for them.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.modularity import carried_on, gained, pair_gains

if TYPE_CHECKING:
    import numpy.typing as npt

LOUVAIN_ORDERS = 2
"""Random orders of filters in which Louvain is begun anew.

Over the 13 layers of a trained VGG-16 and γ from 0.3 to 3, two orders bring every partition within
0.005 of the best of six by igraph's multilevel; without them 2 of 320 are not.
"""
LOUVAIN_SURPLUS = 0.002
"""Modularity by which another partition must be ahead of python-louvain's at γ ≥ 1.

Less is what another order of visits changes, and no reason to be another result than the library's.
"""
LEIDEN_RUNS = 5
"""How many runs of the Leiden algorithm the best partition is taken from."""

# igraph draws from one generator for the whole process; two clicks at a time would mix their seeds.
_IGRAPH_RANDOM = threading.Lock()


def louvain(r: npt.NDArray[np.float64], resolution: float, seed: int) -> npt.NDArray[np.intp]:
    """Modularity with resolution on the complete graph with weights max(r, 0).

    Blondel, Guillaume, Lambiotte & Lefebvre (2008), "Fast unfolding of communities in large
    networks"; maximises the sum over pairs inside clusters of w_ij − γ k_i k_j / 2m.

    python-louvain 0.16 stops when Σ (γ in_c / m − (k_c / 2m)²) no longer grows, with γ at the other
    term of each community c. At γ = 1 that is the same; elsewhere it stops too soon, and below 1 so
    much so that all filters in one cluster can have more modularity. So its partition is carried on
    to a maximum of the modularity itself, and so are some others, since a maximum is not the
    maximum: all filters together, and all alone in several orders. The best is taken. At γ ≥ 1
    python-louvain's own partition stays unless the best has :data:`LOUVAIN_SURPLUS` more.

    Args:
        r: (F, F) float64 correlation without NaN, F ≥ 1.
        resolution: γ > 0.
        seed: of the order in which filters are visited.

    Returns:
        (F,) the community of each filter, in no particular numbering.
    """
    first = _python_louvain(r, resolution, seed)
    gains = pair_gains(r, resolution)
    if gains is None:
        return first
    alone = np.arange(len(r))
    rng = np.random.default_rng(seed)
    orders = (None, *(rng.permutation(len(r)) for _ in range(LOUVAIN_ORDERS)))
    found = [
        carried_on(gains, first),
        carried_on(gains, np.zeros_like(alone)),
        *(carried_on(gains, alone, order) for order in orders),
    ]
    qualities = [gained(gains, labels) for labels in found]
    surplus = LOUVAIN_SURPLUS if resolution >= 1.0 else 0.0
    if max(qualities) <= gained(gains, first) + surplus:
        return first
    return found[int(np.argmax(qualities))]


def _python_louvain(
    r: npt.NDArray[np.float64], resolution: float, seed: int
) -> npt.NDArray[np.intp]:
    import community  # noqa: PLC0415 - slow to import
    import networkx as nx  # noqa: PLC0415 - slow to import

    class PlainGraph(nx.Graph):  # type: ignore[misc]
        """A graph that hands out its own dictionaries, to an algorithm that only reads them.

        networkx wraps every node's neighbours in a view and python-louvain begins with a copy of
        the graph; without the two it takes two thirds of the time, for the same partition.
        """

        def __getitem__(self, node: int) -> dict[int, dict[str, float]]:
            neighbours: dict[int, dict[str, float]] = self._adj[node]
            return neighbours

        def copy(self, as_view: bool = False) -> PlainGraph:  # noqa: ARG002 - networkx's signature
            return self

    graph = PlainGraph()
    graph.add_nodes_from(range(len(r)))
    first, second = np.nonzero(np.triu(r, 1) > 0.0)
    graph.add_weighted_edges_from(
        zip(first.tolist(), second.tolist(), r[first, second].tolist(), strict=True)
    )
    partition: dict[int, int] = community.best_partition(
        graph, resolution=resolution, random_state=seed
    )
    return np.array([partition[node] for node in range(len(r))], dtype=np.intp)


def leiden_cpm(r: npt.NDArray[np.float64], threshold: float, seed: int) -> npt.NDArray[np.intp]:
    """The constant Potts model on the raw r, by the Leiden algorithm.

    Traag, Van Dooren & Nesterov (2011), "Narrow scope for resolution-limit-free community
    detection", and Traag, Waltman & van Eck (2019), "From Louvain to Leiden"; maximises the sum
    over pairs inside clusters of r_ij − τ. The best of :data:`LEIDEN_RUNS` runs of igraph: one for
    512 filters takes igraph 0.03 s and leidenalg 0.4 to 1 s, for partitions of the same quality,
    and the best of a few is better than one run of either.

    A cluster whose filters fall into two sets without a pair above τ between them loses nothing by
    being torn apart there, so the best partition lies inside the connected components of the pairs
    above τ: each component is clustered by itself, and most filters of a narrow layer are alone.

    Args:
        r: (F, F) float64 correlation without NaN, F ≥ 1.
        threshold: τ.
        seed: of the algorithm's random choices.

    Returns:
        (F,) the community of each filter, in no particular numbering.
    """
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - slow to import

    components, component = connected_components(r > threshold, directed=False)
    labels = np.empty(len(r), dtype=np.intp)
    used = 0
    for number in range(components):
        members = np.flatnonzero(component == number)
        inner = np.zeros(len(members), dtype=np.intp)
        if len(members) > 2:
            inner = _leiden(r[np.ix_(members, members)], threshold, seed)
        labels[members] = used + inner
        used += int(inner.max()) + 1
    return labels


def _leiden(r: npt.NDArray[np.float64], threshold: float, seed: int) -> npt.NDArray[np.intp]:
    import igraph  # noqa: PLC0415 - slow to import

    # The complete graph's edges come row by row, as in the upper triangle of the matrix.
    graph = igraph.Graph.Full(len(r))
    graph.es["weight"] = r[np.triu_indices(len(r), 1)]
    best, best_quality = np.arange(len(r)), -np.inf
    with _IGRAPH_RANDOM:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            for _ in range(LEIDEN_RUNS):
                found = graph.community_leiden(
                    objective_function="CPM",
                    weights="weight",
                    resolution=threshold,
                    n_iterations=-1,
                )
                labels = np.array(found.membership, dtype=np.intp)
                # Not igraph's own quality: it is divided by the sum of weights, of either sign.
                quality = float((r - threshold)[labels[:, None] == labels].sum())
                if quality > best_quality:
                    best, best_quality = labels, quality
        finally:
            igraph.set_random_number_generator(random)
    return best
