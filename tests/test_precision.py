"""What pages, commands and files say of a run in bfloat16, and what it no longer tells apart."""

from __future__ import annotations

import dataclasses
import html
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from reactcnn_dash import open_store
from reactcnn_dash.cli import main
from reactcnn_dash.db import BFLOAT16, FLOAT32, RunWriter, StoreReader
from reactcnn_dash.export.files import export
from reactcnn_dash.pages.compare.payload import comparison_payload
from reactcnn_dash.pages.live.frames import run_payload
from reactcnn_dash.pages.report.of_pair import report_of_pair
from reactcnn_dash.pages.report.of_run import report_of_run
from reactcnn_dash.results.comparison.comparing import compare
from reactcnn_dash.results.comparison.in_words import as_dict, as_text
from reactcnn_dash.results.deviations.fault import locate
from reactcnn_dash.results.precision import (
    FEWEST,
    MARGIN,
    limits,
    precision_text,
    rounding_in,
    rounding_of,
    told_apart,
)
from reactcnn_dash.results.runs import row_of
from tests import stores
from tests.postgres import asked_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGES = 400
LARGEST = 0.02
"""What was measured in each layer of the made-up runs."""
MEASURED: dict[str, Any] = {
    "images": 64,
    "changed": 1,
    "median": 0.004,
    "largest": LARGEST,
    "filter": "conv2/3",
    "layers": {layer.name: [0.004, LARGEST] for layer in stores.layers()},
}
BRIEF: dict[str, Any] = {"precision": BFLOAT16, "rounding": MEASURED}


