"""What is right beside what the network says: hits by label, and the error of values."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.db import RunWriter
from tests import stores
from tests.browser.test_accessibility import AXE, found_in_both
from tests.compared import other_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tests.browser.conftest import Serve

IMAGES = 24
LABELS, OTHER_LABELS, VALUES, LATER, NOTHING, LATER_NOTHING = 1, 2, 3, 4, 5, 6
"""The runs, in their order: pairs over the same images."""
NAMES = ("sky", "sea", "sand", "boat")
THRESHOLDS = np.array([0.5, 0.7, 0.1, 0.5])
RANDOM = np.random.default_rng(5)
SAID = RANDOM.random((2, IMAGES, 4))
TRUTH = RANDOM.integers(0, 2, (IMAGES, 4))
SAID[0, 3], TRUTH[3] = (0.95, 0.6, 0.2, 0.45), (1, 1, 0, 0)
DUE = RANDOM.normal(size=(IMAGES, 2))
VALUE = DUE + RANDOM.normal(size=(2, IMAGES, 2))
DUE[3], VALUE[0, 3] = (3.5, -1), (3.25, 0.5)


def of(kind: str, number: int) -> tuple[Any, Any, dict[str, Any], tuple[str, ...]]:
    """The answers of a run, what is right, its options and the names of its outputs."""
    if kind == "labels":
        return SAID[number], TRUTH, {"thresholds": THRESHOLDS.tolist()}, NAMES
    if kind == "values":
        return VALUE[number], DUE, {}, ("x", "y")
    return np.empty((IMAGES, 0)), None, {}, ()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("targets") / "store.db"
    for kind in ("labels", "values", "none"):
        for number in range(2):
            said, due, options, names = of(kind, number)
            first = dataclasses.replace(
                stores.truth(IMAGES),
                labels=np.full(IMAGES, -1),
                probabilities=stores.truth(IMAGES).probabilities,
            )
            made = dataclasses.replace(
                other_checkpoint(first, 3) if number else first,
                probabilities=said.astype(np.float32),
                targets=None if due is None else due.astype(np.float32),
            )
            new = dataclasses.replace(
                stores.new_run(f"{kind} {number}", IMAGES, "none"),
                class_names=names,
                options={"answers": kind, **options},
                experiment=kind,
                epoch=number + 1,
            )
            with RunWriter.begin(str(path), new) as writer:
                stores.append(writer, made, 0, IMAGES, maps=False)
                writer.finish()
    return path


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path) -> str:
    return serve_to_all(store)


def given(number: int = 0) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = SAID[number].astype(np.float32) >= THRESHOLDS
    return found


def right(number: int = 0) -> float:
    return float((given(number) == (TRUTH == 1)).all(1).mean())


def error(number: int = 0) -> float:
    return float(np.abs(VALUE[number] - DUE).mean())


def show(page: Page, address: str, run: int, more: str = "", image: int = 3) -> None:
    page.goto(f"{address}?run={run}&image={image}{more}")
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))


def bars(page: Page) -> list[str]:
    return [" ".join(one.split()) for one in page.locator("#probabilities > *").all_inner_texts()]


def test_each_label_says_whether_it_was_a_hit(page: Page, address: str) -> None:
    show(page, address, LABELS)
    # 0.95 of 0.5, 0.6 of 0.7, 0.2 of 0.1, 0.45 of 0.5.
    expect(page.locator("#image-caption .verdict")).to_have_text(
        "sky, sand — missed sea; false sand"
    )
    expect(page.locator(".bar.predicted .bar-name")).to_have_text(["sky", "sand"])
    expect(page.locator(".bar.label .bar-name")).to_have_text(["sky", "sea"])
    expect(page.locator(".bar-hit")).to_have_text(["hit", "missed", "false", "not given"])
    assert bars(page)[:2] == ["sky 95.0 % hit", "sea 60.0 % missed"]
    marks = page.locator(".bar-threshold").evaluate_all("all => all.map(one => one.style.left)")
    assert marks == ["50%", "70%", "10%", "50%"]
    words = f"{100 * right():.1f} % with every label right"
    expect(page.locator("#run-counts")).to_contain_text(words)


def test_labels_are_searched_and_walked(page: Page, address: str) -> None:
    show(page, address, LABELS, "&search=missed-1")
    missed = np.flatnonzero(~given()[:, 1] & (TRUTH[:, 1] == 1))
    expect(page.locator("#search-count")).to_have_text(f"{len(missed)} of {IMAGES}")
    expect(page.locator("#search-answered")).to_have_text("sea missed")
    page.locator("#search-answered").click()
    expect(page.locator("#search-count")).to_have_text(f"{IMAGES} of {IMAGES}")
    expect(page.locator("#search-label")).to_be_visible()
    expect(page.locator("#search-prediction")).to_be_visible()
    page.locator("#search-wrong").click()
    wrong = np.flatnonzero((given() != (TRUTH == 1)).any(1))
    expect(page.locator("#search-count")).to_have_text(f"{len(wrong)} of {IMAGES}")
    after = next(int(one) for one in wrong if one > 3)
    page.locator("#search-close").click()
    page.keyboard.press("m")
    expect(page.locator("#image-caption .caption-title")).to_have_text(f"Image {after}")


def test_values_stand_beside_what_is_due(page: Page, address: str) -> None:
    show(page, address, VALUES)
    assert bars(page) == ["value target off by", "x 3.25 3.5 −0.25", "y 0.5 −1 +1.5"]
    expect(page.locator("#image-caption .verdict")).to_have_text(
        "2 values, off by 0.875 on average"
    )
    expect(page.locator("#run-counts")).to_contain_text("mean absolute error")
    shown = page.locator("#run-counts").inner_text().rpartition(" ")[2]
    assert float(shown) == pytest.approx(error(), rel=1e-3)
    worst = int(np.abs(VALUE[0] - DUE).mean(1).argmax())
    show(page, address, VALUES, "&search=error", worst)
    first = page.locator("#hit-0")
    expect(first).to_have_attribute("data-ordinal", str(worst))
    expect(first).to_contain_text("off by")
    expect(page.locator("#search-order")).to_have_value("Largest error first")
    expect(page.locator("#search-wrong")).to_be_hidden()


def test_hits_by_label_open_their_images(page: Page, address: str) -> None:
    show(page, address, LABELS)
    page.keyboard.press("b")
    table = page.get_by_role("table", name="Hits by label")
    expect(table.locator("tbody tr")).to_have_count(len(NAMES))
    true, said = TRUTH == 1, given()
    for i, name in enumerate(NAMES):
        cells = table.locator("tr", has=page.get_by_role("rowheader", name=name, exact=True))
        numbers = cells.locator("td").all_inner_texts()[:5]
        expected = [true[:, i], said[:, i], true[:, i] & said[:, i]]
        expected += [true[:, i] & ~said[:, i], ~true[:, i] & said[:, i]]
        assert [int(one) for one in numbers] == [int(one.sum()) for one in expected]
        hits = (true & said)[:, i].sum()
        shares = cells.locator("td").all_inner_texts()[5:7]
        assert shares == [
            f"{100 * hits / said[:, i].sum():.1f} %",
            f"{100 * hits / true[:, i].sum():.1f} %",
        ]
    count = int((true & ~said)[:, 1].sum())
    table.locator("a[data-search='missed-1']").click()
    expect(page.locator("#search-count")).to_have_text(f"{count} of {IMAGES}")


def test_compare_says_what_there_is(page: Page, address: str) -> None:
    page.goto(f"{address}compare/?a={LABELS}&b={OTHER_LABELS}")
    card = page.locator(".card", has_text="Accuracy")
    expect(card.locator(".value-a")).to_have_text(f"{100 * right():.2f} %")
    expect(card.locator(".value-b")).to_have_text(f"{100 * right(1):.2f} %")
    page.goto(f"{address}compare/?a={LABELS}&b={OTHER_LABELS}&tab=classes")
    expect(page.get_by_role("table", name="Hits by label")).to_contain_text("recall B")
    page.goto(f"{address}compare/?a={VALUES}&b={LATER}")
    card = page.locator(".card", has_text="Mean absolute error")
    assert float(card.locator(".value-a").inner_text()) == pytest.approx(error(), rel=1e-3)
    assert float(card.locator(".value-b").inner_text()) == pytest.approx(error(1), rel=1e-3)
    page.goto(f"{address}compare/?a={NOTHING}&b={LATER_NOTHING}")
    card = page.locator(".card", has_text="Accuracy")
    expect(card).to_contain_text("the answers are not stored")


def test_the_curves_of_an_experiment_have_what_there_is(page: Page, address: str) -> None:
    page.goto(f"{address}compare/?experiment=values")
    chart = page.locator("[data-chart='Mean absolute error']")
    expect(chart.locator(".chart-point")).to_have_count(2)
    expect(page.locator("[data-chart='Accuracy']")).to_have_count(0)
    for name in ("Mean confidence", "Changed predictions"):
        other = page.locator(f"[data-chart='{name}']")
        expect(other).to_contain_text("not both runs name a class")
        expect(other.locator(".chart-line, .chart-point")).to_have_count(0)
    page.goto(f"{address}compare/?experiment=none")
    expect(page.locator("[data-chart='Accuracy']")).to_contain_text("the answers are not stored")
    page.goto(f"{address}compare/?experiment=labels")
    chart = page.locator("[data-chart='Accuracy']")
    expect(chart.locator(".chart-point")).to_have_count(2)
    assert "NaN" not in page.locator("#compare-curves").inner_text()


def test_runs_have_their_figure(page: Page, address: str) -> None:
    page.goto(f"{address}runs/")
    cell = page.locator(f"[row-id='{VALUES}'] [col-id='percent']")
    expect(cell).to_contain_text("±")
    assert float(cell.inner_text().replace("±", "")) == pytest.approx(error(), rel=1e-3)
    labels = page.locator(f"[row-id='{LABELS}'] [col-id='percent']")
    expect(labels).to_have_text(f"{100 * right():.1f} %")
    nothing = page.locator(f"[row-id='{NOTHING}'] [col-id='percent']")
    expect(nothing).to_have_text("")


def test_axe_finds_nothing(page: Page, address: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script(path=str(AXE))
    for run in (LABELS, VALUES):
        show(page, address, run, "&search=all")
        page.wait_for_load_state("networkidle")
        assert found_in_both(page) == []
    show(page, address, LABELS)
    page.keyboard.press("b")
    expect(page.get_by_role("table", name="Hits by label")).to_be_visible()
    assert found_in_both(page) == []
