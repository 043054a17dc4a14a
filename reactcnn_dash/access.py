"""Who may ask the server: by which name, with which token, and from which page."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from reactcnn_dash.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from werkzeug.datastructures import Headers

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
READ_ONLY: Final = "This server is read-only: nothing is changed through it."
ANY_NAME: Final = "*"
COOKIE: Final = "reactcnn-token"
"""Beginning of the cookie's name; the port follows, since browsers share cookies among ports."""
PLAIN: Final = "@:~!$*()+=%"
"""What stands in the path of an address as it is, beside letters, digits and `_.-`."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
MOST_BYTES: Final = 2**20
"""Of a request's body; the longest that a page sends is a note of 20,000 characters."""

_FORMS: Final = {
    "token": (
        re.compile(r"[\w.~-]{16,200}", re.ASCII),
        "a token has 16 to 200 characters out of A-Z, a-z, 0-9, '.', '_', '~' and '-'",
    ),
    "header": (re.compile(r"[A-Za-z0-9-]{1,80}"), "a header's name is like X-Forwarded-User"),
    "origin": (
        re.compile(r"[a-z][a-z0-9+.-]*:(//[\w.*:\[\]-]+)?", re.ASCII),
        "an origin is scheme and host, such as https://lab.example",
    ),
}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:\[\]@/]+)(?::\d{1,5})?", re.IGNORECASE)
_IN_A_WINDOW = ("navigate", "document")
_IN_A_FRAME = ("navigate", "iframe")


@dataclass(frozen=True, slots=True)
class Access:
    """What the server was started for.

    Args:
        hosts: the names by which it may be asked, lower case, IPv6 addresses in brackets.
        addresses: whether any IP address will do as a name. An address, unlike a name, cannot be
            pointed elsewhere by whoever owns it.
        token: what every request must carry, None for nothing.
        prefix: the path below which a proxy shows the server.
        trust_proxy: whether what a proxy says of a request (``X-Forwarded-…``) is taken for true.
        user_header: the header by which a proxy that has authenticated says who asks, None where
            nobody says so.
        read_only: whether everything that changes a store is refused.
        frames: the pages that may frame ours, as a content security policy names them.
    """

    hosts: frozenset[str] = LOOPBACK_NAMES
    addresses: bool = False
    # Never in a log or a traceback.
    token: str | None = field(default=None, repr=False)
    prefix: str = ""
    trust_proxy: bool = False
    user_header: str | None = None
    read_only: bool = False
    frames: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, host: str, *, also: Iterable[str] = (), token: str | None = None, **more: Any
    ) -> Access:
        """Return the access of a server that listens on ``host``.

        Args:
            host: what it listens on; all of the machine's addresses for ``0.0.0.0`` and ``::``.
            also: further names; ``*`` stands for any, where every request must show who it is.
            token: see above.
            more: the rest of the above.
        """
        hosts = {name.lower() for name in also} | LOOPBACK_NAMES | {_bracketed(host).lower()}
        if not is_loopback(host):
            hosts |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        return cls(frozenset(hosts), host in ("", "0.0.0.0", "::"), token, **more)

    def admits(self, host: str) -> bool:
        """Say whether the server may be asked by this name, the value of a ``Host`` header."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        if ANY_NAME in self.hosts:
            return True
        name = found[1].lower().removesuffix(".")
        return name in self.hosts or (self.addresses and _is_address(name))

    def knows(self, token: str | None) -> bool:
        """Say whether a token is the right one, in a time that does not tell how much of it is."""
        if self.token is None:
            return True
        return token is not None and hmac.compare_digest(token.encode(), self.token.encode())


def checked(form: str, text: str) -> str:
    """Return what somebody gave as a token, the name of a header, or an origin (or ``self``).

    Args:
        form: which of these, a key of ``_FORMS``.
        text: what was given.

    Raises:
        WrongUsage: it is none; the text is the end of a sentence that names the option.
    """
    pattern, words = _FORMS[form]
    if form == "origin" and text == "self":
        return "'self'"
    if not pattern.fullmatch(text):
        raise WrongUsage(words)
    return text


def lets_any_site_in(names: Iterable[str], token: str | None) -> bool:
    """Say whether a server goes by any name although no token is wanted."""
    return ANY_NAME in names and token is None


def clean_prefix(text: str) -> str:
    """Return a path as an address spells it: `/a/b`, empty for the root of the host.

    Args:
        text: the path, with or without slashes around it; what is quoted in it stays so, since a
            proxy may know the path by that spelling alone.
    """
    parts = (part for part in text.split("/") if part not in ("", ".", ".."))
    return "".join(f"/{quote(part, safe=PLAIN)}" for part in parts)


def new_token() -> str:
    """Return a token that nobody can guess: 256 bits, fit for an address."""
    return secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """Say whether a server that listens on ``host`` can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def foreign(
    method: str, host: str, headers: Headers | Mapping[str, str], access: Access | None = None
) -> bool:
    """Say whether a request comes from a page of another site, as the browser tells it.

    A link on another site may lead here; nothing else there may. What changes something must say
    that it comes from here.

    Args:
        method: of the request.
        host: its ``Host`` header.
        headers: its headers, which find names whatever their case.
        access: of the server: whether pages may frame its own, which is the browser's to see to,
            and whether it goes by any name. A proxy may then have put its own in the place of the
            one that the browser knows, and only the browser's own word counts.
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if origin is not None and _place(origin) != host.lower():
        any_name = access is not None and ANY_NAME in access.hosts
        return not (any_name and site == "same-origin")
    if method not in SAFE:
        return site != "same-origin" if site is not None else origin is None
    if site in (None, "same-origin", "none"):
        return False
    followed = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
    return followed not in (
        _IN_A_WINDOW,
        *((_IN_A_FRAME,) if access is not None and access.frames else ()),
    )


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
