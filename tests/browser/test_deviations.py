"""From a wrong prediction to the filter that explains it, and the odd images of a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy.stats import norm

from reactcnn_dash.db import RunWriter, StoreReader
from reactcnn_dash.results.deviations.scores import RATE, SCORES, RunScores, bring_up_to_date
from tests import stores
from tests.browser.conftest import SEEN

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Request, Route

    from tests.browser.conftest import Serve

IMAGES = 400
ODD = 251
"""Predicted wrongly; on it filter 3 of the second layer answers twice as strongly as it should."""


COLOURS = ("43178a", "7d50c8", "bba2e6", "eff0f5", "95d3ca", "22958a", "04504a")
"""From a deviation of −4 over 0 to +4, in the light."""


def made() -> stores.Truth:
    truth = stores.truth(IMAGES)
    truth.gap[ODD, stores.FILTERS[0] + 3] *= 2
    return truth


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one run that has its profile and scores; nothing writes to it."""
    path = tmp_path_factory.mktemp("deviations") / "store.db"
    stores.make_store(path, IMAGES, made=made())
    bring_up_to_date(str(path), 1)
    return path


def scores_of(path: Path) -> RunScores:
    reader = StoreReader(str(path))
    found = SCORES.find(reader, reader.run(1))
    assert found is not None
    return found


def odd_of(path: Path, rate: float) -> list[int]:
    return [int(one) for one in scores_of(path).odd(rate)]


def score_of(path: Path, ordinal: int) -> float:
    return float(scores_of(path).scores[ordinal])


def written(score: float) -> str:
    return f"{score:.2f}.".replace("-", "−")


def deviations(ordinal: int) -> NDArray[np.float64]:
    """Each filter's rank on an image among all images, as a place on the normal curve."""
    gap = made().gap
    below = (gap < gap[ordinal]).sum(axis=0) + (gap == gap[ordinal]).sum(axis=0) / 2
    return np.asarray(norm.ppf(below / IMAGES).clip(-4, 4))


def coloured(page: Page) -> NDArray[np.float64]:
    """The deviation that each cell's colour stands for, from −4 to 4."""
    stops = [[int(one[i : i + 2], 16) for i in (0, 2, 4)] for one in COLOURS]
    places = np.linspace(0, len(stops) - 1, 255)
    ramp = np.stack([np.interp(places, range(len(stops)), one) for one in zip(*stops, strict=True)])
    read = "cells => cells.map(cell => cell.getAttribute('fill').match(/[0-9]+/g).map(Number))"
    found = np.array(page.locator(".cell").evaluate_all(read))
    place = np.abs(ramp[None] - found[:, :, None]).sum(axis=1).argmin(axis=1)
    return np.asarray(4 * place / 127 - 4, np.float64)


def caption(page: Page, ordinal: int) -> None:
    """Wait until the page shows an image."""
    expect(page.locator(".caption-title")).to_have_text(f"Image {ordinal}")


def asked(page: Page) -> list[str]:
    """What is asked about deviations from now on."""
    found: list[str] = []

    def note(request: Request) -> None:
        if "/deviations/" in request.url:
            found.append(request.url.split("/deviations/")[1])

    page.on("request", note)
    return found


def test_from_a_wrong_prediction_to_the_filter_that_explains_it(
    page: Page, serve: Serve, scored: Path
) -> None:
    page.goto(f"{serve(scored)}?image={ODD - 1}")
    caption(page, ODD - 1)
    page.keyboard.press("m")
    caption(page, ODD)
    expect(page.locator(".verdict.wrong")).to_be_visible()
    page.keyboard.press("d")
    panel = page.get_by_role("region", name="What stands out")
    expect(panel.locator(".odd-verdict")).to_have_text(
        re.compile(r"^Odd: \d+\.\d\d\. Usual images stay below \d+\.\d\d in 99 % of cases\.$")
    )
    expect(page.locator(".block-odd.first")).to_have_count(1)
    expect(page.locator(".block[data-layer='1'] .block-odd")).to_have_class(re.compile("first"))
    expect(panel.locator(".odd-list").first.locator(".odd-name").first).to_have_text("conv2")
    expected = deviations(ODD)
    np.testing.assert_allclose(coloured(page), expected, atol=0.2)
    left = panel.locator("li", has_text="usually moves with").first
    gap = float(made().gap[ODD, stores.FILTERS[0] + 3])
    expect(left).to_contain_text("conv2 · filter 3")
    expect(left).to_contain_text(
        f"usually moves with 3 others; here it does not: expected {gap / 2:.2g}"[:-1]
    )
    link = left.get_by_role("button")
    link.hover()
    expect(page.locator(".block[data-layer='1'] .ring:not(.pin)")).to_be_visible()
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".block[data-layer='1'] .ring.pin")).to_be_visible()
    assert "filter=conv2%3A3" in page.url
    assert "mode=deviation" in page.url
    filters = panel.get_by_role("heading", name="Filters").locator("~ ol .odd-name")
    expect(filters.first).to_have_text("conv2 · filter 3")
    page.locator("#cell-1-3").scroll_into_view_if_needed()
    box = page.locator("#cell-1-3").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    tip = page.locator("#tip")
    expect(tip).to_contain_text(re.compile(r"^conv2 · filter 3 · GAP [\d.]+ · deviation \+\d\.\d"))
    told = float((tip.text_content() or "").split("+")[1][:3])
    assert told == pytest.approx(expected[stores.FILTERS[0] + 3], abs=0.15)
    page.mouse.move(5, 700)
    page.keyboard.press("d")
    expect(panel).to_be_hidden()
    expect(tip).to_be_hidden()
    assert np.abs(coloured(page) - expected).max() > 1
    assert "mode=" not in page.url


