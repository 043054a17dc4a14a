"""Figures from few images stand greyed, with how far chance alone would bring them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import redundant

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

THIRTY = "from 30 images: r of unrelated filters scatters by ± 0.36"
"""1.96/√29 = 0.364"""


@pytest.fixture
def addresses(serve: Serve, tmp_path: Path) -> tuple[str, str]:
    """Of a run of 30 images, and of one of 64."""
    for images in (30, 64):
        redundant.write(tmp_path / f"{images}.db", redundant.planted(images=images))
    return serve(tmp_path / "30.db"), serve(tmp_path / "64.db")


def greyed(figures: Locator) -> set[str]:
    return set(figures.evaluate_all("all => all.map(one => getComputedStyle(one).fontStyle)"))


def test_the_clusters_of_a_layer(page: Page, addresses: tuple[str, str]) -> None:
    few, enough = addresses
    figures = page.locator(".cluster-table .ag-cell.of-few")
    page.goto(f"{few}?layer=conv1&method=leiden-cpm")
    expect(page.locator("#cluster-summary")).to_contain_text(THIRTY)
    assert "1.96/√(n − 1)" in (page.locator("#cluster-summary").get_attribute("title") or "")
    expect(figures.first).to_be_visible()
    assert greyed(figures) == {"italic"}
    page.goto(f"{enough}?layer=conv1&method=leiden-cpm")
    expect(page.locator("#cluster-summary")).to_contain_text("from 64 images")
    expect(page.locator("#cluster-summary")).not_to_contain_text("scatters")
    expect(figures.first).to_be_visible()
    assert greyed(figures) == {"normal"}


def test_the_redundancy_of_a_run(page: Page, addresses: tuple[str, str]) -> None:
    few, enough = addresses
    headline = page.locator("#redundancy-summary strong")
    figures = page.locator("#redundancy-layers td.of-few")
    page.goto(f"{few}redundancy/")
    expect(headline).to_contain_text("F" + THIRTY[1:])
    expect(headline).not_to_contain_text("could go")
    assert greyed(figures) == {"italic"}
    page.goto(f"{enough}redundancy/")
    expect(headline).to_contain_text("The others explain the maps of 3 filters at R² ≥ 0.7")
    assert greyed(figures) == {"normal"}
    # Clusters that are confirmed come first.
    page.locator("#redundancy-layers tbody tr", has_text="conv1").click()
    expect(page.locator(".clusters-table .badge")).to_have_text(["confirmed", "candidate"])


def test_the_filters_nearest_to_one(page: Page, addresses: tuple[str, str]) -> None:
    few, enough = addresses
    page.goto(f"{few}filter/?layer=conv1&filter=0")
    expect(page.locator("#filter-nearest")).to_contain_text(THIRTY)
    assert greyed(page.locator(".near-r")) == {"italic"}
    page.goto(f"{enough}filter/?layer=conv1&filter=0")
    expect(page.locator(".near-r").first).to_be_visible()
    expect(page.locator("#filter-nearest")).not_to_contain_text("scatters")
    assert greyed(page.locator(".near-r")) == {"normal"}
