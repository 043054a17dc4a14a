"""A layer's clusters: graph, table and the cluster that turns red."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.callbacks import asked
from reactcnn_dash.errors import UserError
from reactcnn_dash.pages.live import cluster_payload as graphs
from reactcnn_dash.pages.live.search import cluster_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reactcnn_dash.pages.live.shapes import ClustersAnswer, ClustersRefused
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.results.clusters.clustering import Clusterings


def answer(clusters: Clusterings, request: Mapping[str, object]) -> ClustersAnswer:
    """Return the clusters for a request, with the graph's elements and layout and the table's rows.

    Args:
        clusters: computes or fetches them.
        request: what is sent for a ``ClustersRequest``.
    """
    run_id, layer = asked.needed(request, "run"), asked.needed(request, "layer")
    method, parameter = asked.text(request, "method") or "", asked.real(request, "parameter")
    subset = asked.text(request, "subset")
    key = {name: request.get(name) for name in ("run", "layer", "method")} | {
        "asked": request.get("parameter"),
        "subset": subset,
    }
    try:
        view = clusters.view(cluster_request(run_id, layer, method, parameter, subset))
    except UserError as error:
        refused = cast("ClustersRefused", key | {"message": str(error)})
        return {"clusters": refused, "elements": [], "layout": None, "rows": []}
    keep = bool(request.get("keep"))
    return {
        "clusters": graphs.clusters_payload(view, subset),
        "elements": graphs.elements(view, positions=not keep),
        "layout": None if keep else graphs.layout(view, asked.number(request, "number") or 0),
        "rows": graphs.table_rows(view),
    }


def register(app: Dash, context: Context) -> None:
    """Register the panel's callbacks."""

    @app.callback(
        Output(ids.CLUSTERS, "data"), Input(ids.CLUSTER_REQUEST, "data"), prevent_initial_call=True
    )
    def clusters(request: Mapping[str, object]) -> ClustersAnswer:
        return answer(context.clusters, asked.mapping(request))

    app.clientside_callback(ClientsideFunction("reactcnn", "clusters"), Input(ids.CLUSTERS, "data"))
