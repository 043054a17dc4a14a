"""Who is let in, and what every answer says to the browser: through Flask and a real socket."""

from __future__ import annotations

import http.client
import io
import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from reactcnn_dash.access import MOST_BYTES, Access, foreign, is_loopback
from reactcnn_dash.app import create_server
from reactcnn_dash.db import StoreReader
from reactcnn_dash.guard import hashes_of_scripts
from reactcnn_dash.jobs.runner import Jobs
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient

TOKEN = "only-for-these-tests"
OURS = {"Origin": "http://localhost"}
POLL = {
    "output": "frame.data",
    "outputs": {"id": "frame", "property": "data"},
    "inputs": [{"id": "request", "property": "data", "value": {}}],
    "changedPropIds": ["request.data"],
    "state": [],
}


FOR_EVER = "public, max-age=31536000, immutable"


def server(folder: Path, access: Access | None = None) -> Flask:
    path = folder / "store.db"
    if not path.exists():
        stores.make_store(path, 4)
    url = f"sqlite:///{path}"
    return create_server(StoreReader(url), url, Jobs(), access)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flask, str]:
    """A server over a store of one run, and that run's uuid."""
    folder = tmp_path_factory.mktemp("guard")
    app = server(folder)
    return app, StoreReader(str(folder / "store.db")).run(1).uuid


def every_address(app: Flask, uuid: str) -> list[tuple[str, str]]:
    """Give a method and an address of each rule of the server."""
    values = {
        "uuid": uuid,
        "ordinal": 1,
        "layer": 1,
        "format_": "npz",
        "filename": "base/base.css",
        "path": "nothing",
        "package_name": "dash",
        "fingerprinted_path": "deps/react@18.v1m1.2.3.min.js",
        "version": "0123456789ab",
        "name": "base/base.css",
    }
    found = []
    for rule in app.url_map.iter_rules():
        built = rule.build({name: values[name] for name in rule.arguments})
        assert built is not None
        found += [(method, built[1]) for method in (rule.methods or set()) - {"OPTIONS"}]
    return found


def ask(http_: FlaskClient, method: str, address: str, **more: Any) -> Any:
    body = POLL if method == "POST" else None
    return http_.open(address, method=method, json=body, **more)


def test_every_route_has_the_headers(made: tuple[Flask, str]) -> None:
    app, uuid = made
    with app.test_client() as http_:
        addresses = every_address(app, uuid)
        assert len(addresses) > 60
        for method, address in addresses:
            answer = ask(http_, method, address, headers=OURS)
            policy = answer.headers["Content-Security-Policy"]
            scripts = re.findall(r"script-src ([^;]*)", policy)[0]
            assert "unsafe" not in scripts, address
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert answer.headers["Cache-Control"], address
            assert answer.status_code < 500, address
            answer.close()


def test_another_name_is_refused_on_every_route(made: tuple[Flask, str]) -> None:
    app, uuid = made
    names = ("evil.example", "127.0.0.1.evil.example", "8.8.8.8:8050", "localhost@evil", "", "a, b")
    with app.test_client() as http_:
        for method, address in every_address(app, uuid):
            for name in names:
                answer = ask(http_, method, address, headers={"Host": name, "Origin": "http://x"})
                assert answer.status_code == 403, (address, name)
                assert answer.text.count("\n") == (method != "HEAD")
        for name in ("localhost:1", "127.0.0.1:8050", "[::1]:8050", "LOCALHOST.", "localhost"):
            assert http_.get("/", headers={"Host": name}).status_code == 200


def test_another_site_is_refused_on_every_route(made: tuple[Flask, str]) -> None:
    app, uuid = made
    foreign_pages: list[dict[str, str]] = [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9"},
        {"Origin": "http://["},
        {"Origin": "http://\u2100.example".encode().decode("latin-1")},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ]
    with app.test_client() as http_:
        for method, address in every_address(app, uuid):
            for headers in foreign_pages:
                assert ask(http_, method, address, headers=headers).status_code == 403, address


def test_a_link_on_another_site_may_lead_here() -> None:
    followed = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert not foreign("GET", "localhost", followed)
    assert foreign("POST", "localhost", followed)
    assert not foreign("GET", "localhost", {"Sec-Fetch-Site": "none"})


