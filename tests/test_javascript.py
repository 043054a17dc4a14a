"""The scripts of the pages: the pure parts by Node, and what they have in common with Python."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pytest

from reactcnn_dash.analysis import scales
from reactcnn_dash.pages.document import FOLDER, Assets
from reactcnn_dash.pages.live.search import parse_search
from reactcnn_dash.pages.registry import PAGES
from reactcnn_dash.results.text import duration_text, size_text
from tests.test_cli import ROOT
from tools import generate, node

SIZES = (0, 999, 1000, 9949, 9950, 999_499, 999_500, 3.4e9, 2.5e12, 4e15)
DURATIONS = (0, 59.4, 59.6, 3720, 86_399.6, 273_600)
SEARCHES = (
    "label-2.unanswered",
    "predicted-1.answered.sure",
    "all",
    "label-3",
    "wrong.label-0.predicted-5.from-100.to-999.unsure",
    "sure.wrong",
    "missed-1.extra-2.error",
)


def evaluated(module: str, expression: str) -> object:
    """What an expression over a module's exports, as ``m``, is worth by Node."""
    path = (FOLDER / module).as_uri()
    script = f'import * as m from "{path}"; console.log(JSON.stringify({expression}));'
    ran = node.run("node", "--input-type=module", "--eval", script)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_pure_parts_by_node() -> None:
    tests = sorted(str(path) for path in (ROOT / "tests/js").glob("*.test.mjs"))
    ran = node.run("node", "--test", *tests)
    assert ran.returncode == 0, ran.stdout
    passed = re.search(r"^\D*pass (\d+)$", ran.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > len(tests)


def test_what_python_makes_for_the_scripts_is_up_to_date() -> None:
    assert generate.drifted() == []


def test_sizes_and_durations_are_written_alike_in_both_languages() -> None:
    sizes = evaluated("base/format.mjs", f"{json.dumps(SIZES)}.map(m.size)")
    assert sizes == [size_text(int(one)) for one in SIZES]
    durations = evaluated("base/format.mjs", f"{json.dumps(DURATIONS)}.map(m.duration)")
    assert durations == [duration_text(one) for one in DURATIONS]


@pytest.mark.parametrize(("low", "high"), [(0, 3), (-1, 3), (-8.66, 9.21), (-2, 0)])
def test_a_value_has_the_same_code_and_colour_in_both_languages(low: float, high: float) -> None:
    values = np.linspace(low, high, 101).astype(np.float32)
    asked = f"{json.dumps(values.tolist())}.map((one) => m.codeOf(one, [{low}, {high}]))"
    ours = scales.encode(values, low, high)
    assert np.abs(np.array(evaluated("base/scales.mjs", asked)) - ours).max() <= 1
    stops = scales.BOTH_WAYS if low < 0 else scales.ONE_SIDED
    for scheme in ("light", "dark"):
        ramp = evaluated("base/colours.mjs", f"[...m.ramp({json.dumps(stops[scheme])})]")
        assert ramp == scales.colour_table(low, scheme).ravel().tolist()
    # Above 0 a colour is that of the one-sided scale, so that layers of both kinds read alike.
    assert tuple(scales.BOTH_WAYS["light"][5:]) == scales.ONE_SIDED["light"]


@pytest.mark.parametrize("text", SEARCHES)
def test_a_search_means_the_same_in_both_languages(text: str) -> None:
    wanted, order = parse_search(text)
    read = evaluated("live/search-text.mjs", f"m.readSearch({json.dumps(text)})")
    assert read == {
        "label": wanted.label,
        "predicted": wanted.prediction,
        "missed": wanted.missed,
        "extra": wanted.extra,
        "from": wanted.first,
        "to": wanted.last,
        "wrong": wanted.misclassified,
        "answered": wanted.answered,
        "order": str(order),
    }


def test_a_page_loads_every_module_of_its_folder_once_and_none_of_another() -> None:
    assets = Assets()
    reached = Counter[str]()
    for page in PAGES:
        modules = assets.modules(f"{page.folder}/main.mjs")
        assert len(modules) == len(set(modules))
        assert {name.split("/")[0] for name in modules} <= {"base", "generated", page.folder}
        reached.update(modules)
    # All but the picture of a page, which is fetched when somebody wants it.
    every = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.mjs")}
    assert every - reached.keys() == {"base/picture.mjs"}


def test_the_lock_file_names_no_registry() -> None:
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert "integrity" in text
    assert "resolved" not in text
