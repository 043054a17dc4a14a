"""The pages in a notebook cell: a server on a free port of this machine, in a frame."""

from __future__ import annotations

import atexit
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reactcnn_dash.access import clean_prefix, new_token
from reactcnn_dash.db import normalise_url, put_password_away
from reactcnn_dash.errors import FAILED, UserError

if TYPE_CHECKING:
    from typing import IO

    from reactcnn_dash.db import StoreUrl

HUB: Final = "JUPYTERHUB_SERVICE_PREFIX"
"""Where JupyterHub shows a person's server; its proxy leads to ports below `proxy/`."""

_LOCAL_FRAMES: Final = (
    *(
        f"{scheme}://{name}:*"
        for scheme in ("http", "https")
        for name in ("localhost", "127.0.0.1")
    ),
    "vscode-webview:",
)
_LINK: Final = re.compile(r"http://[^/\s]+:(\d+)/\S*")
_ENDING_SECONDS: Final = 10.0


class ServerFailed(UserError):
    """The pages' server did not start; the text is what it said."""

    exit_code = FAILED


@dataclass(frozen=True, slots=True)
class Server:
    """A server of this process.

    Attributes:
        process: ends when its standard input does, so with this process, however that ends.
        port: on this machine's loopback address.
        address: what the notebook's browser opens.
    """

    process: subprocess.Popen[str]
    port: int
    address: str


class Servers:
    """The servers that this process started, one for each store and place; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str | None], Server] = {}

    def of(self, store: str, below: str | None, *, colab: bool = False) -> Server:
        """Return the server of a store, started where there is none.

        Args:
            store: the store's URL.
            below: the path below which the notebook's own pages stand, if their proxy is the way.
            colab: whether Colab's proxy is.

        Raises:
            ServerFailed: it did not start.
        """
        with self._lock:
            server = self._running.get((store, below))
            if server is None or server.process.poll() is not None:
                if not self._running:
                    atexit.register(self.close)
                server = self._running[store, below] = _start(store, below, colab=colab)
            return server

    def close(self) -> None:
        """End them all."""
        with self._lock:
            for server in self._running.values():
                _pipe(server.process.stdin).close()
            for server in self._running.values():
                try:
                    server.process.wait(_ENDING_SECONDS)
                except subprocess.TimeoutExpired:
                    server.process.kill()
            self._running.clear()


_SERVERS: Final = Servers()


def show(url: StoreUrl = "reactcnn.db", *, height: int = 760, below: str | None = None) -> None:
    """Show a store's pages in the notebook cell; without a notebook, print their address.

    A server of this process is started on a free port of this machine, or used again; it ends with
    this process. Where `JUPYTERHUB_SERVICE_PREFIX` is set, the frame goes by the hub's proxy
    (jupyter-server-proxy) and only this frame's link has the token that the server wants.

    Args:
        url: file (text or `pathlib.Path`) or SQLAlchemy URL of the store.
        height: of the frame, in pixels.
        below: the path below which Jupyter's own pages stand where jupyter-server-proxy is the only
            way to a port, such as `/jupyterlab/default/`; that of the hub if not given.

    Raises:
        StoreError: the URL is not one of a store.
        ServerFailed: the server did not start.
    """
    below = os.environ.get(HUB) if below is None else below
    colab = "google.colab" in sys.modules
    # The server's command line, which others see, must not have it.
    store = put_password_away(normalise_url(url))
    server = _SERVERS.of(store, below or None, colab=colab)
    if colab:
        sys.modules["google.colab"].output.serve_kernel_port_as_iframe(server.port, height=height)
    elif (display := _notebook()) is not None:
        display.display(display.IFrame(server.address, width="100%", height=height))
    else:
        sys.stdout.write(f"{server.address}\n")


def _notebook() -> Any:
    """Return `IPython.display` where this process is a notebook's kernel, else None."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is None:
        return None
    import IPython.display  # noqa: PLC0415 - there only where it is loaded already

    return IPython.display


def _start(store: str, below: str | None, *, colab: bool) -> Server:
    token = new_token() if below else None
    words = ["--store", store, "--port", "0", "--until-eof"]
    if token is not None:
        words += ["--url-prefix", f"{below}/proxy/{{port}}/", "--allowed-host", "*"]
        # As one word: a token may begin like an option.
        words += [f"--token={token}", "--frame-ancestor", "self"]
    elif colab:
        # Only Colab's proxy, which has authenticated, reaches the machine of the notebook.
        words += ["--no-token", "--allowed-host", "*", "--frame-ancestor", "https:"]
    else:
        for frame in _LOCAL_FRAMES:
            words += ["--frame-ancestor", frame]
    process = subprocess.Popen(
        [sys.executable, "-m", "reactcnn_dash", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    said, last = _pipe(process.stderr), ""
    for line in said:
        found = _LINK.search(line)
        if found is not None:
            # What it says from now on is nobody's: it must not fill the pipe.
            threading.Thread(target=said.read, daemon=True).start()
            port = int(found[1])
            if token is None:
                return Server(process, port, found[0])
            path = clean_prefix(f"{below}/proxy/{port}")
            return Server(process, port, f"{path}/?token={token}")
        last = line.strip() or last
    raise ServerFailed(last or f"The pages' server ended with exit code {process.wait()}.")


def _pipe(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise ServerFailed("The pages' server has no pipe.")
    return stream