def test_what_changes_something_says_that_it_comes_from_here_and_is_json(
    made: tuple[Flask, str],
) -> None:
    app, _ = made
    address = "/_dash-update-component"
    same = {"Sec-Fetch-Site": "same-origin"}
    with app.test_client() as http_:
        assert http_.post(address, json=POLL).status_code == 403
        assert http_.post(address, json=POLL, headers=OURS).status_code == 200
        assert http_.post(address, json=POLL, headers=same).status_code == 200
        both = same | {"Origin": "http://evil.example"}
        assert http_.post(address, json=POLL, headers=both).status_code == 403
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            sent = http_.post(address, data=json.dumps(POLL), content_type=kind, headers=OURS)
            assert sent.status_code == 415


def test_only_what_never_changes_is_kept(made: tuple[Flask, str]) -> None:
    app, uuid = made
    with app.test_client() as http_:
        page = http_.get("/").text
        scripts = re.findall(r'src="([^"]+)"', page)
        assert len(scripts) > 5
        for script in scripts:
            answer = http_.get(script)
            assert answer.headers["Cache-Control"] == FOR_EVER, script
            answer.close()
        for style in re.findall(r'href="(/assets/[^"]+\.css)"', page):
            kept = http_.get(style).headers["Cache-Control"]
            assert kept == FOR_EVER, style
        pixels = http_.get(f"/runs/{uuid}/images/1")
        assert pixels.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        for private in ("/", "/_dash-layout", "/filters/of", "/redundancies/runs", "/nothing"):
            assert http_.get(private).headers["Cache-Control"] == "no-store", private


def test_every_inline_script_of_every_page_is_named_by_its_hash(made: tuple[Flask, str]) -> None:
    app, _ = made
    with app.test_client() as http_:
        for page in ("/", "/runs/", "/compare/", "/redundancy/", "/filter/"):
            answer = http_.get(page)
            allowed = answer.headers["Content-Security-Policy"]
            hashes = hashes_of_scripts(answer.text).split()
            assert len(hashes) == 2
            assert all(one in allowed for one in hashes)


def test_a_hash_is_that_of_the_script_as_it_stands() -> None:
    # `printf 'alert(1 < 2 && "</b>")' | openssl dgst -sha256 -binary | base64`
    page = (
        '<script src="x.js">no</script><script type="application/json">{}</script>'
        '<script>alert(1 < 2 && "</b>")</script>'
    )
    assert hashes_of_scripts(page) == "'sha256-nDXV6v63EEL5B3n6W3zoymCXOPInNiCcOdtyDHtmClE='"


def test_with_a_token_nobody_gets_in_without(tmp_path: Path) -> None:
    app = server(tmp_path, Access.of("0.0.0.0", token=TOKEN))
    uuid = StoreReader(str(tmp_path / "store.db")).run(1).uuid
    with app.test_client() as http_:
        for method, address in every_address(app, uuid):
            for more in ("", "?token=", "?token=another", f"?token={TOKEN[:-1]}"):
                answer = ask(http_, method, address + more, headers=OURS)
                assert answer.status_code == 401, address
                assert TOKEN not in answer.text
        welcome = http_.get(f"/compare/?a=1&token={TOKEN}&b=2")
        assert 'content="0;url=/compare/?a=1&amp;b=2"' in welcome.text
        cookie = welcome.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert http_.get("/compare/").status_code == 200
        assert http_.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_welcome_leads_nowhere_else(tmp_path: Path) -> None:
    app = server(tmp_path, Access.of("0.0.0.0", token=TOKEN))
    with app.test_client() as http_:
        for address in (f"//evil.example/?token={TOKEN}", f'/"><b>?token={TOKEN}&x="><b>'):
            page = http_.get(address).text
            assert "url=//" not in page
            assert "<b>" not in page


def test_names_beyond_this_machine() -> None:
    everywhere = Access.of("0.0.0.0")
    assert everywhere.admits("192.168.1.5:8050")
    assert everywhere.admits("[fe80::1]:80")
    assert not everywhere.admits("evil.example")
    one = Access.of("192.168.1.5", also=["cnn.lab.example"])
    assert one.admits("192.168.1.5:8050")
    assert one.admits("CNN.lab.example")
    assert not one.admits("192.168.1.6:8050")
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9")] == [
        True
    ] * 4
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.5", "host"))


