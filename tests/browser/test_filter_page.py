"""The filter page: from the live page to a filter, what is shown of it, and on to its kin."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash import analysis
from reactcnn_dash.db import Kernel, RunWriter
from tests import stores
from tests.browser.waiting import until
from tests.test_filters import save_states, sorted_images

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.conftest import Serve

IMAGES = 40
LOW, HIGH = 6, 14
"""Where the filters of conv2 stand in a GAP row."""


def kernels() -> tuple[Kernel, ...]:
    """Made-up weights of every layer."""
    rng = np.random.default_rng(7)
    made = []
    channels = 3
    for layer in stores.layers():
        weights = rng.standard_normal((layer.filters, 3, 3, channels)).astype(np.float32)
        whole = weights if channels <= 4 else None
        spatial, norms = (np.sqrt((weights**2).sum(axis)) for axis in (3, (1, 2)))
        made.append(Kernel(layer.name, whole, spatial, norms))
        channels = layer.filters
    return tuple(made)


@pytest.fixture(scope="module")
def made() -> stores.Truth:
    return stores.truth(IMAGES)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, made: stores.Truth) -> Path:
    """An experiment of two epochs: a first one in which conv2:3 is dead, then all of it."""
    path = tmp_path_factory.mktemp("filters") / "store.db"
    dead = made.gap.copy()
    dead[:, LOW + 3] = 0
    for epoch, gap in ((1, dead), (2, made.gap)):
        new = dataclasses.replace(
            stores.new_run(f"epoch {epoch}", IMAGES),
            experiment="night",
            epoch=epoch,
            checkpoint_sha256=f"{epoch}" * 64,
            kernels=kernels(),
        )
        truth = dataclasses.replace(made, gap=gap)
        writer = RunWriter.begin(str(path), new)
        stores.append(writer, truth, 0, IMAGES)
        writer.finish()
        writer.close()
        save_states(path, epoch, truth)
    return path


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path) -> str:
    return serve_to_all(store)


def at(page: Page, address: str) -> None:
    expect(page.locator(".fact.address .fact-value")).to_have_text(address)


def open_filter(page: Page, address: str, filter_: int, run: int = 2) -> None:
    page.goto(f"{address}filter/?run={run}&layer=conv2&filter={filter_}")
    at(page, f"conv2:{filter_}")


def by_r(made: stores.Truth, filter_: int) -> list[int]:
    rows = made.gap[:, LOW:HIGH].astype(float)
    r = analysis.correlation(analysis.CoMoments.of(rows)).r[filter_]
    others = [f for f in range(8) if f != filter_ and np.isfinite(r[f])]
    return sorted(others, key=lambda f: -r[f])


def test_from_the_live_page_to_a_filter_and_on_to_its_neighbour(
    page: Page, address: str, made: stores.Truth
) -> None:
    page.goto(address)
    page.locator("#cell-1-3[fill]").hover(force=True)
    page.keyboard.press("f")
    page.wait_for_url(re.compile(r"/filter/\?run=2&layer=conv2&filter=3$"))
    at(page, "conv2:3")
    rows = page.locator(".near-row")
    shown = [int(row.get_attribute("data-filter") or -1) for row in rows.all()]
    assert shown == by_r(made, 3)
    expect(page.locator(".scatter svg")).to_have_attribute("data-filter", str(shown[0]))
    expect(page.locator(".scatter-point")).to_have_count(IMAGES)
    rows.nth(1).hover()
    expect(page.locator(".scatter svg")).to_have_attribute("data-filter", str(shown[1]))
    rows.nth(0).click()
    at(page, f"conv2:{shown[0]}")
    page.wait_for_url(re.compile(rf"filter={shown[0]}$"))
    page.go_back()
    at(page, "conv2:3")
    page.get_by_role("link", name="Live, pinned").click()
    page.wait_for_url(re.compile(r"/\?run=2&layer=conv2&filter=conv2%3A3"))
    expect(page.locator(".map-picture")).to_have_attribute("data-address", "conv2:3")


def test_a_pinned_filters_map_a_chip_and_a_node_lead_to_its_page(page: Page, address: str) -> None:
    page.goto(f"{address}?run=2&filter=conv1:2")
    page.locator(".map-page").click()
    at(page, "conv1:2")
    page.goto(f"{address}?run=2&layer=conv2&cluster=0")
    chip = page.locator("#selection .chip").first
    number = chip.inner_text()
    chip.dblclick()
    at(page, f"conv2:{number}")
    page.go_back()
    until(page, "document.getElementById('graph')?._cyreg?.cy?.nodes().length === 8")
    # What the panel says of its clusters comes with its listening to their nodes.
    expect(page.locator("#cluster-summary")).to_contain_text("images")
    page.evaluate("void document.getElementById('graph')._cyreg.cy.nodes()[5].emit('dblclick')")
    at(page, "conv2:5")


def test_without_a_filter_in_hand_the_key_says_what_to_do(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#cell-1-3[fill]")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#notice")).to_contain_text("Point at a filter")


def test_the_images_that_drive_it_most_over_all_and_by_class(
    page: Page, address: str, made: stores.Truth
) -> None:
    open_filter(page, address, 3)
    values = made.gap[:, LOW + 3]
    everything = np.ones(IMAGES, bool)
    top = sorted_images(values, everything, 9)
    pictures = page.locator(".tops canvas[data-map]")
    expect(pictures).to_have_count(9)
    assert [int(one.get_attribute("data-ordinal") or -1) for one in pictures.all()] == top
    names = page.locator(".tops .top-name").all_inner_texts()
    assert names == [stores.CLASSES[made.labels[ordinal]] for ordinal in top]
    means = [values[made.labels == number].mean() for number in range(3)]
    rows = page.locator(".class-row[data-class]")
    order = [int(row.get_attribute("data-class") or -1) for row in rows.all()]
    assert order == np.argsort(means)[::-1].tolist()
    for number, row in zip(order, rows.all(), strict=True):
        mine = sorted_images(values, made.labels == number, 4)
        canvases = row.locator("canvas")
        expect(canvases).to_have_count(len(mine))
        assert [int(one.get_attribute("data-ordinal") or -1) for one in canvases.all()] == mine
    selectivity = analysis.selectivity(np.array(means))
    expect(page.locator(".fact", has_text="Class selectivity")).to_contain_text(
        f"{selectivity:.2f}"
    )
    link = page.locator(".tops a").first.get_attribute("href")
    assert link == f"/?run=2&image={top[0]}&filter=conv2%3A3"


PIXELS = "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, 8, 8).data]"


def test_the_map_dims_the_image_where_the_filter_does_not_answer(
    page: Page, address: str, made: stores.Truth
) -> None:
    open_filter(page, address, 3)
    first = page.locator(".tops canvas[data-map]").first
    expect(first).to_have_attribute("data-map", "shown")
    ordinal = int(first.get_attribute("data-ordinal") or -1)
    pixels = made.pixels[ordinal].astype(float)
    codes = np.kron(made.codes[1][ordinal, 3], np.ones((2, 2)))[..., None]
    lit = np.array(first.evaluate(PIXELS)).reshape(8, 8, 4)[..., :3]
    assert np.abs(lit - pixels * (0.2 + 0.8 * codes / 255)).max() <= 1
    page.keyboard.press("o")
    expect(first).to_have_attribute("data-map", "hidden")
    whole = np.array(first.evaluate(PIXELS)).reshape(8, 8, 4)[..., :3]
    assert np.array_equal(whole, made.pixels[ordinal])


def test_the_keyboard_walks_through_the_layer(page: Page, address: str) -> None:
    open_filter(page, address, 6)
    page.keyboard.press("ArrowRight")
    at(page, "conv2:7")
    page.keyboard.press("ArrowRight")
    at(page, "conv2:0")
    expect(page.locator(".fact", has_text="State")).to_contain_text("Dead")
    expect(page.locator("#filter-tops")).to_contain_text("No image drives it")
    expect(page.locator("#filter-nearest")).to_contain_text("never varies")
    page.keyboard.press("ArrowLeft")
    at(page, "conv2:7")
    page.keyboard.press("c")
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "conv2:7"
    number = page.locator("#filter-number")
    number.fill("2")
    # Arrow keys belong to the field while one types.
    number.press("ArrowLeft")
    number.press("Enter")
    at(page, "conv2:2")
    page.get_by_role("textbox", name="Layer").click()
    page.get_by_role("option", name="conv3").click()
    at(page, "conv3:0")


def test_kernels_of_the_first_and_of_a_deeper_layer(page: Page, address: str) -> None:
    page.goto(f"{address}filter/?run=2&layer=conv1&filter=2")
    expect(page.locator(".kernel-picture")).to_have_count(4)
    weights = kernels()[0].weights
    assert weights is not None
    colour = page.locator(".kernel-picture").first.evaluate(
        "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, 3, 3).data]"
    )
    drawn = np.array(colour).reshape(3, 3, 4)[..., :3]
    expected = 127.5 + 127.5 * weights[2] / np.abs(weights[2]).max()
    assert np.abs(drawn - expected).max() <= 1
    open_filter(page, address, 4)
    strongest = int(kernels()[1].channels[4].argmax())
    page.locator(".kernel-bar a").first.click()
    at(page, f"conv1:{strongest}")


def test_its_history_leads_to_the_other_checkpoint(page: Page, address: str) -> None:
    open_filter(page, address, 3)
    points = page.locator("#filter-history .past")
    expect(points).to_have_count(2)
    expect(page.locator("#filter-history")).to_contain_text("Dead in 1")
    expect(page.locator(".past-selectivity")).to_have_attribute("d", re.compile("^M.*L"))
    expect(points.first).to_have_class(re.compile("still"))
    expect(points.last).to_have_class(re.compile("here"))
    points.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"run=1&layer=conv2&filter=3$"))
    expect(page.locator(".fact", has_text="State")).to_contain_text("Dead")


def test_it_follows_a_run_that_is_collected(page: Page, serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "growing.db"
    made = stores.truth(400)
    writer = RunWriter.begin(str(path), stores.new_run("growing", 400))
    stores.append(writer, made, 0, 40)
    address = serve(path)
    page.goto(f"{address}filter/?run=1&layer=conv2&filter=3")
    expect(page.locator("#filter-run")).to_contain_text("40 images · still collecting")
    expect(page.locator(".tops canvas")).to_have_count(9)
    stores.append(writer, made, 40, 400)
    expect(page.locator("#filter-run")).to_contain_text("400 images · still collecting")
    expect(page.locator(".fact", has_text="State")).to_contain_text("over 400 images")
    top = sorted_images(made.gap[:, LOW + 3], np.ones(400, bool), 9)
    expect(page.locator(".tops canvas").first).to_have_attribute("data-ordinal", str(top[0]))
    writer.finish()
    writer.close()
    expect(page.locator("#filter-run")).not_to_contain_text("still collecting")


def test_its_clusters(page: Page, address: str) -> None:
    open_filter(page, address, 3)
    part = page.locator("[data-method=leiden-cpm]")
    expect(part).to_contain_text("4 filters")
    expect(part.locator(".chip")).to_have_text(["1", "5", "7"])
    part.get_by_role("link", name="on the live page").click()
    page.wait_for_url(re.compile(r"/\?run=2&layer=conv2&cluster=\d+&method=leiden-cpm$"))
    expect(page.locator("#selection")).to_contain_text("4 filters")


def test_wrong_addresses_are_notices(page: Page, address: str) -> None:
    page.goto(f"{address}filter/?run=2&layer=conv9")
    expect(page.locator("#notice")).to_contain_text("no layer 'conv9'")
    page.goto(f"{address}filter/?run=9")
    expect(page.locator("#notice")).to_contain_text("no run 9")


def test_an_empty_store_fills_by_itself(page: Page, serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "later.db"
    page.goto(f"{serve(path)}filter/")
    expect(page.get_by_role("heading", name="No store yet")).to_be_visible()
    stores.make_store(path, 12)
    at(page, "conv1:0")


def test_what_could_not_be_read_is_said(browser: Browser, serve: Serve, store: Path) -> None:
    # Its own page: that the browser logs the failed request is right.
    page = browser.new_page()
    page.route(re.compile("/filters/of.*layer="), lambda route: route.abort())
    page.goto(f"{serve(store)}filter/?run=2&layer=conv2&filter=3")
    expect(page.locator("#notice")).to_contain_text("The server does not answer.")
    page.close()
