"""Two real runs in a real store, compared; the truth is NumPy on the rows that were written."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import zlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa

from reactcnn_dash.analysis import (
    CoMoments,
    CrossMoments,
    TooFewImages,
    cka_matrix,
    cluster_both,
    cross_correlation,
    linear_cka,
)
from reactcnn_dash.cli import main
from reactcnn_dash.db import (
    ComparisonKey,
    CorrelationState,
    StoreReader,
    replace_states,
    save_comparison,
)
from reactcnn_dash.errors import INPUT, STORE
from reactcnn_dash.printing import as_json
from reactcnn_dash.results.comparison import clusters as comparison_clusters
from reactcnn_dash.results.comparison import comparing, in_words
from reactcnn_dash.results.comparison import stream as comparison_stream
from reactcnn_dash.results.comparison.comparing import NotComparable, compare
from reactcnn_dash.results.comparison.stored import Pair, computed_comparison, stored_comparison
from tests import stores
from tests.compared import chosen, other_checkpoint, write

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

IMAGES = 90


def parts() -> list[slice]:
    """Return where each layer stands in a GAP row."""
    return [slice(one.offset, one.offset + one.filters) for one in stores.layers()]


@pytest.fixture
def first() -> stores.Truth:
    return stores.truth(IMAGES)


@pytest.fixture
def second(first: stores.Truth) -> stores.Truth:
    return other_checkpoint(first, 1)


@pytest.fixture
def rows() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which images stand where in either run: shuffled, and some missing in each."""
    rng = np.random.default_rng(2)
    return rng.permutation(IMAGES)[:80], rng.permutation(IMAGES)[:75]


@pytest.fixture
def store(
    tmp_path: Path,
    first: stores.Truth,
    second: stores.Truth,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Path:
    path = tmp_path / "store.db"
    write(path, "early", chosen(first, rows[0]))
    write(path, "late", chosen(second, rows[1]))
    return path


@pytest.mark.parametrize("block", [7, 1024])
def test_shuffled_runs_with_missing_images_are_as_numpy_says(
    *,
    store: Path,
    first: stores.Truth,
    second: stores.Truth,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
    block: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparison_stream, "BLOCK", block)
    found = compare(StoreReader(str(store)), "early", "late")
    common = np.intersect1d(*rows)
    assert (found.images, found.labelled, found.left_out) == (len(common), len(common), 0)

    answers = [made.probabilities.argmax(axis=1) for made in (first, second)]
    right = [(answer == first.labels)[common].mean() for answer in answers]
    assert found.accuracy == pytest.approx(right)
    assert found.confidence == pytest.approx((0.8, 0.8))

    changed = {i for i in common.tolist() if answers[0][i] != answers[1][i]}
    assert set(rows[0][found.changed.a].tolist()) == changed
    np.testing.assert_array_equal(rows[0][found.changed.a], rows[1][found.changed.b])
    images = rows[0][found.changed.a]
    np.testing.assert_array_equal(found.changed.before, answers[0][images])
    np.testing.assert_array_equal(found.changed.after, answers[1][images])
    np.testing.assert_array_equal(found.changed.label, first.labels[images])

    for layer, part in zip(found.layers, parts(), strict=True):
        x, y = (made.gap[common, part].astype(float) for made in (first, second))
        x -= x.mean(axis=0)
        y -= y.mean(axis=0)
        truth = np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)
        assert layer.result.n == len(common)
        assert layer.result.cka == pytest.approx(truth, abs=1e-8)
        clusters = cluster_both(CoMoments.of(x), CoMoments.of(y))
        np.testing.assert_array_equal(layer.result.clusters.a, clusters.a)
        np.testing.assert_array_equal(layer.result.clusters.b, clusters.b)
        r = np.diagonal(cross_correlation(CrossMoments.of(x, y)))
        defined = np.flatnonzero(x.any(axis=0) & y.any(axis=0))
        np.testing.assert_allclose(layer.result.same_index[defined], r[defined], atol=1e-9)
    assert found.layers[1].result.died == (3,)
    # Filter 0 is dead in the first run's every layer, and answers in the second.
    assert found.layers[0].result.came_alive == (0,)
    assert found.cka_images == len(common)
    matrix = cka_matrix(*([made.gap[common, part] for part in parts()] for made in (first, second)))
    np.testing.assert_allclose(found.cka, matrix, atol=1e-8)


