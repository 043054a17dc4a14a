"""Networks that name no class: labels with thresholds, values, and no answer at all."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.db import Answers, RunWriter
from tests import stores
from tests.browser.test_accessibility import AXE, found_in_both

if TYPE_CHECKING:
    from tests.browser.conftest import Serve

CLASSES, LABELS, VALUE, VALUES, NONE = 1, 2, 3, 4, 5
"""The runs, in their order."""
NAMES = {
    CLASSES: stores.CLASSES,
    LABELS: ("sky", "sea", "sand", "boat", "gull"),
    VALUE: ("age",),
    VALUES: ("x", "y", "width", "height"),
    NONE: (),
}
ANSWERS = [
    np.full((12, 3), 1 / 3),
    np.tile([0.95, 0.6, 0.2, 0.45, 0.61], (12, 1)),
    np.tile([-31.25], (12, 1)),
    np.tile([0.5, -2.25, np.nan, 1234.5], (12, 1)),
    np.empty((12, 0)),
]
KINDS = [Answers.CLASSES, Answers.LABELS, Answers.VALUES, Answers.VALUES, Answers.NONE]


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("answers") / "store.db"
    for number, (kind, said) in enumerate(zip(KINDS, ANSWERS, strict=True), 1):
        made = dataclasses.replace(
            stores.truth(12),
            probabilities=said.astype(np.float32),
            labels=np.full(12, -1) if number > 1 else stores.truth(12).labels,
        )
        options = {"answers": kind.value}
        if kind is Answers.LABELS:
            options["thresholds"] = [0.5, 0.7, 0.1, 0.5, 0.5]  # type: ignore[assignment]
        new = dataclasses.replace(
            stores.new_run(kind.value, 12), class_names=NAMES[number], options=options
        )
        with RunWriter.begin(str(path), new) as writer:
            stores.append(writer, made, 0, 12)
            writer.finish()
    return serve_to_all(path)


def show(page: Page, address: str, run: int, more: str = "") -> None:
    page.goto(f"{address}?run={run}&image=3{more}")
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))


def bars(page: Page) -> list[str]:
    return [" ".join(one.split()) for one in page.locator("#probabilities > *").all_inner_texts()]


def test_each_label_has_its_threshold(page: Page, address: str) -> None:
    show(page, address, LABELS)
    expect(page.locator("#answers-title")).to_have_text("Labels")
    # Above 0.5, below 0.7, above 0.1, below and above 0.5.
    expect(page.locator("#image-caption .verdict")).to_have_text("sky, sand, gull")
    expect(page.locator(".bar.predicted .bar-name")).to_have_text(["sky", "sand", "gull"])
    assert bars(page) == ["sky 95.0 %", "sea 60.0 %", "sand 20.0 %", "boat 45.0 %", "gull 61.0 %"]
    marks = page.locator(".bar-threshold").evaluate_all("all => all.map(one => one.style.left)")
    assert marks == ["50%", "70%", "10%", "50%", "50%"]


def test_a_value_is_no_class(page: Page, address: str) -> None:
    show(page, address, VALUE)
    expect(page.locator("#answers-title")).to_have_text("Values")
    expect(page.locator("#image-caption .verdict")).to_have_text("−31.25")
    assert bars(page) == ["age −31.25"]
    show(page, address, VALUES)
    expect(page.locator("#image-caption .verdict")).to_have_text("4 values")
    assert bars(page) == ["x 0.5", "y −2.25", "width NaN", "height 1234.5"]
    expect(page.locator("#probabilities .bar-fill")).to_have_count(0)


@pytest.mark.parametrize("run", [LABELS, VALUE, VALUES, NONE])
def test_what_needs_a_class_says_so(page: Page, address: str, run: int) -> None:
    show(page, address, run, "&search=all")
    page.keyboard.press("m")
    expect(page.locator("#notice")).to_contain_text("so no image is misclassified")
    expect(page.locator(".of-no-classes")).to_be_visible()
    for control in ("search-label", "search-prediction", "search-wrong", "search-order"):
        expect(page.locator(f"#{control}")).to_be_hidden()
    tile = page.locator(".tile").first
    expect(tile).to_have_attribute("title", "Image 0")
    assert "class" not in page.locator("#image-caption").inner_text()
    page.goto(page.url.replace("search=all", "mode=deviation&against=class"))
    expect(page.locator("#legend")).to_be_visible()
    expect(page.locator("#legend")).not_to_contain_text("class")


def test_no_answer_is_said_once_and_grad_cam_has_nothing_to_look_for(
    page: Page, address: str
) -> None:
    show(page, address, NONE)
    assert bars(page) == ["The answers of the network are not stored."]
    page.keyboard.press("g")
    said = page.get_by_role("group", name="Grad-CAM").get_by_role("status")
    none = "The answers of the network are not stored, so no place speaks for one."
    expect(said).to_have_text(none)
    expect(page.locator("#cam-class")).to_have_count(0)


def test_runs_with_classes_are_as_before(page: Page, address: str) -> None:
    show(page, address, CLASSES, "&search=all")
    expect(page.locator("#answers-title")).to_have_text("Class probabilities")
    expect(page.locator(".of-no-classes")).to_be_hidden()
    expect(page.locator("#search-prediction")).to_be_visible()


def test_filter_page_says_that_there_are_no_classes(page: Page, address: str) -> None:
    page.goto(f"{address}filter/?run={VALUES}&layer=conv2&filter=3")
    said = "The network names no class of an image, so there are no values by class."
    expect(page.locator("#filter-classes")).to_have_text(said)


@pytest.mark.parametrize("pair", [(VALUES, VALUES + 1), (CLASSES, LABELS), (LABELS, CLASSES)])
def test_no_prediction_changes_between_runs_without_classes(
    page: Page, address: str, pair: tuple[int, int]
) -> None:
    a, b = pair
    page.goto(f"{address}compare/?a={a}&b={b}&tab=images")
    card = page.locator(".card", has_text="Prediction changed")
    expect(card.locator(".card-value")).to_have_text("–")
    expect(card.locator(".card-more")).to_have_text("not both runs name a class")
    said = "No prediction can change: not both runs name a class."
    expect(page.locator("#compare-changed")).to_have_text(said)


def test_axe_finds_nothing(page: Page, address: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script(path=str(AXE))
    for run in (LABELS, VALUES, NONE):
        show(page, address, run, "&search=all")
        page.wait_for_load_state("networkidle")
        assert found_in_both(page) == []
