"""The redundancy page: from the summary to a cluster's feature maps, and onto paper."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.cli import main
from reactcnn_dash.db import StoreReader
from reactcnn_dash.results.redundancy.report import summary
from reactcnn_dash.results.redundancy.stability import computed_stability, verdict
from reactcnn_dash.results.redundancy.stored import REPORT, computed_report
from tests import redundant, stores

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

RUN = 1
LAYERS = "#redundancy-layers tbody tr"
PATIENCE = 30_000
"""Milliseconds for the first work of a process that has yet to start."""
CLUSTERS = ".clusters-table tbody tr[data-key]"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("redundant") / "store.db"
    redundant.write(path, redundant.planted())
    return path


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path) -> str:
    return serve_to_all(store)


@pytest.fixture
def shown(page: Page, address: str) -> Page:
    page.goto(f"{address}redundancy/")
    expect(page.locator(LAYERS)).to_have_count(3, timeout=PATIENCE)
    return page


def row(page: Page, layer: str) -> list[str]:
    return page.locator(LAYERS, has_text=layer).locator("th, td").all_inner_texts()


def open_cluster(page: Page, verdict_: str) -> None:
    page.locator(LAYERS, has_text="conv1").click()
    page.locator(CLUSTERS, has_text=verdict_).click()


def test_what_could_go_stands_in_a_sentence_and_a_row_a_layer(shown: Page, store: Path) -> None:
    report = REPORT.find_recent(StoreReader(str(store)), StoreReader(str(store)).run(RUN), "0.7")
    assert report is not None
    expect(shown.locator("#redundancy-summary strong")).to_have_text(summary(report))
    assert row(shown, "conv1")[:4] == ["conv1", "6", "1", "1"]
    assert row(shown, "conv1")[-4:] == ["2", "3", "1", "50 %"]
    assert row(shown, "conv2")[-4:] == ["1", "3", "2", "38 %"]
    total = shown.locator("#redundancy-layers tfoot td").all_inner_texts()
    assert (total[0], total[-3:]) == ("30", ["6", "3", "20 %"])


def test_a_layer_names_the_filters_that_others_explain(shown: Page, store: Path) -> None:
    shown.locator(LAYERS, has_text="conv2").click()
    report = REPORT.find_recent(StoreReader(str(store)), StoreReader(str(store)).run(RUN), "0.7")
    assert report is not None
    plan = report.layers[1].plan
    assert plan is not None
    rows = shown.locator(".explained-table tbody tr")
    expect(rows).to_have_count(len(plan.explained))
    shown.get_by_text("Which, and by which few").click()
    first = rows.first.locator("th, td").all_inner_texts()
    assert int(first[0]) in plan.confirmed <= set(redundant.TRIO)
    assert first[1:3] == ["confirmed", "1.00"]
    (stays,) = set(redundant.TRIO) - plan.confirmed
    assert first[3] == f"{stays} 1.00"
    words = shown.locator(".explained-words")
    expect(words).to_contain_text("explain 2 others at R² ≥ 0.7, fitted on half of 64 images")


def test_a_cluster_shows_its_evidence(shown: Page, address: str) -> None:
    open_cluster(shown, "confirmed")
    expect(shown).to_have_url(re.compile(r"layer=conv1&cluster=\d+$"))
    expect(shown.locator(".detail-reason")).to_contain_text("Confirmed: every filter's maps")
    maps = shown.locator(".evidence-map[data-painted]")
    expect(maps).to_have_count(3 * len(redundant.SAME))
    pictures = maps.evaluate_all("all => all.map(one => one.toDataURL())")
    # Each row is an image; both filters look at the same places.
    assert all(one == other for one, other in zip(pictures[::2], pictures[1::2], strict=True))
    shown.locator(CLUSTERS, has_text="candidate").click()
    expect(shown.locator(".cluster-detail")).to_have_count(1)
    expect(shown.locator(".detail-reason")).to_contain_text("A candidate: GAP values agree, but")
    expect(maps).to_have_count(3 * len(redundant.MIRRORED))
    pictures = maps.evaluate_all("all => all.map(one => one.toDataURL())")
    assert all(one != other for one, other in zip(pictures[::2], pictures[1::2], strict=True))
    # Each filter leads to its page, and the address back here.
    links = shown.locator(".evidence-filter")
    filters = links.evaluate_all("all => all.map(one => new URL(one.href).search)")
    assert sorted(filters) == [f"?run=1&layer=conv1&filter={one}" for one in redundant.MIRRORED]
    again = shown.url
    shown.goto(f"{address}runs/")
    shown.goto(again)
    expect(shown.locator(".detail-reason")).to_contain_text("A candidate: GAP values agree, but")


def test_addresses_are_copied_and_the_live_page_shows_the_same_cluster(shown: Page) -> None:
    open_cluster(shown, "confirmed")
    shown.get_by_role("button", name="Copy 2 addresses").click()
    expect(shown.get_by_role("button", name="Copied")).to_be_visible()
    assert shown.evaluate("navigator.clipboard.readText()") == "conv1:0\nconv1:1"
    shown.get_by_role("link", name="Show in the live page").click()
    expect(shown.locator("#grid .cell.red")).to_have_count(len(redundant.SAME), timeout=PATIENCE)
    red = shown.locator("#grid [data-layer='0'] .cell.red")
    assert [int(one.get_attribute("data-filter") or -1) for one in red.all()] == [*redundant.SAME]


def test_everything_by_keyboard(shown: Page) -> None:
    first = shown.locator(LAYERS).first
    first.focus()
    shown.keyboard.press("ArrowDown")
    expect(shown.locator(LAYERS, has_text="conv2")).to_be_focused()
    shown.keyboard.press("Enter")
    expect(shown.locator(".layer-head h2")).to_have_text("conv2: 1 cluster of 3 filters at τ = 0.7")
    shown.locator(CLUSTERS).focus()
    shown.keyboard.press("Enter")
    expect(shown.locator(".cluster-detail")).to_be_visible()
    shown.keyboard.press("Escape")
    expect(shown.locator(".cluster-detail")).to_have_count(0)
    expect(shown.locator(CLUSTERS)).to_be_focused()
    shown.keyboard.press("Escape")
    expect(shown.locator(".redundancy-layer h2")).to_have_text("Which filters repeat each other?")
    expect(shown.locator(LAYERS, has_text="conv2")).to_be_focused()


def test_another_threshold_is_another_report(shown: Page, store: Path) -> None:
    shown.get_by_role("slider").focus()
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("ArrowRight")
    expect(shown.locator(".summary-basis")).to_contain_text(
        "clusters of r ≥ 0.8 on average", timeout=PATIENCE
    )
    expect(shown).to_have_url(re.compile(r"\?threshold=0\.8$"))
    reader = StoreReader(str(store))
    assert REPORT.find_recent(reader, reader.run(RUN), "0.8") is not None
    # What was passed on the way is not worked out.
    assert REPORT.find_recent(reader, reader.run(RUN), "0.75") is None


def test_whether_it_holds(page: Page, serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "more.db"
    redundant.write(path, redundant.planted(images=200))
    page.goto(f"{serve(path)}redundancy/?threshold=0.1")
    expect(page.locator(LAYERS)).to_have_count(3, timeout=PATIENCE)
    verdicts = []
    # The first settles by what was planted; in the last there is nothing but noise.
    for layer in (2, 0, 2):
        page.locator(LAYERS).nth(layer).click()
        held = computed_stability(str(path), RUN, layer, 0.1)
        expect(page.locator(".stability h3")).to_have_text(f"Does it hold? conv{layer + 1}")
        expect(page.locator(".stability-verdict")).to_have_text(verdict(held), timeout=PATIENCE)
        expect(page.locator(".stability-point")).to_have_count(len(held.found.curve))
        verdicts.append(verdict(held))
    assert verdicts[0] != verdicts[1]
    assert len(held.found.curve) == 3


def test_the_json_is_that_of_the_command(
    shown: Page, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown.expect_download() as started:
        shown.get_by_role("link", name="Download the report as JSON").click()
    assert started.value.suggested_filename == "redundancy-1-0.7.json"
    assert main(["redundancy", "1", "--json", "--store", str(store)]) == 0
    text = started.value.path().read_text()
    assert json.loads(text) == json.loads(capsys.readouterr().out)


def test_on_paper_stands_every_layer_and_no_control(shown: Page, store: Path) -> None:
    paper = shown.locator("#redundancy-paper")
    expect(paper).to_be_hidden()
    shown.evaluate("window.print = () => document.body.dataset.printed = 'yes'")
    shown.get_by_role("button", name="Print").click()
    expect(shown.locator("body")).to_have_attribute("data-printed", "yes")
    shown.emulate_media(media="print", color_scheme="dark")
    expect(paper).to_be_visible()
    expect(shown.locator("#app")).to_be_hidden()
    assert paper.locator("button, input, a").count() == 0
    report = computed_report(str(store), RUN, 0.7)
    expect(paper.locator("h2")).to_have_text([layer.name for layer in report.layers])
    filters = [
        ", ".join(str(filter_) for filter_ in cluster.filters)
        for layer in report.layers
        for cluster in layer.clusters
    ]
    expect(paper.locator(".paper-filters")).to_have_text(filters)
    assert paper.evaluate("node => getComputedStyle(node).color") == "rgb(0, 0, 0)"
    assert len(re.findall(rb"/Type /Page\b", shown.pdf())) >= 1


def test_without_maps_the_page_says_how_to_keep_them(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "bare.db"
    redundant.write(path, redundant.planted(), maps="none")
    page.goto(f"{serve(path)}redundancy/?layer=conv1")
    advice = page.locator(".summary-advice")
    expect(advice).to_contain_text("--feature-maps all", timeout=PATIENCE)
    expect(page.locator(f"{CLUSTERS} .badge")).to_have_text(["candidate", "candidate"])
    page.locator(CLUSTERS).first.click()
    expect(page.locator(".detail-reason")).to_contain_text("no feature maps are stored")
    expect(page.locator(".evidence-map")).to_have_count(0)


def test_what_cannot_be_shown_is_said(page: Page, serve: Serve, tmp_path: Path) -> None:
    stores.make_store(tmp_path / "one.db", 1)
    address = serve(tmp_path / "one.db")
    page.goto(f"{address}redundancy/")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("needs at least 2 images", timeout=PATIENCE)
    expect(page.locator("#empty h1")).to_have_text("Nothing to report")
    page.goto(f"{address}redundancy/?run=9")
    expect(notice).to_contain_text("no run 9")
    page.goto(f"{serve(tmp_path / 'none.db')}redundancy/")
    expect(page.locator("#empty h1")).to_have_text("No runs yet")
    expect(page.locator("#empty code")).to_have_text("python -m collector --feature-maps all")
