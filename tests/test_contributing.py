"""CONTRIBUTING.md is carried out: its examples work as they stand, and its files are there."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reactcnn_dash.db.version import HEAD

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def section(title: str) -> str:
    """Return a section of CONTRIBUTING.md."""
    found = re.search(rf"^### … {title}$(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def examples(title: str) -> dict[str, str]:
    """Return the files that a section writes out, by their paths."""
    blocks = re.findall(r"```\w+\n(?:#|//) (\S+)\n(.*?)```", section(title), re.DOTALL)
    assert blocks
    return dict(blocks)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product with the examples in it."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(
        ROOT / "reactcnn_dash",
        root / "reactcnn_dash",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for title in ("a page", "a clustering method"):
        for path, code in examples(title).items():
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(code)
    assert "`PAGE as HELLO`" in section("a page")
    registry = root / "reactcnn_dash" / "pages" / "registry.py"
    code = registry.read_text()
    code = code.replace(
        "from reactcnn_dash.pages.live.page",
        "from reactcnn_dash.pages.hello.page import PAGE as HELLO\n"
        "from reactcnn_dash.pages.live.page",
    )
    registry.write_text(code.replace("SLIM, FILTER)", "SLIM, FILTER, HELLO)"))
    return root


def said(copy: Path, code: str) -> str:
    """Return what some code prints that runs in the copy."""
    wide = os.environ | {"COLUMNS": "500"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy,
        env=wide,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.process
def test_the_page_of_the_example_stands_beside_the_others(copy: Path) -> None:
    found = json.loads(
        said(
            copy,
            """
import json
from reactcnn_dash.app import create_server
from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs.runner import Jobs
http = create_server(StoreReader("none.db"), "none.db", Jobs()).test_client()
print(json.dumps({
    "page": http.get("/hello/").text,
    "layout": http.get("/hello/_dash-layout").json,
    "live": http.get("/_dash-layout").json,
    "compare": http.get("/compare/_dash-layout").json,
    "answer": http.get("/hellos/greeting").json,
}))
""",
        )
    )
    assert "Hello · ReactCNN" in found["page"]
    layout, live, compare = (json.dumps(found[one]) for one in ("layout", "live", "compare"))
    assert '"id": "hello"' in layout
    assert "What one says first." in found["page"]
    assert "/hello/main.mjs" in found["page"]
    assert '"href": "/hello/"' in live
    assert found["answer"] == {"status": "done", "text": "Hello, none.db"}
    # And so does the clustering method: choice, slider and what it means, on both pages.
    for page, prefix in ((live, "parameter"), (compare, "compare-parameter")):
        assert '{"value": "single-linkage", "label": "Single linkage"}' in page
        assert f'"id": "{prefix}-single-linkage", ' in page
        assert "Chains filters together whose r is above" in page


@pytest.mark.process
def test_the_clustering_method_of_the_example_clusters_and_is_in_the_help(copy: Path) -> None:
    labels = said(
        copy,
        """
import numpy as np
from reactcnn_dash import analysis
rng = np.random.default_rng(0)
drive = rng.random((50, 2))
rows = drive[:, [0, 0, 1, 1, 1]] + 0.01 * rng.random((50, 5))
c = analysis.correlation(analysis.CoMoments.of(rows.astype("f4")))
print(analysis.cluster(c, "single-linkage", analysis.default_parameter(c, "single-linkage")))
""",
    )
    assert labels.strip() == "[1 1 0 0 0]"
    command = "from reactcnn_dash.cli import main; main(['compare', '--help'])"
    help_text = " ".join(said(copy, command).split())
    assert "louvain, leiden-cpm, single-linkage" in help_text
    assert "the least correlation θ of single-linkage" in help_text
    live = said(copy, "from reactcnn_dash.pages.live.help import HELP; print(HELP.concepts)")
    assert "Single linkage: Chains filters together" in live


def test_every_file_that_is_named_is_there() -> None:
    written = {path for title in ("a page", "a clustering method") for path in examples(title)}
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    named = {
        path
        for path in re.findall(r"`([\w./-]+/[\w.-]*)`", prose)
        if path.split("/")[0] in {"collector", "migrations", "reactcnn_dash", "tests"}
    }
    assert len(named) > 30
    missing = {path for path in named if not (ROOT / path).exists()} - written
    assert missing == {"reactcnn_dash/assets/hello/"}


def test_the_framework_section_names_every_module_that_knows_keras() -> None:
    text = section("a framework")
    for path in sorted((ROOT / "collector").rglob("*.py")):
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            for name in _imported(node)
        }
        if imported & {"keras", "tensorflow"} and "images" not in path.parts:
            here = path.relative_to(ROOT)
            assert f"`{here}`" in text or f"`{here.parent}/`" in text, here


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_the_migration_section_is_about_the_newest_one() -> None:
    text = section("a migration")
    (newest,) = (ROOT / "migrations" / "versions").glob(f"{HEAD}_*.py")
    assert f"`migrations/versions/{newest.name}`" in text
    assert f"as `{HEAD}` did" in text
