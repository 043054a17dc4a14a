"""A report as whoever gets it opens it: from a file, without a network, beside the store."""

from __future__ import annotations

import re
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

from reactcnn_dash.cli import main
from reactcnn_dash.db import RunWriter
from tests import stores

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Serve

IMAGES = 200
MOST_BYTES = 5_000_000
NASTY = "<img src=x onerror=alert(1)> \"mine\" & 'yours'"


def write(path: Path, name: str, made: stores.Truth) -> None:
    """Write a run with maps of its first images, so that some filters are confirmed."""
    whole = stores.new_run(name, IMAGES, "all")
    with RunWriter.begin(str(path), whole) as writer:
        stores.append(writer, made, 0, IMAGES)
        writer.finish()


@pytest.fixture(scope="module")
def truths() -> tuple[stores.Truth, stores.Truth]:
    """The same images through two made-up networks."""
    first, second = stores.truth(IMAGES, 1), stores.truth(IMAGES, 2)
    # The second has the labels of the first, and one image that stands out.
    second.pixels[:], second.labels[:] = first.pixels, first.labels
    first.gap[18] = np.where(np.arange(30) % 4 < 2, 9, 0.1)
    return first, second


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, truths: tuple[stores.Truth, stores.Truth]
) -> Path:
    path = tmp_path_factory.mktemp("report") / "store.db"
    for name, made in zip((NASTY, "second"), truths, strict=True):
        write(path, name, made)
    return path


