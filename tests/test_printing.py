"""What both programs print, whatever names hold, and where nothing can be printed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from collector.cli import main as collect
from reactcnn_dash.cli import main
from reactcnn_dash.printing import one_line
from tests import stores

ROOT = Path(__file__).resolve().parents[1]
EVIL = "evil\x1b[31m\x1b]0;title\x07\u202egnp.\u200b\x9b2J\nrun 99 (fake)\r\u2028end"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    for name in (EVIL, f"{EVIL}2"):
        stores.make_store(path, 80, name=name)
    return path


def harmless(text: str) -> bool:
    """Whether every line of a text shows what it holds, and no name has made a line."""
    return all(line.isprintable() for line in text.split("\n")) and "\nrun 99" not in text


def test_no_command_prints_what_moves_a_terminal(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = str(tmp_path / "b.db")
    for command in (
        ["runs"], ["runs", "--json"], ["compare", "1", "2"], ["fault", "1", "2"],
        ["redundancy", "1"], ["export", "1", "--to", str(tmp_path / "out"), "--format", "npz"],
        ["report", "1", "--output", str(tmp_path / "r.html")], ["copy", str(tmp_path / "c.db")],
        ["prune", "1", "--keep", "maps:3", "--yes"], ["delete", "2", "--yes"],
    ):  # fmt: skip
        assert main([*command, "--store", str(store)]) == 0, command
        said = capsys.readouterr()
        assert harmless(said.out + said.err), command
    assert main(["move", str(store), to]) == 0
    assert collect(["rebuild", "1", "--store", to]) == 0
    said = capsys.readouterr()
    assert harmless(said.out + said.err)
    for refused in (["redundancy", f"{EVIL}3"], ["delete", "9"], ["export", f"{EVIL}3"]):
        assert main([*refused, "--store", to]) == 4
        assert collect(["rebuild", f"{EVIL}3", "--store", to]) == 4
    said = capsys.readouterr()
    assert harmless(said.err)
    assert said.err.count("\n") == 6
    for usage in ([f"--{EVIL}"], [EVIL], ["runs", EVIL]):
        with pytest.raises(SystemExit) as ended:
            main(usage)
        assert ended.value.code == 2
    assert harmless(capsys.readouterr().err)


def test_json_keeps_a_name_as_it_is(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--json", "--store", str(store)]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == [f"{EVIL}2", EVIL]


def test_what_can_be_read_stays() -> None:
    for text in ("conv 1 · é 日本 🦆 → ≥ – “x”", ""):
        assert one_line(text) == text


def runs(store: Path, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reactcnn_dash", "runs", "--store", str(store)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **more)  # type: ignore[call-overload, no-any-return]


@pytest.mark.process
@pytest.mark.parametrize("where", ["full", "closed", "a reader that left", "ascii"])
def test_an_output_that_takes_nothing_is_one_line(store: Path, where: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    more: dict[str, object] = {"stderr": subprocess.PIPE}
    if where == "full":
        more["stdout"] = os.open("/dev/full", os.O_WRONLY)
    elif where == "closed":
        more["preexec_fn"] = lambda: os.close(1)
    elif where == "ascii":
        more |= {"stdout": subprocess.PIPE, "env": os.environ | {"PYTHONIOENCODING": "ascii"}}
    else:
        more["stdout"] = writing
    process = runs(store, **more)
    os.close(writing)
    out, told = process.communicate(timeout=60)
    lines = {"full": 1, "closed": 1, "a reader that left": 0, "ascii": 0}
    assert process.returncode == (0 if where == "ascii" else 5), told
    assert told.count("\n") == lines[where], told
    assert where != "ascii" or (out.isascii() and "evil" in out)


COPYING = """
import signal, sys, time
# Whoever runs the tests by nohup lets them ignore it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
import reactcnn_dash.db as db
from reactcnn_dash.cli import main
copy = db.copy_store
def slow(url, to, *, force, progress):
    def told(left, pages):
        progress(left, pages)
        print("half way", flush=True)
        time.sleep(60)
    copy(url, to, force=force, progress=told)
db.copy_store = slow
sys.exit(main(["copy", sys.argv[2], "--store", sys.argv[1]]))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_command_that_is_told_to_end_leaves_nothing_half_done(
    store: Path, tmp_path: Path, number: int, code: int
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    command = [sys.executable, "-c", COPYING, str(store), str(folder / "b.db")]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        assert [one.name for one in folder.iterdir()] == [".b.db.partial"]
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in told
    assert list(folder.iterdir()) == []
