"""The clusters of a layer: graph, table, the red cluster, its addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from reactcnn_dash.db import RunWriter
from tests import stores
from tests.browser.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

GRAPH = "document.getElementById('graph')._cyreg.cy"
STILL = f"""() => {{
  const all = {GRAPH}.nodes().map(node => node.renderedPosition());
  const places = JSON.stringify(all);
  const still = all.length > 0 && all.every(place => Number.isFinite(place.x + place.y))
    && window.placesBefore === places;
  window.placesBefore = places;
  return still;
}}"""
IN_SIGHT = f"""() => {{
  const {{ x1, y1, x2, y2 }} = {GRAPH}.nodes().renderedBoundingBox();
  const {{ clientWidth, clientHeight }} = document.getElementById("graph");
  return x1 >= 0 && y1 >= 0 && x2 <= clientWidth && y2 <= clientHeight;
}}"""
ODD = list(range(1, 16, 2))
EVEN = list(range(2, 16, 2))


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("clusters") / "store.db"
    stores.make_store(path, 64)
    return serve_to_all(path)


@pytest.fixture
def shown(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    return page


def open_layer(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Clusters of {name},").click()
    expect(page.locator("#panel-title")).to_have_text(f"Clusters of {name}")


def nodes(page: Page) -> list[dict[str, Any]]:
    """Return each node's data and place on the screen, once the picture stands still."""
    until(page, STILL, every=120)
    found: list[dict[str, Any]] = page.evaluate(
        f"{GRAPH}.nodes().map(n => ({{...n.data(), ...n.renderedPosition()}}))"
    )
    return found


def red(page: Page, layer: int) -> list[int]:
    return [
        int(value)
        for value in page.locator(f"[data-layer='{layer}'] .cell.red").evaluate_all(
            "cells => cells.map(cell => cell.dataset.filter)"
        )
    ]


def test_a_layers_graph_has_every_filter_coloured_by_cluster(shown: Page) -> None:
    open_layer(shown, "conv3")
    expect(shown.locator("#cluster-summary")).to_have_text(
        "2 clusters of two or more, 1 dead · from 64 images"
    )
    found = nodes(shown)
    assert [node["filter"] for node in found] == list(range(16))
    clusters = {node["filter"]: node["cluster"] for node in found}
    assert clusters[0] == -1
    assert len({clusters[f] for f in ODD}) == len({clusters[f] for f in EVEN}) == 1
    colours = {(node["cluster"], node["colour"]) for node in found}
    assert len(colours) == 3
    places = np.array([[node["x"], node["y"]] for node in found])
    # Its room may have changed while it was drawn; then it is fitted a moment later.
    until(shown, IN_SIGHT)
    # Filters of one cluster stand nearer to each other than to the other cluster.
    own = np.linalg.norm(places[ODD] - places[ODD].mean(axis=0), axis=1).mean()
    apart = np.linalg.norm(places[ODD].mean(axis=0) - places[EVEN].mean(axis=0))
    assert own < apart


def test_a_click_on_a_node_turns_its_cluster_red_and_escape_clears_it(shown: Page) -> None:
    open_layer(shown, "conv3")
    expect(shown.locator("#cluster-summary")).to_contain_text("64 images")
    node = next(n for n in nodes(shown) if n["filter"] == 5)
    shown.locator("#graph").click(position={"x": node["x"], "y": node["y"]})
    expect(shown.locator(".cell.red")).to_have_count(len(ODD))
    assert red(shown, 2) == ODD
    fill = shown.locator("#cell-2-5").evaluate("cell => getComputedStyle(cell).fill")
    assert fill == "rgb(224, 32, 45)"
    expect(shown.locator("#selection h3")).to_contain_text("of conv3: 8 filters")
    link = shown.url
    shown.keyboard.press("Escape")
    expect(shown.locator(".cell.red")).to_have_count(0)
    shown.goto(link)
    expect(shown.locator(".cell.red")).to_have_count(len(ODD))


def test_a_row_of_the_table_selects_too_and_addresses_are_copied(shown: Page) -> None:
    open_layer(shown, "conv3")
    rows = shown.locator("#cluster-table .ag-center-cols-container [role=row]")
    expect(rows).to_have_count(2)
    rows.filter(has=shown.locator("[col-id=size]", has_text="7")).click()
    expect(shown.locator(".cell.red")).to_have_count(len(EVEN))
    assert red(shown, 2) == EVEN
    shown.get_by_role("button", name="Copy addresses").click()
    expect(shown.get_by_role("button", name="Copied")).to_be_visible()
    copied = shown.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines() == [f"conv3:{f}" for f in EVEN]


