"""CONTRIBUTING.md is carried out: its examples work as they stand, and its files are there."""

from __future__ import annotations

import ast
import fnmatch
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import numpy as np
import pytest

from reactcnn_dash import open_store
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
    shutil.copytree(ROOT / "tools", root / "tools")
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
def test_scripts_have_the_types_of_what_the_page_of_the_example_is_sent(copy: Path) -> None:
    made = said(copy, "from tools.generate import files; print(files()['hello.d.ts'])")
    assert "export interface Greeting {\n  text: string;\n}" in made


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
    written = {
        path
        for title in ("a page", "a clustering method", "a framework")
        for path in examples(title)
    }
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    named = {
        path
        for path in re.findall(r"`([\w./-]+/[\w.-]*)`", prose)
        if path.split("/")[0] in {"collector", "migrations", "reactcnn_dash", "tests"}
    }
    assert len(named) > 30
    missing = {path for path in named if not (ROOT / path).exists()} - written
    assert missing == {"reactcnn_dash/assets/hello/"}


def comments(path: Path) -> str:
    """Return the comments and docstrings of a file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return "\n".join(re.findall(r"/\*.*?\*/|^\s*//.*?$", text, re.MULTILINE | re.DOTALL))
    found = [
        one.value.value
        for one in ast.walk(ast.parse(text))
        if isinstance(one, ast.Expr)
        and isinstance(one.value, ast.Constant)
        and isinstance(one.value.value, str)
    ]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return "\n".join([*found, *(one.string for one in tokens if one.type == tokenize.COMMENT)])


NAMED = re.compile(r"(?<![\w./*-])[\w./*-]*[\w*]\.(?:py|m?js|css|d\.ts|md|sql)\b")
"""A file of the product as a text names it."""


@pytest.mark.parametrize("folder", ["collector", "migrations", "reactcnn_dash", "tests", "tools"])
def test_every_file_that_a_comment_names_is_there(folder: str) -> None:
    there = [
        f"/{path.relative_to(ROOT).as_posix()}"
        for place in ("collector", "docs", "migrations", "reactcnn_dash", "tests", "tools")
        for path in (ROOT / place).rglob("*.*")
    ] + [f"/{path.name}" for path in ROOT.iterdir()]
    files = [path for kind in ("py", "mjs", "css") for path in (ROOT / folder).rglob(f"*.{kind}")]
    gone = {
        (str(path.relative_to(ROOT)), name)
        for path in files
        for name in NAMED.findall(comments(path))
        if not fnmatch.filter(there, f"*/{name.lstrip('./')}")
    }
    assert gone == set()


@pytest.mark.process
def test_the_framework_of_the_example_collects_a_run(copy: Path) -> None:
    text = section("a framework")
    assert "import `BANK` and put it into `FRAMEWORKS`" in text
    (copy / "migrations").symlink_to(ROOT / "migrations")
    shutil.copytree(
        ROOT / "collector", copy / "collector", ignore=shutil.ignore_patterns("__pycache__")
    )
    for path, code in examples("a framework").items():
        (copy / path).parent.mkdir(exist_ok=True)
        (copy / path).write_text(code)
    registry = copy / "collector" / "frameworks" / "registry.py"
    code = registry.read_text().replace("] = (", "] = (BANK, ")
    first = "from collector.frameworks.keras.entry"
    added = "from collector.frameworks.bank.entry import BANK"
    registry.write_text(code.replace(first, f"{added}\n{first}"))
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, 3, 3, 3)).astype(np.float32)
    pixels = rng.integers(0, 256, (6, 9, 11, 3), dtype=np.uint8)
    np.save(copy / "edges.npy", weights)
    np.savez(copy / "six.npz", images=pixels)
    loaded = said(
        copy,
        """
import sys
from collector.cli import main
assert main(["--model", "edges.npy", "--images", "six.npz", "--pixel-range", "0-1"]) == 0
print([name for name in ("keras", "tensorflow") if name in sys.modules])
""",
    )
    assert loaded.strip() == "[]"
    run = open_store(copy / "reactcnn.db").run(1)
    expected = np.zeros((6, 5, 7, 9))
    for y, x in np.ndindex(7, 9):
        part = pixels[:, y : y + 3, x : x + 3] / 255
        expected[:, :, y, x] = np.maximum(np.tensordot(part, weights, ((1, 2, 3), (1, 2, 3))), 0)
    np.testing.assert_allclose(run.gap("bank"), expected.mean((2, 3)), rtol=1e-4)
    maps = run.feature_maps(3, "bank")
    assert maps is not None
    np.testing.assert_allclose(maps[4], expected[3, 4], atol=expected[3, 4].max() / 500)


def test_the_migration_section_is_about_the_newest_one() -> None:
    text = section("a migration")
    (newest,) = (ROOT / "migrations" / "versions").glob(f"{HEAD}_*.py")
    assert f"`migrations/versions/{newest.name}`" in text
    assert f"as `{HEAD}` did" in text
