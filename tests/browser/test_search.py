"""Searching a run, clusters of what was found, and files taken out of the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from playwright.sync_api import Download, Page, expect

from reactcnn_dash.db import RunWriter, StoreReader
from tests import stores
from tests.browser.waiting import until

if TYPE_CHECKING:
    from pathlib import Path
    from zipfile import ZipFile

    from numpy.typing import NDArray

    from tests.browser.conftest import Serve

IMAGES = 200


@pytest.fixture(scope="module")
def made() -> stores.Truth:
    """Predictions of every confidence, no two the same."""
    truth = stores.truth(IMAGES)
    sure = np.random.default_rng(3).permutation(np.linspace(0.4, 0.99, IMAGES)).astype(np.float32)
    predicted = truth.probabilities.argmax(axis=1)
    truth.probabilities[:] = ((1 - sure) / 2)[:, None]
    truth.probabilities[np.arange(IMAGES), predicted] = sure
    return truth


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, made: stores.Truth) -> Path:
    path = tmp_path_factory.mktemp("searched") / "store.db"
    stores.make_store(path, IMAGES, made=made)
    return path


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path) -> str:
    return serve_to_all(store)


@pytest.fixture
def shown(page: Page, address: str) -> Page:
    page.goto(f"{address}?image=0")
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    return page


def wrong(made: stores.Truth) -> NDArray[np.intp]:
    return np.flatnonzero(made.probabilities.argmax(axis=1) != made.labels)


def first_hits(page: Page, count: int) -> list[int]:
    """The ordinals at the strip's beginning, once their pictures are drawn."""
    for i in range(count):
        expect(page.locator(f"#hit-{i}")).to_have_class(re.compile("painted"))
    return [
        int(page.locator(f"#hit-{i}").get_attribute("data-ordinal") or -1) for i in range(count)
    ]


