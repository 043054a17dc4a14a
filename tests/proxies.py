"""A reverse proxy as nginx or Jupyter's is one: it shows a server below a path of its own host."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade"}


class _Server(ThreadingHTTPServer):
    # A page asks for dozens of files at a time: with five waiting the sixth would be reset.
    request_queue_size = 128


@contextmanager
def reverse_proxy(
    upstream: str,
    prefix: str,
    *,
    strip: bool = True,
    host: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Show what answers at ``upstream`` below ``prefix``; give the address of that.

    Args:
        upstream: the address of the server.
        prefix: without a slash at its end; anything else of the proxy's host is 404.
        strip: whether the path is taken away, as nginx' ``proxy_pass http://…/;`` does.
        host: what the proxy puts into ``Host``, as nginx does; what it was asked by, if None.
        headers: what it adds; ``{host}`` in them is what it was asked by.
    """
    there = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers["Host"]
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404)
                return
            path = self.path.removeprefix(prefix) if strip else self.path
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length) if length else None
            sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            sent |= {"Host": host or asked}
            sent |= {name: text.format(host=asked) for name, text in (headers or {}).items()}
            connection = http.client.HTTPConnection(there)
            connection.request(self.command, path, body, sent)
            answer = connection.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {*_HOP, "content-length", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            connection.close()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
