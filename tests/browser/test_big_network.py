"""A network larger than the window: seen whole, moved in, zoomed, and with its branches drawn."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from reactcnn_dash.db import Layer, RunWriter
from tests import stores
from tests.browser.conftest import SEEN
from tests.browser.test_accessibility import AXE, found_in_both
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.conftest import Serve

WIDTH = "document.querySelectorAll('.block')[2].getBoundingClientRect().width"
BLOCKS, FILTERS, IMAGES = 10, 64, 8
STILL_MS = 100
"""Less than what the page takes for standing still."""
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


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("big") / "store.db"
    write(path)
    return serve_to_all(path)


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    page.goto(f"{address}?image=3")
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


PAN = """
() => new Promise((done) => {
  const grid = document.getElementById("grid");
  const seen = [];
  const step = () => {
    const count = (one) => grid.querySelectorAll(one).length;
    seen.push([count(".cell"), count(".block-sketch"), performance.now()]);
    const left = grid.scrollLeft;
    grid.scrollLeft += 60;
    if (grid.scrollLeft > left) requestAnimationFrame(step);
    else done(seen);
  };
  requestAnimationFrame(step);
})
"""
SKETCHED = """
(filters) => {
  const grid = document.getElementById("grid");
  grid.scrollLeft = 1e6;
  const looked = (resolve) => {
    // It goes on moving, so that the picture stays.
    grid.scrollLeft = grid.scrollLeft % 2 ? 1e6 : grid.scrollLeft - 1;
    const found = [...grid.querySelectorAll(".block")].at(-1).querySelector(".block-sketch");
    if (!found) return requestAnimationFrame(() => looked(resolve));
    const columns = 8;
    const pitch = found.width / columns;
    const context = found.getContext("2d");
    resolve(filters.map((i) => [...context.getImageData(
      Math.round(((i % columns) + 0.4) * pitch),
      Math.round((Math.floor(i / columns) + 0.4) * pitch), 1, 1).data.slice(0, 3)]));
  };
  return new Promise(looked);
}
"""


def test_while_the_network_is_panned_no_frame_waits_for_cells(opened: Page) -> None:
    expect(opened.locator(".navigator-canvas")).to_be_visible()
    seen = opened.evaluate(PAN)
    cells, sketches, moments = zip(*seen, strict=True)
    # What comes in sight is one picture a block until the grid stands still, as it seems to do
    # where a frame is late.
    moved = range(2, len(seen))
    moving = [i for i in moved if moments[i] - moments[i - 2] < STILL_MS]
    assert len(moving) > 10
    assert all(cells[i] <= cells[i - 1] for i in moving)
    assert cells[0] > 0
    assert max(sketches) > 5
    expect(opened.locator(".block-sketch")).to_have_count(0)
    last = opened.locator(".block").last
    expect(last.locator(".cell[fill]")).to_have_count(FILTERS)
    # What is far away has none any more.
    expect(opened.locator(".block").first.locator(".cell")).to_have_count(0)


def test_a_block_is_drawn_in_the_colours_that_its_cells_will_have(opened: Page) -> None:
    drawn = opened.evaluate(SKETCHED, list(range(0, FILTERS, 9)))
    block = opened.locator(".block").last
    expect(block.locator(".cell[fill]")).to_have_count(FILTERS)
    fills = block.locator(".cell").evaluate_all(
        "all => all.map(one => one.getAttribute('fill').match(/[0-9]+/g).map(Number))"
    )
    assert drawn == fills[::9]


Touches = list[tuple[float, float]]


class Fingers:
    """Touch a screen as the system tells a browser of it."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)

    def __call__(self, kind: str, points: Touches) -> None:
        """Begin, move or end touches; ``points`` are those that are there afterwards."""
        touches = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Page]:
    """A screen that is touched, with the network on it."""
    context = browser.new_context(viewport={"width": 900, "height": 844}, has_touch=True)
    context.add_init_script(SEEN)
    page = context.new_page()
    page.goto(f"{address}?image=3")
    expect(page.locator(".cell[fill]").first).to_be_attached()
    page.locator("#grid").scroll_into_view_if_needed()
    yield page
    context.close()