def test_a_view_of_deviations_has_a_link(page: Page, serve: Serve, scored: Path) -> None:
    server = serve(scored)
    page.goto(f"{server}?image={ODD}&mode=deviation&against=class&rate=0.05")
    given = stores.CLASSES[int(made().probabilities[ODD].argmax())]
    n = int((made().probabilities.argmax(axis=1) == made().probabilities[ODD].argmax()).sum())
    expect(page.locator(".legend-title")).to_have_text(f"Deviation, predicted {given} (n = {n})")
    expect(page.locator("#odd-count")).to_contain_text(f"{len(odd_of(scored, 0.05))} of 400 images")
    expect(page.locator(".odd-verdict")).to_contain_text("in 95 % of cases")
    page.get_by_text("All images").click()
    expect(page.locator(".legend-title")).to_have_text("Deviation, all images (n = 400)")
    assert "against" not in page.url
    page.get_by_label("Rate of false alarms").locator("visible=true").first.click()
    page.get_by_role("option", name="1 %", exact=True).click()
    expect(page.locator("#odd-count")).to_contain_text(f"{len(odd_of(scored, 0.01))} of 400 images")
    assert "rate" not in page.url
    page.get_by_role("radiogroup", name="What the colours show").get_by_text(
        "GAP", exact=True
    ).click()
    expect(page.locator(".legend-title")).to_contain_text("GAP")
    page.keyboard.press("d")
    expect(page.locator(".legend-title")).to_have_text("Deviation, all images (n = 400)")
    page.goto(f"{server}?image={ODD}&mode=deviation&rate=7")
    expect(page.locator(".odd-verdict")).to_contain_text("in 99 % of cases")


def test_marks_and_next_odd_cost_one_question_while_the_mode_is_off(
    page: Page, serve: Serve, scored: Path
) -> None:
    questions = asked(page)
    odd = odd_of(scored, RATE)
    assert len(odd) > 1
    page.goto(f"{serve(scored)}?image=0")
    marks = page.locator(".slider-marks")
    expect(marks).to_have_attribute("data-count", str(len(odd)))
    assert marks.locator("path").get_attribute("d") == "".join(f"M{one} 0V6" for one in odd)
    assert marks.get_attribute("viewBox") == f"0 0 {IMAGES - 1} 6"
    page.keyboard.press("o")
    caption(page, odd[0])
    page.get_by_role("button", name="Next odd image").click()
    caption(page, odd[1])
    page.keyboard.press("End")
    caption(page, IMAGES - 1)
    page.keyboard.press("o")
    caption(page, odd[0])
    expect(page.locator("#notice")).to_have_text(
        "After the last odd image: this is the first again."
    )
    assert len(questions) == 1
    assert "stored=1" in questions[0]


def test_a_replay_keeps_up_with_one_question_at_a_time(
    page: Page, serve: Serve, scored: Path
) -> None:
    questions = asked(page)
    page.goto(f"{serve(scored)}?image={IMAGES - 8}&mode=deviation")
    expect(page.locator(".odd-verdict")).to_be_visible()
    page.evaluate(
        """() => {
            const fetched = window.fetch;
            window.most = window.now = 0;
            window.fetch = (...parts) => {
                if (!String(parts[0]).startsWith("/deviations/")) return fetched(...parts);
                window.most = Math.max(window.most, ++window.now);
                return fetched(...parts).finally(() => window.now--);
            };
        }"""
    )
    page.keyboard.press("Space")
    caption(page, IMAGES - 1)
    last = written(score_of(scored, IMAGES - 1))
    expect(page.locator(".odd-verdict")).to_contain_text(last)
    expect(page.locator(".canvas.behind")).to_have_count(0)
    assert page.evaluate("window.most") == 1
    images = [one for one in questions if "/images/" in one]
    assert len(images) == len(set(images)) > 2


