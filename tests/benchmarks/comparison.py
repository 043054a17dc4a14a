"""The compare page: two runs of 10,000 images, from the click to everything standing."""

from __future__ import annotations

import dataclasses
import statistics
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from playwright.sync_api import sync_playwright

from reactcnn_dash.analysis import Accumulator
from reactcnn_dash.db import (
    CorrelationState,
    ImageBatch,
    Layer,
    NewRun,
    RunWriter,
    StoreReader,
    replace_states,
)
from tests.benchmarks.table import Result, at_most
from tests.browser.conftest import CHROMIUM_OPTIONS, chromium, imported, start_server, stop
from tests.browser.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

IMAGES = 10_000
BATCH = 500
FILTERS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
"""Filters of the convolutions of VGG-16."""
DRIVES = 48
"""What the filters of a layer have in common: so many things, each with a strength of its own."""


def layers() -> tuple[Layer, ...]:
    """Return the convolutions of a VGG-16 for 32×32 pixels."""
    offsets = np.cumsum((0, *FILTERS)).tolist()
    return tuple(
        Layer(i, f"conv{i + 1}", "Conv2D", f"relu{i + 1}", filters, 2, 2, offsets[i])
        for i, filters in enumerate(FILTERS)
    )


def network(seed: int) -> NDArray[np.float32]:
    """Return how strongly each filter answers each drive, ``(DRIVES, F)``: few, and in groups."""
    rng = np.random.default_rng(seed)
    weights = rng.exponential(1.0, (DRIVES, sum(FILTERS)))
    weights[rng.random(weights.shape) < 0.85] = 0
    return weights.astype(np.float32)


def rows_of(weights: NDArray[np.float32], seed: int, start: int, count: int) -> NDArray[np.float32]:
    """Return GAP rows of images; the same images have the same drives in every network."""
    rng = np.random.default_rng((seed, start))
    drives = rng.gamma(1.0, 1.0, (count, DRIVES)).astype(np.float32)
    noise = rng.random((count, weights.shape[1]), np.float32)
    return drives @ weights + np.float32(0.3) * noise


def write(path: Path, name: str, weights: NDArray[np.float32], order: NDArray[np.int64]) -> None:
    """Write a run with its correlation states, as a collector leaves it; `order` of its batches."""
    new = NewRun(
        name=name,
        model="vgg16",
        checkpoint_sha256=f"{len(name):064x}",
        parameters=15_000_000,
        checkpoint_source="made up",
        image_source="noise",
        image_identity="1d" * 32,
        total=IMAGES,
        batch_size=BATCH,
        feature_maps="none",
        class_names=tuple(f"class {i}" for i in range(10)),
        image_shape=(32, 32, 3),
        layers=layers(),
    )
    writer = RunWriter.begin(str(path), new)
    sums = [Accumulator(filters) for filters in FILTERS]
    for start, batch in enumerate(order.tolist()):
        rng = np.random.default_rng((7, batch))
        pixels = rng.integers(0, 256, (BATCH, 32, 32, 3), dtype=np.uint8)
        labels = rng.integers(0, 10, BATCH)
        own = np.random.default_rng((len(name), batch))
        probabilities = own.dirichlet(np.ones(10), BATCH).astype(np.float32)
        gap = rows_of(weights, 7, batch, BATCH)
        writer.append(
            ImageBatch(
                start=start * BATCH,
                labels=labels,
                probabilities=probabilities,
                pixels=pixels,
                names=(None,) * BATCH,
                gap=gap,
            )
        )
        for one, layer in zip(sums, layers(), strict=True):
            one.add(gap[:, layer.offset : layer.offset + layer.filters])
    writer.finish()
    writer.close()
    run = StoreReader(str(path)).run(name)
    states = []
    for position, one in enumerate(sums):
        moments = one.state()
        values = {field.name: getattr(moments, field.name) for field in dataclasses.fields(moments)}
        states.append(CorrelationState(layer=position, covered=IMAGES, **values))
    replace_states(str(path), run.id, states)


STANDING = """
() => {
  const count = (selector) => document.querySelectorAll(selector).length;
  const drawn = [...document.querySelectorAll(".changed-tile canvas")].every((c) => c.width > 1);
  return count(".card") === 6 && count(".layer-table .ag-center-cols-container .ag-row") > 0
    && count(".matrix-cell") === 169 && count(".changed-tile") === 48 && drawn;
}
"""
"""Head, layers, matrix and the pictures of the changed images are all there."""

CLICK = f"""
([a, b]) => {imported("compare/view.mjs")}.then(({{ view }}) => {{
  window.compareBegun = performance.now();
  view.set({{ a, b, image: null, page: 1 }});
}})
"""


def click(page: Any, a: int, b: int) -> float:
    """Pick two runs; return the seconds until everything stands."""
    page.evaluate(CLICK, [a, b])
    until(page, "document.getElementById('compare-head').hidden")
    until(page, STANDING.strip(), timeout=120_000)
    return float(page.evaluate("(performance.now() - window.compareBegun) / 1000"))


@contextmanager
def opened(store: Path) -> Iterator[Any]:
    """Give the page of a new server, with its background process ready."""
    process, address = start_server(store)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}compare/")
        page.wait_for_selector("#empty h1")
        # The background processes import what they need while the person picks.
        time.sleep(5)
        yield page
        browser.close()
    stop(process)


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure the compare page; return its rows."""
    store = folder / "compared.db"
    report(f"writing two runs of {IMAGES:,} images")
    batches = np.arange(IMAGES // BATCH)
    first = network(1)
    second = 0.6 * first + 0.4 * network(2)
    write(store, "early", first, batches)
    write(store, "late", second, batches[::-1])
    found: list[list[float]] = []
    for what in ("comparing them both ways", "comparing them from the store"):
        report(what)
        # Another server each time: one keeps what it has compared.
        with opened(store) as page:
            found.append([click(page, 1, 2), click(page, 2, 1)])
    cold, stored = found
    what = "two runs of 10,000 images picked → comparison standing"
    return [
        at_most(f"{what}, not stored", statistics.median(cold), 5, "s", 2),
        at_most(f"{what}, stored", statistics.median(stored), 1, "s", 2),
    ]
