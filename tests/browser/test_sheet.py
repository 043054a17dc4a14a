"""All maps of the open layer at once: which, in what order, by pointer, keyboard and link."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import stores
from tests.browser.conftest import imported

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

IMAGE, LAYER = 5, 2
OFFSET, FILTERS = sum(stores.FILTERS[:LAYER]), stores.FILTERS[LAYER]


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("sheet") / "store.db"
    stores.make_store(path, 64)
    return serve_to_all(path)


@pytest.fixture
def opened(page: Page, address: str) -> Page:
    page.goto(f"{address}?image={IMAGE}")
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    page.locator(".block-name").nth(LAYER).click()
    expect(page.locator("#sheet-picture")).to_be_visible()
    return page


def tiles(page: Page) -> list[tuple[float, float]]:
    """Where the tiles stand in the window, in the order of the sheet."""
    box = page.locator("#sheet-picture").bounding_box()
    assert box is not None
    # Square tiles: only one number of columns gives the picture's height.
    wide, high = box["width"], box["height"]
    across = next(n for n in range(1, 999) if abs(-(-FILTERS // n) * wide / n - high) < 0.5)
    size = wide / across
    return [
        (box["x"] + (i % across + 0.5) * size, box["y"] + (i // across + 0.5) * size)
        for i in range(FILTERS)
    ]


def walked(page: Page) -> list[int]:
    """The filters in the order in which the tips of the tiles name them."""
    found = []
    for x, y in tiles(page):
        page.mouse.move(x, y)
        text = page.locator("#tip").inner_text()
        match = re.search(r"conv3 · filter (\d+)", text)
        assert match, text
        found.append(int(match.group(1)))
    page.mouse.move(2, 2)
    return found


def test_the_sheet_shows_every_map_beside_the_blocks(opened: Page) -> None:
    made = stores.truth(64)
    expect(opened.locator("#sheet-title")).to_have_text(f"{FILTERS} maps")
    sheet = opened.locator("#sheet").bounding_box()
    assert sheet is not None
    for block in opened.locator(".block").all():
        box = block.bounding_box()
        assert box is not None
        apart = (
            sheet["x"] >= box["x"] + box["width"]
            or box["x"] >= sheet["x"] + sheet["width"]
            or sheet["y"] >= box["y"] + box["height"]
            or box["y"] >= sheet["y"] + sheet["height"]
        )
        assert apart, (sheet, box)
    assert walked(opened) == list(range(FILTERS))
    # A tile's four places have the colours of the stored codes: the largest is the deepest.
    codes = made.codes[LAYER][IMAGE]
    for filter_, (x, y) in enumerate(tiles(opened)):
        light = opened.evaluate(
            """([x, y, size]) => {
              const canvas = document.getElementById("sheet-picture");
              const box = canvas.getBoundingClientRect();
              const at = (dx, dy) => [...canvas.getContext("2d").getImageData(
                (x - box.left + dx * size) * canvas.width / box.width,
                (y - box.top + dy * size) * canvas.height / box.height, 1, 1).data];
              const sum = ([r, g, b]) => r + g + b;
              return [[-1, -1], [1, -1], [-1, 1], [1, 1]].map(([dx, dy]) => sum(at(dx, dy)));
            }""",
            [x, y, 8],
        )
        assert np.argmin(light) == np.argmax(codes[filter_].ravel()), filter_


def test_by_gap_and_by_cluster(opened: Page) -> None:
    gap = stores.truth(64).gap[IMAGE, OFFSET : OFFSET + FILTERS]
    opened.get_by_label("Order of the maps").select_option("gap")
    expect(opened).to_have_url(re.compile("order=gap"))
    assert walked(opened) == sorted(range(FILTERS), key=lambda i: (-gap[i], i))
    expect(opened.locator(".cluster-table .ag-row").first).to_be_visible()
    opened.get_by_label("Order of the maps").select_option("cluster")
    labels = opened.evaluate(
        f"""{imported("live/clusters.mjs")}.then(({{ panel }}) => panel.clusters.labels)"""
    )
    found = walked(opened)
    assert sorted(found) == list(range(FILTERS))
    parts = [labels[filter_] for filter_ in found]
    changes = sum(a != b for a, b in itertools.pairwise(parts))
    assert changes == len(set(parts)) - 1
    sizes = [parts.count(label) for label in dict.fromkeys(parts) if label >= 0]
    assert sizes == sorted(sizes, reverse=True)


def test_hover_pin_link_and_keys(opened: Page) -> None:
    x, y = tiles(opened)[3]
    opened.mouse.move(x, y)
    expect(opened.locator(".map-picture")).to_have_attribute("data-address", "conv3:3")
    expect(opened.locator(".block").nth(LAYER).locator(".ring:not(.pin)")).to_be_visible()
    opened.mouse.click(x, y)
    expect(opened).to_have_url(re.compile("filter=conv3%3A3"))
    expect(opened.locator(".sheet-ring.pin")).to_be_visible()
    opened.locator("#sheet-maps").focus()
    opened.keyboard.press("Home")
    opened.keyboard.press("ArrowRight")
    expect(opened.locator("#sheet-spoken")).to_contain_text("conv3 · filter 1")
    opened.keyboard.press("Enter")
    expect(opened).to_have_url(re.compile("filter=conv3%3A1"))
    opened.mouse.dblclick(x, y)
    expect(opened).to_have_url(re.compile(r"/filter/\?.*layer=conv3&filter=3"))


def test_it_is_made_larger_and_put_away_and_the_link_knows(opened: Page) -> None:
    small = opened.locator("#sheet").bounding_box()
    opened.get_by_role("button", name="Larger").click()
    expect(opened).to_have_url(re.compile("sheet=large"))
    large = opened.locator("#sheet").bounding_box()
    assert small is not None
    assert large is not None
    assert large["height"] != small["height"]
    opened.keyboard.press("a")
    expect(opened.locator("#sheet-picture")).to_be_hidden()
    expect(opened).to_have_url(re.compile("sheet=off"))
    opened.goto(opened.url)
    expect(opened.get_by_role("button", name=f"All {FILTERS} maps of conv3")).to_be_visible()
    expect(opened.locator("#sheet-picture")).to_be_hidden()
    opened.keyboard.press("a")
    expect(opened.locator("#sheet-picture")).to_be_visible()


def test_an_image_without_maps_says_so(page: Page, serve: Serve, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 16, maps=False)
    page.goto(serve(tmp_path / "store.db") + "?image=3&layer=conv3")
    expect(page.locator("#sheet-note")).to_contain_text("not stored")
