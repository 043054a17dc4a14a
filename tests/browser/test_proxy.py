"""Every page in Chromium behind a reverse proxy, below a path of its host."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from reactcnn_dash.db import StoreReader
from tests import stores
from tests.browser.conftest import stop
from tests.browser.waiting import until
from tests.proxies import reverse_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page, Response

TOKEN = "only-for-these-tests"
FORWARDED = {"X-Forwarded-Host": "{host}", "X-Forwarded-Proto": "http"}

PROXIES = {
    # nginx: `proxy_pass http://127.0.0.1:8050/;` with its own name as Host, told by headers.
    "nginx": (
        ["--trust-proxy"],
        {"strip": True, "host": "backend:1", "headers": FORWARDED | {"X-Forwarded-Prefix": "/x"}},
        "/x",
    ),
    # A proxy that leaves the path and the name as they are.
    "left": (["--url-prefix", "/lab/x/"], {"strip": False}, "/lab/x"),
    # JupyterHub: any name, the link has the token.
    "hub": (
        ["--url-prefix", "/user/a%40b/proxy/x/", "--token", TOKEN, "--allowed-host", "*"],
        {"strip": True, "host": "hub.internal:8000"},
        "/user/a%40b/proxy/x",
    ),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proxied") / "store.db"
    for name in ("first", "second"):
        stores.make_store(path, 24, name=name)
    return path


@pytest.fixture(params=PROXIES)
def address(request: pytest.FixtureRequest, store: Path) -> Iterator[str]:
    """The address below which a proxy shows the server of a store."""
    words, proxy, prefix = PROXIES[request.param]
    command = [sys.executable, "-m", "reactcnn_dash", "--port", "0", "--store", str(store)]
    process = subprocess.Popen([*command, *words], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        link = next(found for line in process.stderr if (found := re.search(r"http://\S+", line)))
        with reverse_proxy(link.group(), prefix, **proxy) as shown:  # type: ignore[arg-type]
            yield f"{shown}?token={TOKEN}" if TOKEN in words else shown
    finally:
        stop(process)


@pytest.mark.process
def test_every_page_works_below_a_path(page: Page, address: str, store: Path) -> None:
    base = address.partition("?")[0]
    prefix = urlsplit(base).path
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - as it wants it

    # Live: the poll, a map under the pointer, a search, a layer's clusters by a worker.
    page.goto(address)
    page.locator("[role=gridcell][fill]").first.wait_for()
    page.locator("#cell-1-3").hover(force=True)
    until(page, "document.querySelector('.map-picture')?.dataset.address === 'conv2:3'")
    page.goto(f"{base}?search=wrong")
    expect(page.locator("#search-count")).to_have_text("8 of 24")
    page.locator(".block-name").nth(1).click()
    until(page, "document.getElementById('graph')?._cyreg?.cy?.nodes().length > 0")

    # Runs: a run is renamed, exported, two lead to Compare.
    page.get_by_role("link", name="Runs").click()
    page.wait_for_url(re.compile(re.escape(f"{base}runs/")))
    row = page.locator(".ag-center-cols-container .ag-row").first
    row.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename.endswith(".npz")
    page.get_by_role("button", name="Rename").click()
    page.keyboard.press("Control+a")
    page.keyboard.type(prefix)
    with page.expect_response(lambda answer: prefix in (answer.request.post_data or "")):
        page.keyboard.press("Enter")
    expect(page.locator(".run-link", has_text=prefix)).to_be_visible()

    # Compare, with its JSON as a file.
    page.goto(f"{base}compare/?a=1&b=2")
    expect(page.get_by_text("CKA").first).to_be_visible()
    link = page.get_by_role("link", name=re.compile("JSON"))
    expect(link).to_have_attribute("href", re.compile(f"^{re.escape(prefix)}comparisons/json"))
    with page.expect_download() as download:
        link.click()
    assert json.loads(download.value.path().read_text())["a"]["id"] == 1

    # Redundancy, Slim and a filter's page, reached by links.
    page.get_by_role("link", name="Redundancy").click()
    expect(page.get_by_text("conv3").first).to_be_visible()
    page.get_by_role("link", name="Slim", exact=True).first.click()
    page.wait_for_url(re.compile(re.escape(f"{base}slim/")))
    expect(page.locator("#slim-recipe")).to_contain_text("collector slim")
    page.goto(f"{base}filter/?run=1&layer=conv2&filter=3")
    page.locator(".tops a canvas").first.wait_for()
    page.locator(".tops a").first.click()
    page.wait_for_url(re.compile(re.escape(f"{base}?")))
    page.locator("[role=gridcell][fill]").first.wait_for()

    # It asks no more before its server goes.
    page.goto("about:blank")
    asked = [(one.status, one.url) for one in answers if one.url.startswith("http")]
    assert [url for _, url in asked if not url.startswith(base)] == []
    assert [one for one in asked if one[0] > 399] == []
    assert prefix in [run.name for run in StoreReader(str(store)).runs(limit=2)]
