"""``make screenshots``: take the README's pictures anew, from a real run in a real Chromium."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from reactcnn_dash.db import StoreReader
from tests.browser.conftest import CHROMIUM_OPTIONS, SEEN, chromium, start_server, stop
from tests.browser.waiting import until

PICTURES = Path(__file__).parents[2] / ".github" / "screenshots"
LAYER = "block4_conv2"
TRAINED = 2
"""The run of the trained network."""
RESIDUAL = "residual network, from PyTorch"


def collect(store: Path, images: str, between: str | None) -> None:
    """Collect 1,500 images with both packaged checkpoints, the trained one with feature maps.

    A checkpoint of the eighth epoch makes the experiment's curves longer. The last run is one of a
    PyTorch module, which needs ``make test-torch``'s packages.
    """
    common = [
        *(sys.executable, "-m", "collector", "--images", images, "--batch-size", "32"),
        *("--first", "1500", "--store", str(store), "--experiment", "cifar10"),
    ]
    early = ["--model", "vgg16-cifar10-epoch02", "--epoch", "2", "--feature-maps", "none"]
    middle = ["--model", between or "", "--epoch", "8", "--feature-maps", "none"]
    for words in (
        [*early, "--name", "vgg16 after 2 epochs"],
        ["--epoch", "60", "--feature-maps", "all", "--name", "vgg16 after 60 epochs"],
        *([[*middle, "--name", "vgg16 after 8 epochs"]] if between else []),
    ):
        subprocess.run([*common, *words], check=True)
    residual = ["--model", "tests.torch.resnet14:trained", "--size", "32x32", "--name", RESIDUAL]
    residual += ["--experiment", "residual", "--feature-maps", "all"]
    subprocess.run([*common, *residual], check=True)


def settle(page: Page) -> None:
    """Wait until the image and the open clusters are drawn."""
    page.wait_for_selector(".cell[fill]")
    until(page, "document.getElementById('image').width > 1")
    until(page, "!document.querySelector('.panel.open.busy')")
    page.wait_for_timeout(500)


def tightest(page: Page) -> int:
    """Return the cluster of the open layer with the highest mean r and ten filters or more."""
    rows = page.evaluate(
        """() => [...document.querySelectorAll("#cluster-table [role=row][row-id]")]
          .map(row => [...row.querySelectorAll("[role=gridcell]")].map(cell => cell.textContent))"""
    )
    return next(int(row[0]) for row in rows if int(row[1]) >= 10)


def take(page: Page, address: str) -> None:
    """Take every picture."""
    page.goto(f"{address}?run={TRAINED}&image=1203&layer={LAYER}")
    settle(page)
    label = tightest(page)
    page.goto(
        f"{address}?run={TRAINED}&image=1203&layer={LAYER}&cluster={label}&filter=block2_conv1:40"
    )
    settle(page)
    page.screenshot(path=PICTURES / "clusters.png")
    page.goto(f"{address}?run={TRAINED}&image=1203")
    settle(page)
    page.locator("#cell-1-27").hover(force=True)
    page.wait_for_timeout(300)
    page.screenshot(path=PICTURES / "feature-map.png")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{address}?run={TRAINED}&image=1203&layer={LAYER}&method=leiden-cpm&cluster=0")
    settle(page)
    page.locator("#cell-8-200").hover(force=True)
    page.wait_for_timeout(300)
    page.screenshot(path=PICTURES / "dark.png")


def take_residual(page: Page, address: str, run: int) -> None:
    """Take the picture of the residual network: its skips, what a layer costs, its clusters."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.emulate_media(color_scheme="light")
    page.goto(f"{address}?run={run}&image=1203&layer=stage3.1.b.conv")
    settle(page)
    page.screenshot(path=PICTURES / "residual.png")


def take_pages(page: Page, address: str) -> None:
    """Take the pictures of the other pages, once what they show has been computed."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.emulate_media(color_scheme="light")
    for name, path, done in (
        ("compare", "compare/?a=1&b=2", ".matrix-cell"),
        ("experiment", "compare/?experiment=cifar10&against=previous", ".chart-line"),
        ("deviation", f"?run={TRAINED}&image=70&mode=deviation", "text=/[Uu]sual images stay/"),
        (
            "redundancy",
            f"redundancy/?run={TRAINED}&layer=block4_conv1&cluster=52",
            "text=Bootstrap",
        ),
        ("filter", f"filter/?run={TRAINED}&layer={LAYER}&filter=137", "text=Across checkpoints"),
        ("runs", "runs/", ".ag-row"),
    ):
        page.goto(address + path)
        page.wait_for_selector(done, timeout=180_000)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(2000)
        page.screenshot(path=PICTURES / f"{name}.png")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.browser.screenshots", description=__doc__
    )
    parser.add_argument("--images", default="cifar10", help="what the collector is given")
    parser.add_argument("--between", metavar="MODEL", help="the network after 8 epochs, if at hand")
    parser.add_argument("--store", type=Path, help="a store to show instead of collecting one")
    options = parser.parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = options.store or Path(folder) / "reactcnn.db"
        if options.store is None:
            collect(store, options.images, options.between)
        process, address = start_server(store)
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.add_init_script(SEEN)
            take(page, address)
            take_pages(page, address)
            take_residual(page, address, StoreReader(str(store)).run(RESIDUAL).id)
        finally:
            browser.close()
            stop(process)


if __name__ == "__main__":
    main()
