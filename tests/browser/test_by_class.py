"""Confusions and accuracy by class, of one run and of two; each number opens its images."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from reactcnn_dash.db import RunWriter
from tests import stores
from tests.browser.test_accessibility import AXE, found_in_both, settled
from tests.compared import other_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.browser.conftest import Serve

IMAGES = 90
PLAIN, OTHER, MANY, UNLABELLED, LOST = 1, 2, 3, 4, 5
"""The runs: two of three classes, two of 1,000, and one with images without an answer."""
MOST = 1000


def many() -> stores.Truth:
    """Images of 1,000 classes, each third one taken for the class after its own."""
    first = stores.truth(IMAGES)
    labels = np.arange(IMAGES) % 30 * 7
    given = np.where(np.arange(IMAGES) % 3 == 0, labels + 1, labels)
    probabilities = np.full((IMAGES, MOST), 1e-5, np.float32)
    probabilities[np.arange(IMAGES), given] = 0.9
    return dataclasses.replace(first, labels=labels, probabilities=probabilities)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("by-class") / "store.db"
    first = stores.truth(IMAGES)
    lost = dataclasses.replace(first, probabilities=first.probabilities.copy())
    lost.probabilities[:9] = np.nan
    unlabelled = dataclasses.replace(first, labels=np.full(IMAGES, -1))
    wide = tuple(f"class-{one}" for one in range(MOST))
    for made, names in (
        (first, stores.CLASSES),
        (other_checkpoint(first, 4), stores.CLASSES),
        (many(), wide),
        (unlabelled, stores.CLASSES),
        (lost, stores.CLASSES),
    ):
        new = dataclasses.replace(stores.new_run("run", IMAGES, "none"), class_names=names)
        with RunWriter.begin(str(path), new) as writer:
            stores.append(writer, made, 0, IMAGES, maps=False)
            writer.finish()
    return path


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path) -> str:
    return serve_to_all(store)


def counted(made: stores.Truth) -> NDArray[np.int64]:
    given = made.probabilities.argmax(axis=1)
    classes = made.probabilities.shape[1]
    return np.bincount(made.labels * classes + given, minlength=classes**2).reshape(classes, -1)


def numbers(table: Locator) -> list[list[int]]:
    """The numbers of a matrix; an empty cell is 0."""
    rows: list[list[str]] = table.locator("tbody tr").evaluate_all(
        "all => all.map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText))"
    )
    return [[int(one or 0) for one in row] for row in rows]


def opened(page: Page, address: str, run: int) -> Locator:
    """The dialog of a run, opened by its key."""
    page.goto(f"{address}?run={run}&image=3")
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    page.keyboard.press("b")
    return page.get_by_role("dialog", name="By class")


def test_a_cell_of_compare_opens_as_many_images_as_it_says(page: Page, address: str) -> None:
    page.goto(f"{address}compare/?a={PLAIN}&b={OTHER}")
    page.locator("label", has_text="By class").click()
    expect(page).to_have_url(re.compile("tab=classes"))
    first = stores.truth(IMAGES)
    truths = [counted(first), counted(other_checkpoint(first, 4))]
    for side, truth in zip("AB", truths, strict=True):
        table = page.get_by_role("table", name=f"What was taken for what in {side}")
        expect(table).to_be_visible()
        assert numbers(table) == truth.tolist()
    changes = [
        truths[1][one, one] / truths[1][one].sum() - truths[0][one, one] / truths[0][one].sum()
        for one in range(3)
    ]
    last = page.locator(".accuracy tbody td:last-child").all_inner_texts()
    shown = [float(one.replace("−", "-")) for one in last]
    assert shown == pytest.approx(sorted(100 * one for one in changes), abs=0.051)
    table = page.get_by_role("table", name="What was taken for what in B")
    link = table.locator("tbody tr").nth(0).locator("td").nth(1).locator("a")
    says = link.inner_text()
    assert says == str(truths[1][0, 1])
    link.click()
    expect(page).to_have_url(re.compile(rf"/\?run={OTHER}&search=label-0\.predicted-1"))
    expect(page.locator("#search-count")).to_have_text(f"{says} of {IMAGES}")
    expect(page.locator("#strip .tile")).to_have_count(int(says))


def test_the_dialog_of_a_run_is_walked_by_keys_and_searches_on_the_page(
    page: Page, address: str
) -> None:
    dialog = opened(page, address, PLAIN)
    table = dialog.get_by_role("table", name="What was taken for what")
    truth = counted(stores.truth(IMAGES))
    expect(table).to_be_visible()
    assert numbers(table) == truth.tolist()
    table.locator("a").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    at = page.evaluate("document.activeElement.dataset.search")
    row, column = re.fullmatch(r"label-(\d)\.predicted-(\d)", at).groups()  # type: ignore[union-attr]
    says = truth[int(row), int(column)]
    assert page.evaluate("document.activeElement.innerText") == str(says)
    assert table.locator("a[tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page).to_have_url(re.compile(rf"search=label-{row}\.predicted-{column}$"))
    expect(page.locator("#search-count")).to_have_text(f"{says} of {IMAGES}")
    page.go_back()
    expect(page.locator("#search")).to_be_hidden()


def test_images_without_an_answer_are_a_column_and_a_search(page: Page, address: str) -> None:
    dialog = opened(page, address, LOST)
    truth = stores.truth(IMAGES)
    none = int((truth.labels[:9] == 1).sum())
    link = dialog.locator("a[data-search='label-1.unanswered']")
    expect(link).to_have_text(str(none))
    link.click()
    expect(page.locator("#search-count")).to_have_text(f"{none} of {IMAGES}")
    page.get_by_role("button", name="Without an answer").click()
    expect(page.locator("#search-count")).to_have_text(f"{(truth.labels == 1).sum()} of {IMAGES}")


def test_a_thousand_classes_are_a_list_and_a_table(page: Page, address: str) -> None:
    dialog = opened(page, address, MANY)
    expect(dialog.get_by_role("table", name="The most frequent confusions")).to_be_visible()
    truth = counted(many())
    assert dialog.locator(".confusion").count() == 0
    wrong = (truth * ~np.eye(MOST, dtype=bool))[truth * ~np.eye(MOST, dtype=bool) > 0]
    listed = dialog.locator(".confusions tbody td a").all_inner_texts()
    assert [int(one) for one in listed] == sorted(wrong.tolist(), reverse=True)[:30]
    expect(dialog.locator(".accuracy tbody tr")).to_have_count(30)


def test_what_knows_no_label_says_so(page: Page, address: str) -> None:
    dialog = opened(page, address, UNLABELLED)
    none = "No image has a label, so nothing tells which answers are right."
    expect(dialog.locator("#by-class-body")).to_have_text(none)
    page.goto(f"{address}compare/?a={PLAIN}&b={UNLABELLED}&tab=classes")
    expect(page.locator(".tab-classes .nothing")).to_contain_text(none)
    expect(page.locator(".tab-classes .confusion")).to_have_count(1)


def test_axe_finds_nothing_by_class(page: Page, address: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script(path=str(AXE))
    wrong = []
    for run in (LOST, MANY):
        expect(opened(page, address, run).locator(".accuracy")).to_be_visible()
        settled(page)
        wrong += found_in_both(page)
    for pair in (f"a={PLAIN}&b={OTHER}", f"a={MANY}&b={UNLABELLED}"):
        page.goto(f"{address}compare/?{pair}&tab=classes")
        expect(page.locator(".accuracy").first).to_be_visible()
        expect(page.locator(".layer-table .ag-row").first).to_be_visible()
        settled(page)
        wrong += found_in_both(page)
    assert wrong == [], "\n".join(wrong)
