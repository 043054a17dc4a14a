"""Frames while a network of 43,834 filters is panned: ``python -m tests.benchmarks.panning``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM_OPTIONS, chromium, served
from tests.browser.test_big_network import NAMES, write

FILTERS = 1414
PAN = """
() => new Promise((done) => {
  const grid = document.getElementById("grid");
  const frames = [];
  let before = performance.now();
  const step = (now) => {
    frames.push(now - before);
    before = now;
    const left = grid.scrollLeft;
    grid.scrollLeft += 30;
    if (grid.scrollLeft > left) requestAnimationFrame(step);
    else done(frames.slice(2));
  };
  requestAnimationFrame(step);
})
"""


def main() -> None:
    """Print how long the frames of a pan from one end to the other take."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Path(folder) / "store.db"
        write(store, filters=FILTERS)
        with served(store) as address:
            browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_OPTIONS)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"{address}?image=3")
            page.locator(".cell[fill]").first.wait_for(state="attached")
            frames = np.array(page.evaluate(PAN))
            browser.close()
    late = float((frames > 20).mean())
    sys.stdout.write(
        f"{FILTERS * len(NAMES):,} filters, {len(frames)} frames of 30 px: median "
        f"{np.median(frames):.1f} ms, 95 % within {np.percentile(frames, 95):.1f} ms, "
        f"{late:.1%} later than 20 ms\n"
    )


if __name__ == "__main__":
    main()
