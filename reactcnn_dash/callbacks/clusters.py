"""A layer's clusters: graph, table and the cluster that turns red."""

from __future__ import annotations

from typing import Any, Final

from dash import ClientsideFunction, Dash, Input, Output, no_update

from reactcnn_dash import ids
from reactcnn_dash.analysis import TooFewImages
from reactcnn_dash.callbacks.view import connect
from reactcnn_dash.db import StoreError
from reactcnn_dash.pages.live import cluster_payload as graphs
from reactcnn_dash.pages.live.search import BadSearch, parse_search
from reactcnn_dash.results.clusters.clustering import ClusterRequest, ClusterService

CONTROLS: Final = (
    ("chooseMethod", ids.METHOD, "value"),
    ("chooseLouvain", ids.PARAMETER_LOUVAIN, "value"),
    ("chooseCpm", ids.PARAMETER_CPM, "value"),
    ("chooseSubset", ids.SUBSET_SWITCH, "value"),
    ("tapNode", ids.GRAPH, "tapNodeData"),
    ("hoverNode", ids.GRAPH, "mouseoverNodeData"),
    ("chooseRow", ids.CLUSTER_TABLE, "selectedRows"),
)
"""Clientside function, component and property of each control."""


def answer(service: ClusterService, request: dict[str, Any]) -> ClustersAnswer:
    """Return the clusters for a request, with the graph's elements and layout and the table's rows.

    Args:
        service: computes or fetches the clusters.
        request: ``run``, ``layer``, ``method``, ``parameter`` (None: the one that suits the
            layer), ``subset`` (a search's text, None for the whole run) and ``keep``: whether the
            picture on the page shows the same layer and method, so that its nodes stay where they
            are.
    """
    parameter = request.get("parameter")
    subset = request.get("subset")
    key = {name: request[name] for name in ("run", "layer", "method")} | {
        "asked": parameter,
        "subset": subset,
    }
    try:
        wanted = ClusterRequest(
            run_id=int(request["run"]),
            layer=int(request["layer"]),
            method=str(request["method"]),
            parameter=None if parameter is None else float(parameter),
            subset=parse_search(subset)[0] if subset else None,
        )
        view = service.view(wanted)
    except (TooFewImages, StoreError, BadSearch) as error:
        refused = cast("ClustersRefused", key | {"message": str(error)})
        return {"clusters": refused, "elements": [], "layout": None, "rows": []}
    keep = bool(request.get("keep"))
    return {
        "clusters": graphs.clusters_payload(view, subset),
        "elements": graphs.elements(view, positions=not keep),
        "layout": None if keep else graphs.layout(view, int(request.get("number", 0))),
        "rows": graphs.table_rows(view),
    }


def register(app: Dash, service: ClusterService) -> None:
    """Register the panel's callbacks."""

    @app.callback(
        Output(ids.CLUSTERS, "data"), Input(ids.CLUSTER_REQUEST, "data"), prevent_initial_call=True
    )
    def clusters(request: dict[str, Any]) -> ClustersAnswer:
        return answer(service, request)

    app.clientside_callback(ClientsideFunction("reactcnn", "clusters"), Input(ids.CLUSTERS, "data"))
    connect(app, CONTROLS)
