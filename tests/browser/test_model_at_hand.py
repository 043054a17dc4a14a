"""What the live page asks a run's own model: with a real server, a real process, a real model."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.at_hand import make_runs
from tests.browser.conftest import start_server, stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.process

LOADING_MS = 120_000
"""How long a model may take to load, beside other tests."""

CELL_COLOURS = """() => [...document.querySelectorAll("[id^='cell-1-']")]
    .map((cell) => cell.getAttribute("fill"))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(tmp_path_factory.mktemp("at-hand"))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """One server for all, so that the model of a run is loaded once."""
    process, address = start_server(folder / "store.db")
    yield address
    stop(process)


def test_filters_are_switched_off_and_on_again(page: Page, address: str, folder: Path) -> None:
    true = json.loads((folder / "truth.json").read_text())
    page.goto(f"{address}?run=2&image=3&filter=first:1")
    expect(page.locator(".cell[fill]")).to_have_count(12)
    before = page.evaluate(CELL_COLOURS)
    panel = page.get_by_role("region", name="What if filters are switched off")
    expect(panel).to_be_hidden()
    # By keyboard alone: open, switch the pinned filter off.
    page.keyboard.press("w")
    expect(panel).to_be_visible()
    page.keyboard.press("x")
    expect(panel.get_by_role("status").first).to_contain_text("Loading the model")
    expect(panel.locator("#what-if-verdict")).to_contain_text("Image 3", timeout=LOADING_MS)
    # A second one by the cell that has the focus.
    page.locator("#cell-0-4").hover(force=True)
    page.keyboard.press("x")
    expect(panel.get_by_text("2 filters off")).to_be_visible()
    rows = panel.get_by_role("listitem")
    expect(rows).to_have_count(3)
    for row, one, other in zip(rows.all(), true["before"], true["zero"], strict=True):
        expect(row).to_contain_text(f"{100 * other:.1f} %")
        expect(row).to_contain_text(f"{100 * one:.1f}")
    assert "off=0%3A1%2C4" in page.url
    expect(page.locator("#legend")).to_contain_text("GAP moved")
    assert page.evaluate(CELL_COLOURS) != before
    page.locator("#cell-1-2").hover(force=True)
    expect(page.locator("#tip")).to_contain_text("moved by")
    # Replaced by their mean, over all images of the run.
    panel.get_by_label("their mean").check()
    panel.get_by_role("button", name="Measure the accuracy").click()
    right, right_after = true["right"] / 70, true["rightAfter"] / 70
    accuracy = f"{100 * right:.1f} % → {100 * right_after:.1f} %"
    expect(panel.locator(".what-if-accuracy")).to_contain_text(accuracy)
    expect(panel).to_contain_text(f"The prediction of {true['same']} of 70 images stays")
    panel.get_by_role("button", name="Switch first · filter 4 on again").click()
    expect(panel.get_by_text("1 filter off")).to_be_visible()
    # A link brings the same view.
    page.reload()
    expect(panel.get_by_text("1 filter off")).to_be_visible()
    expect(panel.get_by_label("their mean")).to_be_checked()
    expect(panel.locator("#what-if-verdict")).to_be_visible()
    panel.get_by_role("button", name="Back to the network as it is").click()
    expect(page.locator("#legend")).not_to_contain_text("GAP moved")
    assert page.evaluate(CELL_COLOURS) == before
    page.keyboard.press("w")
    expect(panel).to_be_hidden()


def test_grad_cam_lies_on_the_image_until_it_is_taken_off(page: Page, address: str) -> None:
    pixels = "() => document.getElementById('image').toDataURL()"
    page.goto(f"{address}?run=2&image=3")
    expect(page.locator(".cell[fill]")).to_have_count(12)
    expect(page.locator("#image")).to_have_attribute("width", "8")
    plain = page.evaluate(pixels)
    page.keyboard.press("g")
    panel = page.get_by_role("group", name="Grad-CAM")
    done = re.compile("speaks? for")
    expect(panel.get_by_role("status")).to_contain_text(done, timeout=LOADING_MS)
    seen = set()
    for number in range(3):
        panel.get_by_label("Class that the light speaks for").select_option(str(number))
        expect(panel.get_by_role("status")).to_contain_text(
            re.compile(f"speaks? for class {number}")
        )
        seen.add(page.evaluate(pixels))
    assert len(seen) > 1
    panel.get_by_label("Layer that the light is of").select_option("first")
    expect(panel.get_by_role("status")).to_contain_text(done)
    assert "cam=2" in page.url
    panel.get_by_role("button", name="Grad-CAM").click()
    expect(panel.get_by_role("status")).to_have_count(0)
    assert page.evaluate(pixels) == plain


def test_a_cell_of_a_map_shows_what_it_sees(page: Page, address: str) -> None:
    page.goto(f"{address}?run=2&image=3&filter=second:2")
    picture = page.locator(".map-picture")
    expect(picture).to_be_visible()
    # The second layer's cells see 5 × 5; that of row 2, column 3 begins at row 1, column 2.
    box = picture.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 3.5 / 6, box["y"] + box["height"] * 2.5 / 6)
    expect(page.locator(".seen-words")).to_have_text("row 2, column 3 sees 5 × 5")
    shares = page.evaluate(
        """() => {
        const [seen, image] = [".seen", "#image"].map((one) =>
            document.querySelector(one).getBoundingClientRect());
        return [seen.left - image.left, seen.top - image.top, seen.width, seen.height]
            .map((one) => Math.round((8 * one) / image.width));
    }"""
    )
    assert shares == [2, 1, 5, 5]
    # By keyboard: from the middle down, one row further.
    page.mouse.move(5, 5)
    expect(page.locator(".seen")).to_be_hidden()
    picture.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".seen-words")).to_have_text("row 4, column 3 sees 5 × 5")
    expect(page.locator(".caption-title")).to_have_text("Image 3")
    # On the filter's page its top images are cut to 5 × 5, less at the edges.
    page.get_by_role("link", name="The page of second · filter 2").click()
    looks = page.locator(".looks canvas")
    expect(looks.first).to_be_visible()
    sizes = looks.evaluate_all("(all) => all.map((one) => [one.height, one.width])")
    assert len(sizes) > 3
    assert all(4 <= side <= 5 for size in sizes for side in size)


def test_maps_that_are_not_stored_are_computed_again(page: Page, address: str) -> None:
    page.goto(f"{address}?run=1&image=3&filter=first:2")
    caption = page.locator(".map-caption")
    expect(caption).to_contain_text("not stored")
    page.get_by_role("button", name="compute").click()
    expect(caption).to_contain_text("…")
    expect(caption).to_contain_text("0 … ", timeout=LOADING_MS)
    # The model is at hand now: the next image's follow by themselves.
    page.keyboard.press("ArrowRight")
    expect(page.locator(".caption-title")).to_have_text("Image 4")
    expect(caption).to_contain_text("0 … ")


def test_a_model_that_is_gone_is_said_in_one_line(page: Page, address: str, folder: Path) -> None:
    here = folder / "small.keras"
    kept = here.read_bytes()
    here.unlink()
    try:
        page.goto(f"{address}?run=2&image=3&off=0:1")
        panel = page.get_by_role("region", name="What if filters are switched off")
        expect(panel).to_contain_text("not on this machine any more: there is no")
        here.write_bytes(kept)
        panel.get_by_role("button", name="Try again").click()
        expect(panel.locator("#what-if-verdict")).to_be_visible(timeout=LOADING_MS)
    finally:
        here.write_bytes(kept)
