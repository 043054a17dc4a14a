"""A page's document: its modules, styles and libraries, below the name of exactly these files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from reactcnn_dash.app import create_server
from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs.runner import Jobs
from reactcnn_dash.pages.document import FOLDER, Assets
from reactcnn_dash.pages.registry import PAGES
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from reactcnn_dash.pages.page import Page

LIBRARIES = {
    "/": {"dash/dcc", "dash_mantine_components"},
    "/runs/": {"dash/dcc", "dash_ag_grid"},
    "/compare/": {"dash_mantine_components"},
    "/redundancy/": {"dash_mantine_components"},
    "/slim/": {"dash_mantine_components"},
    "/filter/": {"dash/dcc", "dash_mantine_components"},
}
"""What each page shows at once, beside HTML."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    path = tmp_path_factory.mktemp("document") / "store.db"
    stores.make_store(path, 4)
    return create_server(StoreReader(str(path)), str(path), Jobs()).test_client()


def later(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="later">(.*?)</script>', html)
    assert found is not None
    places: dict[str, Any] = json.loads(found[1])
    return places


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.folder)
def test_a_document_loads_the_libraries_that_its_page_shows(
    client: FlaskClient, page: Page
) -> None:
    html = client.get(page.path).text
    scripts = re.findall(r'<script src="([^"]+)"', html)
    suites = [one.split("_dash-component-suites/")[1] for one in scripts]
    loaded = {re.sub(r"^(dash/[\w-]+|\w+)/.*$", r"\1", one) for one in suites}
    assert loaded - {"dash/deps", "dash/dash-renderer", "dash/html"} == LIBRARIES[page.path]
    # Wherever one comes from first, it is there for all pages and kept.
    assert all(one.startswith("/_dash-component-suites/") for one in scripts)
    assert {client.get(one).status_code for one in scripts} == {200}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.folder)
def test_what_is_put_in_place_later_brings_its_libraries(client: FlaskClient, page: Page) -> None:
    html = client.get(page.path).text
    layout = json.dumps(client.get(f"{page.path}_dash-layout").get_json())
    for place, one in later(html).items():
        assert f'"id": "{place}"' in layout
        namespaces = set(re.findall(r'"namespace": "(\w+)"', json.dumps(one["component"])))
        for name in namespaces - {"dash_html_components"}:
            assert any(f"/{name}/" in address for address in (*one["scripts"], html))
        assert {client.get(address).status_code for address in one["scripts"]} <= {200}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.folder)
def test_modules_and_styles_are_kept_for_ever_below_the_name_of_their_contents(
    client: FlaskClient, page: Page
) -> None:
    html = client.get(page.path).text
    addresses = re.findall(r'<link rel="(?:modulepreload|stylesheet)" href="(/assets/[^"]+)"', html)
    assert f"/assets/{Assets().version}/{page.folder}/main.mjs" in addresses
    assert any(one.endswith(f"{page.folder}.css") for one in addresses)
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.mimetype == ("text/css" if address.endswith(".css") else "text/javascript")
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.data == (FOLDER / address.split("/", 3)[3]).read_bytes()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.folder)
def test_every_picture_of_a_page_has_a_name_before_anything_is_drawn_in_it(
    client: FlaskClient, page: Page
) -> None:
    def pictures(part: Any) -> list[dict[str, Any]]:
        if isinstance(part, list):
            return [one for child in part for one in pictures(child)]
        if not isinstance(part, dict):
            return []
        props = part.get("props", {})
        own = [props] if props.get("role") == "img" else []
        return own + [one for value in props.values() for one in pictures(value)]

    layout = client.get(f"{page.path}_dash-layout").get_json()
    found = pictures(layout)
    assert all(one.get("aria-label") for one in found)
    assert found or page.folder not in ("live", "compare")


def test_another_version_of_a_module_is_not_served(client: FlaskClient) -> None:
    assert client.get("/assets/000000000000/live/main.mjs").status_code == 404
    assert client.get(f"/assets/{Assets().version}/live/nothing.mjs").status_code == 404
    assert client.get(f"/assets/{Assets().version}/../pages/page.py").status_code == 404


def test_a_change_of_any_file_has_another_name(tmp_path: Path) -> None:
    def version(files: dict[str, str]) -> str:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        return Assets(tmp_path).version

    first = version({"a.mjs": "x", "b.mjs": "y"})
    assert version({"a.mjs": "x", "b.mjs": "y", "c.txt": "not served"}) == first
    assert version({"b.mjs": "z"}) != first
    assert version({"b.mjs": "y"}) == first
    # The same bytes, parted otherwise.
    assert version({"a.mjs": "", "b.mjs": "xy"}) != first


def test_a_module_comes_with_all_that_it_imports_at_once(tmp_path: Path) -> None:
    for folder in ("base", "page"):
        (tmp_path / folder).mkdir()
    files = {
        "page/main.mjs": 'import "./cells.mjs";\nimport {\n  a,\n  b,\n} from "../base/a.mjs";\n',
        "page/cells.mjs": 'export { b } from "./main.mjs";\nimport("./lazy.mjs");\n',
        "page/lazy.mjs": "",
        "base/a.mjs": '/** @import { T } from "./t.d.ts" */\nimport * as b from "./b.mjs";\n',
        "base/b.mjs": "",
        "base/t.d.ts": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = Assets(tmp_path).modules("page/main.mjs")
    assert sorted(found) == ["base/a.mjs", "base/b.mjs", "page/cells.mjs", "page/main.mjs"]