def choose(page: Page, box: str, option: str) -> None:
    page.get_by_role("textbox", name=box, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_search_by_class_prediction_range_and_misclassified(
    shown: Page, made: stores.Truth
) -> None:
    predicted = made.probabilities.argmax(axis=1)
    shown.get_by_role("button", name="Search in this run").click()
    expect(shown.locator("#search-count")).to_have_text("200 of 200")
    choose(shown, "Class", "dog")
    dogs = np.flatnonzero(made.labels == 1)
    expect(shown.locator("#search-count")).to_have_text(f"{len(dogs)} of 200")
    expect(shown).to_have_url(re.compile(r"search=label-1(&|$)"))
    assert first_hits(shown, 4) == dogs[:4].tolist()
    shown.get_by_role("button", name="Misclassified", exact=True).click()
    both = np.intersect1d(dogs, wrong(made))
    expect(shown.locator("#search-count")).to_have_text(f"{len(both)} of 200")
    assert first_hits(shown, 3) == both[:3].tolist()
    expect(shown.locator("#hit-0 .tile-name")).to_have_text(
        f"dog → {stores.CLASSES[predicted[both[0]]]}"
    )
    shown.get_by_label("From image").fill("50")
    shown.get_by_label("From image").press("Enter")
    later = both[both >= 50]
    expect(shown.locator("#search-count")).to_have_text(f"{len(later)} of 200")
    choose(shown, "Predicted class", "frog")
    none = np.intersect1d(later, np.flatnonzero(predicted == 2))
    expect(shown.locator("#search-count")).to_have_text(f"{len(none)} of 200")
    assert len(none) == 0
    expect(shown.locator(".strip-none")).to_be_visible()


def test_the_least_sure_come_first_and_the_strip_shows_their_pixels(
    shown: Page, made: stores.Truth
) -> None:
    shown.keyboard.press("/")
    expect(shown.get_by_role("textbox", name="Class", exact=True)).to_be_focused()
    # One Escape leaves the field, a second one would close the search.
    shown.keyboard.press("Escape")
    expect(shown.locator("#strip")).to_be_focused()
    choose(shown, "Order of the results", "Least sure first")
    order = np.argsort(made.probabilities.max(axis=1), kind="stable")
    expect(shown.locator("#hit-0")).to_have_attribute("data-ordinal", str(order[0]))
    assert first_hits(shown, 5) == order[:5].tolist()
    sure = made.probabilities[order[0]].max()
    expect(shown.locator("#hit-0 .tile-more")).to_have_text(f"{order[0]} · {100 * sure:.0f} %")
    for place in (0, 3):
        drawn = shown.locator(f"#hit-{place} canvas").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
        rgba = np.array(drawn, np.uint8).reshape(8, 8, 4)
        np.testing.assert_array_equal(rgba[..., :3], made.pixels[order[place]])
    choose(shown, "Order of the results", "Surest first")
    expect(shown.locator("#hit-0")).to_have_attribute("data-ordinal", str(order[-1]))
    # Opened from a link, the strip shows the place of the image on the page.
    place = order[::-1].tolist().index(0)
    expect(shown.locator(f"#hit-{place}")).to_have_count(0)
    shown.reload()
    expect(shown.locator(f"#hit-{place}")).to_be_in_viewport()
    expect(shown.locator(f"#hit-{place}")).to_have_attribute("aria-selected", "true")


def test_a_click_and_the_keys_walk_through_the_results_and_a_link_brings_them_back(
    shown: Page, made: stores.Truth
) -> None:
    hits = wrong(made)
    shown.goto(f"{shown.url}&search=wrong")
    expect(shown.locator("#search-count")).to_have_text(f"{len(hits)} of 200")
    shown.locator("#hit-2").click()
    title = shown.locator(".caption-title")
    expect(title).to_have_text(f"Image {hits[2]}")
    expect(shown.locator("#hit-2")).to_have_attribute("aria-selected", "true")
    shown.keyboard.press("n")
    expect(title).to_have_text(f"Image {hits[3]}")
    shown.keyboard.press("p")
    shown.keyboard.press("p")
    expect(title).to_have_text(f"Image {hits[1]}")
    shown.get_by_role("button", name="Next result").click()
    expect(title).to_have_text(f"Image {hits[2]}")
    shown.locator("#strip").focus()
    shown.keyboard.press("ArrowRight")
    expect(title).to_have_text(f"Image {hits[3]}")
    # The last result is a page further on: its tile is made when it comes into sight.
    expect(shown.locator(f"#hit-{len(hits) - 1}")).to_have_count(0)
    shown.keyboard.press("End")
    expect(title).to_have_text(f"Image {hits[-1]}")
    expect(shown.locator(f"#hit-{len(hits) - 1}")).to_be_in_viewport()
    expect(shown.locator("#hit-0")).to_have_count(0)
    shown.keyboard.press("n")
    expect(shown.locator("#notice")).to_have_text("No result after this one.")
    # From an image that is no result, the next one is the first behind it.
    away = int(hits[4]) + 1
    assert away not in hits
    shown.goto(re.sub(r"image=\d+", f"image={away}", shown.url))
    expect(shown.locator("#search-count")).to_have_text(f"{len(hits)} of 200")
    expect(title).to_have_text(f"Image {away}")
    shown.keyboard.press("n")
    expect(title).to_have_text(f"Image {hits[5]}")
    shown.reload()
    expect(shown.locator("#hit-5")).to_have_attribute("aria-selected", "true")
    shown.keyboard.press("Escape")
    expect(shown.locator("#search")).to_be_hidden()
    assert "search" not in shown.url


def test_a_search_grows_with_the_run(page: Page, serve: Serve, tmp_path: Path) -> None:
    made = stores.truth(60)
    writer = RunWriter.begin(str(tmp_path / "store.db"), stores.new_run())
    stores.append(writer, made, 0, 20)
    page.goto(f"{serve(tmp_path / 'store.db')}?search=wrong")
    expect(page.locator("#search-count")).to_have_text("6 of 20")
    stores.append(writer, made, 20, 60)
    expect(page.locator("#search-count")).to_have_text("20 of 60")
    writer.close()


def test_clusters_of_these_images_beside_the_whole_run(shown: Page, made: stores.Truth) -> None:
    hits = wrong(made)
    shown.get_by_role("button", name="Clusters of conv2,").click()
    expect(shown.locator("#cluster-summary")).to_contain_text("from 200 images")
    expect(shown.locator("#subset")).to_be_hidden()
    shown.keyboard.press("/")
    shown.get_by_role("button", name="Misclassified", exact=True).click()
    shown.get_by_role("button", name="Clusters of these images").click()
    expect(shown.locator("#cluster-summary")).to_contain_text(f"from {len(hits)} images")
    beside = shown.locator("#beside")
    expect(beside).to_contain_text("misclassified")
    expect(beside).to_contain_text("agreement (ARI)1.000")
    rows = shown.locator("#cluster-table .ag-center-cols-container [role=row]")
    expect(rows).to_have_count(2)
    together = rows.locator("[col-id=together]")
    expect(together).to_have_text(["4 of 4", "3 of 3"], use_inner_text=True)
    # The mean r of the page is NumPy's over the images that were found.
    odd = made.gap[hits, 7:14:2].astype(np.float64)
    mean = np.atleast_2d(np.corrcoef(odd.T))[np.triu_indices(4, 1)].mean()
    four = rows.filter(has=shown.locator("[col-id=size]", has_text="4"))
    expect(four.locator("[col-id=mean]")).to_have_text(f"{mean:.3f}")
    link = shown.url
    shown.locator("#subset").get_by_text("Whole run").click()
    expect(shown.locator("#cluster-summary")).to_contain_text("from 200 images")
    expect(beside).to_be_hidden()
    expect(together).to_have_count(0)
    shown.locator("#subset").get_by_text(f"These {len(hits)} images").click()
    expect(shown.locator("#cluster-summary")).to_contain_text(f"from {len(hits)} images")
    shown.goto(link)
    expect(shown.locator("#cluster-summary")).to_contain_text(f"from {len(hits)} images")
    expect(beside).to_contain_text("agreement (ARI)1.000")


def test_too_few_images_are_said(shown: Page) -> None:
    shown.goto(re.sub(r"\?.*", "?image=0&layer=conv1&subset=from-3.to-3", shown.url))
    expect(shown.locator("#cluster-summary")).to_contain_text("needs at least 2 images")


def export(page: Page, item: str) -> Download:
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=60_000) as coming:
        page.get_by_role("menuitem", name=item).click()
    return coming.value


