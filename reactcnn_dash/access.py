"""Who may ask the server: by which name, with which token, and from which page."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from werkzeug.datastructures import Headers

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
COOKIE: Final = "reactcnn-token"
"""Beginning of the cookie's name; the port follows, since browsers share cookies among ports."""
MOST_BYTES: Final = 2**20
"""Of a request's body; the longest that a page sends is a note of 20,000 characters."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:\[\]@/]+)(?::\d{1,5})?", re.IGNORECASE)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Access:
    """What the server was started for.

    Args:
        hosts: the names by which it may be asked, lower case, IPv6 addresses in brackets.
        addresses: whether any IP address will do as a name. An address, unlike a name, cannot be
            pointed elsewhere by whoever owns it.
        token: what every request must carry, None for nothing.
    """

    hosts: frozenset[str] = LOOPBACK_NAMES
    addresses: bool = False
    # Never in a log or a traceback.
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, host: str, *, also: Iterable[str] = (), token: str | None = None) -> Access:
        """Return the access of a server that listens on ``host``.

        Args:
            host: what it listens on; all of the machine's addresses for ``0.0.0.0`` and ``::``.
            also: further names.
            token: see above.
        """
        hosts = {name.lower() for name in also} | LOOPBACK_NAMES | {_bracketed(host).lower()}
        if not is_loopback(host):
            hosts |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        return cls(frozenset(hosts), host in ("", "0.0.0.0", "::"), token)

    def admits(self, host: str) -> bool:
        """Say whether the server may be asked by this name, the value of a ``Host`` header."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].lower().removesuffix(".")
        return name in self.hosts or (self.addresses and _is_address(name))

    def knows(self, token: str | None) -> bool:
        """Say whether a token is the right one, in a time that does not tell how much of it is."""
        if self.token is None:
            return True
        return token is not None and hmac.compare_digest(token.encode(), self.token.encode())


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


def foreign(method: str, host: str, headers: Headers | Mapping[str, str]) -> bool:
    """Say whether a request comes from a page of another site, as the browser tells it.

    A link on another site may lead here; nothing else there may. What changes something must say
    that it comes from here.

    Args:
        method: of the request.
        host: its ``Host`` header.
        headers: its headers, which find names whatever their case.
    """
    site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return True
    if method not in _SAFE:
        return site != "same-origin" if site is not None else origin is None
    if site in (None, "same-origin", "none"):
        return False
    followed = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"))
    return followed != ("navigate", "document")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
