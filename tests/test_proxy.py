"""Below a path: addresses, the cookie, redirects, and whose word is taken for what."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from reactcnn_dash.access import Access, clean_prefix, foreign
from reactcnn_dash.app import create_server
from reactcnn_dash.db import StoreReader
from reactcnn_dash.guard import hashes_of_scripts
from reactcnn_dash.jobs.runner import Jobs
from reactcnn_dash.pages.registry import PAGES
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

TOKEN = "only-for-these-tests"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("proxy") / "store.db"
    stores.make_store(path, 4)
    return path


def client(store: Path, **access: Any) -> FlaskClient:
    app = create_server(StoreReader(str(store)), str(store), Jobs(), Access(**access))
    return app.test_client()


@pytest.fixture(scope="module")
def deep(store: Path) -> FlaskClient:
    """A client of a server that a proxy shows at ``/deep/x``."""
    return client(store, prefix="/deep/x")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("/", ""),
        ("x", "/x"),
        ("/x/", "/x"),
        ("/user/ann/proxy/8050/", "/user/ann/proxy/8050"),
        ("/user/ann%40lab/", "/user/ann%40lab"),
        ("/user/ann@lab", "/user/ann@lab"),
        ("/ä b/", "/%C3%A4%20b"),
        ("//evil.example/x", "/evil.example/x"),
        ('/"><script>', "/%22%3E%3Cscript%3E"),
        ("/../..//a/./b", "/a/b"),
    ],
)
def test_a_path_is_spelled_as_an_address(text: str, path: str) -> None:
    assert clean_prefix(text) == path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.folder)
@pytest.mark.parametrize("left", [True, False], ids=["left", "taken away"])
def test_every_address_of_a_page_lies_below_the_path(
    deep: FlaskClient, page: Any, *, left: bool
) -> None:
    base = "/deep/x" if left else ""
    answer = deep.get(f"{base}{page.path}")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    addresses += re.findall(r'import "([^"]+)"', answer.text)
    assert len(addresses) > 10
    assert all(one.startswith("/deep/x/") for one in addresses), addresses
    for one in addresses:
        file = deep.get(one if left else one.removeprefix("/deep/x"))
        assert file.status_code == 200, one
        file.close()
    found = re.search(r'<script id="_dash-config"[^>]*>(.*?)</script>', answer.text)
    assert found is not None
    assert json.loads(found[1])["requests_pathname_prefix"] == f"/deep/x{page.path}"
    hashes = hashes_of_scripts(answer.text).split()
    assert all(one in answer.headers["Content-Security-Policy"] for one in hashes)
    layout = json.dumps(deep.get(f"{base}{page.path}_dash-layout").json)
    assert '"href": "/deep/x/runs/"' in layout
    assert not re.search(r'"href": ?"/(?!deep/x/)', layout + answer.text)


def test_the_server_is_found_at_its_root_too_and_moves_nothing_there(store: Path) -> None:
    http = client(store)
    assert 'src="/_dash-component-suites' in http.get("/").text
    assert http.get("/deep/x/").status_code == 404
    # What nobody was told to trust is not taken for true.
    told = {"X-Forwarded-Prefix": "/x", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "1"}
    assert "/x/" not in http.get("/", headers=told).text


def test_a_trusted_proxy_says_host_scheme_and_path(store: Path) -> None:
    http = client(store, hosts=frozenset({"cnn.lab.example"}), trust_proxy=True)
    told = {"Host": "127.0.0.1:8050", "X-Forwarded-Host": "cnn.lab.example"}
    assert http.get("/", headers={"Host": "127.0.0.1:8050"}).status_code == 403
    for name in ("X-Forwarded-Prefix", "X-Forwarded-Context"):
        text = http.get("/", headers=told | {name: "/a/b/"}).text
        assert 'href="/a/b/assets/' in text
    # The last of several is the nearest proxy's.
    chain = told | {"X-Forwarded-Host": "evil.example, cnn.lab.example"}
    assert http.get("/", headers=chain).status_code == 200
    assert http.get("/", headers=chain | {"X-Forwarded-Prefix": "/evil, /x"}).text.count("/x/") > 5
    forged = told | {"X-Forwarded-Prefix": '//evil.example/"><b>'}
    assert "<b>" not in http.get("/", headers=forged).text
    ours = {"Origin": "https://cnn.lab.example", "X-Forwarded-Proto": "https"}
    post = "/model/nobody/what-if/cancel"
    assert http.post(post, json={}, headers=told | ours).status_code == 200
    theirs = {"Origin": "https://evil.example"}
    assert http.post(post, json={}, headers=told | theirs).status_code == 403


def test_the_cookie_stays_below_the_path_and_is_secure_where_the_way_is(store: Path) -> None:
    http = client(store, prefix="/x", token=TOKEN, trust_proxy=True)
    there = http.get(f"/x/compare/?a=1&token={TOKEN}", headers={"X-Forwarded-Proto": "https"})
    assert "url=/x/compare/?a=1" in there.text
    cookie = there.headers["Set-Cookie"]
    assert "Path=/x/;" in cookie
    assert "Secure" in cookie
    assert "Secure" not in http.get(f"/x/?token={TOKEN}").headers["Set-Cookie"]


def test_an_address_without_its_slash_is_led_on_below_the_path(store: Path) -> None:
    http = client(store, prefix="/x")
    moved = http.get("/x/runs")
    assert moved.status_code == 308
    assert moved.headers["Location"].removeprefix("http://localhost") == "/x/runs/"
    assert http.get("/x").status_code == 200
    nothing = http.get("/x/nowhere", headers={"Accept": "text/html"})
    assert nothing.status_code == 404
    assert set(re.findall(r'href="(/[^"]*)"', nothing.text)) > {"/x/", "/x/runs/"}
    assert not re.search(r'href="/(?!x/)', nothing.text)


def test_by_any_name_only_the_browsers_own_word_counts() -> None:
    anyone = Access(hosts=frozenset({"*"}))
    other = {"Origin": "https://hub.example", "Sec-Fetch-Site": "same-origin"}
    assert not foreign("POST", "127.0.0.1:8050", other, anyone)
    assert foreign("POST", "127.0.0.1:8050", other, Access())
    for site in ("same-site", "cross-site", "none"):
        assert foreign("POST", "127.0.0.1:8050", other | {"Sec-Fetch-Site": site}, anyone)
    assert foreign("POST", "127.0.0.1:8050", {"Origin": "https://hub.example"}, anyone)


def test_only_the_named_may_frame(store: Path) -> None:
    frame = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "iframe",
    }
    framed = client(store, frames=("https://lab.example",)).get("/", headers=frame)
    assert framed.status_code == 200
    assert "frame-ancestors https://lab.example" in framed.headers["Content-Security-Policy"]
    assert client(store).get("/", headers=frame).status_code == 403
