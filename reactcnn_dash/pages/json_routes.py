"""What the routes have in common by which a page asks for what takes time to work out.

They answer with JSON: the answer, or how far it is ("running"), or why there is none ("refused").
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from reactcnn_dash.analysis import TooFewImages, TooFewRows
from reactcnn_dash.errors import UserError


class RequestRefused(UserError):  # noqa: N818 - named for what is wrong
    """A request that the page does not make by itself."""


def questions(name: str) -> Blueprint:
    """Return a blueprint at ``/name`` whose answers are never cached and whose refusals are JSON.

    What a user can mend (:class:`UserError`, too few images) becomes
    ``{"state": "refused", "message": …}``.
    """
    routes = Blueprint(name, __name__, url_prefix=f"/{name}")

    @routes.errorhandler(UserError)
    @routes.errorhandler(TooFewImages)
    @routes.errorhandler(TooFewRows)
    def refused(error: Exception) -> Response:
        # Not an HTTP error: the page says it in its own words, and the console stays clean.
        return jsonify({"state": "refused", "message": str(error)})

    @routes.after_request
    def fresh(response: Response) -> Response:
        # Runs grow, and what is worked out from them changes.
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def json_file(text: str, name: str) -> Response:
    """Return JSON for the browser to save as a file."""
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