@pytest.fixture(params=["light", "dark"])
def opened(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page without a network, whose console must stay clean."""
    context = browser.new_context(
        offline=True, color_scheme=request.param, viewport={"width": 1280, "height": 720}
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    yield page
    context.close()
    assert said == []
    assert all(one.startswith(("file:", "data:")) for one in asked)
    assert len([one for one in asked if one.startswith("file:")]) == 1


def rows(page: Page, kind: str) -> list[list[str]]:
    """Return the text of a table's cells, row by row."""
    found: list[list[str]] = page.locator(f"table.{kind} tbody tr").evaluate_all(
        "all => all.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    return found


@pytest.fixture(scope="module")
def file(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the first run."""
    path = tmp_path_factory.mktemp("file") / "run.html"
    assert main(["report", "1", "--store", str(store), "--output", str(path)]) == 0
    return path


def test_answers_and_images_of_a_run(
    opened: Page, file: Path, truths: tuple[stores.Truth, stores.Truth]
) -> None:
    made = truths[0]
    assert file.stat().st_size < MOST_BYTES
    assert "<script" not in file.read_text(encoding="utf-8")
    opened.goto(file.as_uri())
    expect(opened.get_by_role("heading", level=1)).to_have_text(NASTY)
    expect(opened.locator("#stored")).to_have_text("200")

    # What was taken for what, and right by class, counted anew from what was written.
    given = made.probabilities.argmax(axis=1)
    right = given == made.labels
    expect(opened.locator("#accuracy")).to_have_text(f"{100 * right.mean():.2f} %")
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (made.labels, given), 1)
    found = [[int(one or 0) for one in row[1:]] for row in rows(opened, "confusion")]
    assert found == counts.tolist()
    by_class = {row[0]: row[1:4] for row in rows(opened, "by-class")}
    for i, name in enumerate(stores.CLASSES):
        of = made.labels == i
        assert by_class[name] == [
            str(of.sum()),
            str((of & right).sum()),
            f"{100 * right[of].mean():.1f} %",
        ]

    # Images: their pixels are those that the network saw, and the mistakes are mistakes.
    figures = opened.locator("#images figure")
    kinds: dict[str, list[int]] = {}
    for one in figures.all():
        why, ordinal = one.get_attribute("data-why"), one.get_attribute("data-image")
        kinds.setdefault(str(why), []).append(int(str(ordinal)))
    assert [len(kinds[kind]) for kind in ("wrong", "typical")] == [4, 4]
    assert not right[kinds["wrong"]].any()
    assert right[kinds["typical"]].all()
    assert kinds["odd"] == [18]
    shown = [ordinal for ordinals in kinds.values() for ordinal in ordinals]
    assert len(set(shown)) == len(shown)
    drawn = figures.first.locator("img.pixels").evaluate(DRAWN)
    np.testing.assert_array_equal(
        np.array(drawn, np.uint8).reshape(8, 8, 4)[..., :3], made.pixels[kinds["wrong"][0]]
    )

    # The grid of that image: deep is large, in every layer.
    width, pixels = figures.first.locator("img.filters").evaluate(
        f"async (image) => [image.naturalWidth, await ({DRAWN})(image)]"
    )
    alpha = np.array(pixels).reshape(-1, width, 4)[..., 3]
    values = made.gap[kinds["wrong"][0]]
    at = 0
    for layer, filters in enumerate(stores.FILTERS):
        cells = np.concatenate([row[9 * layer : 9 * layer + 8] for row in alpha])[:filters]
        order = np.argsort(values[at : at + filters], kind="stable")
        assert (np.diff(cells[order].astype(int)) >= 0).all()
        assert cells.max() > cells.min()
        at += filters


def test_layers_of_a_run(opened: Page, store: Path, tmp_path: Path) -> None:
    # Of the run in which no image spoils the groups.
    path = tmp_path / "run.html"
    assert main(["report", "second", "--store", str(store), "--output", str(path)]) == 0
    opened.goto(path.as_uri())
    # Clusters: two groups of filters in each layer, and the filter that is always 0 in none.
    table = {row[0]: row for row in rows(opened, "by-layer")}
    assert {name: row[1] for name, row in table.items()} == {
        f"conv{i + 1}": str(filters) for i, filters in enumerate(stores.FILTERS)
    }
    assert {row[2] for row in table.values()} == {"2"}
    assert [int(row[3]) for row in table.values()] == [filters - 1 for filters in stores.FILTERS]

    # Redundant: one of each group may stay; no map here explains another.
    redundant = rows(opened, "redundant")
    assert [int(row[3]) for row in redundant] == [filters - 2 for filters in stores.FILTERS]
    assert {row[4] for row in redundant} == {"1"}
    candidates = sum(int(row[3]) for row in redundant)
    expect(opened.locator("#candidates")).to_have_text(str(candidates))
    confirmed = sum(int(row[2]) for row in redundant)
    expect(opened.locator("#confirmed")).to_have_text(str(confirmed))


def test_what_is_odd_of_a_run(opened: Page, file: Path, store: Path) -> None:
    opened.goto(file.as_uri())
    # Beside what the store says of the run.
    with sqlite3.connect(store) as connection:
        (odd,) = connection.execute("SELECT odd FROM runs WHERE id = 1").fetchone()
    connection.close()
    expect(opened.locator("#odd-count")).to_have_text(str(odd))
    first = opened.locator("#deviation figure").first
    assert first.get_attribute("data-image") == "18"


DRAWN = """async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
}"""


def test_two_runs_as_one_file(
    opened: Page, store: Path, truths: tuple[stores.Truth, stores.Truth], tmp_path: Path
) -> None:
    path = tmp_path / "pair.html"
    command = ["report", "1", "second", "--store", str(store), "--output", str(path)]
    assert main(command) == 0
    assert path.stat().st_size < MOST_BYTES
    opened.goto(path.as_uri())
    a, b = (made.probabilities.argmax(axis=1) for made in truths)
    labels = truths[0].labels
    changed = a != b
    for name, value in {
        "common": f"{IMAGES}",
        "accuracy-a": f"{100 * (a == labels).mean():.2f} %",
        "accuracy-b": f"{100 * (b == labels).mean():.2f} %",
        "changed-count": f"{changed.sum()}",
        "corrected": f"{(changed & (b == labels)).sum()}",
        "broken": f"{(changed & (a == labels)).sum()}",
    }.items():
        expect(opened.locator(f"#{name}")).to_have_text(value)
    for one in opened.locator("#changed figure").all():
        ordinal = int(str(one.get_attribute("data-image")))
        assert changed[ordinal]
        names = stores.CLASSES
        expect(one).to_contain_text(f"A: {names[a[ordinal]]}")
        expect(one).to_contain_text(f"B: {names[b[ordinal]]}")
    # CKA by its definition, of every layer with every other.
    parts = [
        [part - part.mean(axis=0) for part in np.split(made.gap.astype(float), (6, 14), axis=1)]
        for made in truths
    ]

    def cka(x: Any, y: Any) -> float:
        cross = np.linalg.norm(x.T @ y) ** 2
        return float(cross / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))

    expected = [[f"{cka(x, y):.2f}" for y in parts[1]] for x in parts[0]]
    assert [row[1:] for row in rows(opened, "cka")] == expected
    for row in rows(opened, "by-class"):
        of = labels == stores.CLASSES.index(row[0])
        shares = [(one == labels)[of].mean() for one in (a, b)]
        assert [row[1], row[3]] == [f"{100 * share:.1f} %" for share in shares]


def test_a_report_prints_on_paper(opened: Page, store: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    assert main(["report", "2", "--store", str(store), "--output", str(path)]) == 0
    opened.goto(path.as_uri())
    opened.emulate_media(media="print")
    style = "getComputedStyle(document.body)"
    assert opened.evaluate(f"{style}.backgroundColor") == "rgb(255, 255, 255)"
    assert opened.evaluate(f"{style}.color") == "rgb(0, 0, 0)"
    data = opened.pdf()
    text = b"".join(
        zlib.decompress(part)
        for part in re.findall(rb"FlateDecode.*?stream\r?\n(.*?)endstream", data, re.DOTALL)[:1]
    )
    assert data.startswith(b"%PDF")
    assert text


def test_the_buttons_save_the_same_files(
    page: Page, serve: Serve, store: Path, tmp_path: Path
) -> None:
    address = serve(store)
    page.goto(f"{address}?run=2")
    page.locator("[role=gridcell][fill]").first.wait_for()
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_text("Report (one HTML file)").click()
    assert download.value.suggested_filename == "reactcnn-2-second.html"
    saved = download.value.path().read_text(encoding="utf-8")
    page.goto(f"{address}compare/?a=1&b=2")
    with page.expect_download() as download:
        page.get_by_role("button", name="Report", exact=True).click()
    pair = download.value.path().read_text(encoding="utf-8")
    path = tmp_path / "run.html"
    for runs, text in ((["2"], saved), (["1", "2"], pair)):
        command = ["report", *runs, "--store", str(store), "--output", str(path), "--force"]
        assert main(command) == 0
        made = re.compile(r"Made by ReactCNN on .*? UTC")
        assert made.sub("", path.read_text(encoding="utf-8")) == made.sub("", text)
