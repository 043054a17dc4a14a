"""A layer's clusters: graph, table and the cluster that turns red."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from reactcnn_dash import ids
from reactcnn_dash.errors import UserError
from reactcnn_dash.pages.live import cluster_payload as graphs
from reactcnn_dash.pages.live.search import parse_search
from reactcnn_dash.results.clusters.clustering import ClusterRequest

if TYPE_CHECKING:
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.results.clusters.clustering import Clusterings


def answer(clusters: Clusterings, request: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """Return the clusters store, graph elements, graph layout and table rows for a request.

    Args:
        clusters: computes or fetches them.
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
        view = clusters.view(wanted)
    except UserError as error:
        return key | {"message": str(error)}, [], no_update, []
    keep = bool(request.get("keep"))
    layout = no_update if keep else graphs.layout(view, int(request.get("number", 0)))
    return (
        graphs.clusters_payload(view) | {"subset": subset},
        graphs.elements(view, positions=not keep),
        layout,
        graphs.table_rows(view),
    )


def register(app: Dash, context: Context) -> None:
    """Register the panel's callbacks."""

    @app.callback(
        Output(ids.CLUSTERS, "data"),
        Output(ids.GRAPH, "elements"),
        Output(ids.GRAPH, "layout"),
        Output(ids.CLUSTER_TABLE, "rowData"),
        Input(ids.CLUSTER_REQUEST, "data"),
        prevent_initial_call=True,
    )
    def clusters(request: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
        return answer(context.clusters, request)

    app.clientside_callback(ClientsideFunction("reactcnn", "clusters"), Input(ids.CLUSTERS, "data"))
    app.clientside_callback(ClientsideFunction("reactcnn", "view"), Input(ids.VIEW, "data"))
    app.clientside_callback(
        ClientsideFunction("reactcnn", "graphStyle"),
        Output(ids.GRAPH, "stylesheet"),
        Input(ids.VIEW, "data"),
        State(ids.GRAPH, "stylesheet"),
        prevent_initial_call=True,
    )
