"""The slim page: from the curve to a network, its widths, its files and its missing filters."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.results.slimming.prediction import computed_prediction
from reactcnn_dash.vocabulary import SLIM_SHARES
from tests import slimmed, stores
from tests.browser.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

MARKS = "#slim-curve .slim-mark"
ROWS = ".slim-table tbody tr"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, serve_to_all: Serve) -> str:
    path = tmp_path_factory.mktemp("slim") / "store.db"
    slimmed.write(path)
    return serve_to_all(path)


@pytest.fixture
def shown(page: Page, address: str) -> Page:
    page.goto(f"{address}slim/?run=1")
    expect(page.locator(MARKS)).to_have_count(2)
    return page


def test_the_curve_stands_where_the_figures_are(shown: Page) -> None:
    expect(shown.locator("#slim-title")).to_have_text("Accuracy over 12 images of noise")
    expect(shown.locator(".slim-mark.hollow")).to_have_count(1)
    places = """all => all.map(one => {
        const box = one.getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2];
    })"""
    dots = shown.locator(f"{MARKS} .slim-shape").evaluate_all(places)
    [whole] = shown.locator(".slim-whole").evaluate_all(places)
    # 90 and 80 % right: the second lies lower; both are narrower than the whole, which has 92 %.
    assert whole[1] < dots[0][1] < dots[1][1]
    scale = (dots[1][1] - dots[0][1]) / 10
    assert dots[0][1] - whole[1] == pytest.approx(2 * scale, abs=2.5)
    before = dots[0][0]
    assert before < whole[0]
    shown.get_by_text("Images a second", exact=True).click()
    expect(shown).to_have_url(re.compile("against=speed"))
    expect(shown.locator(".slim-axis")).to_have_text("images a second")
    [whole] = shown.locator(".slim-whole").evaluate_all(places)
    dots = shown.locator(f"{MARKS} .slim-shape").evaluate_all(places)
    # Faster is further to the right.
    assert whole[0] < dots[0][0] < dots[1][0]


def test_a_point_opens_its_network_with_its_widths_and_links(shown: Page, address: str) -> None:
    shown.locator(MARKS).first.click()
    expect(shown).to_have_url(re.compile(r"point=1$"))
    card = shown.locator("#slim-point")
    expect(card.locator("h2")).to_have_text("slim-0")
    expect(card).to_contain_text("90.00 % of 12 images right, 92.00 % when whole: −2.00 points")
    for layer, kept in zip(stores.layers(), slimmed.KEPT, strict=True):
        label = f"{layer.name}: {len(kept)} of {layer.filters} filters stay"
        expect(card.get_by_label(label)).to_be_visible()
    hrefs = {
        words: card.get_by_text(words, exact=True).get_attribute("href")
        for words in ("Open its run", "Compare", "Filters that go, in red")
    }
    assert hrefs == {
        "Open its run": "/?run=2",
        "Compare": "/compare/?a=1&b=2",
        "Filters that go, in red": "/?run=1&gone=1",
    }
    with shown.expect_download() as model:
        card.get_by_text("Download model").click()
    assert model.value.path().read_bytes() == b"not read by a page"
    assert model.value.suggested_filename == "slim-0.keras"
    with shown.expect_download() as channels:
        card.get_by_text("Channel map").click()
    assert json.loads(channels.value.path().read_text())["layers"] == slimmed.channels()
    # The other one's file is nowhere: it cannot be downloaded, and that is said.
    shown.locator(MARKS).nth(1).click()
    expect(card.locator("h2")).to_have_text("slim-1")
    expect(card.get_by_text("Download model")).to_have_count(0)
    expect(card).to_contain_text("is not on the machine of this server any more")
    expect(card).to_contain_text("Measured with images that it was slimmed with")


def test_the_filters_that_go_are_red_in_the_live_grid(page: Page, address: str) -> None:
    page.goto(f"{address}?run=1&gone=1")
    expect(page.locator(".cell.gone")).to_have_count(15)
    for layer, kept in enumerate(slimmed.KEPT):
        cells = page.locator(f"[data-layer='{layer}'] .cell")
        gone = cells.evaluate_all("all => all.map(one => one.classList.contains('gone'))")
        assert [i for i, one in enumerate(gone) if not one] == list(kept)
    red = page.locator(".cell.gone").first.evaluate("one => getComputedStyle(one).fill")
    assert red == "rgb(224, 32, 45)"
    expect(page.locator("#notice")).to_contain_text("15 filters that slim-0 goes without")
    page.keyboard.press("Escape")
    expect(page.locator(".cell.gone")).to_have_count(0)
    assert "gone" not in page.url


def test_everything_works_by_keyboard(shown: Page) -> None:
    rows = shown.locator(ROWS)
    rows.first.focus()
    shown.keyboard.press("ArrowDown")
    shown.keyboard.press("Enter")
    expect(shown.locator("#slim-point h2")).to_have_text("slim-0")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    shown.keyboard.press("Escape")
    expect(shown.locator("#slim-point h2")).to_have_text("A network of the curve")
    expect(rows.nth(1)).to_be_focused()
    shown.locator(MARKS).nth(1).focus()
    shown.keyboard.press("Enter")
    expect(shown.locator("#slim-point h2")).to_have_text("slim-1")
    expect(shown.locator(MARKS).nth(1)).to_be_focused()
    expect(shown.locator(MARKS).nth(1)).to_have_attribute("aria-pressed", "true")
    slider = shown.get_by_role("slider", name="Share that may stay, in per cent")
    slider.focus()
    shown.keyboard.press("ArrowLeft")
    expect(shown.locator("#slim-share-value")).to_have_text("24 %")
    expect(shown.locator("#slim-recipe code")).to_contain_text("--parameters 24%")


def test_what_cannot_be_made_here_has_its_command_to_copy(shown: Page) -> None:
    expect(shown.locator(".slim-obstacle")).to_contain_text("The model's file, made up, is not on")
    expect(shown.locator("#slim-try")).to_be_hidden()
    shown.locator("#slim-budget").get_by_text("Multiply-adds").click()
    command = shown.locator("#slim-recipe code")
    expect(command).to_contain_text("--multiply-adds 25%")
    shown.locator("#slim-recipe").get_by_text("Copy", exact=True).click()
    assert shown.evaluate("navigator.clipboard.readText()") == command.inner_text()


def test_a_slim_networks_run_leads_to_the_whole_one(page: Page, address: str) -> None:
    page.goto(f"{address}slim/?run=2")
    expect(page.locator(".slim-origin")).to_contain_text("made of small-cnn")
    page.locator(".slim-origin button").click()
    expect(page.locator(MARKS)).to_have_count(2)


def test_from_redundancy_to_slim_and_dark(page: Page, address: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"{address}redundancy/?run=1")
    page.get_by_text("Slim it", exact=True).click()
    expect(page).to_have_url(re.compile(r"/slim/\?run=1$"))
    expect(page.locator(MARKS)).to_have_count(2)
    page.locator("#color-scheme, .scheme").first.click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "light")
    until(page, "document.fonts.status === 'loaded'")
    expect(page.locator(MARKS)).to_have_count(2)


def test_without_runs_it_says_what_to_do(page: Page, serve: Serve, tmp_path: Path) -> None:
    page.goto(f"{serve(tmp_path / 'none.db')}slim/")
    expect(page.locator("#empty h1")).to_have_text("No runs yet")


def test_without_slim_networks_it_says_what_they_are(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    stores.make_store(tmp_path / "one.db", 8)
    page.goto(f"{serve(tmp_path / 'one.db')}slim/")
    expect(page.locator(".slim-nothing h2")).to_have_text("No slim network was measured yet")
    expect(page.locator("#slim-networks")).to_be_hidden()


def test_the_slider_tells_what_a_budget_leaves(page: Page, serve: Serve, tmp_path: Path) -> None:
    store = slimmed.collect(tmp_path)
    found = computed_prediction(str(store), 1)
    page.goto(f"{serve(store)}slim/")
    columns = page.locator(".slim-column")
    expect(columns).to_have_count(2)

    def check(budget: str, share: int) -> None:
        expect(page.locator("#slim-share-value")).to_have_text(f"{share} %")
        widths = found.widths[budget][SLIM_SHARES.index(share)]
        for i, (width, filters) in enumerate(zip(widths, found.filters, strict=True)):
            words = f"{found.names[i]}: {width} of {filters} filters would stay"
            expect(columns.nth(i)).to_have_attribute("aria-label", re.compile(re.escape(words)))
        left = found.residuals[budget][SLIM_SHARES.index(share)]
        expect(page.locator("#slim-predicted strong")).to_have_text(
            f"{100 * (1 - sum(left) / len(left)):.1f} % explained"
        )

    check("parameters", 25)
    slider = page.get_by_role("slider", name="Share that may stay, in per cent")
    slider.focus()
    page.keyboard.press("End")
    check("parameters", 98)
    page.locator("#slim-budget").get_by_text("Multiply-adds").click()
    check("multiply-adds", 98)
    # Model and images are here: it can be made here.
    expect(page.locator("#slim-try")).to_be_visible()
    expect(page.locator("#slim-recipe")).to_contain_text("The same in a terminal")


def test_without_maps_the_slider_says_so(shown: Page) -> None:
    expect(shown.locator("#slim-predicted")).to_contain_text("feature maps of 12 images are stored")