def test_the_runs_files_hold_what_the_store_holds(
    shown: Page, made: stores.Truth, tmp_path: Path
) -> None:
    download = export(shown, "Arrays (.npz)")
    assert download.suggested_filename == "1-small.npz"
    archive = np.load(download.path())
    np.testing.assert_array_equal(archive["gap"], made.gap)
    np.testing.assert_array_equal(archive["labels"], made.labels)
    expected = np.corrcoef(made.gap[:, 7:14].astype(np.float64).T)
    np.testing.assert_allclose(archive["correlation/conv2"][1:, 1:], expected, atol=1e-10)
    download = export(shown, "Tables (Parquet, zipped)")
    assert download.suggested_filename == "1-small-parquet.zip"
    with zip_file(download) as files:
        assert sorted(files.namelist()) == ["1-small-gap.parquet", "1-small-images.parquet"]
        files.extractall(tmp_path)
    table = pq.read_table(tmp_path / "1-small-gap.parquet")
    np.testing.assert_array_equal(table.column("conv2/3").to_numpy(), made.gap[:, 9])
    expect(shown.locator("#notice")).to_be_hidden()


def zip_file(download: Download) -> ZipFile:
    from zipfile import ZipFile

    return ZipFile(download.path())


def test_the_open_layers_graph_as_graphml_and_as_a_picture(shown: Page, store: Path) -> None:
    shown.get_by_role("button", name="Export").click()
    shown.get_by_role("menuitem", name="Cluster graph (GraphML)").click()
    expect(shown.locator("#notice")).to_contain_text("Open a layer's clusters first")
    shown.get_by_role("button", name="Clusters of conv3,").click()
    expect(shown.locator("#cluster-summary")).to_contain_text("from 200 images")
    download = export(shown, "Cluster graph (GraphML)")
    assert download.suggested_filename == "1-small-conv3.graphml"
    graph = nx.read_graphml(download.path())
    stored = StoreReader(str(store)).clusterings(1, 2)[0]
    assert {node: data["cluster"] for node, data in graph.nodes(data=True)} == {
        f"conv3/{i}": label for i, label in enumerate(stored.labels.tolist())
    }
    picture = pixels(export(shown, "Cluster graph (PNG)"), "1-small-conv3-clusters.png")
    assert picture.shape[1] >= 900
    colours = set(map(tuple, picture.reshape(-1, 3).tolist()))
    shown_colours = shown.evaluate(
        "[...new Set(document.getElementById('graph')._cyreg.cy.nodes()"
        ".map(node => node.data('colour')))]"
    )
    for colour in shown_colours[1:]:
        assert tuple(bytes.fromhex(colour[1:])) in colours


