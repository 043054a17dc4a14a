"""What a page of another site can do to a person who has our page open: nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.db import StoreReader
from tests import stores
from tests.browser.conftest import CHROMIUM_OPTIONS, chromium, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Serve

EVIL = "evil.example"
TOKEN = "only-for-these-tests"

ATTACK = """
async (target) => {
  const body = JSON.stringify({
    output: "runs-deleted.data",
    outputs: { id: "runs-deleted", property: "data" },
    inputs: [{ id: "runs-doomed", property: "data", value: { ids: [1] } }],
    changedPropIds: ["runs-doomed.data"],
    state: [],
  });
  const address = `${target}runs/_dash-update-component`;
  const tries = {
    read: () => fetch(`${target}redundancies/runs`).then((answer) => answer.text()),
    plain: () => fetch(address, { method: "POST", body }).then((answer) => answer.text()),
    blind: () => fetch(address, { method: "POST", mode: "no-cors", body }).then((a) => a.type),
    json: () =>
      fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body })
        .then((answer) => answer.text()),
    script: () => new Promise((done, failed) => {
      const element = document.createElement("script");
      element.onload = () => done("ran");
      element.onerror = () => failed(new Error("did not run"));
      element.src = `${target}_dash-layout`;
      document.head.append(element);
    }),
  };
  const found = {};
  for (const [name, attempt] of Object.entries(tries)) {
    found[name] = await attempt().catch((error) => `refused: ${error.message}`);
  }
  return found;
}
"""


class _Page(BaseHTTPRequestHandler):
    body = b"<!doctype html><title>another site</title>"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere(browser: Browser) -> Iterator[Page]:
    """A page in a Chromium for which evil.example is this machine."""
    mapped = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"
    other = browser.browser_type.launch(
        executable_path=chromium(), args=[*CHROMIUM_OPTIONS, mapped]
    )
    yield other.new_page()
    other.close()


@pytest.fixture
def site() -> Iterator[ThreadingHTTPServer]:
    """Another site, on a port of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_name_that_leads_here_shows_nothing(
    elsewhere: Page, serve: Serve, tmp_path: Path
) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    address = serve(tmp_path / "store.db").replace("127.0.0.1", EVIL)
    for path in ("", "runs/", "redundancies/runs"):
        answer = elsewhere.goto(address + path)
        assert answer is not None
        assert answer.status == 403
        assert EVIL in answer.text()


def test_another_site_reads_nothing_and_deletes_nothing(
    elsewhere: Page, serve: Serve, site: ThreadingHTTPServer, tmp_path: Path
) -> None:
    stores.make_store(tmp_path / "store.db", 4, name="kept")
    ours = serve(tmp_path / "store.db")
    elsewhere.goto(f"http://{EVIL}:{site.server_port}/")
    found = elsewhere.evaluate(ATTACK, ours)
    assert len(found) == 5
    assert all("refused" in said for said in found.values()), found
    assert StoreReader(str(tmp_path / "store.db")).run(1).stored == 4
    # The same that our own page may do.
    elsewhere.goto(f"{ours}runs/")
    assert "kept" in elsewhere.evaluate(ATTACK, ours)["read"]


def test_no_page_of_another_site_frames_ours(
    elsewhere: Page, serve: Serve, site: ThreadingHTTPServer, tmp_path: Path
) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    ours = serve(tmp_path / "store.db")
    elsewhere.goto(f"http://{EVIL}:{site.server_port}/")
    elsewhere.evaluate(
        """(target) => new Promise((done) => {
          const frame = document.createElement("iframe");
          frame.onload = done;
          frame.src = target;
          document.body.append(frame);
        })""",
        ours,
    )
    frame = elsewhere.frames[1]
    assert frame.locator("#grid, [role=grid]").count() == 0
    assert "Only a page of this server" in frame.content() or "chrome-error" in frame.url


@pytest.mark.process
def test_the_printed_link_lets_in_and_stays(
    page: Page, site: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    command = [sys.executable, "-m", "reactcnn_dash", "--port", "0", "--token", TOKEN]
    process = subprocess.Popen(
        [*command, "--store", str(tmp_path / "store.db")], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        link = next(found for line in process.stderr if (found := re.search(r"http://\S+", line)))
        # From a page of another site, as from a mail that is read in the browser.
        body = f'<!doctype html><a href="{link.group()}">here</a>'.encode()
        monkeypatch.setattr(_Page, "body", body)
        page.goto(f"http://localhost:{site.server_port}/")
        page.get_by_text("here").click()
        page.locator("[role=gridcell]").first.wait_for()
        assert "token" not in page.url
        page.reload()
        page.locator("[role=gridcell]").first.wait_for()
        assert page.evaluate("document.cookie") == ""
    finally:
        stop(process)
