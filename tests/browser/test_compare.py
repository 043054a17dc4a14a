"""The compare page: two runs, an experiment, and everything that is linked between them."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from reactcnn_dash.cli import main
from reactcnn_dash.db import StoreReader
from reactcnn_dash.results.comparison import comparing
from tests import stores
from tests.browser.waiting import until
from tests.compared import chosen, other_checkpoint, write

if TYPE_CHECKING:
    from pathlib import Path

    from reactcnn_dash.results.comparison.comparing import Comparison
    from tests.browser.conftest import Serve

IMAGES = 90
EARLY, MIDDLE, LATE, STRANGE = 1, 2, 3, 4


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment of three epochs over the same images in other orders, and a stranger."""
    path = tmp_path_factory.mktemp("compared") / "store.db"
    first = stores.truth(IMAGES)
    rng = np.random.default_rng(2)
    write(path, "early", first, experiment="night", epoch=1)
    for epoch, name, seed in ((2, "middle", 3), (7, "late", 1)):
        made = chosen(other_checkpoint(first, seed), rng.permutation(IMAGES))
        write(path, name, made, experiment="night", epoch=epoch)
    write(path, "strange", stores.truth(6, seed=9))
    return path


@pytest.fixture(scope="module")
def truth(store: Path) -> Comparison:
    return comparing.compare(StoreReader(str(store)), EARLY, LATE)


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path) -> str:
    return f"{serve_to_all(store)}compare/"


@pytest.fixture
def shown(page: Page, address: str) -> Page:
    """The first epoch against the last."""
    page.goto(f"{address}?a={EARLY}&b={LATE}")
    expect(page.locator(".layer-table .ag-center-cols-container [role=row]")).to_have_count(3)
    return page


def pick(page: Page, label: str, name: str) -> None:
    page.get_by_role("textbox", name=label).click()
    page.get_by_role("option", name=re.compile(name)).locator("visible=true").click()


def card(page: Page, name: str) -> str:
    found = page.locator(".card", has_text=name).inner_text()
    return " ".join(found.split())


def red(page: Page, block: int) -> list[int]:
    cells = page.locator(f"#compare-flow-grid [data-layer='{block}'] .cell.red")
    return [int(one) for one in cells.evaluate_all("all => all.map(cell => cell.dataset.filter)")]


def kinds(truth: Comparison) -> dict[str, int]:
    changed = truth.changed
    right = int((changed.after == changed.label).sum())
    wrong = int((changed.before == changed.label).sum())
    return {"all": len(changed.a), "corrected": right, "broken": wrong}


