"""The route that says what a first visit to a run is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash.pages.json_routes import done, json_routes, ready
from reactcnn_dash.results.first_visit import first_visit

if TYPE_CHECKING:
    from flask import Blueprint, Response

    from reactcnn_dash.pages.live.shapes import FirstVisit, VisitCluster, VisitFilter
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.results import first_visit as results


def visit_payload(found: results.FirstVisit) -> FirstVisit:
    """Return what the page's tour is made of."""
    filter_: VisitFilter | None = None
    cluster: VisitCluster | None = None
    if found.filter is not None:
        driven = found.filter.driven
        filter_ = {
            "layer": found.filter.layer,
            "filter": found.filter.filter,
            "stimulus": None if driven is None else driven.stimulus,
            "r": 0.0 if driven is None else driven.r,
            "images": 0 if driven is None else driven.images,
            "mapped": found.filter.mapped,
        }
    if found.cluster is not None:
        cluster = {
            "layer": found.cluster.layer,
            "cluster": found.cluster.cluster,
            "size": found.cluster.size,
            "mean": found.cluster.mean,
            "images": found.cluster.images,
        }
    return {
        "image": found.image,
        "filter": filter_,
        "cluster": cluster,
        "odd": found.odd,
        "wrong": found.wrong,
    }


def blueprint(context: Context) -> Blueprint:
    """Return the route of a first visit."""
    routes = json_routes("first-visit")

    @routes.get("/<uuid>")
    def of_run(uuid: str) -> Response:
        run = context.reader.run(uuid)
        key = ("first visit", uuid, run.stored)
        found = ready(context.jobs.ask(key, first_visit, context.url, run.id))
        return done(visit_payload(found))

    return routes
