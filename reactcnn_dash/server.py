"""Serving the app with waitress on a port of this machine."""

from __future__ import annotations

import socket
import threading
import webbrowser
from typing import TYPE_CHECKING

import waitress

from reactcnn_dash.errors import UserError

if TYPE_CHECKING:
    from flask import Flask

THREADS = 8


class PortTaken(UserError):
    """The port cannot be listened on; the text says what to do."""


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


def serve(server: Flask, sock: socket.socket, *, open_browser: bool) -> None:
    """Serve until interrupted.

    Args:
        server: the WSGI application.
        sock: a listening socket, see ``listen``.
        open_browser: open the page once the server accepts requests.
    """
    if open_browser:
        host, port = sock.getsockname()[:2]
        threading.Timer(0.5, webbrowser.open, [f"http://{host}:{port}/"]).start()
    waitress.serve(
        server,
        sockets=[sock],
        threads=THREADS,
        ident="ReactCNN",
        clear_untrusted_proxy_headers=True,
    )