def test_two_runs_are_picked_swapped_and_linked(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#empty h1")).to_have_text("Pick two runs")
    pick(page, "Run A", "early")
    pick(page, "Run B", "late")
    expect(page.locator(".card")).to_have_count(6)
    expect(page).to_have_url(re.compile(rf"a={EARLY}&b={LATE}$"))
    expect(page.locator("#empty")).to_be_hidden()
    before = card(page, "Accuracy")
    page.get_by_role("button", name="Swap A and B").click()
    expect(page).to_have_url(re.compile(rf"a={LATE}&b={EARLY}$"))
    expect(page.locator(".card", has_text="Accuracy").locator(".value-a")).to_have_text(
        before.split("→")[1].split("%")[0].strip() + " %"
    )
    page.go_back()
    expect(page).to_have_url(re.compile(rf"a={EARLY}&b={LATE}$"))
    expect(page.locator(".card", has_text="Accuracy").locator(".value-b")).to_have_text(
        before.split("→")[1].split("%")[0].strip() + " %"
    )


def test_the_newest_two_at_a_click(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Compare the two newest").click()
    expect(page.locator("#notice")).to_contain_text("have no image in common")
    expect(page).to_have_url(re.compile(rf"a={LATE}&b={STRANGE}$"))
    expect(page.locator("#empty h1")).to_have_text("Nothing to compare")
    expect(page.locator(".card")).to_have_count(0)
    # What is refused is let go of with the next choice.
    pick(page, "Run B", "early")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator(".card")).to_have_count(6)


def test_a_store_without_runs_and_with_one_say_what_to_do(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    stores.make_store(tmp_path / "one.db", 4, maps=False)
    page.goto(f"{serve(tmp_path / 'one.db')}compare/")
    expect(page.locator("#empty h1")).to_have_text("One run is not enough")
    (tmp_path / "none.db").touch()
    page.goto(f"{serve(tmp_path / 'none.db')}compare/")
    expect(page.locator("#empty h1")).to_have_text("No runs yet")
    page.get_by_text("An experiment").click()
    expect(page.locator("#empty h1")).to_have_text("No runs yet")


def test_the_head_and_the_layers_say_what_the_comparison_says(
    shown: Page, truth: Comparison
) -> None:
    assert truth.accuracy is not None
    head = card(shown, "Accuracy")
    assert [f"{100 * value:.2f} %" in head for value in truth.accuracy] == [True, True]
    of = kinds(truth)
    assert card(shown, "Prediction changed") == (
        f"Prediction changed {of['all']} {of['corrected']} corrected, {of['broken']} broken"
    )
    for layer in truth.layers:
        row = shown.locator(f".layer-table [row-id='{layer.a.name}']")
        expect(row.locator("[col-id=cka]")).to_have_text(f"{layer.result.cka:.3f}")
        expect(row.locator("[col-id=ari]")).to_have_text(f"{layer.result.clusters.ari:.3f}")
        dead = f"{layer.result.dead[0]} → {layer.result.dead[1]}"
        expect(row.locator("[col-id=deadB]")).to_have_text(dead)
        expect(row.locator("[col-id=died]")).to_have_text(str(len(layer.result.died)))
    labels = shown.locator(".matrix-cell").evaluate_all(
        "cells => cells.map(cell => cell.getAttribute('aria-label'))"
    )
    shown_there = f"{truth.cka[0, 1]:.2f}".lstrip("0")
    assert labels[1] == f"{shown_there}. conv1 in A, conv2 in B: CKA {truth.cka[0, 1]:.3f}"
    assert len(labels) == 9


def test_a_row_of_the_matrix_chooses_the_layer(shown: Page) -> None:
    shown.locator(".matrix-row[data-layer=conv2] .matrix-cell").first.click()
    expect(shown).to_have_url(re.compile("layer=conv2"))
    chosen_row = shown.locator(".layer-table .ag-center-cols-container .ag-row-selected")
    expect(chosen_row).to_have_attribute("row-id", "conv2")
    shown.locator(".matrix-row[data-layer=conv3]").focus()
    shown.keyboard.press("Enter")
    expect(chosen_row).to_have_attribute("row-id", "conv3")


def test_changed_images_are_filtered_paged_and_drawn(shown: Page, truth: Comparison) -> None:
    of = kinds(truth)
    assert of["all"] > 48
    tiles = shown.locator(".changed-tile")
    expect(tiles).to_have_count(48)
    expect(shown.locator("#compare-pages .counts")).to_have_text(f"1–48 of {of['all']}")
    shown.get_by_role("button", name="Images after").click()
    expect(tiles).to_have_count(of["all"] - 48)
    assert "page=2" in shown.url
    shown.get_by_text("Corrected", exact=True).click()
    expect(tiles).to_have_count(of["corrected"])
    expect(shown.locator(".changed-tile.corrected")).to_have_count(of["corrected"])
    assert "page" not in shown.url
    shown.get_by_text("Broken", exact=True).click()
    expect(shown.locator(".changed-tile.broken")).to_have_count(of["broken"])
    expect(tiles).to_have_count(of["broken"])
    until(shown, "[...document.querySelectorAll('.changed-tile canvas')].every(c => c.width === 8)")
    first = int(truth.changed.a[truth.changed.before == truth.changed.label][0])
    expect(tiles.first).to_have_attribute("data-ordinal", str(first))


def test_an_image_opens_in_both_runs(shown: Page, truth: Comparison, store: Path) -> None:
    reader = StoreReader(str(store))
    shown.locator(".changed-tile").nth(2).click()
    a, b = int(truth.changed.a[2]), int(truth.changed.b[2])
    expect(shown).to_have_url(re.compile(f"image={a}"))
    expect(shown.locator("#compare-pair")).to_be_visible()
    total = len(truth.changed.a)
    expect(shown.locator("#compare-pair-place")).to_have_text(f"3 of {total} changed")
    images = reader.image(EARLY, a), reader.image(LATE, b)
    names = [stores.CLASSES[image.prediction] for image in images]
    verdicts = shown.locator("#compare-image-caption .verdict:has(.side-badge)")
    for verdict, name in zip(verdicts.all(), names, strict=True):
        expect(verdict.locator("strong")).to_have_text(name)
    for side, image in zip("ab", images, strict=True):
        values = shown.locator(f"#compare-probabilities .side-text-{side}").all_inner_texts()
        assert values == [f"{100 * p:.1f}" for p in image.probabilities]
    gaps = [reader.gap_row(run, ordinal) for run, ordinal in ((EARLY, a), (LATE, b))]
    cells = shown.locator("#grid .cell[fill]")
    expect(cells).to_have_count(sum(stores.FILTERS))
    difference = gaps[1] - gaps[0]
    # The block takes the pointer for all of its cells.
    shown.locator("#cell-1-4").hover(force=True)
    told = shown.locator("#tip div").all_inner_texts()
    assert told[0] == "conv2 · filter 4"
    for text, value in zip(told[1:], (gaps[0][10], gaps[1][10], difference[10]), strict=True):
        assert float(text.split()[-1]) == pytest.approx(value, rel=0.06)
    # Away from the middle of the scale by more, the larger the difference; B's colour where B is
    # larger, A's where A is.
    rgb = cells.evaluate_all(
        "all => all.map(cell => cell.getAttribute('fill').match(/\\d+/g).map(Number))"
    )
    tint = np.array(rgb)[:, 1] - np.array(rgb)[:, 0]
    clear = np.abs(difference) > 0.1
    assert clear.any()
    assert (np.sign(tint[clear]) == np.sign(difference[clear])).all()
    shown.locator("#compare-shown").get_by_text("A", exact=True).click()
    expect(shown.locator("#legend .legend-title")).to_contain_text("GAP in A")
    dark = 765 - np.array(
        cells.evaluate_all(
            "all => all.map(cell => cell.getAttribute('fill').match(/\\d+/g).map(Number))"
        )
    ).sum(axis=1)
    assert (np.diff(dark[:6][np.argsort(gaps[0][:6])]) >= 0).all()
    shown.get_by_text("Whole network").click()
    expect(shown.locator("#legend .legend-title")).to_have_text("GAP in A, whole network")
    assert "shown=a" in shown.url
    assert "scale=network" in shown.url


def test_the_open_image_steps_through_the_kind_and_closes(shown: Page, truth: Comparison) -> None:
    shown.get_by_text("Corrected", exact=True).click()
    corrected = truth.changed.a[truth.changed.after == truth.changed.label]
    shown.locator(".changed-tile.corrected").first.click()
    expect(shown.locator("#compare-pair-previous")).to_be_disabled()
    shown.keyboard.press("ArrowRight")
    expect(shown).to_have_url(re.compile(f"image={corrected[1]}"))
    expect(shown.locator("#compare-pair-place")).to_have_text(f"2 of {len(corrected)} corrected")
    link = shown.url
    shown.keyboard.press("Escape")
    expect(shown.locator("#compare-pair")).to_be_hidden()
    expect(shown.locator(".changed-tile").first).to_be_visible()
    shown.goto(link)
    expect(shown.locator("#grid .cell[fill]")).to_have_count(sum(stores.FILTERS))
    shown.locator("#grid .block-name").nth(1).click()
    expect(shown).to_have_url(re.compile("layer=conv2&tab=flow"))


def test_filters_of_the_chosen_layer(shown: Page, truth: Comparison) -> None:
    shown.locator(".layer-table [row-id=conv2] [col-id=name]").click()
    expect(shown).to_have_url(re.compile("layer=conv2&tab=filters"))
    rows = shown.locator("#compare-filters .ag-center-cols-container [role=row]")
    expect(rows).to_have_count(8)
    result = truth.layers[1].result
    matches = result.matches
    for filter_ in (1, 3, 5):
        row = shown.locator(f"#compare-filters [row-id='{filter_}']")
        same = result.same_index[filter_]
        text = "–" if np.isnan(same) else f"{same:.3f}".replace("-", "−")
        expect(row.locator("[col-id=same]")).to_have_text(text)
        match = int(matches.match[filter_])
        expect(row.locator("[col-id=match]")).to_have_text("–" if match < 0 else str(match))
    expect(shown.locator("#compare-filters [row-id='3'] [col-id=state]")).to_have_text("died")
    shown.locator("#compare-filters .ag-header-cell[col-id=r]").click()
    shown.locator("#compare-filters .ag-header-cell[col-id=r]").click()
    best = int(np.nanargmax(matches.r))
    expect(shown.locator("#compare-filters [row-index='0']").first).to_have_attribute(
        "row-id", str(best)
    )


def test_a_click_in_the_cluster_flow_lights_up_both_grids(shown: Page, truth: Comparison) -> None:
    shown.locator(".matrix-row[data-layer=conv3]").click()
    shown.get_by_text("Cluster flow").click()
    cells = shown.locator("#compare-flow-grid .cell[fill]")
    expect(cells).to_have_count(2 * 16)
    labels = truth.layers[2].result.clusters
    node = shown.locator("[data-cluster='a:0'].flow-node")
    node.click()
    members = np.flatnonzero(labels.a == 0).tolist()
    assert len(members) > 1
    expect(shown.locator("#compare-flow-grid .cell.red")).to_have_count(2 * len(members))
    assert red(shown, 0) == red(shown, 1) == members
    expect(shown).to_have_url(re.compile("cluster=a%3A0"))
    expect(shown.locator("#compare-flow-caption")).to_contain_text(f"{len(members)} filters")
    shown.keyboard.press("Escape")
    expect(shown.locator("#compare-flow-grid .cell.red")).to_have_count(0)
    flow = max(labels.flow, key=lambda one: one.filters)
    name = f"a:{flow.source}>b:{flow.target}"
    shown.locator(f".flow-band[data-cluster='{name}']").dispatch_event("click")
    both = np.flatnonzero((labels.a == flow.source) & (labels.b == flow.target)).tolist()
    expect(shown.locator("#compare-flow-grid .cell.red")).to_have_count(2 * len(both))
    assert red(shown, 1) == both
    node.focus()
    shown.keyboard.press("Enter")
    expect(shown).to_have_url(re.compile("cluster=a%3A0"))
    link = shown.url
    shown.goto(link)
    expect(shown.locator("#compare-flow-grid .cell.red")).to_have_count(2 * len(members))


def test_method_and_parameter_cluster_anew(shown: Page) -> None:
    shown.get_by_text("Louvain", exact=True).click()
    expect(shown).to_have_url(re.compile("method=louvain"))
    expect(shown.locator("#compare-parameter-louvain-value")).to_contain_text("(auto)")
    slider = shown.get_by_role("slider", name="Louvain", exact=False)
    slider.focus()
    slider.press("End")
    expect(shown).to_have_url(re.compile("parameter=4"))
    expect(shown.locator("#compare-parameter-louvain-value")).to_have_text("γ = 4")
    expect(shown.locator(".card")).to_have_count(6)


def test_the_json_is_that_of_the_command(
    shown: Page, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown.expect_download() as waiting:
        shown.get_by_role("link", name="Download the comparison as JSON").click()
    path = waiting.value.path()
    assert waiting.value.suggested_filename == f"comparison-{EARLY}-{LATE}.json"
    assert main(["compare", str(EARLY), str(LATE), "--store", str(store), "--json"]) == 0
    assert json.loads(path.read_text()) == json.loads(capsys.readouterr().out)


def test_an_experiment_as_curves(page: Page, address: str, store: Path) -> None:
    page.goto(address)
    page.get_by_text("An experiment").click()
    expect(page).to_have_url(re.compile("experiment=night"))
    expect(page.locator(".curves-head")).to_contain_text("3 epochs, each against the last")
    cka = page.locator("[data-chart='Linear CKA']")
    expect(cka.locator(".chart-line")).to_have_count(3)
    # The last epoch is not compared with itself: two points a line.
    expect(cka.locator(".chart-line").first).to_have_attribute("d", re.compile("^M[^L]+L[^L]+$"))
    accuracy = page.locator("[data-chart='Accuracy']")
    expect(accuracy.locator(".chart-point")).to_have_count(3)
    places = [
        float(str(point.get_attribute("cx"))) for point in accuracy.locator(".chart-point").all()
    ]
    # Epochs 1, 2 and 7.
    assert (places[1] - places[0]) / (places[2] - places[0]) == pytest.approx(1 / 6, abs=1e-3)
    reader = StoreReader(str(store))
    for run in (reader.run(id_) for id_ in (EARLY, MIDDLE, LATE)):
        band = accuracy.locator(f"[data-epoch='{run.epoch}']")
        share = f"{100 * run.correct / run.labelled:.1f} %"
        expect(band).to_have_attribute(
            "aria-label", f"Epoch {run.epoch}: Accuracy {share}. Open its comparison"
        )
    page.get_by_text("the one before").click()
    expect(page).to_have_url(re.compile("against=previous"))
    expect(page.locator(".curves-head")).to_contain_text("the one before")
    page.get_by_role("group", name="Layer").get_by_text("conv2").click()
    expect(page).to_have_url(re.compile("layer=conv2"))
    expect(cka.locator(".chart-line.strong")).to_have_attribute("data-layer", "conv2")
    died = page.locator("[data-chart='Filters that died']")
    for epoch, count in ((2, 1), (7, 0)):
        expect(died.locator(f"[data-epoch='{epoch}']")).to_have_attribute(
            "aria-label", f"Epoch {epoch}: Filters that died {count}. Open its comparison"
        )
    accuracy.locator("[data-epoch='7']").click()
    expect(page).to_have_url(re.compile(f"a={MIDDLE}&b={LATE}"))
    expect(page.locator(".card")).to_have_count(6)
    page.go_back()
    expect(page.locator(".curves-head")).to_be_visible()


def test_an_experiment_that_is_not_there_is_a_notice(page: Page, address: str) -> None:
    page.goto(f"{address}?experiment=nowhere")
    expect(page.locator("#notice")).to_contain_text("'nowhere' has 0 runs")


def test_a_long_comparison_shows_its_progress(page: Page, address: str) -> None:
    answers = iter(
        [
            {"status": "running", "done": 0, "total": 0, "behind": False},
            {"status": "running", "done": 45, "total": 90, "behind": False},
        ]
    )
    held: list[str] = []

    def answer(route: object) -> None:
        said = next(answers, None)
        if said is None:
            route.continue_()  # type: ignore[attr-defined]
            return
        if said["done"]:
            expect(page.locator(".progress-text")).to_be_attached()
            held.append(page.locator("#compare-progress").inner_text())
        route.fulfill(json=said)  # type: ignore[attr-defined]

    page.route("**/comparisons/of?*", answer)
    page.goto(f"{address}?a={EARLY}&b={LATE}")
    expect(page.locator(".card")).to_have_count(6)
    expect(page.locator("#compare-progress")).to_be_hidden()
    assert held == ["Matching the images of both runs …"]


def test_colours_follow_the_scheme(shown: Page) -> None:
    shown.locator(".changed-tile").first.click()
    cell = shown.locator("#cell-0-2[fill]")
    light = cell.get_attribute("fill")
    assert light is not None
    shown.get_by_role("button", name="Switch between light and dark").click()
    expect(cell).not_to_have_attribute("fill", light)


def test_escape_leaves_an_image_after_a_click_of_the_mouse(shown: Page) -> None:
    shown.locator(".changed-tile").first.click()
    shown.get_by_text("B − A", exact=True).click()
    expect(shown).to_have_url(re.compile("image="))
    shown.keyboard.press("Escape")
    expect(shown).not_to_have_url(re.compile("image="))


def test_runs_without_labels_are_not_said_to_have_no_corrected_image(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "nameless.db"
    first = dataclasses.replace(stores.truth(IMAGES), labels=np.full(IMAGES, -1, np.int64))
    write(path, "early", first, experiment="night", epoch=1)
    write(path, "late", other_checkpoint(first, 3), experiment="night", epoch=2)
    page.goto(f"{serve(path)}compare/?a=1&b=2")
    page.get_by_text("Corrected", exact=True).click()
    expect(page.locator(".nothing")).to_contain_text("No image has a label")
    page.get_by_text("An experiment").click()
    chart = page.locator("[data-chart='Accuracy']")
    expect(chart).to_contain_text("no image has a label")
    expect(chart.locator(".chart-rule")).to_have_count(0)


def test_the_page_as_a_picture_is_what_the_browser_shows(shown: Page) -> None:
    expect(shown.locator(".changed-tile").first).to_be_visible()
    until(shown, "[...document.querySelectorAll('.changed-tile canvas')].every(c => c.width === 8)")
    button = shown.get_by_role("button", name="Save this page as a picture")
    with shown.expect_download() as download:
        button.click()
    name = f"reactcnn-compare-a-{EARLY}-b-{LATE}.png"
    assert download.value.suggested_filename == name
    shown.mouse.move(0, 0)
    seen = Image.open(io.BytesIO(shown.screenshot())).convert("RGB")
    saved = Image.open(download.value.path()).convert("RGB")
    assert saved.size == (2 * seen.width, 2 * seen.height)
    # Letters have other edges at twice the size, so patches of 16 × 16 pixels are compared.
    size = (seen.width // 16, seen.height // 16)
    one, other = (
        np.asarray(picture.resize(size, Image.Resampling.BOX), np.int16)
        for picture in (seen, saved)
    )
    assert np.mean(np.abs(one - other).max(axis=2) > 40) < 0.02
    assert np.mean(np.abs(one - one[-1, 0]).max(axis=2) > 40) > 0.1
