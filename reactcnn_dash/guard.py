"""What stands before every route: who may ask, what a request may be, what a browser may do.

It refuses in one line: 401 without the token, 403 for another
name or another site, and for a change where the server is read-only, 413 for a body
that is too long, 415 for one that is no JSON, 400 for what no page of ours would send.
"""

from __future__ import annotations

import base64
import hashlib
import html
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

from cachetools import LRUCache
from dash.exceptions import DependencyException
from flask import Response, abort, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter

from reactcnn_dash.access import COOKIE, MOST_BYTES, READ_ONLY, SAFE, foreign
from reactcnn_dash.proxy import root

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dash import Dash
    from flask import Flask

    from reactcnn_dash.access import Access

MOST_NESTED: Final = 16
"""Lists and objects in each other, in a request's body; a page sends five."""
FOR_ALL: Final = "public, max-age=31536000, immutable"
"""How long any cache may keep a file of the program's own, whose address says its version."""

_KNOWN_PAGES: Final = 64
"""Pages below paths of which the hashes of scripts are remembered."""
_LONGEST: Final = 200
"""Characters of a person's name that are kept."""
_RUN: Final = (None, "", "module", "text/javascript", "application/javascript")
_CALLBACKS: Final = "_dash-update-component"
_SUITES: Final = "/_dash-component-suites/"
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src {scripts}",
        # Mantine, AG Grid and Cytoscape make their style elements in the browser.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors {frames}",
    )
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # A link's token stays here. Not `no-referrer`: a browser would then hide the origin from us.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Number(IntegerConverter):
    """A number in an address, no larger than what a store can hold."""

    regex = r"\d{1,18}"


