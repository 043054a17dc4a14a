"""`show` in a real kernel, in a script, behind a hub's path; and what ends with whom."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from reactcnn_dash.errors import UserError
from reactcnn_dash.notebook import HUB, Servers, show
from tests import stores
from tests.proxies import reverse_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.process


@pytest.fixture
def store(tmp_path: Path) -> Path:
    stores.make_store(tmp_path / "store.db", 4)
    return tmp_path / "store.db"


def status(address: str, **headers: str) -> int:
    try:
        asked = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def kernel() -> Iterator[Any]:
    """A real Jupyter kernel, and a client of it."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_a_cell_shows_a_frame_and_the_server_ends_with_the_kernel(store: Path) -> None:
    shown: list[str] = []

    def take(message: dict[str, Any]) -> None:
        if message["msg_type"] == "display_data":
            shown.append(message["content"]["data"]["text/html"])

    cell = (
        f"import reactcnn_dash\nfor _ in 'ab':\n    reactcnn_dash.show({str(store)!r}, height=321)"
    )
    with kernel() as client:
        client.execute_interactive(cell, output_hook=take, timeout=60)
        first, second = shown
        assert 'height="321"' in first
        assert first == second
        found = re.search(r'src="(http://127\.0\.0\.1:(\d+)/)"', first)
        assert found is not None
        framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert status(found[1], **framed, **{"Sec-Fetch-Dest": "iframe"}) == 200
        listening = [
            psutil.Process(one.pid)
            for one in psutil.net_connections("tcp")
            if one.status == "LISTEN" and one.laddr.port == int(found[2]) and one.pid
        ]
    assert len(listening) == 1
    psutil.wait_procs(listening, timeout=30)
    assert not listening[0].is_running()


def test_without_a_notebook_the_address_is_printed_and_used_again(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = Servers()
    monkeypatch.setattr("reactcnn_dash.notebook._SERVERS", servers)
    monkeypatch.delenv(HUB, raising=False)
    try:
        show(store)
        show(str(store))
        first, second = capsys.readouterr().out.split()
        assert first == second
        assert status(first) == 200
        other = store.with_name("other.db")
        stores.make_store(other, 4)
        show(other)
        assert capsys.readouterr().out.strip() != first
        # One that was ended is started again.
        servers.of(f"sqlite:///{store}", None).process.kill()
        servers.of(f"sqlite:///{store}", None).process.wait()
        show(store)
        assert status(capsys.readouterr().out.strip()) == 200
    finally:
        servers.close()


def test_behind_a_hub_the_frame_goes_by_its_proxy_with_a_token(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = Servers()
    monkeypatch.setattr("reactcnn_dash.notebook._SERVERS", servers)
    monkeypatch.setenv(HUB, "/user/ann/")
    try:
        show(store)
        address = capsys.readouterr().out.strip()
        found = re.fullmatch(r"(/user/ann/proxy/(\d+))/\?token=[\w-]{40,}", address)
        assert found is not None
        with reverse_proxy(f"http://127.0.0.1:{found[2]}/", found[1]) as hub:
            assert status(hub) == 401
            assert status(hub.replace(f"{found[1]}/", address)) == 200
    finally:
        servers.close()


def test_a_process_that_is_killed_leaves_no_server(store: Path) -> None:
    code = (
        f"import reactcnn_dash, sys; reactcnn_dash.show({str(store)!r});"
        "sys.stdout.flush(); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != HUB},
    )
    assert process.stdout is not None
    assert status(process.stdout.readline().strip()) == 200
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []


def test_what_cannot_be_shown_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("no store at all, but long enough to be looked into")
    with pytest.raises(UserError, match=r"notes\.db"):
        show(tmp_path / "notes.db")
