"""What pages, reports, exports and the API say of networks of labels and values, against NumPy."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from reactcnn_dash import cli, open_store
from reactcnn_dash.db import RunWriter, StoreReader
from reactcnn_dash.pages import by_class
from reactcnn_dash.pages.live.search import parse_search
from reactcnn_dash.results.comparison.comparing import compare
from reactcnn_dash.results.comparison.stored import Pair, computed_comparison
from tests import served, stores
from tests.compared import chosen, other_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

IMAGES = 60
LABELS, OTHER, VALUES, LATER, NONE, BARE = 1, 2, 3, 4, 5, 6
NAMES = ("sky", "sea", "sand")
THRESHOLDS = np.array([0.5, 0.3, 0.8])
RANDOM = np.random.default_rng(8)
SAID = RANDOM.random((2, IMAGES, 3)).astype(np.float32)
TRUTH = RANDOM.integers(0, 2, (IMAGES, 3)).astype(np.float32)
TRUTH[4] = np.nan
DUE = RANDOM.normal(size=(IMAGES, 3)).astype(np.float32)
DUE[4] = np.nan
VALUE = (DUE + RANDOM.normal(size=(2, IMAGES, 3))).astype(np.float32)
VALUE[:, 4] = 1
KNOWN = np.arange(IMAGES) != 4


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("targets") / "store.db"
    labels: dict[str, Any] = {
        "answers": "labels",
        "head": "sigmoid",
        "thresholds": THRESHOLDS.tolist(),
    }
    values: dict[str, Any] = {"answers": "values", "head": "regression"}
    nothing: dict[str, Any] = {"answers": "none", "head": "none"}
    first = dataclasses.replace(stores.truth(IMAGES), labels=np.full(IMAGES, -1))
    # The second of a pair has the images in another order.
    order = np.random.default_rng(3).permutation(IMAGES)
    runs: tuple[tuple[dict[str, Any], NDArray[Any], NDArray[Any] | None, Any], ...] = (
        (labels, SAID[0], TRUTH, None),
        (labels, SAID[1], TRUTH, order),
        (values, VALUE[0], DUE, None),
        (values, VALUE[1], DUE, order),
        (nothing, np.empty((IMAGES, 0)), None, None),
        (values, VALUE[0], None, None),
    )
    for options, said, due, rows in runs:
        made = dataclasses.replace(first, probabilities=said.astype(np.float32))
        if rows is not None:
            made = chosen(other_checkpoint(first, 3), rows)
            made = dataclasses.replace(made, probabilities=said[rows])
        if due is not None:
            made = dataclasses.replace(made, targets=due if rows is None else due[rows])
        names = NAMES if said.shape[1] else ()
        new = dataclasses.replace(
            stores.new_run(options["answers"], IMAGES, "none"), class_names=names, options=options
        )
        with RunWriter.begin(str(path), new) as writer:
            stores.append(writer, made, 0, IMAGES, maps=False)
            writer.finish()
    return path


def given(number: int = 0) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = SAID[number] >= THRESHOLDS
    return found


def right(number: int) -> float:
    return float((given(number) == (TRUTH == 1))[KNOWN].all(1).mean())


def error(number: int) -> float:
    return float(np.abs(VALUE[number].astype(np.float64) - DUE)[KNOWN].mean())


def asked(path: Path, run: int) -> dict[str, Any]:
    client = served.client(by_class.blueprint, served.context(path))
    found: dict[str, Any] = client.get(f"/by-class/of?run={run}").get_json()
    return found


def test_hits_by_label_are_numpys_and_their_searches_find_as_many(path: Path) -> None:
    found = asked(path, LABELS)
    assert (found["why"], found["labelled"]) == (None, IMAGES - 1)
    assert found["right"] == round(right(0) * (IMAGES - 1))
    reader = StoreReader(str(path))

    def total(text: str) -> int:
        return len(reader.matching(LABELS, parse_search(text)[0]))

    for one in found["labels"]:
        label, hits, extra, missed = (one[key] for key in ("label", "hits", "extra", "missed"))
        true, said = TRUTH[KNOWN, label] == 1, given()[KNOWN, label]
        assert hits == (true & said).sum() == total(f"label-{label}.predicted-{label}")
        assert extra == (~true & said).sum() == total(f"extra-{label}")
        assert missed == (true & ~said).sum() == total(f"missed-{label}")
        rest = found["labelled"] - hits - extra - missed
        assert rest == (~true & ~said).sum()
        assert one["precision"] == pytest.approx(true[said].mean())
        assert one["recall"] == pytest.approx(said[true].mean())
        assert hits + missed == total(f"label-{label}")
        assert hits + extra == total(f"predicted-{label}")


def test_values_have_no_classes_but_an_error(path: Path) -> None:
    why = asked(path, VALUES)["why"]
    assert f"off by {error(0):.4g} on average over 59 images" in why
    assert "names no class" in asked(path, BARE)["why"]
    assert asked(path, VALUES)["labels"] == []


def test_two_runs_are_compared_by_what_both_know(path: Path) -> None:
    reader = StoreReader(str(path))
    labels = compare(reader, LABELS, OTHER)
    assert labels.labelled == IMAGES - 1
    assert labels.accuracy == pytest.approx((right(0), right(1)))
    assert labels.errors is None
    values = compare(reader, VALUES, LATER)
    assert (values.labelled, values.accuracy) == (IMAGES - 1, None)
    assert values.errors == pytest.approx((error(0), error(1)))
    for a, b in ((NONE, NONE), (VALUES, BARE), (LABELS, VALUES)):
        found = compare(reader, a, b)
        assert (found.labelled, found.accuracy, found.errors) == (0, None, None)
    # What is kept is what was computed.
    pair = Pair(VALUES, LATER, "leiden-cpm", 0.7)
    made = computed_comparison(str(path), pair).found
    assert computed_comparison(str(path), pair).found.errors == made.errors == values.errors


def test_the_command_line_says_the_error(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ["--store", str(path)]
    assert cli.main(["compare", str(VALUES), str(LATER), *store]) == 0
    shift = f"{error(0):.4g} → {error(1):.4g}"
    assert f"mean absolute error  {shift} of 59 with a target" in capsys.readouterr().out
    assert cli.main(["compare", str(VALUES), str(LATER), "--json", *store]) == 0
    assert json.loads(capsys.readouterr().out)["errors"] == pytest.approx((error(0), error(1)))
    assert cli.main(["runs", *store]) == 0
    lines = capsys.readouterr().out.splitlines()
    line = next(one for one in lines if one.split()[:1] == [str(VALUES)])
    assert f"± {error(0):.4g}" in line
    line = next(one for one in lines if one.split()[:1] == [str(LABELS)])
    assert f"{100 * right(0):.1f} %" in line


@pytest.mark.parametrize("run", [LABELS, VALUES, NONE, BARE])
def test_exports_say_what_their_numbers_mean(path: Path, tmp_path: Path, run: int) -> None:
    store = ["--store", str(path), "--to", str(tmp_path), "--format", "npz,parquet"]
    assert cli.main(["export", str(run), *store]) == 0
    (name,) = tmp_path.glob("*.npz")
    archive = np.load(name)
    about = str(archive["about"])
    assert "-1" in about
    assert "NaN" in about
    expected = {LABELS: TRUTH, VALUES: DUE}.get(run)
    head = {LABELS: "--head sigmoid", NONE: "--head none"}.get(run, "--head regression")
    assert head in about
    if run == LABELS:
        assert "sky from 0.5, sea from 0.3, sand from 0.8" in about
    for kind in ("gap", "images"):
        (table,) = tmp_path.glob(f"*-{kind}.parquet")
        assert (pq.read_schema(table).metadata or {})[b"about"].decode() == about
    (table,) = tmp_path.glob("*-images.parquet")
    images = pd.read_parquet(table)
    pd.testing.assert_frame_equal(images, open_store(str(path)).run(run).images())
    if expected is None:
        assert "targets" not in archive
        assert "error" not in images
        return
    np.testing.assert_array_equal(archive["targets"], expected)
    np.testing.assert_array_equal(images[[f"target/{one}" for one in NAMES]], expected)
    off = (given() != (TRUTH == 1)).sum(1).astype(float)
    if run == VALUES:
        off = np.abs(VALUE[0].astype(np.float64) - DUE).mean(1)
    np.testing.assert_allclose(images["error"], np.where(KNOWN, off, np.nan), rtol=1e-9)


def test_the_api_lists_the_error_of_runs(path: Path) -> None:
    frame = open_store(str(path)).runs()
    assert frame.loc[VALUES, "mean_error"] == pytest.approx(error(0))
    assert bool(frame["mean_error"].isna().loc[LABELS])
    assert frame.loc[LABELS, "accuracy"] == pytest.approx(right(0))
    assert frame.loc[[NONE, BARE], ["accuracy", "mean_error"]].isna().all(axis=None)


@pytest.mark.parametrize("runs", [[LABELS], [VALUES], [NONE], [VALUES, LATER], [LABELS, OTHER]])
def test_reports_have_what_there_is(path: Path, tmp_path: Path, runs: list[int]) -> None:
    out = tmp_path / "report.html"
    asked_for = [*map(str, runs), "--store", str(path), "--output", str(out)]
    assert cli.main(["report", *asked_for]) == 0
    text = out.read_text(encoding="utf-8")
    assert "nan" not in text.lower().replace("finance", "")
    if runs == [LABELS]:
        true = TRUTH == 1
        recall = (true & given()).sum() / true.sum()
        assert "Hits by label" in text
        assert f"{100 * recall:.1f} %" in text
    if VALUES in runs:
        assert f"{error(0):.4g}" in text
        assert "mean absolute error" in text
