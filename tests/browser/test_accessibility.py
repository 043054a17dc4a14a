"""axe-core finds nothing on any page, in light and dark, with every dialog open and shut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page as Opened
from playwright.sync_api import expect

from reactcnn_dash import ids
from reactcnn_dash.pages.registry import PAGES
from tests import redundant, slimmed, stores
from tests.compared import other_checkpoint
from tools.node import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

SCHEME = "document.documentElement.getAttribute('data-mantine-color-scheme')"
SWITCH = f"#{ids.COLOUR_SCHEME}"
AXE = ROOT / "node_modules/axe-core/axe.min.js"
STANDING = {
    "/": "?image=3&layer=conv1&filter=conv1:2&search=all&cluster=0",
    "/compare/": "?a=1&b=2&layer=conv2",
    "/redundancy/": "?run=1&layer=conv1",
    "/filter/": "?run=1&layer=conv1&filter=1",
    "/slim/": "?run=3&point=1",
}
"""More of a page than its first look: what stands in its links."""

READY = {
    "/": ".cluster-table .ag-row",
    "/runs/": ".ag-row",
    "/compare/": ".matrix-cell",
    "/redundancy/": ".clusters-table .badge",
    "/filter/": ".near-row",
    "/slim/": ".slim-widths, .slim-point h2",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("accessible") / "store.db"
    redundant.write(path, redundant.planted())
    stores.make_store(path, 64, name="other", made=other_checkpoint(stores.truth(64), 4))
    slimmed.write(path)
    return path


@pytest.fixture(scope="module")
def address(serve_to_all: Serve, store: Path) -> str:
    return serve_to_all(store)


def found(page: Opened) -> list[str]:
    """What axe finds: the rule, and where."""
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node['html'][:160]} {node['failureSummary'][-220:]}"
        for one in result["violations"]
        for node in one["nodes"]
    ]


def found_in_both(page: Opened) -> list[str]:
    """What axe finds in light and in dark, the one after the other without loading the page anew.

    The page is left in the scheme that it had.
    """
    wrong = []
    for _ in range(2):
        scheme = page.evaluate(SCHEME)
        wrong += [f"{scheme}: {one}" for one in found(page)]
        # By its button, which the page obeys also while a dialog is open.
        page.locator(SWITCH).dispatch_event("click")
        assert page.evaluate(SCHEME) == {"light": "dark", "dark": "light"}[scheme]
    return wrong


def settled(page: Opened) -> None:
    """Wait until nothing is under way: a table that is half made has no heads."""
    page.wait_for_load_state("networkidle")
    for table in page.locator(".ag-root:visible").all():
        expect(table.locator(".ag-header-cell").first).to_be_attached()


def open_dialogs(page: Opened) -> list[str]:
    """Open each dialog of the page in turn, and return what axe finds meanwhile."""
    wrong = []
    for id_ in page.locator("dialog").evaluate_all("all => all.map(one => one.id)"):
        if id_ == "help":
            page.locator("#help-button").click()
        else:
            page.locator(f"#{id_}").evaluate("dialog => dialog.showModal()")
        expect(page.locator(f"#{id_}")).to_be_visible()
        wrong += [f"in {id_}: {one}" for one in found_in_both(page)]
        page.locator(f"#{id_}").evaluate("dialog => dialog.close()")
    return wrong


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_axe_finds_nothing(page: Opened, address: str, path: str) -> None:
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.add_init_script(path=str(AXE))
    wrong = []
    for query in ("", STANDING.get(path, "")):
        page.goto(f"{address}{path.lstrip('/')}{query}")
        if query or path not in STANDING:
            expect(page.locator(READY[path]).first).to_be_visible()
        else:
            expect(page.get_by_role("main")).to_be_visible()
        settled(page)
        wrong += found_in_both(page)
    if path == "/":
        page.keyboard.press("d")
        wrong += found_in_both(page)
    wrong += open_dialogs(page)
    wrong = sorted(set(wrong))
    assert wrong == [], "\n".join(wrong)


def test_axe_finds_nothing_without_a_store_and_where_nothing_is(
    page: Opened, serve: Serve, tmp_path: Path
) -> None:
    page.add_init_script(path=str(AXE))
    address = serve(tmp_path / "none.db")
    wrong = []
    for one in PAGES:
        page.goto(address + one.path.lstrip("/"))
        expect(page.locator("#empty, #notice").locator("visible=true").first).to_be_visible()
        wrong += [f"{one.path} {text}" for text in found(page)]
    assert wrong == []