@pytest.mark.process
def test_a_run_without_scores_is_scored_when_somebody_asks(
    page: Page, serve_by_command: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, IMAGES, made=made(), maps=False)
    page.goto(f"{serve_by_command(path)}?image={ODD}")
    caption(page, ODD)
    assert StoreReader(str(path)).run(1).odd is None
    read = "cells => cells.map(cell => cell.getAttribute('fill'))"
    gap = page.locator(".cell").evaluate_all(read)
    page.get_by_role("radiogroup", name="What the colours show").get_by_text(
        "Deviation", exact=True
    ).click()
    expect(page.locator(".standing-out progress")).to_be_visible()
    # Meanwhile the grid and its legend say what they said.
    assert page.locator(".cell").evaluate_all(read) == gap
    expect(page.locator("#legend")).to_contain_text("GAP")
    expect(page.locator(".odd-verdict")).to_contain_text("Odd", timeout=60_000)
    assert page.locator(".cell").evaluate_all(read) != gap
    expect(page.locator("#legend")).to_contain_text("Deviation")
    odd = StoreReader(str(path)).run(1).odd
    expect(page.locator("#odd-count")).to_contain_text(f"{odd} of 400 images are odd")
    expect(page.locator(".slider-marks")).to_have_attribute("data-count", str(odd))


def test_beside_open_clusters_the_verdict_is_a_way_to_what_stands_out(
    page: Page, serve: Serve, scored: Path
) -> None:
    page.goto(f"{serve(scored)}?image={ODD}&mode=deviation&layer=conv2")
    way = page.locator(".odd-in-short button")
    expect(way).to_have_text(f"Odd: {score_of(scored, ODD):.2f} →".replace("-", "−"))
    expect(page.locator(".odd-verdict")).to_be_hidden()
    way.click()
    expect(page.locator(".odd-verdict")).to_contain_text("Odd")
    expect(way).to_be_hidden()
    assert "layer=" not in page.url


@pytest.mark.process
def test_next_odd_finds_out_by_itself(page: Page, serve_by_command: Serve, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, IMAGES, made=made(), maps=False)
    page.goto(f"{serve_by_command(path)}?image={ODD - 1}")
    caption(page, ODD - 1)
    page.keyboard.press("o")
    expect(page.locator("#notice")).to_contain_text("Looking for odd images")
    expect(page.locator(".caption-title")).to_have_text(f"Image {ODD}", timeout=60_000)


