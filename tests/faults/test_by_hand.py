"""Odd names, silent connections, a run that is another's: small things that a person meets."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reactcnn_dash.cli import main
from reactcnn_dash.db import RunWriter
from tests import stores
from tests.browser.conftest import start_server, stop

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    "accents": "é" * 200,
    "three bytes each": "日" * 200,
    "four bytes each": "🦆" * 200,
    "slashes": "../../etc/passwd",
    "escapes": "\x1b[31mred\x1b]0;title\x07",
    "lines": "one\r\ntwo\x85three\u2028four",
    "backwards": "a\u202egnp.exe",
    "a dot": ".",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_any_name_is_listed_and_exported(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "a.db"
    stores.make_store(store, 8, name=NAMES[name])
    assert main(["runs", "--store", str(store)]) == 0
    said = capsys.readouterr().out
    assert all(letter.isprintable() for line in said.split("\n") for letter in line)
    to = tmp_path / "out"
    assert main(["export", "1", "--store", str(store), "--to", str(to), "--format", "npz"]) == 0
    (written,) = to.iterdir()
    assert written.name.startswith("1")
    assert written.name.endswith(".npz")
    assert len(written.name.encode()) < 255


@pytest.mark.process
def test_silent_connections_leave_the_page_answering(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    stores.make_store(store, 8)
    process, address = start_server(store)
    place = urlsplit(address)
    try:
        with ExitStack() as silent:
            for _ in range(110):
                silent.enter_context(socket.create_connection((place.hostname, place.port)))
            for _ in range(20):
                half = silent.enter_context(socket.create_connection((place.hostname, place.port)))
                half.sendall(b"GET / HTTP/1.1\r\nHost: ")
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert answer.status == 200
    finally:
        stop(process)


@pytest.mark.process
def test_a_run_of_another_process_is_refused_before_tensorflow_is_loaded(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    with RunWriter.begin(str(store), stores.new_run(total=40)) as writer:
        stores.append(writer, stores.truth(8), 0, 8)
        code = (
            "import sys; from collector.cli import main\n"
            f"code = main(['--resume', '1', '--store', {str(store)!r}])\n"
            "sys.exit(9 if 'tensorflow' in sys.modules or 'keras' in sys.modules else code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 4, done.stderr
    assert done.stderr.count("\n") == 1