def test_the_table_by_keyboard_and_the_red_cluster_of_a_filter_in_focus(shown: Page) -> None:
    open_layer(shown, "conv3")
    rows = shown.locator("#cluster-table .ag-center-cols-container [role=row]")
    expect(rows).to_have_count(2)
    # What the panel says comes last: until then the rows may be made anew, and lose the focus.
    expect(shown.locator("#cluster-summary")).to_contain_text("64 images")
    shown.locator("#cluster-table .ag-header-cell").first.focus()
    shown.keyboard.press("ArrowDown")
    expect(rows.first.locator(".ag-cell-focus")).to_have_count(1)
    shown.keyboard.press("Space")
    expect(shown.locator("#selection h3")).to_contain_text("of conv3")
    shown.keyboard.press("Escape")
    expect(shown.locator(".cell.red")).to_have_count(0)
    shown.locator(".block-name").nth(2).focus()
    shown.keyboard.press("Tab")
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("r")
    expect(shown.locator(".cell.red")).to_have_count(len(ODD))
    assert red(shown, 2) == ODD


def test_hovering_a_node_names_its_filter(shown: Page) -> None:
    open_layer(shown, "conv2")
    expect(shown.locator("#cluster-summary")).to_contain_text("64 images")
    node = next(n for n in nodes(shown) if n["filter"] == 3)
    box = shown.locator("#graph").bounding_box()
    assert box is not None
    shown.mouse.move(box["x"] + node["x"], box["y"] + node["y"])
    expect(shown.locator("#graph-caption")).to_contain_text("conv2 · filter 3")
    expect(shown.locator(".map-picture")).to_have_attribute("data-address", "conv2:3")


def test_method_and_parameter(shown: Page) -> None:
    open_layer(shown, "conv3")
    expect(shown.locator("#cluster-summary")).to_contain_text("64 images")
    shown.get_by_text("Leiden", exact=False).first.click()
    expect(shown.locator("#parameter-leiden-cpm-value")).to_have_text("τ = 0.7 (auto)")
    assert "method=leiden-cpm" in shown.url
    expect(shown.locator("#cluster-summary")).to_contain_text("2 clusters")
    slider = shown.get_by_role("slider", name="Leiden", exact=False)
    slider.focus()
    slider.press("End")
    expect(shown).to_have_url(re.compile(r"parameter=0\.95"))
    expect(shown.locator("#parameter-leiden-cpm-value")).to_have_text("τ = 0.95")


def test_clusters_refresh_as_images_come_and_no_node_moves(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    made = stores.truth(80)
    writer = RunWriter.begin(str(tmp_path / "store.db"), stores.new_run())
    for start in range(0, 20, 4):
        stores.append(writer, made, start, start + 4)
    page.goto(serve(tmp_path / "store.db"))
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    open_layer(page, "conv3")
    expect(page.locator("#cluster-summary")).to_contain_text("from 20 images")
    before = nodes(page)
    for start in range(20, 80, 4):
        stores.append(writer, made, start, start + 4)
    expect(page.locator("#cluster-summary")).to_contain_text("from 80 images")
    after = nodes(page)
    assert [(n["x"], n["y"]) for n in after] == [(n["x"], n["y"]) for n in before]
    assert [n["cluster"] for n in after] == [n["cluster"] for n in before]
    writer.close()


def test_too_few_images_are_said_and_waited_for(page: Page, serve: Serve, tmp_path: Path) -> None:
    made = stores.truth(40)
    writer = RunWriter.begin(str(tmp_path / "store.db"), stores.new_run())
    stores.append(writer, made, 0, 1)
    page.goto(serve(tmp_path / "store.db"))
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    open_layer(page, "conv3")
    expect(page.locator("#cluster-summary")).to_contain_text("2")
    expect(page.locator("#graph")).to_be_hidden()
    stores.append(writer, made, 1, 40)
    expect(page.locator("#cluster-summary")).to_contain_text("from 40 images")
    expect(page.locator("#graph")).to_be_visible()
    assert len(nodes(page)) == 16
    writer.close()
