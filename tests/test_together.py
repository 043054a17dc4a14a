"""Several processes of gunicorn's that answer as one, over a real store."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest

from reactcnn_dash.access import Access
from reactcnn_dash.db import StoreReader
from reactcnn_dash.environment import VARIABLES, access_from
from reactcnn_dash.errors import WrongUsage
from reactcnn_dash.together import folder_of
from tests import stores
from tests.test_cli import ROOT
from tests.test_people import written

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = "X-User"


class Served:
    """A server of two processes; every question comes by a connection of its own."""

    def __init__(self, store: Path, folder: Path | None = None) -> None:
        environ = {name: one for name, one in os.environ.items() if "REACTCNN" not in name}
        environ |= {"REACTCNN_STORE": str(store), "REACTCNN_TRUST_USER_HEADER": HEADER}
        environ |= {"TMPDIR": str(folder or store.parent)}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "reactcnn_dash.app:from_environment()"),
                *("--workers", "2", "--threads", "4", "--bind", "127.0.0.1:0"),
            ],
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.said: list[str] = []
        self.address = ""
        for line in self.process.stderr:
            self.said.append(line)
            found = re.search(r"Listening at: (http://\S+)", line)
            self.address = found[1] if found else self.address
            if sum("Booting worker" in one for one in self.said) == 2:
                break

    def ask(self, path: str, body: Any = None) -> Any:
        """Return what a route says: JSON, or bytes."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)
        headers = {"Origin": self.address, "Content-Type": "application/json", HEADER: "ann"}
        method, text = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status == 200, (path, answer.status, data[:200])
        is_json = answer.getheader("Content-Type", "").startswith("application/json")
        return json.loads(data) if is_json else data

    def done(self, path: str) -> Any:
        """Ask until work is done."""
        while (said := self.ask(path))["status"] == "running":
            continue
        return said

    def workers(self) -> list[psutil.Process]:
        """Return gunicorn's workers."""
        return list(psutil.Process(self.process.pid).children())

    def runs(self, version: int | None) -> Any:
        """Look at the list of runs as its page does."""
        look = {"number": 1, "version": version, "heard": None, "now": True}
        said = self.ask(
            "/runs/_dash-update-component", written(look, "runs-answer", "runs-request")
        )
        return said["response"]["runs-answer"]["data"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("together") / "store.db"
    for name in ("first", "second"):
        stores.make_store(path, 40, name=name)
    return path


@pytest.fixture(scope="module")
def served(store: Path) -> Iterator[Served]:
    server = Served(store)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=60)


@pytest.mark.process
def test_work_is_done_once_and_its_result_is_known_to_all(served: Served) -> None:
    found = served.done("/comparisons/of?a=1&b=2")
    layers = [layer["name"] for layer in found["layers"]]
    assert layers == ["conv1", "conv2", "conv3"]
    # What the page asks for next is at hand, whichever process is asked.
    with ThreadPoolExecutor(8) as pool:
        asked = [f"/comparisons/layer?a=1&b=2&layer={layers[i % 3]}" for i in range(40)]
        assert {said["status"] for said in pool.map(served.ask, asked)} == {"done"}
    # The processes that work were started by one of the two alone.
    working = [worker for worker in served.workers() if worker.children()]
    assert len(served.workers()) == 2
    assert len(working) == 1


@pytest.mark.process
def test_every_process_tells_the_same_list_of_runs(served: Served, store: Path) -> None:
    known = served.runs(None)
    assert known["whole"]
    for number in range(12):
        note = f"note {number}"
        edit = written({"id": 1, "number": number, "note": note})
        served.ask("/runs/_dash-update-component", edit)
        news = served.runs(known["version"])
        # Not the whole list again, and no change missed.
        assert not news["whole"]
        assert [(row["id"], row["note"]) for row in news["rows"]] == [(1, note)]
        assert news["rows"][0]["authors"]["note"][0] == "ann"
        known = news
    assert StoreReader(str(store)).run(1).note == "note 11"


@pytest.mark.process
def test_what_one_answers_by_the_other_is_the_same_to_the_byte(served: Served, store: Path) -> None:
    reader = StoreReader(str(store))
    uuid = reader.run(2).uuid
    gap = reader.gap_row(2, 5)
    maps = reader.feature_maps(uuid, 5, 1)
    assert maps is not None
    expected = gap[6:14].tobytes() + maps.low.tobytes() + maps.step.tobytes()
    with ThreadPoolExecutor(8) as pool:
        layers = set(pool.map(served.ask, [f"/runs/{uuid}/images/5/layers/1"] * 40))
        pixels = set(pool.map(served.ask, [f"/runs/{uuid}/images/5"] * 40))
    assert layers == {expected + maps.codes.tobytes()}
    assert pixels == {reader.pixels(uuid, 5).tobytes()}
    # A file of many parts.
    export = served.ask(f"/runs/{uuid}/export/npz")
    assert export[:2] == b"PK"
    assert b"".join([export[-22:-18]]) == b"PK\x05\x06"


