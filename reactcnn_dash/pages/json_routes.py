"""What the routes have in common by which a page asks for what takes time to work out.

They answer with JSON that has a ``status``: ``done`` with the answer, ``running`` with how far it
is, ``refused`` with why there is none, ``empty`` with what to do first, ``none`` for what nobody
has asked for yet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, TypeVar

from flask import Blueprint, Response, jsonify, request

from reactcnn_dash.errors import UserError
from reactcnn_dash.jobs.runner import UnderWay
from reactcnn_dash.kinds import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class RequestRefused(UserError):
    """A request that the page does not make by itself."""


class Running(TypedDict):
    """The answer to a question whose answer is not there yet: ask again.

    ``total`` is 0 until it is known; ``behind`` says that other work must end first, ``loading``
    that a model is still being loaded.
    """

    status: Literal["running"]
    done: int
    total: int
    behind: bool
    loading: bool


class Refused(TypedDict):
    """The answer to a question that has none, in one line that says why."""

    status: Literal["refused"]
    message: str


class _NotYetError(Exception):
    """Work is under way, and the question is answered with how far it is."""

    def __init__(self, under_way: UnderWay) -> None:
        super().__init__()
        self.under_way = under_way


def ready(found: T | UnderWay) -> T:
    """Return what is there; otherwise the route that asked for it answers with how far it is."""
    if isinstance(found, UnderWay):
        raise _NotYetError(found)
    return found


def already(found: T | UnderWay, refusal: str) -> T:
    """Return what is there, for a question that the page asks only once it is.

    Raises:
        RequestRefused: it is not; with the words of ``refusal``.
    """
    if isinstance(found, UnderWay):
        raise RequestRefused(refusal)
    return found


def running(under_way: UnderWay) -> Running:
    """Return how far some work is."""
    return {
        "status": "running",
        "done": under_way.done,
        "total": under_way.total,
        "behind": under_way.behind,
        "loading": under_way.loading,
    }


def done(payload: Mapping[str, Any]) -> Response:
    """Answer a question whole."""
    return jsonify({"status": "done", **payload})


def json_routes(name: str) -> Blueprint:
    """Return a blueprint at ``/name`` whose answers are never cached and whose refusals are JSON.

    What a user can mend (:class:`UserError`) becomes ``{"status": "refused", "message": …}``.
    """
    routes = Blueprint(name, __name__, url_prefix=f"/{name}")

    @routes.errorhandler(UserError)
    def refused(error: UserError) -> Response:
        # Not an HTTP error: the page says it in its own words, and the console stays clean.
        return jsonify(Refused(status="refused", message=str(error)))

    @routes.errorhandler(_NotYetError)
    def not_yet(error: _NotYetError) -> Response:
        return jsonify(running(error.under_way))

    @routes.after_request
    def uncached(response: Response) -> Response:
        # Runs grow, and what is worked out from them changes.
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def json_file(text: str, name: str) -> Response:
    """Return JSON for the browser to save as a file."""
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


IN_ADDRESS: Final = 10**9
"""Whole numbers of an address are below it: ids, ordinals and what a page counts."""


def whole(value: Any, name: str, most: int = MOST) -> int:
    """Return a whole number that a browser sent: as JSON has it, or as digits.

    Args:
        value: what was sent.
        name: what it is called.
        most: it is below this, and not below its negative.

    Raises:
        RequestRefused: it is something else; by default, larger than a store's numbers.
    """
    # The value of a select is text, as is all of an address.
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -most <= value < most:
        raise RequestRefused(f"{name} is a number, not {str(value)[:40]!r}.")
    return value


def real_number(value: Any, name: str) -> float:
    """Return a number that a browser sent, likewise.

    Raises:
        RequestRefused: it is something else.
    """
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestRefused(f"The {name} {str(value)[:40]!r} is no number.") from error


def optional_number(name: str) -> int | None:
    """Return a whole number of the request's address, None without one.

    Raises:
        RequestRefused: it is no number.
    """
    text = request.args.get(name, "")
    return whole(text, name, IN_ADDRESS) if text else None


def number(name: str) -> int:
    """Return a whole number of the request's address.

    Raises:
        RequestRefused: there is none.
    """
    return whole(request.args.get(name, ""), name, IN_ADDRESS)


def ordinals(most: int) -> list[int]:
    """Return the images that the request's address asks for, as ``of``.

    Raises:
        RequestRefused: they are none, or more than ``most``.
    """
    parts = request.args.get("of", "").split(",")
    if len(parts) > most or not all(re.fullmatch(r"\d{1,9}", one) for one in parts):
        raise RequestRefused(f"Ask for 1 to {most} ordinals, with commas between.")
    return [int(one) for one in parts]


def decimal(name: str) -> float | None:
    """Return a number of the request's address, None without one.

    Raises:
        RequestRefused: it is no number.
    """
    text = request.args.get(name, "")
    return real_number(text, name) if text else None