class Guard:
    """Stands before the routes of one server.

    Args:
        server: has no routes yet, so that nothing is asked before the guard.
        access: who may ask.
    """

    def __init__(self, server: Flask, access: Access) -> None:
        self._access = access
        self._pages: dict[str, Dash] = {}
        self._reads: set[str] = set()
        self._frames = " ".join(access.frames) or "'none'"
        self._inline: LRUCache[tuple[str, str], str] = LRUCache(_KNOWN_PAGES)
        server.url_map.converters["int"] = Number
        server.before_request(self._refuse_stranger)
        server.before_request(self._refuse_nonsense)
        server.after_request(self._add_headers)
        server.register_error_handler(HTTPException, in_one_line)
        # A script that Dash does not have is to Dash an error of the server.
        server.register_error_handler(DependencyException, _no_such_script)

    def add_page(self, app: Dash, reads: Iterable[str] = ()) -> None:
        """Know a page, so that its callbacks and its inline scripts are let through.

        Args:
            app: the page.
            reads: its callbacks, by their output, and its routes, by their endpoint, that change
                nothing although they are asked by POST; every other one is taken to.
        """
        self._pages[str(app.config.routes_pathname_prefix)] = app
        self._reads.update(reads)

    def _refuse_stranger(self) -> Response | None:
        host = request.environ.get("HTTP_HOST", "")
        if not self._access.admits(host):
            abort(403, f"This server is not known as {host[:100]!a}: --allowed-host adds a name.")
        if foreign(request.method, host, request.headers, self._access):
            abort(403, "Only a page of this server may ask for that.")
        # Where none is asked for, it is not looked for either.
        if self._access.token is not None and not self._access.knows(self._token()):
            abort(401, "Open the link that the server printed when it started: it has the token.")
        if self._access.user_header is not None:
            g.reactcnn_user = _name(request.headers.get(self._access.user_header, ""))
            if not g.reactcnn_user:
                abort(401, f"No {self._access.user_header} says who asks: come by the proxy.")
        wanted = self._access.token is not None and "token" in request.args
        return self._welcome() if wanted else None

    def _token(self) -> str | None:
        given = request.args.get("token") or request.cookies.get(_cookie())
        if given is None and request.authorization is not None:
            given = request.authorization.token
        return given

    def _welcome(self) -> Response:
        """Keep the token as a cookie, and go on to the same address without it.

        By a page, not by a redirect: the link may stand on another site, and the redirect that
        follows it would not take a strict cookie along.
        """
        query = request.query_string.decode("latin-1").split("&")
        left = "&".join(part for part in query if not part.startswith("token="))
        # One slash: two would begin the address of another host.
        path = f"{root()}/{request.path.lstrip('/')}"
        there = html.escape(f"{path}?{left}" if left else path)
        icon = '<link rel="icon" href="data:,">'
        go_on = f'<meta http-equiv="refresh" content="0;url={there}">'
        response = Response(f"<!doctype html><title>ReactCNN</title>{icon}{go_on}")
        token = str(self._access.token)
        response.set_cookie(
            _cookie(),
            token,
            path=f"{root()}/",
            secure=request.is_secure,
            httponly=True,
            samesite="Strict",
        )
        return response

    def _refuse_nonsense(self) -> None:
        if (request.content_length or 0) > MOST_BYTES:
            abort(413, f"The request is longer than {MOST_BYTES:,} bytes.")
        if request.method == "POST" and not request.is_json:
            abort(415, "What changes something is sent as JSON.")
        rule = "" if request.url_rule is None else request.url_rule.rule
        page = self._pages.get(rule.removesuffix(_CALLBACKS).removesuffix("<path:path>"))
        asked = request.endpoint or ""
        if page is not None and rule.endswith("<path:path>"):
            abort(404, "There is no page at this address.")
        if page is not None and rule.endswith(_CALLBACKS) and request.method == "POST":
            try:
                body = request.get_json()
            except RecursionError:
                abort(400, "The request is nested too deeply.")
            if not (_shallow(body, MOST_NESTED) and fits(body, page.callback_map)):
                abort(400, "No page of this server asks like that.")
            asked = body["output"]
        changes = request.method not in SAFE and asked not in self._reads
        if self._access.read_only and changes:
            abort(403, READ_ONLY)

    def _add_headers(self, response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers[name] = value
        scripts = f"'self' {self._hashes(response)}".strip()
        response.headers["Content-Security-Policy"] = _POLICY.format(
            scripts=scripts, frames=self._frames
        )
        age = _age_of_file(response) if response.status_code in (200, 304) else None
        if age is not None:
            response.headers["Cache-Control"] = age
        elif "Cache-Control" not in response.headers or response.status_code >= 400:
            response.headers["Cache-Control"] = "no-store"
        return response

    def _hashes(self, response: Response) -> str:
        """Return the hashes of a page's inline scripts; below one path it is the same for all."""
        rule = "" if request.url_rule is None else request.url_rule.rule
        page = self._pages.get(rule)
        if page is None or response.status_code != 200:
            return ""
        known = self._inline.get((rule, root()))
        if known is None:
            # Of the page itself: the answer may be another, as the one that keeps a token is.
            known = self._inline[rule, root()] = hashes_of_scripts(page.index())
        return known


def fits(body: Any, callbacks: Mapping[str, Any]) -> bool:
    """Say whether a body asks for a callback that there is, with the inputs that it has.

    Args:
        body: the JSON of a request, of whatever kind.
        callbacks: of the page, as Dash keeps them.
    """
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return False
    known = callbacks.get(body["output"], {})
    if "callback" not in known:
        return False
    outputs = known["output"] if isinstance(known["output"], list) else [known["output"]]
    asked = body.get("outputs")
    changed = body.get("changedPropIds")
    return (
        _names(asked if isinstance(known["output"], list) else [asked])
        == [(one.component_id, one.component_property) for one in outputs]
        and _names(body.get("inputs")) == _names(known["inputs"])
        and _names(body.get("state", [])) == _names(known["state"])
        and isinstance(changed, list)
        and all(isinstance(one, str) for one in changed)
    )


def _names(found: Any) -> list[tuple[str, str]] | None:
    """Return component and property of each, None for what is no list of such."""
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return None
    return [(one.get("id"), one.get("property")) for one in found]


def _shallow(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return True
    return depth > 0 and all(_shallow(one, depth - 1) for one in value)


class _InlineScripts(HTMLParser):
    """Collects what stands in script elements that a browser runs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a script."""
        given = dict(attrs)
        self._inside = tag == "script" and "src" not in given and given.get("type") in _RUN
        if self._inside:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's name for it
        """End it."""
        self._inside = False

    def handle_data(self, data: str) -> None:
        """Take a piece of it."""
        if self._inside:
            self.found[-1] += data


def hashes_of_scripts(page: str) -> str:
    """Return the hashes of a page's inline scripts, as a content security policy takes them."""
    parser = _InlineScripts()
    parser.feed(page)
    digests = (hashlib.sha256(script.encode()).digest() for script in dict.fromkeys(parser.found))
    return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests)


def _age_of_file(response: Response) -> str | None:
    """Return how long a browser may keep a script or a style sheet, None for anything else."""
    if _SUITES in request.path:
        # Dash gives an age where version and time are part of the name.
        return FOR_ALL if response.cache_control.max_age else "no-cache"
    return "no-cache" if request.path.endswith("_favicon.ico") else None


def _name(text: str) -> str:
    """Return a person's name out of a header: UTF-8, which WSGI takes for Latin-1, in one line."""
    name = text.encode("latin-1", "replace").decode("utf-8", "replace")
    return " ".join("".join(one if one.isprintable() else " " for one in name).split())[:_LONGEST]


def _cookie() -> str:
    return f"{COOKIE}-{request.environ.get('SERVER_PORT', '')}"


def in_one_line(error: HTTPException) -> Response:
    """Answer an error as one line of text."""
    text = " ".join((error.description or error.name).split())
    response = Response(f"{text}\n", status=error.code, mimetype="text/plain")
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _no_such_script(_: DependencyException) -> Response:
    return Response("There is no such script.\n", status=404, mimetype="text/plain")
