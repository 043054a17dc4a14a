"""A first visit: an image that has something to show, and three steps that end in a find."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.db import RunWriter, StoreReader
from reactcnn_dash.results.deviations.scores import RATE, SCORES, bring_up_to_date
from tests import colourful, stores
from tests.browser.test_accessibility import AXE, found_in_both
from tests.browser.test_steady import boxes
from tests.browser.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

ALL = sum(stores.FILTERS)
LAYER, FILTER = colourful.RED


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one run that has its scores; what is worked out from it is all that is added."""
    path = tmp_path_factory.mktemp("visit") / "store.db"
    colourful.write(path)
    bring_up_to_date(str(path), 1)
    return path


def odd_of(path: Path) -> list[int]:
    reader = StoreReader(str(path))
    scores = SCORES.find(reader, reader.run(1))
    assert scores is not None
    return [int(one) for one in scores.odd(RATE)]


def tour(page: Page) -> Any:
    return page.get_by_role("dialog", name=re.compile("."))


def text(page: Page) -> Any:
    return page.locator("#tour-text")


def next_(page: Page) -> Any:
    return page.locator("#tour-next")


def cell_centre(page: Page, layer: int, filter_: int) -> tuple[float, float]:
    box = page.locator(f"#cell-{layer}-{filter_}").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def inside(page: Page, card: str = "#tour") -> None:
    """The card stands whole in the window, and leaves free what it tells of."""
    overlap = page.evaluate(
        """(card) => {
          const [a, b] = [card, "#tour-mark"].map((one) =>
            document.querySelector(one).getBoundingClientRect());
          const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          const whole = a.right <= innerWidth && a.bottom <= innerHeight;
          const covered = across > 0 && down > 0 && b.width < 200 ? across * down : 0;
          return [whole && a.left >= 0 && a.top >= 0, covered];
        }""",
        card,
    )
    assert overlap == [True, 0]


def test_the_tour_goes_from_a_filter_by_a_cluster_to_a_find(
    newcomer: Page, serve: Serve, scored: Path
) -> None:
    newcomer.goto(serve(scored))
    expect(newcomer.locator("#tour")).to_be_visible()
    expect(newcomer.locator("#tour-title")).to_have_text("Point here")
    expect(text(newcomer)).to_contain_text(f"filter {FILTER} of conv1. It answers to red")
    expect(newcomer.locator("#tour-place")).to_have_text("1 of 3")
    inside(newcomer)
    # By doing what is asked, not by the card's button.
    expect(newcomer.locator(".cell[fill]")).to_have_count(ALL)
    newcomer.mouse.move(*cell_centre(newcomer, LAYER, FILTER))
    expect(newcomer.locator("#tour-title")).to_have_text(f"conv1 · filter {FILTER}")
    expect(newcomer.locator(".map")).to_be_visible()
    next_(newcomer).click()
    expect(newcomer.locator("#tour-title")).to_have_text("Click this layer")
    expect(text(newcomer)).to_contain_text("of the 16 filters of conv3 move together")
    inside(newcomer)
    newcomer.locator(".block-name").nth(2).click()
    expect(newcomer.locator("#tour-title")).to_contain_text("filters move together")
    size = int((newcomer.locator("#tour-title").text_content() or "").split()[0])
    expect(newcomer.locator(".cell.red")).to_have_count(size)
    next_(newcomer).click()
    expect(newcomer.locator("#tour-title")).to_have_text("Press O")
    odd = odd_of(scored)
    expect(text(newcomer)).to_contain_text(f"{len(odd)} image")
    newcomer.keyboard.press("o")
    expect(newcomer.locator("#tour-title")).to_have_text(re.compile(r"Image \d+ is odd"))
    number = int(re.findall(r"\d+", newcomer.locator("#tour-title").text_content() or "")[0])
    assert number in odd
    expect(text(newcomer)).to_contain_text(
        re.compile("stands out most|together they do|strays most")
    )
    expect(newcomer.locator("#standing-out")).to_be_visible()
    expect(newcomer).to_have_url(re.compile(rf"image={number}\b.*mode=deviation"))
    expect(next_(newcomer)).to_have_text("Done")
    next_(newcomer).click()
    expect(newcomer.locator("#tour")).to_be_hidden()
    expect(newcomer.locator("#tour-mark")).to_be_hidden()


