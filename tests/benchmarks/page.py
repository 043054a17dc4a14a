"""The page: a poll at the server, the map under the pointer, a layer's clusters, its start."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

from reactcnn_dash.db import ImageBatch, NewRun, RunWriter, StoreReader
from tests.benchmarks import filters, history
from tests.benchmarks.table import Result, at_most
from tests.browser.conftest import (
    CHROMIUM_OPTIONS,
    SEEN,
    chromium,
    imported,
    start_server,
    stop,
)
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WIDE = range(7, 13)
"""Layers of the packaged VGG-16 with 512 filters."""


def long_store(path: Path, like: Path, images: int) -> None:
    """Write a run of ``images`` images with the layers of another, and GAP rows of its kind."""
    reader = StoreReader(str(like))
    run = reader.run(1)
    rows = reader.gap_rows(1, 0, min(256, run.stored))
    new = NewRun(
        name=f"{images} images",
        model=run.checkpoint.model,
        checkpoint_sha256=run.checkpoint.sha256,
        parameters=run.checkpoint.parameters,
        checkpoint_source=run.checkpoint.source,
        image_source=run.image_source,
        image_identity=run.image_identity,
        total=images,
        batch_size=250,
        feature_maps="none",
        class_names=run.class_names,
        image_shape=run.image_shape,
        layers=reader.layers(1),
    )
    rng = np.random.default_rng(0)
    writer = RunWriter.begin(str(path), new)
    for start in range(0, images, 250):
        pick = rng.integers(0, len(rows), 250)
        writer.append(
            ImageBatch(
                start=start,
                labels=rng.integers(0, 10, 250),
                probabilities=rng.dirichlet(np.ones(10), 250).astype(np.float32),
                pixels=rng.integers(0, 256, (250, *run.image_shape), dtype=np.uint8),
                names=(None,) * 250,
                gap=rows[pick],
                maps=None,
            )
        )
    writer.finish()
    writer.close()


class Poller:
    """Polls one server as the page does."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)
        self._origin = address.rstrip("/")
        self.run: dict[str, Any] = {}

    def newest(self) -> tuple[float, bytes]:
        """Ask for the newest image; return seconds and the answer, compressed after the first."""
        return self._poll(None)

    def ask(self, ordinal: int) -> tuple[float, int]:
        """Ask for an image; return seconds and bytes of the body on the wire."""
        seconds, data = self._poll(ordinal)
        return seconds, len(data)

    def _poll(self, ordinal: int | None) -> tuple[float, bytes]:
        request: dict[str, Any] = {"number": 1, "run": None, "ordinal": ordinal}
        if self.run:
            request["seen"] = {"uuid": self.run["uuid"], "ordinal": -1}
        body = json.dumps(
            {
                "output": "frame.data",
                "outputs": {"id": "frame", "property": "data"},
                "inputs": [{"id": "request", "property": "data", "value": request}],
                "changedPropIds": ["request.data"],
                "state": [],
            }
        )
        encodings = "zstd, gzip" if self.run else "identity"
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": encodings,
            "Origin": self._origin,
        }
        start = time.perf_counter()
        self._connection.request("POST", "/_dash-update-component", body, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        seconds = time.perf_counter() - start
        if answer.status != 200:
            raise OSError(f"{answer.status}: {data[:200]!r}")
        if not self.run:
            self.run = json.loads(data)["response"]["frame"]["data"]["run"]
        return seconds, data


def polls(folder: Path, like: Path, report: Callable[[str], None]) -> list[Result]:
    """Poll a short and a long run in turn."""
    servers = []
    addresses: dict[int, str] = {}
    pollers: dict[int, Poller] = {}
    for images in (1000, 50_000):
        report(f"writing a run of {images:,} images")
        path = folder / f"run-{images}.db"
        long_store(path, like, images)
        process, address = start_server(path)
        servers.append(process)
        addresses[images] = address
        pollers[images] = Poller(address)
    report("polling")
    times: dict[int, list[float]] = {images: [] for images in pollers}
    sizes: list[int] = []
    rng = np.random.default_rng(1)
    for _ in range(400):
        for images, poller in pollers.items():
            seconds, size = poller.ask(int(rng.integers(images)))
            times[images].append(seconds)
            sizes.append(size)
    long = max(pollers)
    report("opening and searching the long run")
    address, uuid = addresses[long], pollers[long].run["uuid"]
    past = history.opening(lambda ordinal: pollers[long].ask(ordinal)[0], address, uuid, long)
    past += history.searches(address, uuid, long)
    report("looking for the top images of the long run")
    past += filters.tops(address, folder / f"run-{long}.db", long)
    for process in servers:
        stop(process)
    report("clustering a part of the long run")
    past += history.part(folder / f"run-{long}.db", long)
    # The first polls meet a cold server.
    p50 = {images: statistics.median(taken[20:]) for images, taken in times.items()}
    return [
        at_most("a poll with a new image, server p50", 1000 * p50[1000], 5, "ms"),
        at_most("the same, bytes on the wire", statistics.median(sizes) / 1000, 8, "KB"),
        at_most(
            "the same at 50,000 stored images ÷ at 1,000", p50[50_000] / p50[1000], 1.2, "×", 2
        ),
        *past,
    ]


HOVER = """
([layer, filter]) => new Promise((done) => {
  const cells = document.querySelector(`.block-cells[data-layer="${layer}"]`);
  const cell = document.getElementById(`cell-${layer}-${filter}`);
  const box = cell.getBoundingClientRect();
  const address = `${document.querySelectorAll(".block-title")[layer].textContent}:${filter}`;
  const picture = document.querySelector(".map-picture");
  const start = performance.now();
  // A frame's callbacks run right before it is painted; a message sent there comes right after.
  const look = () => {
    if (picture.dataset.address !== address || picture.parentElement.hidden) {
      requestAnimationFrame(look);
      return;
    }
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now() - start);
    channel.port2.postMessage(0);
  };
  cells.dispatchEvent(new PointerEvent("pointermove", {
    bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }));
  requestAnimationFrame(look);
})
"""
LEAVE = "document.getElementById('grid').dispatchEvent(new PointerEvent('pointerleave'))"

CLICK = """
(layer) => new Promise((done) => {
  const block = document.querySelector(`.block[data-layer="${layer}"]`);
  const filters = Number(block.querySelector(".block-filters").textContent);
  const start = performance.now();
  block.querySelector(".block-name").click();
  const look = () => {
    const panel = document.getElementById("panel");
    const cy = document.getElementById("graph")?._cyreg?.cy;
    const first = cy?.nodes()[0];
    const standing = first && first.id() === `${layer}:0` && cy.nodes().length === filters
      && !panel.classList.contains("busy");
    if (standing) requestAnimationFrame(() => done(performance.now() - start));
    else requestAnimationFrame(look);
  };
  look();
})
"""


@contextmanager
def open_page(address: str) -> Iterator[Page]:
    """Open the page in Chromium at 1280×720."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.add_init_script(SEEN)
        page.goto(address)
        page.wait_for_selector(".cell[fill]")
        yield page
        browser.close()


def hovers(page: Page) -> list[Result]:
    """Hover over a filter of each layer on several images, then over others of the same layer."""
    cold, prefetched = [], []
    for ordinal in range(8):
        page.evaluate(f"{imported('live/poll.mjs')}.then(poll => poll.goTo({ordinal}))")
        until(page, f"document.querySelector('.caption-title').textContent === 'Image {ordinal}'")
        page.wait_for_timeout(150)
        for layer in range(13):
            cold.append(page.evaluate(HOVER, [layer, 3]))
            prefetched += [page.evaluate(HOVER, [layer, filter_]) for filter_ in (20, 41)]
            page.evaluate(LEAVE)
    return [
        at_most("hover → feature map painted, cold, p50", statistics.median(cold), 30, "ms"),
        at_most(
            "hover → feature map painted, prefetched, p50", statistics.median(prefetched), 16, "ms"
        ),
    ]


def clicks(address: str, page: Page) -> list[Result]:
    """Open each 512-filter layer for the first time, then again on a new page."""
    fresh = [page.evaluate(CLICK, layer) / 1000 for layer in WIDE]
    page.goto(address)
    page.wait_for_selector(".cell[fill]")
    page.evaluate(CLICK, 0)
    stored = [page.evaluate(CLICK, layer) / 1000 for layer in WIDE]
    what = "click on a 512-filter layer → graph standing"
    return [
        at_most(f"{what}, clustering stored", statistics.median(stored), 0.7, "s", 2),
        at_most(f"{what}, clustering not stored", statistics.median(fresh), 2, "s", 2),
    ]


def start(store: Path) -> list[Result]:
    """Start the server several times; wait for its first answer."""
    seconds, memory = [], []
    for _ in range(5):
        begun = time.perf_counter()
        process, address = start_server(store)
        connection = http.client.HTTPConnection(urlsplit(address).netloc)
        connection.request("GET", "/")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - begun)
        Poller(address).ask(0)
        memory.append(psutil.Process(process.pid).memory_info().rss / 2**20)
        stop(process)
    return [
        at_most("page's process, start → first answer", statistics.median(seconds), 2, "s", 2),
        at_most("page's process, resident memory", statistics.median(memory), 250, "MB", 0),
    ]


def collect(store: Path, images: int) -> None:
    """Collect the sample images with every feature map."""
    subprocess.run(
        [
            *(sys.executable, "-m", "collector", "--images", "sample", "--batch-size", "64"),
            *("--first", str(images), "--store", str(store), "--feature-maps", "all", "--quiet"),
        ],
        check=True,
    )


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure the page; return its rows."""
    store = folder / "page.db"
    report("collecting a run for the page")
    collect(store, 1024)
    results = polls(folder, store, report)
    process, address = start_server(store)
    # The background process imports what it needs while nobody waits.
    time.sleep(5)
    with open_page(address) as page:
        report("hovering")
        results += hovers(page)
        report("opening layers")
        results += clicks(address, page)
    stop(process)
    report("starting the page")
    return results + start(store)
