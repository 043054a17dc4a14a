"""axe-core finds nothing on any page, in light and dark, with every dialog open and shut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page as Opened
from playwright.sync_api import expect

from reactcnn_dash.pages.registry import PAGES
from tests import redundant, slimmed, stores
from tests.compared import other_checkpoint
from tools.node import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.conftest import Serve

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


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    redundant.write(path, redundant.planted())
    stores.make_store(path, 64, name="other", made=other_checkpoint(stores.truth(64), 4))
    slimmed.write(path)
    return path


def found(page: Opened) -> list[str]:
    """What axe finds: the rule, and where."""
    result: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['target']} {node['html'][:160]} {node['failureSummary'][-220:]}"
        for one in result["violations"]
        for node in one["nodes"]
    ]


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
        wrong += [f"in {id_}: {one}" for one in found(page)]
        page.locator(f"#{id_}").evaluate("dialog => dialog.close()")
    return wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_axe_finds_nothing(page: Opened, serve: Serve, store: Path, path: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.context.add_init_script(path=str(AXE))
    address = serve(store)
    wrong = []
    for query in ("", STANDING.get(path, "")):
        page.goto(f"{address}{path.lstrip('/')}{query}")
        if query or path not in STANDING:
            expect(page.locator(READY[path]).first).to_be_visible()
        else:
            expect(page.get_by_role("main")).to_be_visible()
        settled(page)
        wrong += found(page)
    if path == "/":
        page.keyboard.press("d")
        wrong += found(page)
    wrong += open_dialogs(page)
    wrong = sorted(set(wrong))
    assert wrong == [], "\n".join(wrong)


def test_axe_finds_nothing_without_a_store_and_where_nothing_is(
    page: Opened, serve: Serve, tmp_path: Path
) -> None:
    page.context.add_init_script(path=str(AXE))
    address = serve(tmp_path / "none.db")
    wrong = []
    for one in PAGES:
        page.goto(address + one.path.lstrip("/"))
        expect(page.locator("#empty, #notice").locator("visible=true").first).to_be_visible()
        wrong += [f"{one.path} {text}" for text in found(page)]
    assert wrong == []
