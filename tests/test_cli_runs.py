"""Runs listed and deleted by the command line: real processes, a real terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reactcnn_dash.cli import main
from reactcnn_dash.db import RunWriter, StoreReader, edit_run
from reactcnn_dash.errors import UserError
from tests import stores

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    stores.make_store(path, 80, name="first")
    stores.make_store(path, 12, name="second")
    edit_run(str(path), 1, tags=["keep", "paper"])
    return path


def command(store: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "reactcnn_dash", *words, "--store", str(store)]


def run(store: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(store, *words),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def on_a_terminal(store: Path, words: Sequence[str], typed: str) -> tuple[int, str]:
    """Run a command whose input and output are a terminal; return its exit code and its output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(store, *words), cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, typed.encode())
        while True:
            try:
                more = os.read(ours, 1024)
            except OSError:  # the other side is closed
                break
            if not more:
                break
            shown += more
        code = process.wait()
    os.close(ours)
    return code, shown.decode()


def names(store: Path) -> list[str]:
    return [one.name for one in StoreReader(str(store)).summaries()]


def test_runs_are_listed_newest_first(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--store", str(store)]) == 0
    heading, second, first = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["ID", "NAME", "MODEL"]
    assert second.split()[:4] == ["2", "second", "small-cnn", "5a5a5a5"]
    assert first.endswith("keep, paper")
    correct = StoreReader(str(store)).run(2).correct
    assert f"{100 * correct / 12:.1f} %" in second


def test_runs_as_json(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--json", "--store", str(store)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["name"], row["stored"]) for row in rows] == [
        (2, "second", 12),
        (1, "first", 80),
    ]
    assert rows[1]["tags"] == ["keep", "paper"]


def test_a_store_without_runs_says_what_to_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.db").touch()
    assert main(["runs", "--store", str(tmp_path / "empty.db")]) == 0
    assert "python -m collector --store" in capsys.readouterr().out
    assert main(["runs", "--store", str(tmp_path / "none.db")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.process
def test_delete_asks_on_a_terminal_and_takes_no_for_an_answer(store: Path) -> None:
    code, shown = on_a_terminal(store, ["delete", "first"], "\n")
    assert "Delete run 1 (first): 80 images" in shown
    assert "Nothing was deleted." in shown
    assert code == 1
    assert names(store) == ["second", "first"]


@pytest.mark.process
def test_delete_deletes_what_was_confirmed(store: Path) -> None:
    before = store.stat().st_size
    code, shown = on_a_terminal(store, ["delete", "first"], "y\n")
    assert code == 0
    assert "Deleted first: the store's file gave back" in shown
    assert names(store) == ["second"]
    assert store.stat().st_size < before


@pytest.mark.process
def test_without_a_terminal_delete_needs_yes(store: Path) -> None:
    refused = run(store, "delete", "first")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert "add --yes" in refused.stderr
    assert names(store) == ["second", "first"]
    done = run(store, "delete", "first", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert names(store) == ["second"]


@pytest.mark.process
def test_what_cannot_be_deleted_is_one_line(store: Path) -> None:
    missing = run(store, "delete", "nobody", "--yes")
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    with RunWriter.begin(str(store), stores.new_run("live")):
        busy = run(store, "delete", "live", "--yes")
    assert (busy.returncode, busy.stderr.count("\n")) == (1, 1)
    assert "run 3 (live) is being collected" in busy.stderr
    assert names(store) == ["live", "second", "first"]


def test_runs_that_do_not_compare_are_one_line_and_a_traceback_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "store.db"
    stores.make_store(path, 6, made=stores.truth(6, seed=1))
    stores.make_store(path, 6, made=stores.truth(6, seed=2))
    stores.make_store(path, 1, made=stores.truth(6, seed=2))
    for a, b in (("1", "2"), ("2", "3")):
        words = ["compare", a, b, "--store", str(path)]
        assert main(words) == 1
        found = capsys.readouterr()
        assert (found.out, found.err.count("\n")) == ("", 1)
        assert found.err.startswith("python -m reactcnn_dash: ")
        with pytest.raises(UserError):
            main([*words, "--debug"])


@pytest.mark.process
def test_the_command_line_starts_without_the_database_and_the_page() -> None:
    code = (
        "import sys; from reactcnn_dash import errors;"
        "from reactcnn_dash.commands import delete, runs;"
        "print([name for name in ('sqlalchemy', 'dash', 'numpy') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
