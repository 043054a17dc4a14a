"""A real Chromium before a real server, each page checked for errors in its console."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

Serve = Callable[[Path], str]

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


def chromium() -> str:
    """Return the path of the Chromium to test with."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    for name in names:
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


def stop(process: subprocess.Popen[str]) -> None:
    """End a server and wait for it."""
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        yield launched
        launched.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server for a store; it ends with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(store: Path) -> str:
        process, address = start_server(store)
        processes.append(process)
        return address

    yield start
    for process in processes:
        stop(process)


@pytest.fixture
def page(browser: Browser, serve: Serve) -> Iterator[Page]:  # the page closes before its server
    """A page of 1280×720 whose console must stay free of errors."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 720},
        color_scheme="light",
        permissions=["clipboard-read", "clipboard-write"],
    )
    opened = context.new_page()
    opened.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    yield opened
    context.close()
    assert errors == []
