"""A network larger than the window: seen whole, moved in, zoomed, and with its branches drawn."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.db import Layer, RunWriter
from tests import stores
from tests.browser.test_accessibility import AXE, found
from tests.browser.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

WIDTH = "document.querySelectorAll('.block')[2].getBoundingClientRect().width"
BLOCKS, FILTERS, IMAGES = 10, 64, 8
NAMES = ["stem", *(f"block{i}_conv{k}" for i in range(BLOCKS) for k in (1, 2, 3))]
WIRING = {
    "taps": [[], [0], *([k] for k in (1, 2))]
    + [one for i in range(1, BLOCKS) for one in ([-i], [3 * i + 1], [3 * i + 2])],
    "merges": [
        {"kind": "Add", "of": sorted((-i, 3 * i + 3) if i else (0, 3))} for i in range(BLOCKS)
    ],
    "costs": [
        [1792 if i == 0 else 36928, 110592 if i == 0 else 2359296] for i in range(len(NAMES))
    ],
}
"""A stem and residual blocks of three convolutions, each with its skip from the sum before."""


def write(path: Path, filters: int = FILTERS, images: int = IMAGES) -> None:
    """Write a run of a residual network with made-up answers, all layers equally wide."""
    layers = tuple(
        Layer(i, name, "Conv2D", f"{name}_relu", filters, 8, 8, i * filters)
        for i, name in enumerate(NAMES)
    )
    run = dataclasses.replace(
        stores.new_run("residual", images, "none"), layers=layers, options={"wiring": WIRING}
    )
    made = stores.truth(images)
    gap = np.random.default_rng(0).random((images, filters * len(NAMES)), np.float32)
    made = dataclasses.replace(made, gap=gap, codes=())
    with RunWriter.begin(str(path), run) as writer:
        stores.append(writer, made, 0, images, maps=False)
        writer.finish()


@pytest.fixture
def opened(page: Page, serve: Serve, tmp_path: Path) -> Page:
    write(tmp_path / "store.db")
    page.goto(serve(tmp_path / "store.db") + "?image=3")
    expect(page.locator(".cell[fill]").first).to_be_attached()
    return page


def scrolled(page: Page) -> float:
    left: float = page.locator("#grid").evaluate("grid => grid.scrollLeft")
    return left


def test_the_whole_network_stands_below_and_moves_the_window(opened: Page) -> None:
    bar = opened.locator("#navigator-map")
    expect(bar).to_be_visible()
    # Every layer is painted: no column of the small picture's width is far from a colour.
    painted = opened.locator(".navigator-canvas")
    until(
        opened,
        """() => {
          const canvas = document.querySelector(".navigator-canvas");
          const { width, height } = canvas;
          const context = canvas.getContext("2d");
          const { data } = context.getImageData(0, Math.round(height / 3), width, 1);
          const filled = [...Array(width).keys()].filter((x) => data[4 * x + 3] > 0);
          const [first, last] = [filled[0], filled.at(-1)];
          return filled.length > width / 4 && first < width / 20 && last > width * 0.95;
        }""",
    )
    box = painted.bounding_box()
    assert box is not None
    assert scrolled(opened) == 0
    opened.mouse.click(box["x"] + box["width"] - 3, box["y"] + 20)
    until(opened, "document.getElementById('grid').scrollLeft > 100")
    expect(opened.locator(".block").last).to_be_in_viewport()
    expect(bar).to_have_attribute("aria-valuenow", "100")
    bar.focus()
    opened.keyboard.press("Home")
    until(opened, "document.getElementById('grid').scrollLeft === 0")
    expect(opened).to_have_url(re.compile("image=3"))


def test_a_layer_is_found_by_its_name(opened: Page) -> None:
    opened.keyboard.press("j")
    expect(opened.locator("#layer-jump")).to_be_focused()
    opened.keyboard.type("block7_conv2")
    opened.get_by_role("option", name="block7_conv2").click()
    found = opened.locator(".block-name", has_text="block7_")
    expect(found.filter(has_text="conv2")).to_be_in_viewport()
    expect(found.filter(has_text="conv2")).to_be_focused()
    opened.keyboard.press("Enter")
    expect(opened.locator("#panel-title")).to_have_text("Clusters of block7_conv2")


def test_skips_and_sums_are_drawn_and_a_layer_says_what_it_is(opened: Page) -> None:
    expect(opened.locator(".merge")).to_have_count(BLOCKS)
    expect(opened.locator(".merge text").first).to_have_text("+")
    # One skip a block: from the stem or the sum before, past three layers.
    expect(opened.locator(".arc.skip")).to_have_count(BLOCKS)
    expect(opened.locator(".arc:not(.skip)")).to_have_count(1 + 3 * BLOCKS + BLOCKS - 1)
    title = opened.locator(".block-name").nth(4).get_attribute("title") or ""
    for fact in ("8 × 8 × 64", "36,928 parameters", "2.36 million multiply-adds", "Takes Add of"):
        assert fact in title
    feet = opened.locator(".block-cells").first.evaluate(
        "one => one.getBoundingClientRect().bottom"
    )
    line = opened.locator(".wiring").evaluate("one => one.getBoundingClientRect().top")
    assert line >= feet


def test_ctrl_and_wheel_zoom_about_the_pointer_and_the_wheel_pans(opened: Page) -> None:
    block = opened.locator(".block").nth(2)
    before = block.bounding_box()
    assert before is not None
    x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    opened.mouse.move(x, y)
    opened.keyboard.down("Control")
    opened.mouse.wheel(0, -120)
    opened.keyboard.up("Control")
    until(
        opened,
        f"width => {WIDTH} > 1.3 * width",
        arg=before["width"],
    )
    after = block.bounding_box()
    assert after is not None
    assert after["x"] - 40 < x < after["x"] + after["width"] + 40
    opened.keyboard.press("0")
    until(
        opened,
        f"width => {WIDTH} === width",
        arg=before["width"],
    )
    opened.mouse.wheel(0, 200)
    until(opened, "document.getElementById('grid').scrollLeft === 200")


def test_a_network_that_fits_has_no_bar_and_a_chain_no_line(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    stores.make_store(tmp_path / "store.db", 8)
    page.goto(serve(tmp_path / "store.db") + "?image=3")
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    expect(page.locator("#navigator")).to_be_hidden()
    expect(page.locator(".wiring")).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator("#layer-jump")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_network_with_branches(
    page: Page, serve: Serve, tmp_path: Path, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.context.add_init_script(path=str(AXE))
    write(tmp_path / "store.db")
    page.goto(serve(tmp_path / "store.db") + "?image=3&layer=stem&sheet=large")
    expect(page.locator("#sheet-note")).to_contain_text("not stored")
    expect(page.locator(".navigator-canvas")).to_be_visible()
    expect(page.locator(".cluster-table .ag-row").first).to_be_visible()
    assert found(page) == []
