"""The main job as a person meets it: the packaged VGG-16, collected while the page watches."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.db import StoreReader
from tests.browser.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

pytestmark = pytest.mark.process

FITS = """() => {
    const grid = document.getElementById("grid");
    return grid.scrollHeight <= grid.clientHeight && grid.scrollWidth <= grid.clientWidth;
}"""
GRAPH = "document.getElementById('graph')?._cyreg?.cy"


def test_vgg16_is_watched_while_it_runs(page: Page, serve: Serve, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    page.set_default_timeout(60_000)
    page.goto(serve(store))
    expect(page.get_by_role("heading", name="No store yet")).to_be_visible()
    collector = subprocess.Popen(
        [
            *(sys.executable, "-m", "collector", "--images", "sample", "--pace", "6"),
            *("--limit", "48", "--name", "demo", "--store", str(store), "--quiet"),
        ]
    )
    try:
        expect(page.locator("#run-state")).to_have_text("collecting", timeout=60_000)
        expect(page.locator(".cell[fill]")).to_have_count(4224, timeout=60_000)
        expect(page.locator(".block-title")).to_have_count(13)
        expect(page.locator(".bar")).to_have_count(10)
        first = page.locator(".caption-title").text_content() or ""
        expect(page.locator(".caption-title")).not_to_have_text(first)
        # At 1280 × 720 all of it stands above the open search.
        page.keyboard.press("/")
        expect(page.locator("#search")).to_be_visible()
        until(page, FITS)
        page.get_by_role("button", name="Close the search").click()
        expect(page.locator("#search")).to_be_hidden()
        page.locator("#cell-8-137").hover(force=True)
        expect(page.locator("#tip")).to_contain_text("block4_conv2 · filter 137 · GAP")
        expect(page.locator(".map-picture")).to_be_visible()
        page.get_by_role("button", name="Clusters of block2_conv1,").click()
        expect(page.locator("#cluster-summary")).to_contain_text("images", timeout=30_000)
        assert collector.wait(timeout=120) == 0
    finally:
        collector.kill()
        collector.wait()
    expect(page.locator("#run-state")).to_have_text("finished", timeout=15_000)
    expect(page.locator("#cluster-summary")).to_contain_text("from 48 images", timeout=15_000)
    assert page.evaluate(f"{GRAPH}.nodes().length") == 128
    # Many small clusters: the picture still fills its frame, and no node is out of sight.
    page.goto(f"{page.url.split('?')[0]}?layer=block4_conv2&method=leiden-cpm&parameter=0.95")
    until(page, f"{GRAPH}?.nodes().length === 512")
    until(page, f"{GRAPH}.nodes()[0].data('id').startsWith('8:')")
    until(
        page,
        f"""() => {{
        const cy = {GRAPH};
        const box = cy.nodes().renderedBoundingBox();
        return box.x1 >= 0 && box.y1 >= 0 && box.x2 <= cy.width() && box.y2 <= cy.height()
            && Math.max(box.w / cy.width(), box.h / cy.height()) > 0.75
            && Math.min(box.w / cy.width(), box.h / cy.height()) > 0.5;
    }}""",
    )
    run = StoreReader(str(store)).run("demo")
    assert (run.stored, run.state.value) == (48, "finished")


def test_a_killed_collector_is_shown_as_stalled(page: Page, serve: Serve, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    page.goto(serve(store))
    collector = subprocess.Popen(
        [
            *(sys.executable, "-m", "collector", "--images", "sample", "--pace", "5"),
            *("--store", str(store), "--quiet"),
        ]
    )
    try:
        expect(page.locator("#run-state")).to_have_text("collecting", timeout=60_000)
        expect(page.locator(".cell[fill]")).to_have_count(4224, timeout=60_000)
    finally:
        collector.kill()
        collector.wait()
    expect(page.locator("#run-state")).to_have_text("stalled", timeout=30_000)
    expect(page.locator(".cell[fill]")).to_have_count(4224)
