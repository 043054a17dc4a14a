"""The page while images arrive, and a person's way through time."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from collector.statistics import rebuild
from reactcnn_dash.db import ImageBatch, NewRun, RunWriter, StoreReader, prune_run, replace_states
from tests import stores
from tests.browser.conftest import SEEN, imported, start_server, stop
from tests.browser.waiting import until
from tests.db import sharing

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Route

    from tests.browser.conftest import Serve


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def caption(page: Page, ordinal: int) -> None:
    """Wait until the page shows an image."""
    expect(page.locator(".caption-title")).to_have_text(f"Image {ordinal}")


def test_an_empty_page_says_what_to_type_and_fills_by_itself(
    page: Page, serve: Serve, store: Path
) -> None:
    page.goto(serve(store))
    expect(page.get_by_role("heading", name="No store yet")).to_be_visible()
    expect(page.locator("code")).to_contain_text("python -m collector --store")
    writer = RunWriter.begin(str(store), stores.new_run())
    expect(page.get_by_role("heading", name="The run has no images yet")).to_be_visible()
    stores.append(writer, stores.truth(4), 0, 4)
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    caption(page, 3)
    expect(page.locator("#run-state")).to_have_text("collecting")
    writer.finish()
    writer.close()
    expect(page.locator("#run-state")).to_have_text("finished")


def of_another_network(name: str) -> NewRun:
    """Return a run whose layers are called otherwise."""
    layers = (dataclasses.replace(one, name=f"other{one.position}") for one in stores.layers())
    return dataclasses.replace(stores.new_run(name), layers=tuple(layers))


def test_back_to_another_network_brings_its_layer_and_filter(
    page: Page, serve: Serve, store: Path
) -> None:
    stores.make_store(store, 4, name="monday")
    with RunWriter.begin(str(store), of_another_network("tuesday")) as writer:
        stores.append(writer, stores.truth(4), 0, 4)
        writer.finish()
    page.goto(f"{serve(store)}?run=1&image=2&layer=conv2&filter=conv2:3")
    caption(page, 2)
    expect(page.locator("#panel")).to_have_class(re.compile("open"))
    before = page.evaluate("location.search")
    page.get_by_role("textbox", name="Run").click()
    page.get_by_role("option", name=re.compile("tuesday")).click()
    expect(page.locator(".block-name").first).to_contain_text("other0")
    page.go_back()
    expect(page.locator(".block-name").first).to_contain_text("conv1")
    caption(page, 2)
    assert page.evaluate("location.search") == before
    expect(page.locator("#panel")).to_have_class(re.compile("open"))
    expect(page.locator("#notice")).to_be_hidden()


def test_a_run_that_begins_shows_nothing_of_the_one_before(
    page: Page, serve: Serve, store: Path
) -> None:
    stores.make_store(store, 4, name="monday")
    page.goto(serve(store))
    caption(page, 3)
    expect(page.locator(".block-name").first).to_contain_text("conv1")
    with RunWriter.begin(str(store), of_another_network("tuesday")) as writer:
        expect(page.get_by_role("heading", name="The run has no images yet")).to_be_visible()
        stores.append(writer, stores.truth(4), 0, 4)
        caption(page, 3)
        expect(page.locator(".block-name").first).to_contain_text("other0")
        writer.finish()


def test_a_layer_that_cannot_be_read_says_why_and_is_asked_for_now_and_then(
    browser: Browser, serve: Serve, store: Path
) -> None:
    # Its own page: that the browser logs the refused requests is right.
    stores.make_store(store, 4)
    page = browser.new_page()
    page.add_init_script(SEEN)
    page.goto(serve(store))
    caption(page, 3)
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=410, content_type="text/plain", body="Its maps were pruned.")

    page.route("**/layers/*", fail)
    page.keyboard.press("ArrowLeft")
    caption(page, 2)
    page.locator("#cell-1-2").hover(force=True)
    expect(page.get_by_text("Its maps were pruned.").first).to_be_visible()
    page.wait_for_timeout(1500)
    assert 1 <= len(asked) <= 4
    page.close()


def test_the_page_follows_pauses_and_follows_again(page: Page, serve: Serve, store: Path) -> None:
    made = stores.truth(20)
    writer = RunWriter.begin(str(store), stores.new_run(total=20))
    stores.append(writer, made, 0, 4)
    page.goto(serve(store))
    caption(page, 3)
    before = page.locator("#cell-0-3").get_attribute("fill")
    stores.append(writer, made, 4, 8)
    caption(page, 7)
    expect(page.locator("#cell-0-3")).not_to_have_attribute("fill", before or "")
    page.keyboard.press("Space")
    stores.append(writer, made, 8, 12)
    expect(page.locator("#run-counts")).to_contain_text("12 of 20 images")
    caption(page, 7)
    assert "image=7" in page.url
    page.keyboard.press("End")
    caption(page, 11)
    assert "image=" not in page.url
    writer.close()


def test_a_run_that_several_share_says_who_is_there_and_what_lies_behind_a_gap(
    page: Page, serve: Serve, store: Path
) -> None:
    with sharing.enter(str(store)) as one, sharing.enter(str(store)) as other:
        first, second = one.take(), other.take()
        assert first is not None
        assert second is not None
        sharing.step(one, first)
        page.goto(serve(store))
        counts = page.locator("#run-counts")
        expect(counts).to_contain_text("4 of 150 images · 2 workers")
        sharing.finish(other, second)
        expect(counts).to_contain_text("4 of 150 images · 16 more behind a gap · 2 workers")
        caption(page, 3)
        sharing.finish(one, first)
        caption(page, 31)
        expect(counts).to_contain_text("32 of 150 images · 2 workers")
        other.leave()
        expect(counts).to_contain_text("32 of 150 images · 1 worker ·")
        one.leave()
        expect(page.locator("#run-state")).to_have_text("interrupted")
        expect(counts).not_to_contain_text("worker")


def test_an_image_whose_row_was_pruned_is_shown_and_says_so(
    page: Page, serve: Serve, store: Path
) -> None:
    stores.make_store(store, 80)
    reader = StoreReader(store)
    replace_states(store, 1, rebuild(reader, reader.run(1), reader.layers(1)).states())
    prune_run(store, 1, {"maps": 0, "gap": 0})
    page.goto(f"{serve(store)}?run=1&image=7")
    caption(page, 7)
    expect(page.get_by_text("image 7: its GAP row was pruned").first).to_be_visible()


def test_time_by_buttons_keys_and_number(page: Page, serve: Serve, store: Path) -> None:
    stores.make_store(store, 12)
    page.goto(serve(store))
    caption(page, 11)
    page.get_by_role("button", name="First image").click()
    caption(page, 0)
    page.keyboard.press("ArrowRight")
    caption(page, 1)
    page.keyboard.press("ArrowRight")
    caption(page, 2)
    page.get_by_role("button", name="Previous image").click()
    caption(page, 1)
    page.get_by_label("Go to image").fill("9")
    page.get_by_label("Go to image").press("Enter")
    caption(page, 9)
    page.get_by_label("Go to image").fill("500")
    page.get_by_label("Go to image").press("Enter")
    caption(page, 11)
    page.locator("body").click(position={"x": 640, "y": 110})
    page.keyboard.press("Home")
    caption(page, 0)


def test_the_slider_shows_each_image_under_it_and_goes_where_it_is_dropped(
    page: Page, serve: Serve, store: Path
) -> None:
    made = stores.make_store(store, 11)
    page.goto(serve(store))
    caption(page, 10)
    slider = page.get_by_role("slider", name="Image of the run")
    expect(slider).to_have_value("10")
    bubble = page.locator(".slider-bubble")
    expect(bubble).to_be_hidden()
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 6, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=5)
    expect(bubble).to_contain_text("Image 5")
    drawn = """canvas => {
        const { width, height } = canvas;
        return Array.from(canvas.getContext("2d").getImageData(0, 0, width, height).data);
    }"""
    expected = [*made.pixels[5][2, 3].tolist(), 255]
    place = 4 * (2 * 8 + 3)
    until(
        page,
        f"expected => ({drawn})(document.querySelector('.slider-bubble canvas'))"
        f".slice({place}, {place + 4}).join() === expected.join()",
        arg=expected,
    )
    caption(page, 10)
    page.mouse.up()
    caption(page, 5)
    expect(bubble).to_be_hidden()
    slider.press("ArrowRight")
    caption(page, 6)
    page.get_by_role("button", name="First image").click()
    expect(slider).to_have_value("0")


def test_next_misclassified_marks_the_wrong_prediction(
    page: Page, serve: Serve, store: Path
) -> None:
    made = stores.make_store(store, 9)
    page.goto(serve(store) + "?image=0")
    caption(page, 0)
    expect(page.locator(".verdict")).not_to_have_class(re.compile("wrong"))
    for ordinal in (2, 5, 8):
        page.keyboard.press("m")
        caption(page, ordinal)
        predicted = stores.CLASSES[int(made.probabilities[ordinal].argmax())]
        labelled = stores.CLASSES[int(made.labels[ordinal])]
        expect(page.locator(".verdict.wrong")).to_have_text(
            f"predicted {predicted} — wrong, it is {labelled}"
        )
        expect(page.locator(".bar.predicted .bar-name")).to_have_text(predicted)
        expect(page.locator(".bar.label .bar-name")).to_have_text(labelled)
    page.keyboard.press("m")
    caption(page, 2)
    expect(page.locator("#notice")).to_have_text(
        "After the last misclassified image: this is the first again."
    )


def test_probabilities_are_bars_with_the_predicted_class_in_red(
    page: Page, serve: Serve, store: Path
) -> None:
    made = stores.make_store(store, 3)
    page.goto(serve(store) + "?image=1")
    caption(page, 1)
    shares = made.probabilities[1] * 100
    expect(page.locator(".bar-value")).to_have_text([f"{share:.1f} %" for share in shares])
    widths = page.locator(".bar-fill").evaluate_all("bars => bars.map(bar => bar.style.width)")
    assert [float(width[:-1]) for width in widths] == pytest.approx(shares.tolist(), abs=0.01)
    red = page.locator(".bar.predicted .bar-fill").evaluate(
        "bar => getComputedStyle(bar).backgroundColor"
    )
    assert red == "rgb(224, 32, 45)"


def test_playing_goes_through_a_finished_run(page: Page, serve: Serve, store: Path) -> None:
    stores.make_store(store, 5)
    page.goto(serve(store))
    caption(page, 4)
    page.evaluate(
        """() => {
            const title = () => document.querySelector(".caption-title")?.textContent;
            window.titles = [];
            new MutationObserver(() => title() && window.titles.push(title())).observe(
                document.body, { childList: true, characterData: true, subtree: true });
        }"""
    )
    # The key, and in the same moment a tick: the first image is only on its way then.
    page.evaluate(
        f"""{imported("live/poll.mjs")}.then(poll => {{
            const press = new KeyboardEvent("keydown", {{ key: " ", bubbles: true }});
            document.body.dispatchEvent(press);
            poll.tick(1);
        }})"""
    )
    # An image is shown for a moment only: what was on the page is written down as it happens.
    until(page, "titles.includes('Image 3') && titles.at(-1) === 'Image 4'")
    moments = page.evaluate("titles")
    first = moments.index("Image 0")
    shown = list(dict.fromkeys(moments[first:]))
    assert shown == [f"Image {ordinal}" for ordinal in range(5)]
    expect(page.get_by_role("button", name="Play on, or follow live")).to_be_visible()


def test_another_run_opens_from_the_list_and_from_its_link(
    page: Page, serve: Serve, store: Path
) -> None:
    stores.make_store(store, 4, name="monday")
    stores.make_store(store, 6, name="tuesday")
    address = serve(store)
    page.goto(address)
    caption(page, 5)
    page.get_by_role("textbox", name="Run").click()
    page.get_by_role("option", name=re.compile("monday")).click()
    caption(page, 3)
    assert "run=1" in page.url
    page.goto(address + "?run=1&image=2")
    caption(page, 2)
    expect(page).to_have_title("monday · ReactCNN")
    page.goto(address + "?run=9")
    expect(page.locator("#notice")).to_contain_text("no run 9")


AMBER = """colour => {
  const legend = getComputedStyle(document.querySelector(".legend-nan"), "::before");
  const canvas = document.querySelector(".navigator-canvas");
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const at = (_, i) => data.slice(4 * i, 4 * i + 3).join(", ");
  const painted = Array.from({ length: width * height }, at);
  return legend.backgroundColor === `rgb(${colour})` && painted.includes(colour);
}"""
"""Whether a colour, as "240, 160, 0", stands for NaN in the legend and in the small picture."""


def test_values_that_are_not_finite_are_marked(page: Page, serve: Serve, store: Path) -> None:
    made = stores.truth(2)
    made.gap[1, 8] = float("nan")
    writer = RunWriter.begin(str(store), stores.new_run())
    writer.append(
        ImageBatch(
            start=0,
            labels=made.labels,
            probabilities=made.probabilities,
            pixels=made.pixels,
            names=(None, None),
            gap=made.gap,
            maps=None,
        )
    )
    writer.finish()
    writer.close()
    page.goto(serve(store))
    expect(page.locator("#notice")).to_contain_text("NaN or infinite")
    expect(page.locator("#cell-1-2")).to_have_attribute("fill", "#f0a000")
    page.locator("#cell-1-2").hover(force=True)
    expect(page.locator("#tip")).to_contain_text("conv2 · filter 2 · GAP NaN")
    page.keyboard.press("+")
    until(page, AMBER, arg="240, 160, 0")
    page.locator("#colour-scheme").click()
    expect(page.locator("#cell-1-2")).to_have_attribute("fill", "#ffb52e")
    until(page, AMBER, arg="255, 181, 46")
    page.locator("#colour-scheme").click()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#notice")).to_be_hidden()


def test_a_link_to_a_run_that_is_not_there_says_so(page: Page, serve: Serve, store: Path) -> None:
    stores.make_store(store, 4)
    page.goto(f"{serve(store)}?run=99")
    caption(page, 3)
    # It stays while the person reads, though images have come since.
    expect(page.locator("#notice")).to_contain_text("no run 99. This is the newest run.")
    page.keyboard.press("ArrowLeft")
    caption(page, 2)
    expect(page.locator("#notice")).to_contain_text("no run 99")


def test_a_run_without_labels_offers_nothing_that_needs_them(
    page: Page, serve: Serve, store: Path
) -> None:
    made = stores.truth(8)
    nobody = dataclasses.replace(made, labels=np.full_like(made.labels, -1))
    stores.make_store(store, 8, made=nobody)
    stores.make_store(store, 8, name="labelled", made=made)
    page.goto(f"{serve(store)}?run=1")
    caption(page, 7)
    expect(page.locator("#misclassified")).to_be_hidden()
    page.keyboard.press("m")
    expect(page.locator("#notice")).to_contain_text("have no labels")
    page.keyboard.press("/")
    expect(page.locator("#search-prediction")).to_be_focused()
    expect(page.locator("#search-label")).to_be_hidden()
    expect(page.locator("#search-wrong")).to_be_hidden()
    page.goto(f"{serve(store)}?run=2&search=all")
    for control in ("misclassified", "search-label", "search-wrong", "search-prediction"):
        expect(page.locator(f"#{control}")).to_be_visible()


def test_a_store_that_breaks_is_a_notice_and_the_page_lives_on(
    page: Page, serve: Serve, store: Path
) -> None:
    stores.make_store(store, 4)
    good = store.read_bytes()
    page.goto(serve(store))
    caption(page, 3)
    store.write_text("not a database at all\n" * 500)
    expect(page.locator("#notice")).to_contain_text(store.name)
    store.write_bytes(good)
    expect(page.locator("#notice")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    caption(page, 2)


@pytest.mark.process
def test_a_server_that_ends_is_told(browser: Browser, store: Path) -> None:
    # Its own page: that the browser logs the refused requests is right.
    stores.make_store(store, 4)
    process, address = start_server(store)
    page = browser.new_page()
    page.add_init_script(SEEN)
    page.goto(address)
    caption(page, 3)
    stop(process)
    expect(page.locator("#notice")).to_contain_text("does not answer", timeout=30_000)
    page.close()


def test_red_is_the_predicted_class_alone_and_wrong_has_a_sign_and_colour_of_its_own(
    page: Page, serve: Serve, store: Path
) -> None:
    stores.make_store(store, 9)
    page.goto(serve(store) + "?image=5&search=all")
    wrong = page.locator(".verdict.wrong")
    expect(wrong).to_be_visible()
    style = "(node, pseudo) => getComputedStyle(node, pseudo)"
    red = {"rgb(224, 32, 45)", "rgb(253, 232, 233)"}
    for place in (wrong, page.locator(".tile.wrong .tile-name").first):
        used = place.evaluate(
            f"node => {{ const s = ({style})(node); return [s.color, s.backgroundColor]; }}"
        )
        assert not red & set(used)
        assert place.evaluate(f"node => ({style})(node, '::before').content") == '"✗ "'
    right = page.locator(".tile:not(.wrong) .tile-name").first
    assert right.evaluate(f"node => ({style})(node, '::before').content") == "none"
    colour = page.locator(".bar.predicted .bar-name").evaluate(f"node => ({style})(node).color")
    assert colour == "rgb(224, 32, 45)"


BLANK = """() => {
  const canvas = document.querySelector("#image");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.every((one) => one === 0);
}"""


def test_an_image_that_cannot_be_read_leaves_no_other_in_its_place(
    browser: Browser, serve: Serve, store: Path
) -> None:
    # Its own page: that the browser logs the failed request is right.
    stores.make_store(store, 4)
    page = browser.new_page()
    page.add_init_script(SEEN)
    page.goto(f"{serve(store)}?image=3")
    caption(page, 3)
    until(page, f"() => !({BLANK})()")
    page.route(re.compile("/images/2$"), lambda route: route.abort())
    page.keyboard.press("ArrowLeft")
    caption(page, 2)
    until(page, BLANK)
    page.close()


def test_an_answer_that_is_not_finite_is_no_right_one(
    page: Page, serve: Serve, store: Path
) -> None:
    made = stores.truth(2)
    made.probabilities[1] = np.nan
    made.labels[1] = 0
    stores.make_store(store, 2, made=made)
    page.goto(f"{serve(store)}?image=1")
    expect(page.locator(".verdict")).to_have_text("no answer — wrong, it is cat")


def test_arrow_up_on_a_menus_button_leads_to_its_last_item(
    page: Page, serve: Serve, store: Path
) -> None:
    stores.make_store(store, 4)
    page.goto(serve(store))
    caption(page, 3)
    page.get_by_role("button", name="Export").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem").last).to_be_focused()