def test_it_is_walked_through_by_keyboard_alone_and_never_comes_again(
    newcomer: Page, serve: Serve, scored: Path
) -> None:
    address = serve(scored)
    newcomer.goto(address)
    expect(next_(newcomer)).to_be_focused()
    expect(next_(newcomer)).to_have_text("Show me")
    newcomer.keyboard.press("Enter")
    expect(newcomer.locator("#tour-title")).to_have_text(f"conv1 · filter {FILTER}")
    newcomer.keyboard.press("ArrowRight")
    expect(newcomer.locator("#tour-title")).to_have_text("Click this layer")
    newcomer.keyboard.press("ArrowLeft")
    expect(newcomer.locator("#tour-place")).to_have_text("1 of 3")
    newcomer.keyboard.press("ArrowRight")
    newcomer.keyboard.press("ArrowRight")
    newcomer.keyboard.press("Enter")
    expect(newcomer.locator(".cell.red").first).to_be_attached()
    newcomer.keyboard.press("Escape")
    expect(newcomer.locator("#tour")).to_be_hidden()
    # It took no more than itself: the layer is open still.
    expect(newcomer).to_have_url(re.compile("layer=conv3"))
    newcomer.goto(address)
    expect(newcomer.locator(".cell[fill]")).to_have_count(ALL)
    newcomer.wait_for_load_state("networkidle")
    expect(newcomer.locator("#tour")).to_be_hidden()
    expect(newcomer).not_to_have_url(re.compile("image="))
    # The help brings it back.
    newcomer.locator("#help-button").click()
    newcomer.get_by_role("button", name="Show the tour").click()
    expect(newcomer.locator("#help")).to_be_hidden()
    expect(newcomer.locator("#tour-title")).to_have_text("Point here")
    newcomer.locator("#tour-skip").click()
    expect(newcomer.locator("#tour")).to_be_hidden()


def test_it_opens_on_an_image_that_has_something_to_show_and_moves_nothing(
    newcomer: Page, serve: Serve, scored: Path
) -> None:
    newcomer.goto(serve(scored))
    expect(newcomer.locator(".cell[fill]")).to_have_count(ALL)
    expect(newcomer).to_have_url(re.compile(r"image=\d+"))
    expect(newcomer.locator("#tour")).to_be_visible()
    before = boxes(newcomer)
    newcomer.keyboard.press("Escape")
    expect(newcomer.locator("#tour")).to_be_hidden()
    assert boxes(newcomer) == before


@pytest.mark.parametrize("query", ["image=3", "run=1&layer=conv2", "filter=conv1:2", "search=all"])
def test_a_link_is_followed_and_no_tour_begins(
    newcomer: Page, serve: Serve, scored: Path, query: str
) -> None:
    newcomer.goto(f"{serve(scored)}?{query}")
    expect(newcomer.locator(".cell[fill]")).to_have_count(ALL)
    newcomer.wait_for_load_state("networkidle")
    expect(newcomer.locator("#tour")).to_be_hidden()
    expect(newcomer).to_have_url(re.compile(re.escape(query).replace(":", "(:|%3A)")))


