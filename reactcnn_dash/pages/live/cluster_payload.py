"""Cluster views → Cytoscape elements, style and the table's rows. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reactcnn_dash.analysis import METHODS, ClusterSummary, fisher_interval
from reactcnn_dash.pages.palette import CONSTANT, cluster_colours

if TYPE_CHECKING:
    from reactcnn_dash.pages.live.shapes import Beside, ClusterRow, Clusters, GraphElement
    from reactcnn_dash.results.clusters.clustering import ClusterView
    from reactcnn_dash.results.clusters.subset import Beside as WholeRun

_SETTLED = 512
_ITERATIONS = 100
_AREA = 30.0**2
"""Square pixels that a filter takes in the picture, with its share of what is between filters."""

LAYOUT: Final[dict[str, str | float | bool]] = {
    "name": "cose",
    "animate": False,
    "randomize": False,
    "fit": True,
    "padding": 12,
    "numIter": _ITERATIONS,
    "initialTemp": 40,
    "coolingFactor": 0.95,
    "nodeRepulsion": 4000,
    "idealEdgeLength": 20,
    "edgeElasticity": 32,
}

STYLESHEET: Final[list[dict[str, Any]]] = [
    {
        "selector": "node",
        "style": {
            "width": 24,
            "height": 24,
            "background-color": "data(colour)",
            "border-width": 0,
        },
    },
    {
        "selector": "node[cluster < 0]",
        "style": {"shape": "rectangle", "background-opacity": 0.45},
    },
    {
        "selector": "edge",
        "style": {
            "width": 3,
            "line-color": "#8d97a8",
            "opacity": 0.55,
            "curve-style": "haystack",
        },
    },
]


def layout(view: ClusterView, number: int) -> dict[str, str | float | bool]:
    """Return the Cytoscape layout of a new picture.

    Cytoscape lays out again only when its layout changes, so each picture has a number. The cost
    of a step grows with the square of the filters: very wide layers take fewer steps and stay
    nearer to their start positions. Cytoscape sets the clusters in lines as long as the area of the
    clusters alone asks for, so the room between them must not be much of the whole: of a few large
    ones it may be wide, of many small ones it is narrow, or the picture becomes a thin strip.
    """
    filters = len(view.labels)
    steps = _ITERATIONS * min(1.0, (_SETTLED / filters) ** 2)
    islands = len(view.summaries) + int((view.labels < 0).sum())
    between = 0.22 * (_AREA * filters / max(1, islands)) ** 0.5
    return LAYOUT | {
        "numIter": max(5, round(steps)),
        "componentSpacing": round(min(60.0, between)),
        "number": number,
    }


def _colours(view: ClusterView) -> dict[int, str]:
    return cluster_colours({s.label: s.size for s in view.summaries})


def node_id(layer: int, filter_: int) -> str:
    """Return the id of a filter's node."""
    return f"{layer}:{filter_}"


def elements(view: ClusterView, *, positions: bool) -> list[GraphElement]:
    """Return the Cytoscape elements of a cluster view.

    Args:
        view: the clusters of a layer.
        positions: whether nodes carry their start position. They do for a new picture; in an
            update they do not, so that no node moves.
    """
    colours = _colours(view)
    layer = view.request.layer
    result: list[GraphElement] = []
    for filter_, label in enumerate(view.labels.tolist()):
        node: GraphElement = {
            "data": {
                "id": node_id(layer, filter_),
                "filter": filter_,
                "cluster": label,
                "colour": colours.get(label, CONSTANT),
            }
        }
        if positions:
            x, y = view.positions[filter_].tolist()
            node["position"] = {"x": round(x, 1), "y": round(y, 1)}
        result.append(node)
    result.extend(
        {
            "data": {
                "id": f"{layer}:{a}-{b}",
                "source": node_id(layer, a),
                "target": node_id(layer, b),
            }
        }
        for a, b, _ in view.edges
    )
    return result


def _interval(r: float | None, images: int) -> str | None:
    if r is None:
        return None
    low, high = fisher_interval(r, images)
    return f"95 % interval {low:.3f} to {high:.3f} (Fisher, {images:,} images)"


def _row(summary: ClusterSummary, colour: str, together: int | None, images: int) -> ClusterRow:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 3)

    return {
        "id": str(summary.label),
        "cluster": summary.label,
        "colour": colour,
        "size": summary.size,
        "mean": rounded(summary.mean_r),
        "lowest": rounded(summary.lowest_r),
        "meanInterval": _interval(summary.mean_r, images),
        "lowestInterval": _interval(summary.lowest_r, images),
        "together": together,
    }


def table_rows(view: ClusterView) -> list[ClusterRow]:
    """Return a row for each cluster of two or more filters, tightest first.

    ``together`` is None for clusters of the whole run.
    """
    colours = _colours(view)
    together = view.beside.together if view.beside else {}
    return [
        _row(s, colours[s.label], together.get(s.label), view.images)
        for s in view.summaries
        if s.size > 1
    ]


def clusters_payload(view: ClusterView, subset: str | None) -> Clusters:
    """Return what the page keeps of a cluster view: ids and numbers, never the matrix.

    Args:
        view: the clusters.
        subset: the search's text that names the images behind them, None for the whole run.
    """
    method = METHODS[view.request.method]
    clusters = [s for s in view.summaries if s.size > 1]
    constant = int((view.labels < 0).sum())
    return {
        "run": view.request.run_id,
        "layer": view.request.layer,
        "method": view.request.method,
        "asked": view.request.parameter,
        "subset": subset,
        "parameter": view.parameter,
        "methodLabel": method.label,
        "symbol": method.symbol,
        "images": view.images,
        "chosen": view.chosen,
        "stored": view.stored,
        "renewedAt": view.renewed_at,
        "filters": len(view.labels),
        "labels": view.labels.tolist(),
        "clusters": len(clusters),
        "single": len(view.summaries) - len(clusters),
        "constant": constant - view.dead,
        "dead": view.dead,
        "beside": _beside(view.beside) if view.beside else None,
    }


def _beside(whole: WholeRun) -> Beside:
    """Return the whole run's figures that stand beside those of a subset."""
    return {
        "images": whole.images,
        "clusters": whole.clusters,
        "mean": whole.mean_r,
        "subsetMean": whole.subset_mean_r,
        "agreement": whole.agreement,
    }
