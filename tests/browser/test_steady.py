"""Nothing moves under the pointer; the graph's own tools; narrow screens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.pages.registry import PAGES
from tests import redundant, slimmed, stores
from tests.browser.test_accessibility import READY, STANDING
from tests.browser.test_big_network import write
from tests.browser.test_clusters import GRAPH, STILL
from tests.browser.waiting import until
from tests.compared import other_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("steady") / "store.db"
    redundant.write(path, redundant.planted(), name="planted")
    stores.make_store(path, 64, name="other", made=other_checkpoint(stores.truth(64), 4))
    slimmed.write(path)
    return serve_to_all(path)


def boxes(page: Page) -> list[dict[str, float]]:
    found: list[dict[str, float]] = page.locator(".block-cells").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().toJSON())"
    )
    return found


def test_the_grid_stays_where_it_is_when_the_panel_opens_or_something_is_said(
    page: Page, address: str
) -> None:
    page.goto(f"{address}?run=1&image=3")
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    before = boxes(page)
    page.locator(".block-name").nth(1).click()
    expect(page.locator("#panel")).to_have_class(re.compile("open"))
    assert boxes(page) == before
    page.keyboard.press("f")
    page.keyboard.press("Escape")
    page.locator("#ordinal").fill("-5")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_be_visible()
    assert boxes(page) == before


def test_the_graph_is_brought_back_and_the_parameter_to_auto(page: Page, address: str) -> None:
    page.goto(f"{address}?run=2&layer=conv3&parameter=3")
    expect(page.locator("#graph canvas").first).to_be_attached()
    until(page, STILL, every=120)
    page.evaluate(f"void {GRAPH}.fit(undefined, 12)")
    whole = page.evaluate(f"{GRAPH}.zoom()")
    page.evaluate(f"void {GRAPH}.zoom({whole} * 3)")
    page.get_by_role("button", name="Fit").click()
    until(page, f"Math.abs({GRAPH}.zoom() / {whole} - 1) < 0.01")
    auto = page.get_by_role("button", name="Back to auto")
    auto.click()
    expect(page).not_to_have_url(re.compile("parameter="))
    expect(page.locator("#parameter-louvain-value")).to_contain_text("(auto)")
    expect(auto).to_be_hidden()


def test_nodes_of_a_large_layer_can_be_seen_and_red_ones_too(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    write(tmp_path / "wide.db", filters=512, images=64)
    page.goto(f"{serve(tmp_path / 'wide.db')}?run=1&layer=stem")
    expect(page.locator("#graph canvas").first).to_be_attached()
    until(page, f"{GRAPH}?.nodes().length === 512")
    until(page, STILL, every=120)
    sizes = f"{GRAPH}.nodes().map(node => node.renderedWidth())"
    until(page, f"{sizes}.every(size => size > 7.5)")
    page.get_by_role("button", name="Fit").click()
    assert min(page.evaluate(sizes)) > 7.5
    page.evaluate(f"void {GRAPH}.zoom(2)")
    until(page, f"{GRAPH}.nodes()[0].width() === 24")


def test_a_comparison_says_which_layer_it_does_not_have(page: Page, address: str) -> None:
    page.goto(f"{address}compare/?a=1&b=2&layer=nothing")
    expect(page.locator("#notice")).to_contain_text("have no layer nothing in common")
    expect(page.locator("#notice")).to_contain_text("conv1 is the first")
    expect(page).to_have_url(re.compile(r"\?a=1&b=2$"))
    expect(page.locator(".matrix-row.chosen")).to_have_attribute("data-layer", "conv1")


def test_a_caption_ends_with_the_clusters_that_it_is_of(page: Page, address: str) -> None:
    page.goto(f"{address}?run=2&layer=conv3")
    expect(page.locator("#graph canvas").first).to_be_attached()
    until(page, STILL, every=120)
    page.evaluate(f"void {GRAPH}.nodes()[2].emit('mouseover')")
    expect(page.locator("#graph-caption")).to_contain_text("conv3")
    page.get_by_text("Leiden").first.click()
    expect(page).to_have_url(re.compile("leiden-cpm"))
    expect(page.locator("#graph-caption")).to_be_empty()


@pytest.mark.parametrize("width", [390, 1024])
@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_a_narrow_screen_has_one_column_that_holds_everything(
    page: Page, address: str, path: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{address}{path.lstrip('/')}{STANDING.get(path, '')}")
    expect(page.locator(READY[path]).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    # Nothing stands beyond the window's edge.
    over = page.locator("body *:visible").evaluate_all(
        """(all, width) => all.filter((one) => {
            const scrolls = (node) => node && (/auto|scroll|hidden/.test(
                getComputedStyle(node).overflowX) || scrolls(node.parentElement));
            const box = one.getBoundingClientRect();
            return box.right > width + 1 && box.left >= 0 && !scrolls(one.parentElement);
        }).map((one) => one.id || one.className)""",
        width,
    )
    assert over == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if path == "/":
        for part in ("#image", ".bar-name", "#play", "#grid .cell", "#panel", "#cluster-table"):
            place = page.locator(part).first
            place.scroll_into_view_if_needed()
            expect(place).to_be_in_viewport()
        assert page.locator("#grid").bounding_box()["height"] > 200  # type: ignore[index]