def test_it_waits_while_a_run_is_collected_and_begins_once_that_is_over(
    newcomer: Page, serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    made = colourful.colourful(64)
    with RunWriter.begin(str(path), stores.new_run("live", 64)) as writer:
        stores.append(writer, made, 0, 32)
        newcomer.goto(serve(path))
        expect(newcomer.locator("#image-caption")).to_contain_text("Image 31")
        stores.append(writer, made, 32, 64)
        # It follows the run as it would for anybody else.
        expect(newcomer.locator("#image-caption")).to_contain_text("Image 63")
        expect(newcomer.locator("#tour")).to_be_hidden()
        writer.finish()
    expect(newcomer.locator("#tour")).to_be_visible()


def test_without_odd_images_it_ends_at_a_wrong_one_and_without_labels_before(
    newcomer: Page, serve: Serve, tmp_path: Path
) -> None:
    stores.make_store(tmp_path / "few.db", 6)
    newcomer.goto(serve(tmp_path / "few.db"))
    expect(newcomer.locator("#tour-place")).to_have_text("1 of 2")
    # Six images are too few to say what a filter answers to.
    expect(text(newcomer)).to_contain_text("it answers most to this image")
    newcomer.keyboard.press("ArrowRight")
    newcomer.keyboard.press("ArrowRight")
    expect(newcomer.locator("#tour-title")).to_have_text("Press M")
    newcomer.keyboard.press("m")
    expect(newcomer.locator("#tour-title")).to_contain_text("is misclassified")
    expect(text(newcomer)).to_contain_text("the network says")


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_axe_finds_nothing_at_any_step_and_the_card_stands_in_the_window(
    newcomer: Page, serve: Serve, scored: Path, size: tuple[int, int]
) -> None:
    newcomer.set_viewport_size({"width": size[0], "height": size[1]})
    newcomer.emulate_media(reduced_motion="reduce")
    newcomer.add_init_script(path=str(AXE))
    newcomer.goto(serve(scored))
    for step, title in enumerate(("Point here", "Click this layer", "Press O")):
        expect(newcomer.locator("#tour-title")).to_have_text(title)
        expect(newcomer.locator("#tour-mark")).to_be_in_viewport()
        inside(newcomer)
        assert found_in_both(newcomer) == [], step
        next_(newcomer).click()
        expect(newcomer.locator("#tour-title")).not_to_have_text(title)
        expect(newcomer.locator("#tour-mark")).to_be_in_viewport()
        if step == 1:
            expect(newcomer.locator(".cluster-table .ag-row").first).to_be_visible()
        inside(newcomer)
        newcomer.wait_for_load_state("networkidle")
        assert found_in_both(newcomer) == [], step
        next_(newcomer).click()
    expect(newcomer.locator("#tour")).to_be_hidden()
    assert newcomer.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_a_term_is_explained_where_it_stands(page: Page, serve: Serve, scored: Path) -> None:
    page.goto(serve(scored) + "?image=3&mode=deviation")
    gap = page.locator(".odd-rate .term")
    expect(gap).to_have_text("false alarms")
    told = page.get_by_role("tooltip").filter(has_text="usual images that may be called odd")
    gap.hover()
    expect(told).to_be_visible()
    expect(gap).to_have_attribute("aria-describedby", "explanation")
    # The pointer may go onto it, and it goes with the pointer.
    told.hover()
    expect(told).to_be_visible()
    page.mouse.move(5, 500)
    expect(told).to_be_hidden()
    gap.focus()
    expect(told).to_be_visible()
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()
    # Escape meant the explanation alone.
    expect(page).to_have_url(re.compile("mode=deviation"))
    strange = page.locator("#standing-out .term", has_text="strangeness")
    strange.first.click()
    expect(page.locator("#explanation")).to_contain_text("0 is usual")
    page.locator("#image-caption").click()
    expect(page.locator("#explanation")).to_be_hidden()


EXPLAINED = """(terms) => {
  const shown = [...document.querySelectorAll(terms)].find(term => term.checkVisibility());
  shown?.focus();
  return shown === document.activeElement && !document.getElementById("explanation").hidden;
}"""


@pytest.mark.parametrize(
    ("path", "terms"),
    [
        ("?image=3", {"GAP"}),
        ("?image=3&layer=conv3&method=leiden-cpm", {"GAP", "CPM", "τ"}),
        ("?image=3&layer=conv3", {"modularity", "γ"}),
        ("?image=3&layer=conv3&subset=from-0.to-99", {"ARI", "r"}),
        ("redundancy/?run=1&layer=conv3", {"r", "R²", "τ", "effective rank", "spatial r"}),
        ("filter/?run=1&layer=conv1&filter=1", {"GAP", "selectivity"}),
    ],
)
def test_each_word_is_explained_on_the_page_that_says_it(
    page: Page, serve: Serve, scored: Path, path: str, terms: set[str]
) -> None:
    page.goto(serve(scored) + path)
    for term in terms:
        # What it stands in may be written anew when clusters come, and the focus is gone with it.
        until(page, EXPLAINED, arg=f'main .term[data-term="{term}"]', every=100)
