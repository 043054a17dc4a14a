"""Several people at one server, in Chromium: who wrote it, and what cannot be done."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from reactcnn_dash.db import StoreReader
from tests import stores
from tests.browser.conftest import stop
from tests.proxies import reverse_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.process


@pytest.fixture
def store(tmp_path: Path) -> Path:
    stores.make_store(tmp_path / "store.db", 24, name="mine")
    return tmp_path / "store.db"


@contextmanager
def started(store: Path, *words: str) -> Iterator[str]:
    """Serve a store by the command with some options; give the address."""
    command = [sys.executable, "-m", "reactcnn_dash", "--port", "0", "--store", str(store)]
    process = subprocess.Popen([*command, *words], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        yield next(
            found.group() for line in process.stderr if (found := re.search(r"http://\S+", line))
        )
    finally:
        stop(process)


def cell(column: str) -> str:
    return f"#runs-table .ag-cell[col-id={column}]"


def test_one_person_sees_what_another_wrote(page: Page, store: Path) -> None:
    # Each proxy has authenticated one person.
    with (
        started(store, "--trust-proxy", "--trust-user-header", "X-User") as address,
        reverse_proxy(address, "/a", headers={"X-User": "ann", "X-Forwarded-Prefix": "/a"}) as ann,
        reverse_proxy(
            address, "/b", headers={"X-User": "bert", "X-Forwarded-Prefix": "/b"}
        ) as bert,
    ):
        page.goto(f"{ann}runs/")
        page.locator(cell("note")).dblclick()
        page.keyboard.type("looks at the wheels")
        page.keyboard.press("Enter")
        expect(page.locator(cell("note"))).to_have_text("looks at the wheels — ann")
        page.locator(cell("tagText")).dblclick()
        page.keyboard.type("keep")
        page.keyboard.press("Enter")
        expect(page.locator(".run-tags")).to_have_attribute("title", re.compile("^— ann, "))
        page.goto(f"{bert}runs/")
        expect(page.locator(cell("note"))).to_have_text("looks at the wheels — ann")
        expect(page.locator(".run-tags")).to_have_attribute("title", re.compile("^— ann, "))
        # Whoever writes it anew has written it; the text alone is edited.
        page.locator(cell("note")).dblclick()
        page.keyboard.press("Control+a")
        page.keyboard.type("no: at the road")
        page.keyboard.press("Enter")
        expect(page.locator(cell("note"))).to_have_text("no: at the road — bert")
        # It asks no more before its server goes.
        page.goto("about:blank")
    assert StoreReader(str(store)).run(1).note == "no: at the road"


def test_where_nothing_can_be_changed_the_page_says_so(page: Page, store: Path) -> None:
    before = store.read_bytes()
    with started(store, "--read-only") as address:
        page.goto(f"{address}runs/")
        expect(page.get_by_text("read-only", exact=True)).to_be_visible()
        page.locator(cell("stored")).click()
        expect(page.get_by_role("button", name="Export")).to_be_enabled()
        for name in ("Rename", "Tags", "Note", "Delete"):
            button = page.get_by_role("button", name=name, exact=True)
            expect(button).to_be_disabled()
            expect(button).to_have_attribute("title", re.compile("read-only"))
        page.locator(cell("note")).dblclick()
        expect(page.locator(".ag-cell-inline-editing, .ag-popup-editor")).to_have_count(0)
        page.keyboard.press("Delete")
        expect(page.get_by_role("alert")).to_contain_text("read-only")
        expect(page.get_by_role("dialog")).to_have_count(0)
        # What only reads goes on: the poll, the clusters of a layer, a report.
        page.goto(address)
        page.locator("[role=gridcell][fill]").first.wait_for()
        page.locator(".block-name").nth(1).click()
        expect(page.locator("#cluster-table .ag-row").first).to_be_visible()
        page.goto(f"{address}slim/?run=1")
        expect(page.locator("#slim-recipe")).to_contain_text("collector slim")
        expect(page.locator("#slim-try")).to_be_disabled()
        page.goto("about:blank")
    assert store.read_bytes() == before