def test_a_run_with_too_few_images_says_so_and_goes_on_when_it_has_enough(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    path, truth = tmp_path / "store.db", made()
    with RunWriter.begin(str(path), stores.new_run(feature_maps="none")) as writer:
        stores.append(writer, truth, 0, 28, maps=False)
        page.goto(f"{serve(path)}?mode=deviation")
        caption(page, 27)
        told = page.locator(".odd-told")
        expect(told).to_contain_text("images on; it has 28.")
        expect(page.locator("#notice")).to_have_attribute("data-kind", "info")
        writer.finish()
    expect(told).to_contain_text("What is usual for this run can be told from 64 images on")


def test_deviations_follow_a_run_that_is_collected(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    path, truth = tmp_path / "store.db", stores.truth(524)
    truth.gap[523, stores.FILTERS[0] + 3] *= 2
    with RunWriter.begin(str(path), stores.new_run(feature_maps="none")) as writer:
        stores.append(writer, truth, 0, 520, maps=False)
        page.goto(f"{serve(path)}?mode=deviation")
        expect(page.locator(".odd-verdict")).to_be_visible(timeout=60_000)
        stores.append(writer, truth, 520, 524, maps=False)
        caption(page, 523)
        expect(page.locator(".odd-verdict")).to_contain_text("Odd")
        expect(page.locator(".odd-name").first).to_have_text("conv2")
        writer.finish()


def test_marks_follow_a_run_that_is_collected_and_are_paler_until_it_is_over(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    path, truth = tmp_path / "store.db", stores.truth(620)
    truth.gap[[300, 540, 590], stores.FILTERS[0] + 3] *= 2
    marks = page.locator(".slider-marks")

    def follow(stop: int) -> None:
        for start in range(StoreReader(str(path)).run(1).stored, stop, 4):
            stores.append(writer, truth, start, start + 4, maps=False)
        bring_up_to_date(str(path), 1)
        odd = odd_of(path, RATE)
        expect(marks).to_have_attribute("data-count", str(len(odd)), timeout=20_000)
        assert marks.locator("path").get_attribute("d") == "".join(f"M{one} 0V6" for one in odd)

    with RunWriter.begin(str(path), stores.new_run(feature_maps="none")) as writer:
        stores.append(writer, truth, 0, 520, maps=False)
        page.goto(serve(path))
        follow(524)
        expect(marks).to_have_class(re.compile("provisional"))
        expect(marks).to_have_attribute("aria-label", re.compile("scores are provisional"))
        follow(600)
        writer.finish()
    follow(600)
    expect(marks).not_to_have_class(re.compile("provisional"), timeout=20_000)
    assert scores_of(path).final(StoreReader(str(path)).run(1))


def test_the_list_of_runs_counts_odd_images(page: Page, serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, IMAGES, made=made(), maps=False, name="looked at")
    stores.make_store(path, 8, maps=False, name="not yet")
    bring_up_to_date(str(path), 1)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{serve(path)}runs/")

    def odd(name: str) -> str | None:
        here = page.locator(".ag-row", has=page.get_by_role("link", name=name))
        index = here.first.get_attribute("row-index")
        return page.locator(f".ag-row[row-index='{index}'] [col-id=odd]").text_content()

    expect(page.get_by_role("link", name="looked at")).to_be_visible()
    assert odd("looked at") == str(len(odd_of(path, RATE)))
    assert odd("not yet") == "–"


def test_after_a_click_of_the_mouse_keys_are_those_of_the_page(
    page: Page, serve: Serve, scored: Path
) -> None:
    page.goto(f"{serve(scored)}?image=5")
    caption(page, 5)
    page.get_by_role("radiogroup", name="What the colours show").get_by_text(
        "Deviation", exact=True
    ).click()
    expect(page.locator(".odd-verdict")).to_be_visible()
    page.keyboard.press("ArrowRight")
    caption(page, 6)
    assert "mode=deviation" in page.url
    # Who came there by keyboard goes on choosing by keyboard.
    page.get_by_role("radio", name="Deviation").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).not_to_have_url(re.compile("mode=deviation"))
    caption(page, 6)


def test_what_was_said_of_one_rate_goes_with_it(page: Page, serve: Serve, scored: Path) -> None:
    last = max(odd_of(scored, 0.01))
    assert max(odd_of(scored, 0.05)) > last
    page.goto(f"{serve(scored)}?image={last}&mode=deviation")
    expect(page.locator(".odd-verdict")).to_be_visible()
    page.keyboard.press("o")
    caption(page, min(odd_of(scored, 0.01)))
    expect(page.locator("#notice")).to_contain_text("After the last odd image")
    page.get_by_label("Rate of false alarms").locator("visible=true").first.click()
    page.get_by_role("option", name="5 %", exact=True).click()
    expect(page.locator("#notice")).to_be_hidden()
    page.keyboard.press("o")
    first = min(odd_of(scored, 0.01))
    following = min(one for one in odd_of(scored, 0.05) if one > first)
    caption(page, following)


def test_an_image_that_failed_is_asked_about_again_and_a_refused_one_holds_nothing_up(
    browser: Browser, serve: Serve, scored: Path
) -> None:
    # Its own page: that the browser logs the failed requests is right.
    page = browser.new_page()
    page.add_init_script(SEEN)
    failing = True

    def fail(route: Route) -> None:
        if "/images/11?" in route.request.url:
            route.fulfill(json={"status": "refused", "message": "Of this image nothing is known."})
        elif failing:
            route.abort()
        else:
            route.continue_()

    page.route("**/deviations/*/images/*", fail)
    page.goto(f"{serve(scored)}?image=10&mode=deviation")
    expect(page.locator("#notice")).to_contain_text("This page goes on trying.")
    with page.expect_response(re.compile("/images/10\\?")) as asked:
        failing = False
    assert asked.value.ok
    page.keyboard.press("ArrowRight")
    expect(page.locator("#notice")).to_contain_text("Of this image nothing is known.")
    with page.expect_response(re.compile("/images/12\\?")) as asked:
        page.keyboard.press("ArrowRight")
    assert asked.value.ok
    page.close()
