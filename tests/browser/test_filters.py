"""Filters in the grid: colour, value, feature map, keyboard, themes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import stores
from tests.browser.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

MAP = ".map-picture"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("few") / "store.db"


@pytest.fixture(scope="module")
def made(store: Path) -> stores.Truth:
    return stores.make_store(store, 8)


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path, made: stores.Truth) -> str:
    return serve_to_all(store)


@pytest.fixture
def shown(page: Page, address: str) -> Page:
    """The page at the last of eight images."""
    page.goto(address)
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    return page


def darkness(page: Page, layer: int) -> list[int]:
    """Return how dark each cell of a layer is."""
    fills = page.locator(f"[data-layer='{layer}'] .cell").evaluate_all(
        "cells => cells.map(cell => cell.getAttribute('fill').match(/\\d+/g).map(Number))"
    )
    return [765 - sum(rgb) for rgb in fills]


def map_rgb(page: Page) -> np.ndarray:
    """Return the feature map on the page, ``(height, width, 3)``."""
    width, height, data = page.locator(MAP).evaluate(
        """c => [c.width, c.height,
          [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]"""
    )
    return np.array(data).reshape(height, width, 4)[..., :3]


def test_deep_is_large_in_every_layer(shown: Page, made: stores.Truth) -> None:
    for layer in stores.layers():
        gap = made.gap[7, layer.offset : layer.offset + layer.filters]
        dark = np.array(darkness(shown, layer.position))
        assert np.all(np.diff(dark[np.argsort(gap)]) >= 0)
        assert dark[0] == dark.min()


def test_one_scale_for_the_whole_network(shown: Page, made: stores.Truth) -> None:
    shown.get_by_text("Whole network").click()
    expect(shown.locator(".legend-title")).to_have_text("GAP, whole network")
    dark = np.concatenate([darkness(shown, i) for i in range(3)])
    assert np.all(np.diff(dark[np.argsort(made.gap[7], kind="stable")]) >= -3)
    assert "scale=network" in shown.url


def test_names_and_counts_stand_above_the_blocks(shown: Page) -> None:
    expect(shown.locator(".block-title")).to_have_text(["conv1", "conv2", "conv3"])
    expect(shown.locator(".block-filters")).to_have_text(["6", "8", "16"])
    for block in shown.locator(".block").all():
        name = block.locator(".block-name").bounding_box()
        cells = block.locator(".block-cells").bounding_box()
        assert name is not None
        assert cells is not None
        assert name["y"] + name["height"] <= cells["y"] + 1


def test_hovering_shows_value_address_and_map_and_leaving_hides_them(
    shown: Page, made: stores.Truth
) -> None:
    shown.locator("#cell-1-5").hover(force=True)
    value = made.gap[7, 6 + 5]
    expect(shown.locator("#tip")).to_contain_text(re.compile(r"^conv2 · filter 5 · GAP \d"))
    text = shown.locator("#tip div").first.text_content() or ""
    assert float(text.rsplit(" ", 1)[1]) == pytest.approx(value, rel=0.05)
    expect(shown.locator(MAP)).to_be_visible()
    expect(shown.locator(MAP)).to_have_attribute("data-address", "conv2:5")
    codes = made.codes[1][7, 5]
    rgb = map_rgb(shown)
    assert rgb.shape == (4, 4, 3)
    order = np.argsort(codes.ravel())
    assert np.all(np.diff(765 - rgb.sum(axis=2).ravel()[order]) >= 0)
    shown.mouse.move(640, 690)
    expect(shown.locator(MAP)).to_be_hidden()
    expect(shown.locator("#tip")).to_be_hidden()


def test_the_map_stands_right_above_its_block(shown: Page) -> None:
    for layer in range(3):
        shown.locator(f"#cell-{layer}-1").hover(force=True)
        expect(shown.locator(MAP)).to_have_attribute("data-address", f"conv{layer + 1}:1")
        picture = shown.locator(".map").bounding_box()
        block = shown.locator(f".block[data-layer='{layer}']").bounding_box()
        assert picture is not None
        assert block is not None
        assert abs(picture["y"] + picture["height"] - block["y"]) <= 4
        assert picture["x"] < block["x"] + block["width"]
        assert block["x"] < picture["x"] + picture["width"]
        assert picture["y"] >= 46


def test_a_click_pins_the_map_and_the_link_brings_it_back(shown: Page) -> None:
    shown.locator("#cell-0-2").click(force=True)
    shown.mouse.move(640, 690)
    expect(shown.locator(MAP)).to_have_attribute("data-address", "conv1:2")
    expect(shown.locator(MAP)).to_be_visible()
    shown.keyboard.press("ArrowLeft")
    expect(shown.locator(".caption-title")).to_have_text("Image 6")
    expect(shown.locator(MAP)).to_be_visible()
    shown.goto(shown.url)
    expect(shown.locator(MAP)).to_have_attribute("data-address", "conv1:2")
    expect(shown.locator(MAP)).to_be_visible()
    shown.keyboard.press("Escape")
    expect(shown.locator(MAP)).to_be_hidden()


def image_rgb(page: Page) -> np.ndarray:
    data = page.locator("#image").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    return np.array(data).reshape(8, 8, 4)[..., :3]


def test_the_image_is_shown_and_dimmed_where_the_filter_is_silent(
    shown: Page, made: stores.Truth
) -> None:
    until(shown, "document.getElementById('image').width === 8")
    assert np.array_equal(image_rgb(shown), made.pixels[7])
    shown.locator("#cell-0-4").hover(force=True)
    expect(shown.locator(MAP)).to_have_attribute("data-address", "conv1:4")
    keep = 1 - 0.7 * (1 - made.codes[0][7, 4] / 255)
    expected = made.pixels[7] * keep[..., None]
    assert np.abs(image_rgb(shown) - expected).max() <= 1
    shown.mouse.move(640, 690)
    expect(shown.locator(MAP)).to_be_hidden()
    assert np.array_equal(image_rgb(shown), made.pixels[7])


def test_filters_by_keyboard(shown: Page) -> None:
    cells = shown.locator(".block-cells[data-layer='1']")
    shown.locator(".block-name").nth(1).focus()
    shown.keyboard.press("Tab")
    expect(cells).to_be_focused()
    expect(shown.locator("#tip")).to_contain_text("conv2 · filter 0")
    shown.keyboard.press("ArrowRight")
    expect(shown.locator("#tip")).to_contain_text("conv2 · filter 1")
    expect(cells).to_have_attribute("aria-activedescendant", "cell-1-1")
    shown.keyboard.press("Enter")
    assert "filter=conv2%3A1" in shown.url
    for _ in range(7):
        shown.keyboard.press("ArrowRight")
    expect(shown.locator("#tip")).to_contain_text("conv3 · filter")
    shown.keyboard.press("c")
    expect(shown.locator("#panel-title")).to_have_text("Clusters of conv3")
    expect(shown.locator(".caption-title")).to_have_text("Image 7")


def test_light_and_dark(shown: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    fill = shown.locator("#cell-0-1").get_attribute("fill")
    light = shown.evaluate(ground)
    shown.get_by_role("button", name="Switch between light and dark").click()
    expect(shown.locator("#cell-0-1")).not_to_have_attribute("fill", fill or "")
    assert sum(map(int, re.findall(r"\d+", shown.evaluate(ground)))) < 150
    shown.reload()
    expect(shown.locator("#cell-0-1")).to_be_visible()
    assert shown.evaluate(ground) != light


def test_the_page_explains_itself(shown: Page) -> None:
    shown.get_by_role("button", name="How to read this").click()
    dialog = shown.get_by_role("dialog")
    expect(dialog).to_contain_text("spatial mean")
    expect(dialog).to_contain_text("Escape")
    shown.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
