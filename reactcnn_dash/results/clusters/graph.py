"""A layer's clusters as a NetworkX graph: what a notebook gets and what GraphML files hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import networkx as nx


def cluster_graph(
    addresses: Sequence[str],
    labels: Iterable[int],
    edges: Iterable[tuple[int, int, float]],
    **attributes: str,
) -> nx.Graph[str]:
    """Return the graph: a node a filter with ``filter`` and ``cluster``, edges with ``r``.

    Args:
        addresses: the filters' addresses, F of them.
        labels: (F,) cluster of each filter.
        edges: filter, filter and their correlation.
        attributes: what the graph says of itself.
    """
    from networkx import Graph  # noqa: PLC0415 - slow to import

    graph: nx.Graph[str] = Graph(**attributes)
    for i, (address, label) in enumerate(zip(addresses, labels, strict=True)):
        graph.add_node(address, filter=i, cluster=label)
    for a, b, r in edges:
        graph.add_edge(addresses[a], addresses[b], r=r)
    return graph
