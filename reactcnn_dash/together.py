"""Several processes of one server, such as gunicorn's workers, that answer as one.

What a request finds in its store, any of them answers. What lives in a process's memory (work under
way, the model at hand, runs being deleted, what the list of runs was) lives in one of them, the
first that is asked; the others hand such requests over to it, by a socket that only this user can
open, and one of them takes its place when it is gone. What it had under way is then asked for anew;
what was worked out is in the store.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from werkzeug.test import run_wsgi_app

from reactcnn_dash import ids
from reactcnn_dash.access import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLL: Final = f'"output":"{ids.FRAME}.data"'.encode()
"""In the body of the request that every open page makes each second."""

_ANYWHERE: Final = re.compile(
    r"/assets/.*|(/[^/]+)?/|.*/_(dash-(layout|dependencies|component-suites/.*)|favicon\.ico)"
    r"|/runs/[^/]+/(images/\d+|search|thumbnails)"
)
"""Addresses of what needs no memory. All that is not named here goes to the one that has it."""
_PLAIN: Final = (str, int, bool, float)
_PATIENCE_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.02
_GONE: Final = (FileNotFoundError, ConnectionError, EOFError)


_SOCKET: Final = "socket"
_LONGEST_ADDRESS: Final = 103
"""Of a socket in bytes, on macOS; elsewhere a few more."""
_NAME: Final = re.compile(r"reactcnn-[0-9a-f]{24}")
_YOUNG_SECONDS: Final = 60.0


def folder_of(*settings: object) -> Path:
    """Return the folder by which the processes of one server find each other.

    Args:
        settings: all that the server was started with: another server must never answer for it.

    Raises:
        PermissionError: the folder belongs to somebody else.
    """
    whole = "\0".join(map(str, (os.getppid(), os.getuid(), *settings)))
    name = f"reactcnn-{hashlib.sha256(whole.encode()).hexdigest()[:24]}"
    folder = Path(tempfile.gettempdir()) / name
    if len(os.fsencode(folder / _SOCKET)) > _LONGEST_ADDRESS:
        folder = Path("/tmp") / name
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat(follow_symlinks=False)
    if found.st_uid != os.getuid() or found.st_mode & 0o77:
        raise PermissionError(f"{folder} is not this user's alone: remove it.")
    return folder


def enter(*settings: object) -> tuple[Path, io.FileIO]:
    """Return the folder, see ``folder_of``, and the file that says that this process is in it.

    Folders of servers that were killed are removed.
    """
    while True:
        folder = folder_of(*settings)
        try:
            here = io.FileIO(folder / "here", "a")
        except FileNotFoundError:
            # Who was in it last has just removed it.
            continue
        fcntl.flock(here, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(here.fileno()), (folder / "here").stat()):
                break
        here.close()
    _sweep(folder)
    return folder, here


def leave(folder: Path, here: io.FileIO) -> None:
    """Remove the folder if no other process is in it."""
    try:
        fcntl.flock(here, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        here.close()
        return
    shutil.rmtree(folder, ignore_errors=True)
    here.close()


def _sweep(ours: Path) -> None:
    """Remove the folders beside ours that no process is in."""
    for folder in ours.parent.iterdir():
        if folder == ours or not _NAME.fullmatch(folder.name):
            continue
        with suppress(OSError):
            found = folder.stat(follow_symlinks=False)
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < _YOUNG_SECONDS:
                # Somebody else's, or one that a process is about to enter.
                continue
            # Those of versions before have no file of this name.
            name = "here" if (folder / "here").exists() else "lock"
            with io.FileIO(folder / name, "a") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


class Together:
    """An application that several processes serve.

    Args:
        app: answers requests; all processes have the same.
        settings: see ``folder_of``.
        begin: called in the one that has the memory, once it is.
    """

    def __init__(
        self, app: WSGIApplication, settings: Iterable[object], begin: Callable[[], None]
    ) -> None:
        self._app = app
        self._settings = tuple(settings)
        self._begin = begin
        self._lock = threading.Lock()
        # Of this process: one that was forked after this was made has its own.
        self._pid = 0
        self._folder = Path()
        self._held: io.FileIO | None = None
        self._leads = False

    def __call__(self, environ: WSGIEnvironment, answer: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if _anywhere(environ) or self.leads():
            return self._app(environ, answer)
        return self._handed_over(environ, answer)

    def leads(self) -> bool:
        """Say whether this is the process with the memory; where there is none, it is from now."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._leads = os.getpid(), False
                self._folder, here = enter(*self._settings)
                atexit.register(self._left, self._pid, self._folder, here)
                self._held = io.FileIO(self._folder / "lock", "w")
            if not self._leads and self._held is not None:
                try:
                    fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
                self._lead()
            return self._leads

    @staticmethod
    def _left(pid: int, folder: Path, here: io.FileIO) -> None:
        # A process that was forked from this one afterwards is another.
        if pid == os.getpid():
            leave(folder, here)

    def _lead(self) -> None:
        address = self._folder / _SOCKET
        address.unlink(missing_ok=True)
        listener = Listener(str(address), "AF_UNIX", backlog=128)
        threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
        threading.Thread(target=self._begin, daemon=True).start()
        self._leads = True

    def _listen(self, listener: Listener) -> None:
        while True:
            try:
                connection = listener.accept()
            except OSError:
                # Who knocked has gone away, or there are no files left for the moment.
                time.sleep(_PAUSE_SECONDS)
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        """Answer one request of another process."""
        with connection:
            try:
                environ, body = connection.recv()
                environ |= {"wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr}
                parts, status, headers = run_wsgi_app(self._app, environ)
                try:
                    connection.send((status, list(headers)))
                    for part in parts:
                        if part:
                            connection.send_bytes(part)
                    connection.send_bytes(b"")
                finally:
                    getattr(parts, "close", lambda: None)()
            except _GONE:
                return

    def _handed_over(self, environ: WSGIEnvironment, answer: StartResponse) -> Iterable[bytes]:
        body = _body_of(environ)
        sent: dict[str, Any] = {
            name: one for name, one in environ.items() if isinstance(one, _PLAIN)
        }
        sent["wsgi.version"] = (1, 0)
        late = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < late:
            try:
                connection = Client(str(self._folder / _SOCKET), "AF_UNIX")
                connection.send((sent, body))
                status, headers = connection.recv()
            except _GONE:
                # Who had the memory is gone, or has only begun to have it.
                time.sleep(_PAUSE_SECONDS)
                if self.leads():
                    environ["wsgi.input"] = io.BytesIO(body)
                    return self._app(environ, answer)
                continue
            answer(status, headers)
            return _parts(connection)
        answer("503 Service Unavailable", [("Content-Type", "text/plain"), ("Retry-After", "1")])
        return [b"The server's processes do not find each other. Try again.\n"]


def _anywhere(environ: WSGIEnvironment) -> bool:
    """Say whether a request needs no memory; what it has of a body is put back."""
    path = environ.get("PATH_INFO", "")
    if environ["REQUEST_METHOD"] != "POST":
        return _ANYWHERE.fullmatch(path) is not None
    if path != "/_dash-update-component":
        return False
    body = _body_of(environ)
    environ["wsgi.input"] = io.BytesIO(body)
    return POLL in body.replace(b" ", b"")


def _body_of(environ: WSGIEnvironment) -> bytes:
    """Return a request's body, of one that is too long as much as shows that it is."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    body: bytes = environ["wsgi.input"].read(min(length or MOST_BYTES + 1, MOST_BYTES + 1))
    environ["CONTENT_LENGTH"] = str(max(length, len(body)))
    return body


def _parts(connection: Any) -> Iterator[bytes]:
    with connection:
        while part := connection.recv_bytes():
            yield part
