"""A layer's clusters: graph, table and the cluster that turns red."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dash import ClientsideFunction, Dash, Input, Output

from reactcnn_dash import ids
from reactcnn_dash.analysis import METHODS
from reactcnn_dash.callbacks import asked
from reactcnn_dash.errors import UserError
from reactcnn_dash.pages.json_routes import RequestRefused
from reactcnn_dash.pages.live import cluster_payload as graphs
from reactcnn_dash.pages.live.search import parse_search
from reactcnn_dash.results.clusters.clustering import ClusterRequest

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
    method, parameter = asked_method(request)
    subset = asked.text(request, "subset")
    key = {name: request[name] for name in ("run", "layer", "method")} | {
        "asked": request.get("parameter"),
        "subset": subset,
    }
    try:
        wanted = ClusterRequest(
            run_id=run_id,
            layer=layer,
            method=method,
            parameter=parameter,
            subset=parse_search(subset)[0] if subset else None,
        )
        view = clusters.view(wanted)
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


def asked_method(request: Mapping[str, object]) -> tuple[str, float | None]:
    """Return method and parameter of a request.

    Raises:
        RequestRefused: there is no such method, or its parameter is out of its range.
    """
    method, parameter = asked.text(request, "method") or "", asked.real(request, "parameter")
    if method not in METHODS:
        raise RequestRefused(f"method is one of {', '.join(METHODS)}.")
    known = METHODS[method]
    if parameter is not None and not known.minimum <= parameter <= known.maximum:
        raise RequestRefused(
            f"{known.symbol} lies between {known.minimum:g} and {known.maximum:g}."
        )
    return method, parameter


def register(app: Dash, context: Context) -> None:
    """Register the panel's callbacks."""

    @app.callback(
        Output(ids.CLUSTERS, "data"), Input(ids.CLUSTER_REQUEST, "data"), prevent_initial_call=True
    )
    def clusters(request: Mapping[str, object]) -> ClustersAnswer:
        return answer(context.clusters, asked.mapping(request))

    app.clientside_callback(ClientsideFunction("reactcnn", "clusters"), Input(ids.CLUSTERS, "data"))
