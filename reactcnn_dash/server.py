"""Serving the app with waitress on a port of this machine."""

from __future__ import annotations

import ctypes
import socket
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

import waitress

from reactcnn_dash.access import MOST_BYTES, clean_prefix
from reactcnn_dash.errors import OUTPUT, UserError

if TYPE_CHECKING:
    from flask import Flask

    from reactcnn_dash.access import Access

THREADS = 8
CONNECTIONS = 500
IDLE_SECONDS = 30
_ARENAS = 2
_LARGE_BYTES = 2**19
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -8, -3, -1


class PortTaken(UserError):
    """The port cannot be listened on; the text says what to do."""

    exit_code = OUTPUT


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on ``host:port``.

    Raises:
        PortTaken: another process listens there, or this one may not.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        # From here on a browser's request waits instead of being refused.
        sock.listen(128)
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise PortTaken(
            f"Cannot serve on {host}:{port} ({reason.lower()}). Try --port {port + 1}."
        ) from error
    return sock


def give_memory_back() -> None:
    """Let memory that is free again go back to the system, where the C library is glibc.

    It gives each thread a heap of its own, which keeps the largest answer that was ever made in it;
    here they share two. And after the first large array that is freed it takes all others up to
    32 MB from those heaps, where what outlives them keeps their room; here each array stands alone
    and goes as a whole. To be called before there are threads.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, _ARENAS)
            mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
            mallopt(_M_TRIM_THRESHOLD, _LARGE_BYTES)


def address(sock: socket.socket, access: Access) -> str:
    """Return the address to open in a browser, with the token where the server wants one."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    name = f"[{host}]" if ":" in host else host
    path = clean_prefix(access.prefix)
    return f"http://{name}:{port}{path}/" + (f"?token={access.token}" if access.token else "")


def serve(
    server: Flask, sock: socket.socket, access: Access, *, open_browser: str | None = None
) -> None:
    """Serve until interrupted.

    Args:
        server: the WSGI application.
        sock: a listening socket, see ``listen``.
        access: what the application was made for.
        open_browser: an address to open once the server accepts requests.
    """
    if open_browser is not None:
        threading.Timer(0.5, webbrowser.open, [open_browser]).start()
    waitress.serve(
        server,
        sockets=[sock],
        threads=THREADS,
        ident="ReactCNN",
        clear_untrusted_proxy_headers=not access.trust_proxy,
        # Refused before it is read; the guard says the same to whoever comes another way.
        max_request_body_size=MOST_BYTES + 1,
        # A page holds up to six connections: these are for some eighty pages. Those that nobody
        # uses make room in half a minute. By poll, since select ends at 1,024 open files.
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=IDLE_SECONDS // 3,
        asyncore_use_poll=True,
    )
