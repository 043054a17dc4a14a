"""Louvain: communities of filters that go together more than chance lets expect.

The graph libraries are imported at the first use, not with the module: the collector imports this
package for its correlations and should not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.modularity import carried_on, gained, pair_gains

if TYPE_CHECKING:
    import numpy.typing as npt

    from reactcnn_dash.analysis.correlation import Correlation

CLOSE = 0.8
"""Filters that correlate this much should not be torn apart by a default."""


ORDERS = 2
"""Random orders of filters in which Louvain is begun anew.

Over the 13 layers of a trained VGG-16 and γ from 0.3 to 3, two orders bring every partition within
0.005 of the best of six by igraph's multilevel; without them 2 of 320 are not.
"""
SURPLUS = 0.002
"""Modularity by which another partition must be ahead of python-louvain's at γ ≥ 1.

Less is what another order of visits changes, and no reason to be another result than the library's.
"""


def louvain(r: npt.NDArray[np.float64], resolution: float, seed: int) -> npt.NDArray[np.intp]:
    """Modularity with resolution on the complete graph with weights max(r, 0).

    Blondel, Guillaume, Lambiotte & Lefebvre (2008), "Fast unfolding of communities in large
    networks"; maximises the sum over pairs inside clusters of w_ij − γ k_i k_j / 2m.

    python-louvain 0.16 stops when Σ (γ in_c / m − (k_c / 2m)²) no longer grows, with γ at the other
    term of each community c. At γ = 1 that is the same; elsewhere it stops too soon, and below 1 so
    much so that all filters in one cluster can have more modularity. So its partition is carried on
    to a maximum of the modularity itself, and so are some others, since a maximum is not the
    maximum: all filters together, and all alone in several orders. The best is taken. At γ ≥ 1
    python-louvain's own partition stays unless the best has :data:`SURPLUS` more.

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
    orders = (None, *(rng.permutation(len(r)) for _ in range(ORDERS)))
    found = [
        carried_on(gains, first),
        carried_on(gains, np.zeros_like(alone)),
        *(carried_on(gains, alone, order) for order in orders),
    ]
    qualities = [gained(gains, labels) for labels in found]
    surplus = SURPLUS if resolution >= 1.0 else 0.0
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


def suited_resolution(c: Correlation, usual: float, step: float) -> float:
    """Return the resolution to begin with: lower than usual where that dissolves a tight group.

    Modularity puts filter i together with others only if for one of them w_ij > γ k_i k_j / 2m, so
    above γ_i = max_j (2m w_ij / k_i k_j) it stands alone in the best partition, however redundant
    it is; that happens first to a tight group that holds most of the layer's correlation. The value
    returned is a multiple of ``step`` below the least γ_i of the filters that have a partner with
    r ≥ :data:`CLOSE`, and at least 1.

    Args:
        c: correlation of F filters.
        usual: the method's default.
        step: between values.
    """
    weight = np.clip(np.nan_to_num(c.r), 0.0, None)
    np.fill_diagonal(weight, 0.0)
    close = np.flatnonzero((weight >= CLOSE).any(axis=1))
    if not len(close):
        return usual
    degree = weight.sum(axis=1)
    # Only pairs with weight count, and those have degrees above 0.
    expected = np.outer(degree[close], degree) / degree.sum()
    bearable = np.divide(
        weight[close], expected, out=np.zeros_like(expected), where=weight[close] > 0.0
    ).max(axis=1)
    # At the bound itself nothing is gained by joining: the last step strictly below it.
    steps = np.ceil(bearable.min() / step - 1e-9) - 1
    return float(np.clip(round(steps * step, 6), 1.0, usual))
