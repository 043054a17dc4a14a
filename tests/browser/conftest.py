"""A real Chromium before a real server, each page checked for errors in its console."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import waitress
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waitress import wasyncore

from reactcnn_dash.app import create_server
from reactcnn_dash.db import StoreReader, normalise_url
from reactcnn_dash.jobs.runner import Jobs

Serve = Callable[[Path], str]

SEEN = "try { localStorage.setItem('reactcnn-tour', 'seen'); } catch {}"
"""Makes of a browser one that has shown the tour of a first visit."""

WAIT_MS = 30_000
"""How long a page may take: much, since other tests share the machine."""

expect.set_options(timeout=WAIT_MS)

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""Programs to test with, the best first: the shell is the same engine without the windows, and
takes half as long for a page."""


def chromium() -> str:
    """Return the path of the Chromium to test with."""
    for name in (os.environ.get("CHROMIUM"), *CHROMIUMS):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise FileNotFoundError("no Chromium: `make test` installs it, or set CHROMIUM to its path")


def start_server(store: Path) -> tuple[subprocess.Popen[str], str]:
    """Start the page's server on a free port; return the process and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reactcnn_dash", "--store", str(store), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        found = re.search(r"http://\S+/", line)
        if found:
            return process, found.group()
    raise RuntimeError(f"the server ended with exit code {process.wait()}")


@contextmanager
def served(store: Path) -> Iterator[str]:
    """Serve a store from threads of this process, with all work done at once; give the address."""
    url = normalise_url(str(store))
    app = create_server(StoreReader(url), url, Jobs())
    connections: dict[int, object] = {}
    # None of the work is waited for in vain: a page asks for several things at a time.
    server = waitress.create_server(app, map=connections, host="127.0.0.1", port=0, threads=8)
    ending = threading.Event()

    def answer() -> None:
        # By poll as the product does: select ends when a page hangs up in the middle of an answer.
        while not ending.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=connections, count=1)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}/"
    finally:
        # No socket is closed while anybody waits for it or answers by it.
        server.task_dispatcher.shutdown()
        ending.set()
        server.pull_trigger()
        thread.join()
        wasyncore.close_all(connections, ignore_all=True)


def stop(process: subprocess.Popen[str]) -> None:
    """End a server and wait for it."""
    process.terminate()
    process.wait(timeout=20)


def imported(name: str) -> str:
    """Return the JavaScript that imports a module of the page, such as ``live/poll.mjs``."""
    return f"""import(document.querySelector("link[rel=modulepreload][href$='/{name}']").href)"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        yield launched
        launched.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve a store as long as the test lasts; the pages' work is done at once.

    It ends before the test's folder goes: who serves a store that is gone saves what it can.
    """
    del tmp_path
    with ExitStack() as stack:
        yield lambda store: stack.enter_context(served(store))


@pytest.fixture(scope="module")
def serve_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Serve a store that a module's tests only read, as `serve` does, as long as they last."""
    del tmp_path_factory
    with ExitStack() as stack:
        yield lambda store: stack.enter_context(served(store))


@pytest.fixture
def serve_by_command(tmp_path: Path) -> Iterator[Serve]:
    """Serve a store by the command line, with its worker processes; it ends as `serve` does."""
    del tmp_path
    with ExitStack() as stack:

        def start(store: Path) -> str:
            process, address = start_server(store)
            stack.callback(stop, process)
            return address

        yield start


@contextmanager
def opened_page(browser: Browser, *, seen: bool) -> Iterator[Page]:
    """A page of 1280×720 whose console must stay free of errors.

    Args:
        browser: opens it.
        seen: whether its browser has shown the tour of a first visit.
    """
    context = browser.new_context(
        viewport={"width": 1280, "height": 720},
        color_scheme="light",
        permissions=["clipboard-read", "clipboard-write"],
    )
    if seen:
        context.add_init_script(SEEN)
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            errors.append(f"{message.text} {message.location['url']}")
            if message.type == "error"
            else None
        ),
    )
    yield opened
    context.close()
    assert errors == []


@pytest.fixture
def page(browser: Browser, serve: Serve, serve_by_command: Serve, tmp_path: Path) -> Iterator[Page]:
    """A page of somebody who was here before; it closes before its server and its store go."""
    del tmp_path
    with opened_page(browser, seen=True) as opened:
        yield opened


@pytest.fixture
def newcomer(browser: Browser, serve: Serve, serve_by_command: Serve) -> Iterator[Page]:
    """A page of a first visit; it closes before its server."""
    with opened_page(browser, seen=False) as opened:
        yield opened