def write(path: str, name: str, options: dict[str, Any], off: float = 0.0) -> None:
    """A run whose filters 5 of the second layer are off by so many standard deviations."""
    made = stores.truth(IMAGES)
    column = stores.FILTERS[0] + 5
    made.gap[:, column] += off * made.gap[:, column].std()
    new = dataclasses.replace(stores.new_run(name, IMAGES, "none"), options=options)
    with RunWriter.begin(path, new) as writer:
        stores.append(writer, made, 0, IMAGES, maps=False)
        writer.finish()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a store of five runs, to be read."""
    with asked_for(request, tmp_path_factory.mktemp("precision")) as url:
        write(url, "single", {})
        write(url, "rounded", BRIEF, off=0.03)
        write(url, "broken", BRIEF, off=0.06)
        write(url, "unmeasured", {"precision": BFLOAT16, "rounding": None}, off=0.06)
        write(url, "single too", {}, off=0.03)
        yield url


def test_what_may_be_rounding_is_no_fault_and_what_is_more_is_one(store: str) -> None:
    reader = StoreReader(store)

    def first(good: str, suspect: str) -> str | None:
        found = locate(reader, good, suspect).first
        return None if found is None else found.name

    assert first("single", "single too") == "conv2"
    assert first("single", "rounded") is None
    assert first("rounded", "single") is None
    assert first("single", "broken") == "conv2"
    assert first("single", "unmeasured") is None
    for good, suspect in (("single", "rounded"), ("single", "broken")):
        parting = compare(reader, good, suspect).parting
        assert parting.layer == first(good, suspect)


def test_limits_are_those_of_the_layer_and_of_the_worse_run(store: str) -> None:
    reader = StoreReader(store)
    single, rounded, unmeasured = (reader.run(name) for name in ("single", "rounded", "unmeasured"))
    names = [layer.name for layer in stores.layers()]
    assert limits((single, single), names) == (1e-3,) * 3
    assert limits((single, rounded), names) == (MARGIN * LARGEST,) * 3
    other = dataclasses.replace(
        rounded,
        options={
            **BRIEF,
            "rounding": {**MEASURED, "layers": {"conv1": [0, 0], "conv2": [1, None]}},
        },
    )
    assert limits((other, single), names) == (1e-3, float("inf"), float("inf"))
    assert limits((rounded, other), names) == (MARGIN * LARGEST, float("inf"), float("inf"))
    assert limits((single, unmeasured), names) == (float("inf"),) * 3


def test_it_is_said_what_cannot_be_told_apart(store: str) -> None:
    reader = StoreReader(store)
    single, rounded, broken, unmeasured = (
        reader.run(name) for name in ("single", "rounded", "broken", "unmeasured")
    )
    assert told_apart(single, single) == ""
    said = told_apart(single, rounded)
    assert said.startswith("Runs of float32 and bfloat16 are compared: rounding is up to 0.02 of")
    assert "(conv2/3); of 64 predictions it changed 1." in said
    assert "cannot be told from it" in said
    assert told_apart(rounded, broken).startswith("Both runs are of bfloat16")
    assert "was not measured" in told_apart(single, unmeasured)
    assert precision_text(single) == ""
    assert precision_text(rounded).startswith("computed in bfloat16: GAP is off by 0.004 of")
    assert "was not measured" in precision_text(unmeasured)


def test_every_place_that_shows_a_run_says_it(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = StoreReader(store)
    single, rounded = reader.run("single"), reader.run("rounded")
    rows = {row["name"]: row["precision"] for row in map(row_of, reader.summaries())}
    assert (rows["single"], rows["rounded"]) == (FLOAT32, BFLOAT16)
    assert main(["runs", "--store", store]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "PRECISION" in lines[0]
    assert [("bfloat16" in line, "float32" in line) for line in lines[1:]] == [
        (False, True), (True, False), (True, False), (True, False), (False, True),
    ]  # fmt: skip
    shown = [run_payload(run, run.id) for run in (single, rounded)]
    assert [(one["precision"], bool(one["rounding"])) for one in shown] == [
        (FLOAT32, False),
        (BFLOAT16, True),
    ]
    found = compare(reader, "single", "rounded")
    payload = comparison_payload(found)
    assert (payload["a"]["precision"], payload["b"]["precision"]) == (FLOAT32, BFLOAT16)
    assert payload["rounding"] == told_apart(single, rounded)
    assert f"precision            {payload['rounding']}" in as_text(found)
    assert as_dict(found)["rounding"] == payload["rounding"]
    plain = compare(reader, "single", "single too")
    assert comparison_payload(plain)["rounding"] == ""
    assert "precision" not in as_text(plain)
    assert precision_text(rounded) in html.unescape(report_of_run(store, rounded.id))
    assert payload["rounding"] in html.unescape(report_of_pair(store, single.id, rounded.id))
    runs = open_store(store).runs()
    assert runs.precision.loc[[single.id, rounded.id]].tolist() == [FLOAT32, BFLOAT16]
    (path,) = export(open_store(store).run("rounded"), tmp_path, ("npz",))
    with np.load(path) as archive:
        assert archive["precision"].item() == BFLOAT16


def test_the_fault_command_says_it(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fault", "single", "rounded", "--store", store]) == 0
    said = capsys.readouterr().out
    assert "note     Runs of float32 and bfloat16 are compared" in said
    assert said.endswith("No layer differs by more than rounding may.\n")
    assert main(["fault", "single", "single", "--store", store]) == 0
    assert capsys.readouterr().out.endswith("No layer differs.\n")
    assert main(["fault", "single", "unmeasured", "--json", "--store", store]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["first"], read["limit"]) == (None, None)
    assert "was not measured" in read["rounding"]
    assert main(["fault", "single", "single too", "--json", "--store", store]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["limit"], read["rounding"]) == (1e-3, None)


def test_without_images_in_common_a_shift_may_be_rounding(
    any_store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(any_store, "single", {})
    made = stores.truth(IMAGES, seed=2)
    new = dataclasses.replace(stores.new_run("elsewhere", IMAGES, "none"), options=BRIEF)
    with RunWriter.begin(any_store, new) as writer:
        stores.append(writer, made, 0, IMAGES, maps=False)
        writer.finish()
    assert main(["fault", "single", "elsewhere", "--store", any_store]) == 0
    assert "a small shift may be rounding alone" in capsys.readouterr().out


def test_rounding_is_the_difference_in_standard_deviations() -> None:
    rng = np.random.default_rng(4)
    single = rng.normal(size=(50, 5)).astype(np.float32)
    brief = single + rng.normal(size=(50, 5)).astype(np.float32) * [0, 0.01, 0.02, 0.5, 0.1]
    single[7, 0] = np.nan
    votes = rng.integers(0, 3, 50)
    other = votes.copy()
    other[[3, 9]] += 1
    found = rounding_of([("a", 2), ("b", 3)], single, brief.astype(np.float32), (votes, other))
    assert found is not None
    kept = np.delete(np.arange(50), 7)
    off = np.sqrt(((brief - single)[kept] ** 2).mean(0)) / single[kept].std(0)
    assert (found.images, found.changed, found.filter) == (49, 2, "b:1")
    np.testing.assert_allclose((found.median, found.largest), (np.median(off), off[3]), rtol=1e-4)
    np.testing.assert_allclose(found.layers["a"], (off[:2].mean(), off[1]), rtol=1e-4, atol=1e-6)
    again = rounding_in({"rounding": json.loads(json.dumps(found.as_json()))})
    assert again is not None
    assert (again.images, again.filter, [*again.layers]) == (49, "b:1", ["a", "b"])
    assert again.largest == pytest.approx(found.largest, rel=1e-3)
    assert rounding_of([("a", 5)], single[: FEWEST - 1], single[: FEWEST - 1], None) is None


def test_what_is_not_finite_in_one_alone_is_no_rounding() -> None:
    single = np.random.default_rng(5).normal(size=(20, 2)).astype(np.float32)
    brief = single.copy()
    brief[3, 1] = np.inf
    found = rounding_of([("a", 2)], single, brief, None)
    assert found is not None
    assert found.largest == np.inf
    assert found.changed is None
    assert "NaN or infinity at most (a:1)" in found.text
    kept = rounding_in({"rounding": json.loads(json.dumps(found.as_json(), allow_nan=False))})
    assert kept is not None
    assert kept.largest == np.inf


def test_predictions_are_counted_over_the_images_that_were_measured() -> None:
    rng = np.random.default_rng(3)
    single = rng.random((FEWEST + 4, 2)).astype(np.float32)
    single[:4, 0] = np.nan
    votes = np.zeros(len(single), np.int64)
    other = votes.copy()
    other[:6] = 1
    found = rounding_of([("a", 2)], single, single, (votes, other))
    assert found is not None
    assert (found.images, found.changed) == (FEWEST, 2)
