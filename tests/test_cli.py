"""The page's command line and the wheel, as a user has them: real processes, real files."""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from collector.arguments import parser as collector_parser
from reactcnn_dash.cli import main, parser
from reactcnn_dash.db import StoreReader
from reactcnn_dash.db.version import HEAD
from tests import stores
from tests.architectures.__main__ import parser as architectures_parser
from tests.benchmarks.__main__ import parser as bench_parser
from tests.faults.__main__ import parser as faults_parser

ROOT = Path(__file__).parents[1]
WRITTEN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GUNICORN = {"--bind", "--threads", "--workers"}


def options(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return every option of a command and of its subcommands."""
    found = []
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                found += options(sub)
        found.append(action)
    return found


@pytest.mark.parametrize("command", [parser(), collector_parser()], ids=["page", "collector"])
def test_every_option_and_command_is_explained(command: argparse.ArgumentParser) -> None:
    for action in options(command):
        if isinstance(action, argparse._SubParsersAction):
            assert all(choice.help for choice in action._choices_actions)
        else:
            assert action.help, action.option_strings or action.dest


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_what_is_written_names_only_options_that_exist(path: Path) -> None:
    commands = (parser, collector_parser, bench_parser, faults_parser, architectures_parser)
    actions = [action for one in commands for action in options(one())]
    known = {text for action in actions for text in action.option_strings}
    written = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", path.read_text(encoding="utf-8")))
    assert written - known - GUNICORN == set()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_pictures_files_and_chapters_that_are_linked_exist(path: Path) -> None:
    for link in re.findall(r"\]\(([^):]+)\)", path.read_text(encoding="utf-8")):
        name, _, chapter = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        if chapter:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert chapter in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


def test_a_file_that_is_no_store_is_not_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "notes.db"
    other.write_text("somebody's notes, and no store at all\n" * 100)
    assert main(["--store", str(other), "--port", "0"]) == 4
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "not a store" in said


def test_a_taken_port_is_one_line_that_names_another(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 5
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"127.0.0.1:{port}" in error
    assert f"--port {port + 1}" in error


@pytest.mark.parametrize("wrong", [["--port", "x"], ["--port", "99999"], ["--nonsense"], ["fly"]])
def test_wrong_usage_is_exit_code_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    written = capsys.readouterr().err
    assert written.startswith("python -m reactcnn_dash")
    assert written.count("\n") == 1


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [(["--sotre", "x.db"], "--store"), (["compare", "1", "2", "--parametre", "2"], "--parameter")],
)
def test_a_misspelt_option_is_named_with_what_was_meant(
    wrong: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_upgrading_a_missing_store_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upgrade", "--store", str(tmp_path / "none.db")]) == 4
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_store_at_head_needs_no_upgrade(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stores.make_store(tmp_path / "store.db", 2)
    assert main(["upgrade", "--store", str(tmp_path / "store.db")]) == 0
    assert "up to date" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]


@pytest.mark.process
def test_the_page_imports_neither_tensorflow_nor_alembic() -> None:
    code = (
        "import sys; import reactcnn_dash.app, reactcnn_dash.cli, reactcnn_dash.server;"
        "heavy = ('tensorflow', 'keras', 'alembic', 'networkx');"
        "print([name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed copy: the wheel, built and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    archive = next(folder.glob("*.whl"))
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder / "site")
    return folder / "site"


@pytest.mark.process
def test_the_wheel_carries_what_an_installed_copy_needs(wheel: Path) -> None:
    needed = [
        "reactcnn_dash/migrations/env.py",
        "reactcnn_dash/assets/base/base.css",
        "reactcnn_dash/assets/live/grid.mjs",
        "reactcnn_dash/assets/generated/ids.mjs",
        "reactcnn_dash/py.typed",
        "collector/data/vgg16-cifar10.npz",
        "collector/data/MODEL_CARD.md",
    ]
    assert [name for name in needed if not (wheel / name).is_file()] == []
    assert not (wheel / "tests").exists()


@pytest.mark.process
def test_an_installed_copy_upgrades_an_older_store_and_keeps_a_backup(
    wheel: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store.db"
    stores.make_store(store, 3)
    # A later version of the tool, made of this one: a migration that adds a column.
    site = tmp_path / "site"
    shutil.copytree(wheel, site)
    later = f"{int(HEAD) + 1:04d}"
    (site / f"reactcnn_dash/migrations/versions/{later}_mark.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f"revision = '{later}'\n"
        f"down_revision = '{HEAD}'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('runs') as runs:\n"
        "        runs.add_column(sa.Column('mark', sa.Text))\n"
    )
    version = site / "reactcnn_dash/db/version.py"
    text = version.read_text(encoding="utf-8")
    assert text.count(f'"{HEAD}"') == 1
    version.write_text(text.replace(f'"{HEAD}"', f'"{later}"'), encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words], cwd=site, capture_output=True, text=True, check=False
        )

    refused = run("collector", "rebuild", "1", "--store", str(store))
    assert refused.returncode == 4
    assert "python -m reactcnn_dash upgrade --store" in refused.stderr
    upgraded = run("reactcnn_dash", "upgrade", "--store", str(store))
    assert (upgraded.returncode, upgraded.stderr) == (0, "")
    assert f"from schema {HEAD} to {later}" in upgraded.stdout
    backup = Path(re.findall(r"as it was: (.+)", upgraded.stdout)[0])
    assert StoreReader(str(backup)).run(1).stored == 3
    engine = sa.create_engine(f"sqlite:///{store}")
    assert "mark" in {column["name"] for column in sa.inspect(engine).get_columns("runs")}
    engine.dispose()
    assert run("collector", "rebuild", "1", "--store", str(store)).returncode == 0
