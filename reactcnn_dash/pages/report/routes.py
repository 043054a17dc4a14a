"""The route that has a report made and hands it to the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from reactcnn_dash.analysis import REDUNDANT, method_of
from reactcnn_dash.pages.json_routes import (
    decimal,
    done,
    json_routes,
    number,
    optional_number,
    ready,
)

if TYPE_CHECKING:
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.pages.shapes import Report


def blueprint(context: Context) -> Blueprint:
    """Return the route of reports: of ``run``, or of the runs ``a`` and ``b``."""
    routes = json_routes("reports")
    reader = context.reader

    @routes.get("/of")
    def of() -> Response:
        # What a report is made with is not waited for when the server starts.
        from reactcnn_dash.pages.report.making import report, report_name  # noqa: PLC0415

        one = optional_number("run")
        asked = (number("a"), number("b")) if one is None else (one,)
        # By what is stored: a run that has grown is another report.
        runs = tuple((run.id, run.stored) for run in map(reader.run, asked))
        method, parameter = request.args.get("method", REDUNDANT.key), decimal("parameter")
        method_of(method, parameter)
        text = ready(
            context.jobs.ask(
                ("report", runs, method, parameter), report, context.url, asked, method, parameter
            )
        )
        found: Report = {"name": report_name(reader, asked), "html": text}
        return done(found)

    return routes
