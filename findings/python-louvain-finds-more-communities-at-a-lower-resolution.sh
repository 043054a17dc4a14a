#!/bin/sh
# python-louvain 0.16: best_partition(resolution=0.5) of the karate club gives more communities than
# resolution=1, though nodes are moved by the usual gain, in which a lower resolution favours larger
# ones. Whether to go on is decided by another measure (the resolution stands at the other term), which
# soon falls; so it stops half-way, and networkx 3.6.1 finds two communities with more modularity.
# Output seen: communities at 0.5 and 1: python-louvain 5 and 4, networkx 2 and 4; modularity at 0.5: 0.592
# and 0.654.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    python-louvain==0.16 networkx==3.6.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import community
import networkx as nx

graph = nx.karate_club_graph()


def by_library(resolution):
    found = community.best_partition(graph, resolution=resolution, random_state=0)
    return [{node for node in graph if found[node] == label} for label in set(found.values())]


def by_networkx(resolution):
    return nx.community.louvain_communities(graph, resolution=resolution, seed=0)


low, one = by_library(0.5), by_library(1.0)
other = by_networkx(0.5)
quality = [nx.community.modularity(graph, found, resolution=0.5) for found in (low, other)]
print("communities", len(low), len(one), "networkx", len(other), len(by_networkx(1.0)))
print("modularity at 0.5", [round(value, 3) for value in quality])
assert len(low) > len(one) >= len(other), "fewer at a lower resolution now"
assert quality[1] > quality[0] + 0.05
PYTHON
