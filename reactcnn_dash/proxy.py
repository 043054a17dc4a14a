"""The path below which a proxy shows the server, and what it says of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes

from flask import g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from reactcnn_dash.access import PLAIN, clean_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from reactcnn_dash.access import Access

PREFIXES: Final = ("HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_CONTEXT")
"""The headers that name the path; Jupyter's proxy sends the second."""

_SPELLED: Final = "reactcnn.root"


def root() -> str:
    """Return the path below which this request sees the server, as an address spells it."""
    return str(request.environ.get(_SPELLED) or quote(request.script_root, safe=f"/{PLAIN}"))


def user() -> str | None:
    """Return who asks, as the proxy in front says; None where nobody says so."""
    name = g.get("reactcnn_user")
    return None if name is None else str(name)


class Mounted:
    """Lets an application be found below a path, whether or not the proxy took it away.

    Args:
        app: the application.
        access: says which path, and whether the proxy's own words are taken for it.
    """

    def __init__(self, app: WSGIApplication, access: Access) -> None:
        self._app = app
        self._prefix = clean_prefix(access.prefix)
        self._trusted = access.trust_proxy

    def __call__(self, environ: WSGIEnvironment, answer: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        said = next((environ[name] for name in PREFIXES if environ.get(name)), "")
        # Of several proxies in a row, the last is the one that is trusted.
        said = clean_prefix(said.rpartition(",")[2].strip()) if self._trusted else ""
        spelled = said or self._prefix
        if spelled:
            found = unquote_to_bytes(spelled).decode("latin-1")
            environ[_SPELLED] = spelled
            path = environ.get("PATH_INFO", "")
            environ["SCRIPT_NAME"] = found
            if path == found or path.startswith(f"{found}/"):
                environ["PATH_INFO"] = path[len(found) :] or "/"
        return self._app(environ, answer)


def mount(app: WSGIApplication, access: Access) -> WSGIApplication:
    """Return the application as it is found behind the proxy that ``access`` speaks of."""
    mounted = Mounted(app, access)
    return ProxyFix(mounted, x_for=1, x_proto=1, x_host=1) if access.trust_proxy else mounted