def test_a_sample_stands_behind_the_matrix_and_all_images_behind_its_diagonal(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compare(StoreReader(str(store)), 1, 2)
    monkeypatch.setattr(comparison_stream, "SAMPLE", 20)
    found = compare(StoreReader(str(store)), 1, 2)
    assert (whole.cka_images, found.cka_images) == (whole.images, 20)
    np.testing.assert_allclose(np.diagonal(found.cka), np.diagonal(whole.cka), atol=1e-8)
    assert not np.allclose(found.cka, whole.cka, atol=1e-3)


def test_a_run_is_itself(store: Path) -> None:
    found = compare(StoreReader(str(store)), 1, 1)
    assert len(found.changed.a) == 0
    assert found.parting == comparing.Parting(None, ())
    np.testing.assert_allclose(np.diagonal(found.cka), 1.0)
    for layer in found.layers:
        assert layer.result.clusters.ari == layer.result.clusters.nmi == 1.0
        np.testing.assert_allclose(layer.result.same_index[1:], 1.0)


def test_where_two_runs_part_is_the_first_layer_that_differs(
    tmp_path: Path, first: stores.Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    gap = first.gap.copy()
    # Filters 2 and 4 of the second layer, and more of the third.
    gap[:, 6 + 2] += np.linspace(0, 3, len(gap), dtype=np.float32)
    gap[:, 6 + 4] *= 1.1
    gap[:, 6 + 8 :] *= 5
    path = tmp_path / "store.db"
    write(path, "good", first)
    write(path, "broken", dataclasses.replace(first, gap=gap))
    found = compare(StoreReader(str(path)), "good", "broken")
    assert found.parting == comparing.Parting("conv2", (2, 4))
    assert main(["compare", "good", "broken", "--store", str(path)]) == 0
    assert "part first at        conv2, filters 2, 4" in capsys.readouterr().out


def test_copies_of_an_image_are_paired_in_their_order(tmp_path: Path, first: stores.Truth) -> None:
    path = tmp_path / "store.db"
    write(path, "a", chosen(first, np.array([5, 1, 5, 2, 5])))
    write(path, "b", chosen(first, np.array([3, 5, 1, 5])))
    reader = StoreReader(str(path))
    pairs = comparing.match_images(
        reader.predictions(reader.run(1)), reader.predictions(reader.run(2))
    )
    assert pairs.a.tolist() == [0, 1, 2]
    assert pairs.b.tolist() == [1, 2, 3]


def test_runs_without_common_images_or_layers_are_refused(
    store: Path, first: stores.Truth, capsys: pytest.CaptureFixture[str]
) -> None:
    write(store, "strange", stores.truth(6, seed=9))
    renamed = tuple(dataclasses.replace(one, name=f"x{one.position}") for one in stores.layers())
    write(store, "renamed", first, renamed)
    write(store, "lonely", chosen(first, np.array([0])))
    reader = StoreReader(str(store))
    with pytest.raises(NotComparable, match="no image in common"):
        compare(reader, "early", "strange")
    with pytest.raises(NotComparable, match="no layer in common"):
        compare(reader, "early", "renamed")
    with pytest.raises(TooFewImages):
        compare(reader, "lonely", "lonely")
    capsys.readouterr()
    assert main(["compare", "early", "strange", "--store", str(store)]) == INPUT
    error = capsys.readouterr().err
    assert error.startswith(
        "python -m reactcnn_dash: Runs 'early' and 'strange' have no image in common"
    )
    assert error.count("\n") == 1


def test_only_the_layers_of_both_are_compared_wherever_they_stand(
    tmp_path: Path, first: stores.Truth
) -> None:
    path = tmp_path / "store.db"
    write(path, "a", first)
    one, two, three = stores.layers()
    # conv3 stands first, conv1 has become another layer, conv2 stays itself.
    layers = (
        dataclasses.replace(three, position=0, offset=0),
        dataclasses.replace(two, position=1, offset=16),
        dataclasses.replace(one, position=2, offset=24, name="stem"),
    )
    gap = np.concatenate([first.gap[:, 14:], first.gap[:, 6:14], first.gap[:, :6]], axis=1)
    write(path, "b", dataclasses.replace(first, gap=gap), layers)
    found = compare(StoreReader(str(path)), "a", "b")
    assert [layer.a.name for layer in found.layers] == ["conv2", "conv3"]
    assert found.unmatched == ("conv1", "stem")
    np.testing.assert_allclose(np.diagonal(found.cka), 1.0)


def test_a_damaged_row_costs_its_pair_and_is_counted(
    store: Path,
    first: stores.Truth,
    second: stores.Truth,
    rows: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> None:
    reader = StoreReader(str(store))
    whole = compare(reader, 1, 2)
    pairs = comparing.match_images(
        reader.predictions(reader.run(1)), reader.predictions(reader.run(2))
    )
    engine = sa.create_engine(f"sqlite:///{store}")
    damage = sa.text("UPDATE images SET gap = x'00' WHERE run_id = 2 AND ordinal = :ordinal")
    with engine.begin() as connection:
        connection.execute(damage, {"ordinal": int(pairs.b[4])})
    engine.dispose()
    found = compare(reader, 1, 2)
    assert (found.images, found.left_out) == (whole.images, 1)
    assert {layer.result.n for layer in found.layers} == {whole.images - 1}
    kept = np.delete(np.arange(len(pairs.a)), 4)
    for layer, part in zip(found.layers, parts(), strict=True):
        x, y = first.gap[rows[0][pairs.a[kept]], part], second.gap[rows[1][pairs.b[kept]], part]
        assert layer.result.cka == pytest.approx(linear_cka(CrossMoments.of(x, y)), abs=1e-9)


def test_an_image_without_finite_probabilities_has_no_answer(
    tmp_path: Path, first: stores.Truth
) -> None:
    path = tmp_path / "store.db"
    write(path, "a", first)
    probabilities = first.probabilities.copy()
    probabilities[4, 1] = np.nan
    write(path, "b", dataclasses.replace(first, probabilities=probabilities))
    found = compare(StoreReader(str(path)), "a", "b")
    assert (found.changed.a.tolist(), found.changed.after.tolist()) == ([4], [-1])
    assert found.confidence[1] == pytest.approx(0.8)


def test_the_command_prints_a_table_and_the_same_as_json(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare(StoreReader(str(store)), "early", "late")
    assert main(["compare", "early", "late", "--store", str(store)]) == 0
    text = capsys.readouterr().out
    assert found.accuracy is not None
    assert " → ".join(f"{100 * one:.2f} %" for one in found.accuracy) in text
    sides = zip(found.changed.label, found.changed.before, found.changed.after, strict=True)
    told = [(label == before, label == after) for label, before, after in sides if label >= 0]
    broken, corrected = (sum(map(bool, one)) for one in zip(*told, strict=True))
    assert min(broken, corrected) > 0
    assert f"({corrected:,} corrected, {broken:,} broken)" in text
    for layer in found.layers:
        row = next(line.split() for line in text.splitlines() if line.startswith(layer.a.name))
        assert row[1:3] == [str(layer.a.filters), f"{layer.result.cka:.3f}"]
    assert main(["compare", "early", "late", "--store", str(store), "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert read["images"] == found.images
    assert read["changed"]["a"] == found.changed.a.tolist()
    np.testing.assert_allclose(read["cka"], found.cka)
    second = read["layers"][1]
    assert (second["name"], second["died"]) == ("conv2", [3])
    assert second["same_index"][3] is None
    assert second["matches"]["match"] == found.layers[1].result.matches.match.tolist()
    assert sum(flow["filters"] for flow in second["clusters"]["flow"]) == 8


def test_a_run_that_is_not_there_is_one_line(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "early", "nowhere", "--store", str(store)]) == STORE
    assert capsys.readouterr().err.count("\n") == 1


def save_states(store: Path) -> None:
    """Store the correlation states of all runs, as the collector does at a run's end."""
    reader = StoreReader(str(store))
    for run in reader.runs():
        states = []
        for layer in reader.layers(run.id):
            moments = CoMoments.of(reader.gap_rows(run.id, 0, run.stored, layer))
            fields = {one.name: getattr(moments, one.name) for one in dataclasses.fields(moments)}
            states.append(CorrelationState(layer=layer.position, covered=run.stored, **fields))
        replace_states(str(store), run.id, states)


def assert_same(one: comparing.Comparison, other: comparing.Comparison) -> None:
    """Assert that two comparisons say the same, up to the rounding of sums."""
    left, right = (json.loads(as_json(in_words.as_dict(each))) for each in (one, other))
    for layers in (left, right):
        layers["cka"] = np.array(layers["cka"]).round(8).tolist()
        for layer in layers["layers"]:
            for name in ("cka", "median_same_index"):
                layer[name] = round(layer[name], 8)
            for figures in (layer["same_index"], layer["matches"]["r"], layer["matches"]["margin"]):
                figures[:] = [None if value is None else round(value, 7) + 0.0 for value in figures]
    assert left == right


@pytest.fixture
def whole(tmp_path: Path, first: stores.Truth, second: stores.Truth) -> Path:
    """Two runs over all images, the second in another order."""
    path = tmp_path / "whole.db"
    write(path, "early", first)
    write(path, "late", chosen(second, np.random.default_rng(5).permutation(IMAGES)))
    return path


def test_runs_over_all_their_images_are_compared_from_their_stored_states(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = StoreReader(str(whole))
    from_rows = compare(reader, 1, 2)
    save_states(whole)
    # Neither run's own co-moments are summed again.
    monkeypatch.delattr("reactcnn_dash.analysis.CrossAccumulator")
    assert_same(compare(reader, 1, 2), from_rows)


def test_a_row_damaged_since_its_state_was_saved_makes_all_be_summed_anew(whole: Path) -> None:
    save_states(whole)
    engine = sa.create_engine(f"sqlite:///{whole}")
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE images SET gap = x'00' WHERE run_id = 1 AND ordinal = 7")
        )
    reader = StoreReader(str(whole))
    found = compare(reader, 1, 2)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM correlation_states"))
    engine.dispose()
    assert found.left_out == 1
    assert {layer.result.n for layer in found.layers} == {IMAGES - 1}
    assert_same(found, compare(reader, 1, 2))


def test_rows_that_are_not_finite_in_one_run_are_left_out_of_both(
    tmp_path: Path, first: stores.Truth
) -> None:
    path = tmp_path / "store.db"
    write(path, "a", first)
    gap = first.gap.copy()
    gap[3, 8] = np.nan
    write(path, "b", dataclasses.replace(first, gap=gap))
    save_states(path)
    found = compare(StoreReader(str(path)), "a", "b")
    assert [layer.result.n for layer in found.layers] == [IMAGES, IMAGES - 1, IMAGES]
    assert found.cka_images == IMAGES - 1
    assert found.layers[1].result.cka == pytest.approx(1.0)


@pytest.mark.process
@pytest.mark.parametrize("method", ["leiden-cpm", "louvain"])
def test_a_helper_process_changes_nothing(
    whole: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison_clusters, "WORTH_IT", 1)
    reader = StoreReader(str(whole))
    alone = compare(reader, 1, 2, method)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as helper:
        assert_same(compare(reader, 1, 2, method, helper=helper), alone)


def test_a_stored_comparison_is_the_computed_one(whole: Path) -> None:
    url, reader = str(whole), StoreReader(str(whole))
    pair = Pair(reader.run("early").id, reader.run("late").id, "leiden-cpm", 0.6)
    assert stored_comparison(reader, pair) is None
    made = computed_comparison(url, pair)
    found = stored_comparison(reader, pair)
    assert found is not None
    assert found.images == made.images == (IMAGES, IMAGES)
    computed = compare(reader, 1, 2, "leiden-cpm", 0.6)
    texts = [as_json(in_words.as_dict(one)) for one in (found.found, made.found, computed)]
    assert texts[0] == texts[1] == texts[2]
    assert_same(found.found, computed)
    assert in_words.as_text(found.found) == in_words.as_text(computed)
    assert found.found.layers[1].result.matches.match.dtype == np.int32


KEY = ComparisonKey(1, 2, "leiden-cpm", None, IMAGES, IMAGES)
PAIR = Pair(1, 2, "leiden-cpm", None)


def test_a_stored_comparison_of_another_format_is_computed_again(whole: Path) -> None:
    save_comparison(str(whole), KEY, zlib.compress(b'{"a": {}, "b": {}}'))
    assert stored_comparison(StoreReader(str(whole)), PAIR) is None


def test_a_damaged_stored_comparison_is_computed_again(whole: Path) -> None:
    url, reader = str(whole), StoreReader(str(whole))
    save_comparison(url, KEY, b"no zlib at all")
    assert stored_comparison(reader, PAIR) is None
    made, found = computed_comparison(url, PAIR), stored_comparison(reader, PAIR)
    assert found is not None
    assert_same(found.found, made.found)


def test_a_busy_store_costs_only_the_stored_copy(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reactcnn_dash.db.engine.BUSY_SECONDS", 0.05)
    reader = StoreReader(str(whole))
    other = sqlite3.connect(whole, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    made = computed_comparison(str(whole), PAIR)
    other.close()
    assert made.found.images == IMAGES
    assert stored_comparison(reader, PAIR) is None


def test_the_command_takes_the_stored_comparison(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "early", "late", "--store", str(whole)]) == 0
    text = capsys.readouterr().out
    # Rows that cannot be read any more: what is printed now can only be the stored comparison.
    engine = sa.create_engine(f"sqlite:///{whole}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE images SET gap = x'00'"))
    engine.dispose()
    assert main(["compare", "early", "late", "--store", str(whole)]) == 0
    assert capsys.readouterr().out == text
    assert main(["compare", "early", "late", "--method", "louvain", "--store", str(whole)]) == INPUT


def test_the_command_clusters_as_asked_and_refuses_what_cannot_be(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["compare", "1", "2", "--store", str(whole), "--json"]
    assert main([*asked, "--method", "louvain", "--parameter", "2"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["method"], read["parameter"]) == ("louvain", 2.0)
    assert {layer["clusters"]["parameter"] for layer in read["layers"]} == {2.0}
    assert main([*asked, "--parameter", "7"]) == 2
    assert "lies between 0.05 and 0.95" in capsys.readouterr().err