def pixels(download: Download, name: str) -> NDArray[np.uint8]:
    """The pixels of a PNG as (H, W, 3); its file has the right name."""
    assert download.suggested_filename == name
    with Image.open(download.path()) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


CELLS = """cells => cells.map(cell => {
  const { x, y, width, height } = cell.getBoundingClientRect();
  return [x + width / 2, y + height / 2, ...getComputedStyle(cell).fill.match(/\\d+/g).map(Number)];
})"""
"""Where each cell stands in the window, and its colour."""


def test_the_view_as_a_picture(shown: Page, made: stores.Truth) -> None:
    shown.goto(re.sub(r"\?.*", "?image=3&filter=conv1:2", shown.url))
    expect(shown.locator(".map-picture")).to_be_visible()
    bare = pixels(export(shown, "This view (PNG)"), "1-small-image-3.png")
    # The page at twice its size, below a line that says what it is of.
    assert bare.shape[1] == 2 * 1280
    line = bare.shape[0] / 2 - 720
    assert 0 < line < 60
    # Every cell has its colour where the page has it.
    cells = shown.locator(".cell").evaluate_all(CELLS)
    assert len(cells) == sum(stores.FILTERS)
    for x, y, *colour in cells:
        assert bare[round(2 * (y + line)), round(2 * x)].tolist() == colour
    # The picture, its pixels as large squares; a pinned filter's map takes light from it.
    shown.keyboard.press("Escape")
    expect(shown.locator(".map-picture")).to_be_hidden()
    shown.get_by_role("button", name="Clusters of conv3,").click()
    expect(shown.locator("#cluster-summary")).to_contain_text("from 200 images")
    rows = shown.locator("#cluster-table .ag-center-cols-container [role=row]")
    rows.first.click()
    expect(shown.locator(".cell.red").first).to_be_visible()
    whole = pixels(export(shown, "This view (PNG)"), "1-small-image-3.png")
    box = shown.locator("#image").bounding_box()
    frame = shown.locator("#panel").bounding_box()
    assert box is not None
    assert frame is not None
    for row in range(8):
        for column in range(8):
            y = box["y"] + (row + 0.5) * box["height"] / 8
            x = box["x"] + (column + 0.5) * box["width"] / 8
            found = whole[round(2 * (y + line)), round(2 * x)]
            assert found.tolist() == made.pixels[3, row, column].tolist()
    red = (whole == [224, 32, 45]).all(axis=2)
    left, panel = round(2 * (box["x"] + box["width"])) + 40, round(2 * frame["x"])
    # Red cells in the grid, red nodes in the graph.
    assert red[:, left:panel].sum() > 100
    assert red[:, panel:].sum() > 100


def test_the_view_as_a_picture_has_all_of_a_grid_that_is_scrolled(shown: Page) -> None:
    shown.goto(re.sub(r"\?.*", "?image=3", shown.url))
    # A window so narrow has one column; here the image takes the grid's room.
    shown.set_viewport_size({"width": 1100, "height": 720})
    shown.locator(".side").evaluate("side => { side.style.width = '600px'; }")
    hidden = (
        "document.getElementById('grid').scrollWidth - document.getElementById('grid').clientWidth"
    )
    until(shown, f"{hidden} > 0")
    expect(shown.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    # The way to the menu may scroll the window.
    cells = shown.locator(".cell").evaluate_all(CELLS)
    picture = pixels(export(shown, "This view (PNG)"), "1-small-image-3.png")
    assert picture.shape[1] == 2 * (1100 + shown.evaluate(hidden))
    grid = shown.locator("#grid").bounding_box()
    assert grid is not None
    assert max(x for x, *_ in cells) > grid["x"] + grid["width"]
    # With more room the bars above need less, so that the grid stands higher than in the window.
    for x, _, *colour in cells:
        assert (picture[:, round(2 * x)] == colour).all(axis=1).any()
