"""The live page: what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reactcnn_dash import ids
from reactcnn_dash.analysis import METHODS
from reactcnn_dash.callbacks import clusters, poll, runs
from reactcnn_dash.pages.live import deviation_routes, model_routes, search, visit_routes
from reactcnn_dash.pages.live.cluster_panel import graph_and_table
from reactcnn_dash.pages.live.help import HELP
from reactcnn_dash.pages.live.layout import content
from reactcnn_dash.pages.page import Context, Control, Page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dash import Dash
    from flask import Blueprint

CONTROLS: Final = (
    # Time, colours and what lies over the image.
    Control("first", ids.FIRST, "n_clicks"),
    Control("previous", ids.PREVIOUS, "n_clicks"),
    Control("play", ids.PLAY, "n_clicks"),
    Control("next", ids.NEXT, "n_clicks"),
    Control("last", ids.LAST, "n_clicks"),
    Control("goTo", ids.ORDINAL, "value"),
    Control("nextMisclassified", ids.MISCLASSIFIED, "n_clicks"),
    Control("nextOdd", ids.NEXT_ODD, "n_clicks"),
    Control("chooseMode", ids.MODE, "value"),
    Control("chooseScale", ids.SCALE, "value"),
    Control("chooseAgainst", ids.AGAINST, "value"),
    Control("chooseRate", ids.ODD_RATE, "value"),
    Control("overlay", ids.OVERLAY, "value"),
    Control("closePanel", ids.PANEL_CLOSE, "n_clicks"),
    Control("openByClass", ids.BY_CLASS_BUTTON, "n_clicks"),
    Control("toggleWhatIf", ids.WHAT_IF_BUTTON, "n_clicks"),
    Control("backToAuto", ids.PARAMETER_AUTO, "n_clicks"),
    Control("fitGraph", ids.GRAPH_FIT, "n_clicks"),
    # Moving in a network that is larger than the window.
    Control("jumpTo", ids.LAYER_JUMP, "value"),
    Control("zoomOut", ids.ZOOM_OUT, "n_clicks"),
    Control("zoomFit", ids.ZOOM_FIT, "n_clicks"),
    Control("zoomIn", ids.ZOOM_IN, "n_clicks"),
    # Searching.
    Control("toggleSearch", ids.SEARCH_BUTTON, "n_clicks"),
    Control("closeSearch", ids.SEARCH_CLOSE, "n_clicks"),
    Control("searchLabel", ids.SEARCH_LABEL, "value"),
    Control("searchPrediction", ids.SEARCH_PREDICTION, "value"),
    Control("searchWrong", ids.SEARCH_WRONG, "n_clicks"),
    Control("searchAnswered", ids.SEARCH_ANSWERED, "n_clicks"),
    Control("searchFirst", ids.SEARCH_FIRST, "value"),
    Control("searchLast", ids.SEARCH_LAST, "value"),
    Control("searchOrder", ids.SEARCH_ORDER, "value"),
    Control("previousResult", ids.SEARCH_PREVIOUS, "n_clicks"),
    Control("nextResult", ids.SEARCH_NEXT, "n_clicks"),
    Control("clustersOfThese", ids.SEARCH_CLUSTERS, "n_clicks"),
    # Taking a run, a graph or the view out as a file.
    Control("exportReport", ids.EXPORT_REPORT, "n_clicks"),
    Control("exportNpz", ids.EXPORT_NPZ, "n_clicks"),
    Control("exportParquet", ids.EXPORT_PARQUET, "n_clicks"),
    Control("exportGraphml", ids.EXPORT_GRAPHML, "n_clicks"),
    Control("exportGraphPng", ids.EXPORT_GRAPH_PNG, "n_clicks"),
    Control("exportViewPng", ids.EXPORT_VIEW_PNG, "n_clicks"),
    # Clusters.
    Control("chooseMethod", ids.METHOD, "value"),
    *(Control("chooseParameter", f"{ids.PARAMETER}-{key}", "value") for key in METHODS),
    Control("chooseSubset", ids.SUBSET_SWITCH, "value"),
    Control("tapNode", ids.GRAPH, "tapNodeData"),
    Control("hoverNode", ids.GRAPH, "mouseoverNodeData"),
    Control("chooseRow", ids.CLUSTER_TABLE, "selectedRows"),
)


def _routes(context: Context) -> Iterable[Blueprint]:
    return (
        *search.routes(context),
        deviation_routes.blueprint(context),
        model_routes.blueprint(context),
        visit_routes.blueprint(context),
    )


def _callbacks(app: Dash, context: Context) -> None:
    poll.register(app, context)
    runs.register(app, context)
    clusters.register(app, context)


PAGE: Final = Page(
    name="Live",
    path="/",
    folder="live",
    content=content,
    help=HELP,
    routes=_routes,
    callbacks=_callbacks,
    controls=CONTROLS,
    later=graph_and_table,
    own_picture=True,
    reads=(
        *(f"{one}.data" for one in (ids.FRAME, ids.RUN_SELECT, ids.CLUSTERS)),
        "model.cancel",
    ),
)
