"""Back leads to what was seen before, and links that cannot be honoured say so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.pages.registry import PAGES
from tests import redundant, stores

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Serve


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("history") / "store.db"
    made = stores.truth(70)
    made.gap[:, 14:] *= 9
    stores.make_store(path, 70, name="monday", made=made)
    redundant.write(path, redundant.planted(), name="tuesday")
    return serve_to_all(path)


@pytest.fixture
def live(page: Page, address: str) -> Page:
    page.goto(f"{address}runs/")
    page.goto(f"{address}?run=1&image=7")
    expect(page.locator(".caption-title")).to_have_text("Image 7")
    return page


def query(page: Page) -> str:
    found: str = page.evaluate("location.search")
    return found


def choose_run(page: Page) -> None:
    page.get_by_role("textbox", name="Run").click()
    page.get_by_role("option", name=re.compile("tuesday")).click()


def slide(page: Page) -> None:
    page.locator("#slider input").focus()
    page.keyboard.press("Home")
    page.locator("body").click(position={"x": 640, "y": 700})


CHANGES: dict[str, Callable[[Page], None]] = {
    "a layer": lambda page: page.locator(".block-name").nth(1).click(),
    "a filter and its layer": lambda page: page.locator("#cell-0-2").click(force=True),
    "the scale": lambda page: page.get_by_text("Whole network").click(),
    "the mode": lambda page: page.keyboard.press("d"),
    "the next image": lambda page: page.keyboard.press("ArrowRight"),
    "the next misclassified": lambda page: page.keyboard.press("m"),
    "the search": lambda page: page.locator("#search-button").click(),
    "the run": choose_run,
    "the slider": slide,
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_person_changes_is_one_entry(live: Page, change: str) -> None:
    before, entries = query(live), live.evaluate("history.length")
    CHANGES[change](live)
    expect(live).not_to_have_url(re.compile(re.escape(before) + "$"))
    assert live.evaluate("history.length") == entries + 1
    after = query(live)
    live.go_back()
    expect(live).to_have_url(re.compile(re.escape(before) + "$"))
    expect(live.locator(".caption-title")).to_have_text("Image 7")
    expect(live.locator("#panel")).not_to_have_class(re.compile("open"))
    live.go_forward()
    expect(live).to_have_url(re.compile(re.escape(after) + "$"))


def test_steps_of_one_key_that_is_held_are_one_entry(live: Page) -> None:
    entries = live.evaluate("history.length")
    for _ in range(5):
        live.keyboard.down("ArrowRight")
    live.keyboard.up("ArrowRight")
    expect(live.locator(".caption-title")).to_have_text("Image 12")
    assert live.evaluate("history.length") == entries + 1
    live.keyboard.press("ArrowRight")
    live.keyboard.press("ArrowRight")
    assert live.evaluate("history.length") == entries + 3
    live.go_back()
    expect(live.locator(".caption-title")).to_have_text("Image 13")


def test_the_scale_comes_back_with_its_colours(live: Page) -> None:
    cells = "all => all.map(one => one.getAttribute('fill'))"
    before = live.locator(".cell").evaluate_all(cells)
    live.get_by_text("Whole network").click()
    expect(live).to_have_url(re.compile("scale=network"))
    assert live.locator(".cell").evaluate_all(cells) != before
    live.go_back()
    expect(live.locator("#legend")).to_contain_text("each layer on its own scale")
    assert live.locator(".cell").evaluate_all(cells) == before


def test_playing_is_no_entry(live: Page) -> None:
    live.goto(live.url.replace("image=7", "image=66"))
    expect(live.locator(".caption-title")).to_have_text("Image 66")
    entries = live.evaluate("history.length")
    live.keyboard.press(" ")
    expect(live.locator(".caption-title")).to_have_text("Image 69")
    expect(live.get_by_role("button", name="Play on, or follow live")).to_be_visible()
    assert live.evaluate("history.length") <= entries + 1


IN_VAIN = {
    "?run=1&image=5000": ("no image 5000: its images are 0 to 69", r"image=69$"),
    "?run=1&image=70": ("Image 69 is the nearest", r"image=69$"),
    "?run=1&image=-5": ("Nothing is meant by image=-5", ""),
    "?run=1&image=abc": ("Nothing is meant by image=abc", ""),
    "?run=1&layer=conv1&parameter=9": ("γ lies between 0.5 and 4, not at 9; this is 4", ""),
    "?run=1&layer=conv1&method=leiden-cpm&parameter=9": ("τ lies between 0.05 and 0.95", ""),
    "?run=1&method=magic": ("Nothing is meant by method=magic", ""),
    "?run=1&layer=conv99": ("The run has no layer conv99.", r"\?run=1$"),
    "?run=1&filter=conv9:1": ("The run has no filter conv9:1.", r"\?run=1$"),
    "?run=1&filter=conv1:99": ("no filter conv1:99. conv1:5 is the nearest", r"filter=conv1%3A5$"),
    "?run=1&layer=conv1&cluster=77": ("conv1 has no cluster 77", r"layer=conv1$"),
    "redundancy/?run=2&threshold=9": ("τ lies between 0.05 and 0.95, not at 9", ""),
    "redundancy/?run=2&layer=nothing": ("The run has no layer nothing.", r"\?run=2$"),
    "redundancy/?run=2&layer=conv1&cluster=77": ("conv1 has no cluster 77", r"layer=conv1$"),
    "compare/?a=1&b=x": ("Nothing is meant by b=x", ""),
    "filter/?run=1&layer=nothing": ("no layer", r"layer=conv1&filter=0$"),
    "filter/?run=1&layer=nothing&filter=3": ("conv1:0 is the nearest", r"layer=conv1&filter=0$"),
    "filter/?run=1&layer=conv1&filter=99": ("has 6 filters: 0 to 5", r"layer=conv1&filter=5$"),
}


@pytest.mark.parametrize("link", IN_VAIN)
def test_a_link_in_vain_says_so_and_shows_the_nearest(page: Page, address: str, link: str) -> None:
    said, there = IN_VAIN[link]
    page.goto(address + link)
    expect(page.locator("#notice")).to_contain_text(said)
    if there:
        expect(page).to_have_url(re.compile(there))
    if link.startswith("?"):
        # Something is shown all the same, and no cell is without its colour.
        expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
        expect(page.locator("#panel")).not_to_have_class(re.compile("busy"))


@pytest.mark.parametrize(("typed", "shown"), [("-5", 0), ("5000", 69), ("12.4", 12)])
def test_a_number_that_is_typed_in_vain_says_so(live: Page, typed: str, shown: int) -> None:
    live.locator("#ordinal").fill(typed)
    live.keyboard.press("Enter")
    expect(live.locator(".caption-title")).to_have_text(f"Image {shown}")
    expect(live.locator("#notice")).to_contain_text(
        f"The images of this run are 0 to 69: {typed} is none. This is the nearest."
    )
    assert f"image={shown}" in live.url


@pytest.mark.parametrize("path", ["nothing", "runs/nothing", "compare/a/b", "live"])
def test_an_address_without_a_page_leads_to_those_that_are(
    page: Page, address: str, path: str
) -> None:
    answer = page.request.get(address + path, headers={"Accept": "text/html"})
    assert answer.status == 404
    page.set_content(answer.text())
    expect(page.get_by_role("heading")).to_have_text("There is no page at this address")
    links = page.get_by_role("link").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert links == [one.path for one in PAGES if one.listed]