NOT_CALLBACKS: list[Any] = [
    [],
    "text",
    None,
    7,
    {},
    {"output": "frame.data"},
    POLL | {"output": "nothing.data"},
    POLL | {"output": ["frame.data"]},
    POLL | {"output": "..clusters.data...graph.elements.."},
    POLL | {"outputs": None},
    POLL | {"outputs": {"id": "other", "property": "data"}},
    POLL | {"inputs": []},
    POLL | {"inputs": [[]]},
    POLL | {"inputs": [{"id": "other", "property": "data"}]},
    POLL | {"inputs": POLL["inputs"] * 2},  # type: ignore[operator]
    POLL | {"state": [{"id": "other", "property": "data"}]},
    POLL | {"changedPropIds": None},
    POLL | {"changedPropIds": [{}]},
]


@pytest.mark.parametrize("body", NOT_CALLBACKS)
def test_a_body_that_no_page_sends_is_one_line(made: tuple[Flask, str], body: Any) -> None:
    app, _ = made
    with app.test_client() as http_:
        answer = http_.post(
            "/_dash-update-component",
            data=json.dumps(body),
            content_type="application/json",
            headers=OURS,
        )
    assert answer.status_code == 400
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize(
    "value",
    [None, [], "x", 5, {"run": "x"}, {"run": 2**63}, {"run": True}, {"run": 1.5}, {"ordinal": {}},
     {"seen": 3}, {"seen": {"uuid": 3}}, {"seen": {"ordinal": []}}],
)  # fmt: skip
def test_a_poll_for_nonsense_is_one_line(made: tuple[Flask, str], value: Any) -> None:
    app, _ = made
    body = POLL | {"inputs": [{"id": "request", "property": "data", "value": value}]}
    with app.test_client() as http_:
        answer = http_.post("/_dash-update-component", json=body, headers=OURS)
    assert answer.status_code == 400
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000 + b"]" * 100_000, b'{"output":' * 900 + b"1" + b"}" * 900, b"{", b"\xff",
     b'{"output":' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_json_that_is_none_is_one_line(made: tuple[Flask, str], body: bytes) -> None:
    app, _ = made
    kind = "application/json"
    with app.test_client() as http_:
        for page in ("", "/runs"):
            address = f"{page}/_dash-update-component"
            answer = http_.post(address, data=body, content_type=kind, headers=OURS)
            assert answer.status_code == 400
            assert answer.text.count("\n") == 1


class Endless(io.RawIOBase):
    """A body that goes on as long as it is read."""

    def __init__(self) -> None:
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b" " * len(buffer)
        self.given += len(buffer)
        assert self.given < 8 * MOST_BYTES
        return len(buffer)


def test_a_body_of_unknown_length_is_not_read_to_its_end(made: tuple[Flask, str]) -> None:
    app, _ = made
    body = Endless()
    with app.test_client() as http_:
        answer = http_.post(
            "/runs/_dash-update-component",
            content_type="application/json",
            headers=OURS,
            # As gunicorn hands on what comes in chunks.
            environ_overrides={
                "wsgi.input": io.BufferedReader(body),
                "wsgi.input_terminated": True,
                "CONTENT_LENGTH": "",
            },
        )
    assert answer.status_code in (400, 413)
    assert answer.text.count("\n") == 1
    assert body.given <= MOST_BYTES + 2**16


def test_a_longer_body_is_refused_before_it_is_read(made: tuple[Flask, str]) -> None:
    app, _ = made
    with app.test_client() as http_:
        answer = http_.post(
            "/_dash-update-component",
            data=b"x" * (MOST_BYTES + 1),
            content_type="application/json",
            headers=OURS,
        )
    assert answer.status_code == 413


@pytest.mark.process
def test_the_real_server_ends_a_long_body_at_its_beginning(tmp_path: Path) -> None:
    stores.make_store(tmp_path / "store.db", 4)
    command = [sys.executable, "-m", "reactcnn_dash", "--port", "0", "--token", TOKEN]
    process = subprocess.Popen(
        [*command, "--store", str(tmp_path / "store.db")], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        link = next(found for line in process.stderr if (found := re.search(r"http://\S+", line)))
        address, _, token = link.group().partition("/?token=")
        assert token == TOKEN
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        # Only the beginning of the 50 MB is ever sent.
        connection.putrequest("POST", "/_dash-update-component")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(50 * 2**20))
        connection.endheaders(b"[" * 1000)
        assert connection.getresponse().status == 413
        connection.close()
        connection.request("GET", "/")
        assert connection.getresponse().status == 401
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