@pytest.mark.process
def test_when_the_one_with_the_memory_is_killed_another_goes_on(served: Served) -> None:
    served.done("/redundancies/of?run=1")
    (leader,) = [worker for worker in served.workers() if worker.children()]
    children = leader.children(recursive=True)
    leader.kill()
    # Asked while the dead one's place is free, and while gunicorn starts a new process.
    for run in (1, 2):
        layers = served.done(f"/redundancies/of?run={run}")["layers"]
        assert [layer["name"] for layer in layers] == ["conv1", "conv2", "conv3"]
    psutil.wait_procs(children, timeout=30)
    assert not any(child.is_running() for child in children)
    assert served.runs(None)["runs"] == 2


def test_every_variable_is_taken_and_explained() -> None:
    given = {
        "REACTCNN_STORE": "elsewhere.db",
        "REACTCNN_ALLOWED_HOSTS": "cnn.lab.example, cnn",
        "REACTCNN_TOKEN": "only-for-these-tests",
        "REACTCNN_NO_TOKEN": "0",
        "REACTCNN_URL_PREFIX": "/cnn/",
        "REACTCNN_TRUST_PROXY": "1",
        "REACTCNN_TRUST_USER_HEADER": HEADER,
        "REACTCNN_READ_ONLY": "yes",
        "REACTCNN_FRAME_ANCESTORS": "self https://lab.example",
    }
    assert set(given) == set(VARIABLES)
    names = frozenset({"127.0.0.1", "localhost", "[::1]", "cnn.lab.example", "cnn"})
    assert access_from(given) == Access(
        hosts=names,
        token="only-for-these-tests",
        prefix="/cnn/",
        trust_proxy=True,
        user_header=HEADER,
        read_only=True,
        frames=("'self'", "https://lab.example"),
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "REACTCNN_NO_TOKEN=1"),
        ({"REACTCNN_NO_TOKEN": "0"}, "REACTCNN_NO_TOKEN=1"),
        ({"REACTCNN_TOKEN": "short"}, "16 to 200"),
        ({"REACTCNN_TRUST_USER_HEADER": "Remote User"}, "REACTCNN_TRUST_USER_HEADER: a header's"),
        (
            {"REACTCNN_NO_TOKEN": "1", "REACTCNN_FRAME_ANCESTORS": "self lab.example"},
            "REACTCNN_FRAME_ANCESTORS: an origin",
        ),
        (
            {"REACTCNN_TRUST_USER_HEADER": HEADER, "REACTCNN_ALLOWED_HOSTS": "*"},
            "REACTCNN_ALLOWED_HOSTS",
        ),
    ],
)
def test_who_may_ask_must_be_said(given: dict[str, str], said: str) -> None:
    with pytest.raises(WrongUsage, match=re.escape(said)):
        access_from(given)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        yield Path(folder)


def folders(inside: Path) -> list[str]:
    return sorted(one.name for one in inside.glob("reactcnn-*") if one.is_dir())


@pytest.mark.process
def test_a_server_leaves_no_folder_and_removes_those_of_killed_ones(
    tmp_path: Path, short: Path
) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, 4)
    killed = Served(path, short)
    workers = killed.workers()
    killed.runs(None)
    left = folders(short)
    assert len(left) == 1
    killed.process.kill()
    for worker in workers:
        worker.kill()
    killed.process.communicate(timeout=60)
    assert folders(short) == left
    os.utime(short / left[0], (0, 0))
    after = Served(path, short)
    after.runs(None)
    now = folders(short)
    assert len(now) == 1
    assert now != left
    after.process.send_signal(signal.SIGTERM)
    after.process.communicate(timeout=60)
    assert folders(short) == []


@pytest.mark.process
def test_a_folder_for_temporary_files_may_have_a_long_path(tmp_path: Path) -> None:
    path, long = tmp_path / "store.db", tmp_path / ("long" * 30)
    long.mkdir()
    stores.make_store(path, 4)
    served = Served(path, long)
    try:
        assert served.runs(None)["runs"] == 1
    finally:
        served.process.send_signal(signal.SIGTERM)
        served.process.communicate(timeout=60)
    assert folders(long) == []


def test_another_server_finds_another_folder_and_a_strangers_is_refused() -> None:
    one, other = folder_of("store.db", Access()), folder_of("store.db", Access(read_only=True))
    try:
        assert one != other
        assert one == folder_of("store.db", Access())
        assert one.stat().st_mode & 0o77 == 0
        one.chmod(0o755)
        with pytest.raises(PermissionError, match="this user's alone"):
            folder_of("store.db", Access())
    finally:
        one.rmdir()
        other.rmdir()


def test_the_documentation_knows_every_variable_and_no_other() -> None:
    text = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(REACTCNN_\w+)` \| (.+) \|$", text, re.MULTILINE))
    assert {name: said.replace("`", "") for name, said in rows.items()} == VARIABLES
    assert set(re.findall(r"REACTCNN_[A-Z_]+", text)) - {"REACTCNN_HOST"} == set(VARIABLES)
