"""Networks with layers whose values go both ways: 0 is neutral in the grid, maps and legends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import stores
from tests.browser.test_filters import map_rgb
from tests.browser.waiting import until
from tests.compared import other_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

NEUTRAL = (237, 241, 248)
"""The lightest colour of the one-sided scale in the light scheme: 0, on either."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signed") / "store.db"


@pytest.fixture(scope="module")
def made(store: Path) -> stores.Truth:
    """The second layer goes both ways, as before an addition; the others are after a ReLU."""
    made = stores.signed(8)
    stores.make_store(store, 8, made=made)
    return made


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path, made: stores.Truth) -> str:
    return serve_to_all(store)


@pytest.fixture
def shown(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    return page


def colours(page: Page, layer: int) -> np.ndarray:
    """The cells' colours of a layer, (F, 3)."""
    fills = page.locator(f"[data-layer='{layer}'] .cell").evaluate_all(
        "cells => cells.map(cell => cell.getAttribute('fill').match(/\\d+/g).map(Number))"
    )
    return np.array(fills)


def looks_signed(gap: np.ndarray, rgb: np.ndarray) -> None:
    """Brown is negative, blue positive, deeper the further from 0, neutral at 0."""
    warm = rgb[:, 0] - rgb[:, 2]
    far = np.abs(gap) > 0.05 * np.abs(gap).max()
    assert np.all(warm[far & (gap < 0)] > 5)
    assert np.all(warm[far & (gap > 0)] < -11)
    assert [tuple(one) for one in rgb[gap == 0]] == [NEUTRAL] * int((gap == 0).sum())
    for side in (gap < 0, gap > 0):
        depth = 765 - rgb[side].sum(axis=1)
        assert np.all(np.diff(depth[np.argsort(np.abs(gap[side]))]) >= 0)


def gap_of(made: stores.Truth, layer: int, image: int = 7) -> np.ndarray:
    own = stores.layers()[layer]
    return made.gap[image, own.offset : own.offset + own.filters]


def test_nought_is_neutral_and_the_sign_a_colour_on_either_scale(
    shown: Page, made: stores.Truth
) -> None:
    looks_signed(gap_of(made, 1), colours(shown, 1))
    for layer in (0, 2):
        assert np.all(np.diff(colours(shown, layer)[np.argsort(gap_of(made, layer))].sum(1)) <= 0)
    legend = shown.locator("#legend")
    expect(legend).to_contain_text("negative")
    shown.locator("[data-layer='1'] .cell").nth(2).hover(force=True)
    far = np.abs(made.gap[:, 6:14]).max()
    expect(legend).to_contain_text(f"-{far:.3g}")
    shown.get_by_text("Whole network").click()
    until(shown, "document.querySelector('#legend').textContent.includes('whole network')")
    for layer in range(3):
        looks_signed(gap_of(made, layer), colours(shown, layer))


def test_a_map_shows_its_sign_and_lights_the_image_where_the_filter_answers(
    shown: Page, made: stores.Truth
) -> None:
    shown.locator("[data-layer='1'] .cell").nth(2).hover(force=True)
    expect(shown.locator(".map-picture")).to_be_visible()
    low, high = stores.SIGNED_LOW, stores.SIGNED_LOW + 2.55
    values = low + 0.01 * made.codes[1][7, 2].astype(float)
    rgb = map_rgb(shown)
    warm = rgb[..., 0].astype(int) - rgb[..., 2]
    assert np.all(warm[values < 0.1 * low] > 5)
    assert np.all(warm[values > 0.1 * high] < -11)
    shown.locator("#overlay").evaluate("slider => slider.scrollIntoView()")
    lit = shown.locator("#image").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, 8, 8).data]"
    )
    light = np.array(lit).reshape(8, 8, 4)[..., :3].sum(-1)
    pixels = made.pixels[7].astype(int).sum(-1)
    share = (np.abs(values) / max(-low, high)).repeat(2, 0).repeat(2, 1)
    np.testing.assert_allclose(light, pixels * (0.3 + 0.7 * share), atol=4)


def test_compare_colours_by_the_same_rule(
    page: Page, serve: Serve, made: stores.Truth, tmp_path: Path
) -> None:
    other = other_checkpoint(made, 5)
    stores.make_store(tmp_path / "store.db", 8, made=made)
    stores.make_store(tmp_path / "store.db", 8, name="other", made=other, maps=False)
    page.goto(f"{serve(tmp_path / 'store.db')}compare/?a=1&b=2&image=7&shown=a")
    expect(page.locator(".cell[fill]")).to_have_count(sum(stores.FILTERS))
    looks_signed(gap_of(made, 1), colours(page, 1))
    # A layer that is never negative keeps "deep is large".
    assert np.all(np.diff(colours(page, 0)[np.argsort(gap_of(made, 0))].sum(1)) <= 0)
    expect(page.locator("#legend")).to_contain_text("negative")