def under(page: Page, index: int, x: float) -> float:
    """Where on the window a block is at a place, as a share of its width."""
    box = page.locator(".block").nth(index).bounding_box()
    assert box is not None
    return (x - box["x"]) / box["width"]


def test_two_fingers_zoom_about_the_place_between_them(phone: Page) -> None:
    box = phone.locator(".block").nth(2).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    touch = Fingers(phone)

    def apart(by: float) -> Touches:
        return [(x - by, y), (x + by, y)]

    touch("touchStart", apart(40))
    for by in (50, 60, 70, 80):
        touch("touchMove", apart(by))
    until(phone, f"width => {WIDTH} > 1.7 * width", arg=box["width"])
    # Between the fingers is what was there before, as far as gaps grow otherwise than blocks.
    assert -0.5 < under(phone, 2, x) < 1.5
    assert phone.evaluate("visualViewport.scale") == 1
    for by in (60, 40, 24):
        touch("touchMove", apart(by))
    until(phone, f"width => {WIDTH} < 0.8 * width", arg=box["width"])
    touch("touchEnd", [])
    # One finger pans, and zooms no more.
    width = phone.evaluate(WIDTH)
    before = scrolled(phone)
    touch("touchStart", [(500, y)])
    for left in (450, 400, 350, 300):
        touch("touchMove", [(left, y)])
    touch("touchEnd", [])
    until(phone, "before => document.getElementById('grid').scrollLeft > before + 50", arg=before)
    assert phone.evaluate(WIDTH) == width


def test_a_finger_that_joins_later_zooms_from_where_it_is(phone: Page) -> None:
    box = phone.locator(".block").nth(2).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = Fingers(phone)
    touch("touchStart", [(x - 30, y)])
    touch("touchStart", [(x - 30, y), (x + 90, y)])
    # Nothing has moved yet.
    assert phone.evaluate(WIDTH) == box["width"]
    touch("touchMove", [(x - 40, y), (x + 110, y)])
    touch("touchMove", [(x - 90, y), (x + 150, y)])
    until(phone, f"width => {WIDTH} > 1.7 * width", arg=box["width"])
    # A finger that leaves ends it.
    touch("touchEnd", [(x - 90, y)])
    width = phone.evaluate(WIDTH)
    touch("touchMove", [(x - 20, y)])
    assert phone.evaluate(WIDTH) == width
    touch("touchEnd", [])


def test_a_pad_zooms_out_by_two_fingers_too(opened: Page) -> None:
    box = opened.locator(".block").nth(4).bounding_box()
    assert box is not None
    # What a pad reports of two fingers: many small turns of a wheel with Ctrl.
    session = opened.context.new_cdp_session(opened)
    place = {"x": box["x"] + 4, "y": box["y"] + box["height"] / 2}
    for _ in range(12):
        session.send(
            "Input.dispatchMouseEvent",
            {"type": "mouseWheel", **place, "deltaX": 0, "deltaY": 12, "modifiers": 2},
        )
    until(opened, f"width => {WIDTH} < 0.8 * width", arg=box["width"])
    assert opened.evaluate("visualViewport.scale") == 1
    assert opened.evaluate("devicePixelRatio") == 1


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


def test_axe_finds_nothing_in_a_network_with_branches(page: Page, address: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script(path=str(AXE))
    page.goto(f"{address}?image=3&layer=stem&sheet=large")
    expect(page.locator("#sheet-note")).to_contain_text("not stored")
    expect(page.locator(".navigator-canvas")).to_be_visible()
    expect(page.locator(".cluster-table .ag-row").first).to_be_visible()
    assert found_in_both(page) == []
