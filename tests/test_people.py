"""Several people at one server: who wrote what, and a server that changes nothing."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from reactcnn_dash.access import Access
from reactcnn_dash.app import create_server
from reactcnn_dash.db import (
    READ_ONLY,
    KeptResult,
    RunDeletion,
    RunWriter,
    StoreReader,
    StoreReadOnly,
    edit_run,
    keep_result,
    upgrade,
)
from reactcnn_dash.jobs.runner import Jobs
from tests import stores
from tests.benchmarks.people import watch
from tests.browser.conftest import start_server, stop
from tests.test_guard import OURS, every_address

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

WHO = "X-Forwarded-User"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    stores.make_store(tmp_path / "store.db", 24)
    return tmp_path / "store.db"


def client(store: Path, **access: Any) -> FlaskClient:
    app = create_server(StoreReader(str(store)), f"sqlite:///{store}", Jobs(), Access(**access))
    return app.test_client()


def written(values: dict[str, Any], output: str = "runs-edited", inputs: str = "runs-edit") -> Any:
    return {
        "output": f"{output}.data",
        "outputs": {"id": output, "property": "data"},
        "inputs": [{"id": inputs, "property": "data", "value": values}],
        "changedPropIds": [f"{inputs}.data"],
        "state": [],
    }


def edit(http: FlaskClient, values: dict[str, Any], **headers: str) -> Any:
    asked = {**OURS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    body = written({"id": 1, "number": 1, **values})
    return http.post("/runs/_dash-update-component", json=body, headers=asked)


def authors(store: Path) -> dict[str, str]:
    (run,) = StoreReader(str(store)).summaries()
    return {what: who["by"] for what, who in run.authors.items()}


def test_what_is_written_says_who_wrote_it_last(store: Path) -> None:
    http = client(store, user_header=WHO)
    assert authors(store) == {}
    assert edit(http, {"note": "odd"}, X_Forwarded_User="ann@lab").status_code == 200
    assert edit(http, {"tags": ["a"]}, X_Forwarded_User="bert").status_code == 200
    assert authors(store) == {"note": "ann@lab", "tags": "bert"}
    assert edit(http, {"note": "not odd"}, X_Forwarded_User="bert").status_code == 200
    assert authors(store) == {"note": "bert", "tags": "bert"}
    answer: Any = http.post(
        "/runs/_dash-update-component",
        json=written({"number": 1}, "runs-answer", "runs-request"),
        headers=OURS | {WHO: "bert"},
    )
    rows = answer.json["response"]["runs-answer"]["data"]["rows"]
    assert [one[0] for one in rows[0]["authors"].values()] == ["bert", "bert"]


def test_what_an_unknown_person_writes_is_nobodys(store: Path) -> None:
    edit_run(str(store), 1, name="hers", note="hers too", author="ann")
    # A header that nobody was told to trust is none.
    assert edit(client(store), {"note": "whose?"}, X_Forwarded_User="ann").status_code == 200
    assert authors(store) == {"name": "ann"}


def test_a_name_is_one_line_of_text(store: Path) -> None:
    http = client(store, user_header=WHO)
    name = "Zoë\t  Ångström " + "x" * 900
    edit(http, {"note": "n"}, X_Forwarded_User=name.encode().decode("latin-1"))
    assert authors(store)["note"].startswith("Zoë Ångström xx")
    assert len(authors(store)["note"]) == 200


def test_who_does_not_come_by_the_proxy_is_refused_everywhere(store: Path) -> None:
    http = client(store, user_header=WHO)
    uuid = StoreReader(str(store)).run(1).uuid
    for method, address in every_address(http.application, uuid):
        for headers in ({}, {WHO: ""}, {WHO: "  "}):
            answer = http.open(address, method=method, json={}, headers=OURS | headers)
            assert answer.status_code == 401, address
    assert http.get("/", headers={WHO: "ann"}).status_code == 200


def test_a_token_is_wanted_of_named_people_too(store: Path) -> None:
    http = client(store, user_header=WHO, token="only-for-these-tests")
    assert http.get("/", headers={WHO: "ann"}).status_code == 401
    both = {WHO: "ann", "Authorization": "Bearer only-for-these-tests"}
    assert http.get("/", headers=both).status_code == 200


READS = {
    "frame.data": {"id": "frame", "property": "data"},
    "runs-answer.data": {"id": "runs-answer", "property": "data"},
}


def test_read_only_closes_every_route_that_is_not_known_to_read(store: Path) -> None:
    http = client(store, read_only=True)
    uuid = StoreReader(str(store)).run(1).uuid
    closed = []
    for method, address in every_address(http.application, uuid):
        if method not in ("GET", "HEAD"):
            answer = http.open(address, method=method, json={}, headers=OURS)
            if "_dash-update-component" not in address:
                closed.append((address, answer.status_code))
            # No body of no kind is let through.
            assert answer.status_code in (400, 403, 404) or address.endswith("cancel"), address
    assert ("/slims/try", 403) in closed
    assert ("/slims/cancel", 403) in closed
    assert dict(closed)[f"/model/{uuid}/what-if/cancel"] == 200
    for values, output, inputs in (
        ({"id": 1, "note": "no"}, "runs-edited", "runs-edit"),
        ({"ids": [1]}, "runs-deleted", "runs-doomed"),
    ):
        answer = http.post(
            "/runs/_dash-update-component", json=written(values, output, inputs), headers=OURS
        )
        assert answer.status_code == 403
        assert "read-only" in answer.text
    look = written({"number": 1}, "runs-answer", "runs-request")
    assert http.post("/runs/_dash-update-component", json=look, headers=OURS).status_code == 200
    poll = written({}, "frame", "request")
    assert http.post("/_dash-update-component", json=poll, headers=OURS).status_code == 200
    assert authors(store) == {}


def test_a_new_callback_is_closed_until_it_is_said_to_read(store: Path) -> None:
    from dash import Input, Output

    from reactcnn_dash.guard import Guard

    http = client(store, read_only=True)
    app = http.application
    bound = [getattr(one, "__self__", None) for one in app.before_request_funcs[None]]
    (guard,) = {one for one in bound if isinstance(one, Guard)}
    page = guard._pages["/runs/"]

    @page.callback(Output("later", "data"), Input("soon", "data"))
    def later(value: object) -> object:
        return value

    asked = written({}, "later", "soon")
    # What Dash does before the first request of a page.
    page._setup_server()
    assert http.post("/runs/_dash-update-component", json=asked, headers=OURS).status_code == 403
    guard.add_page(page, ["later.data"])
    assert http.post("/runs/_dash-update-component", json=asked, headers=OURS).status_code == 200


def test_a_process_that_is_told_to_writes_nothing_at_all(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashlib.sha256(store.read_bytes()).hexdigest()
    monkeypatch.setenv(READ_ONLY, "1")
    url = str(store)
    old = store.with_name("old.db")
    old.write_bytes(store.read_bytes())
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0004'")
    connection.close()
    changes: list[Any] = [
        lambda: edit_run(url, 1, note="no"),
        lambda: RunDeletion.begin(url, 1),
        lambda: keep_result(url, 1, "kind", "", KeptResult(1, b"x")),
        lambda: RunWriter.begin(url, stores.new_run()),
        lambda: RunWriter.begin(str(store.with_name("new.db")), stores.new_run()),
        lambda: upgrade(str(old)),
    ]
    for change in changes:
        with pytest.raises(StoreReadOnly, match=READ_ONLY):
            change()
    # Whatever a page asks for is worked out, and kept nowhere.
    http = client(store, read_only=True)
    uuid = StoreReader(url).run(1).uuid
    for address in (
        "/redundancies/of?run=1",
        "/filters/of?run=1&layer=conv2&filter=1",
        f"/deviations/{uuid}",
        "/comparisons/of?a=1&b=1",
        f"/runs/{uuid}/export/graphml?layer=1",
    ):
        assert http.get(address, headers=OURS).status_code == 200, address
    assert hashlib.sha256(store.read_bytes()).hexdigest() == before
    assert not store.with_name("new.db").exists()


@pytest.mark.process
def test_sixty_four_pages_follow_a_run_that_grows_without_an_error(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    made = stores.truth(1200)
    with RunWriter.begin(str(path), stores.new_run(total=1200)) as writer:
        stores.append(writer, made, 0, 4)
        process, address = start_server(path)
        try:
            ending = threading.Event()
            with ThreadPoolExecutor(1) as pool:
                watching = pool.submit(watch, address, 64, ending, 0.25)
                for start in range(4, 1200, 4):
                    stores.append(writer, made, start, start + 4)
                ending.set()
                seen = watching.result()
        finally:
            stop(process)
        writer.finish()
    assert seen.failures == []
    assert len(seen.last) == 64
    assert len(seen.polls) > 64
