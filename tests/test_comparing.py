"""Two real runs in a real store, compared; the truth is NumPy on the rows that were written."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa

from reactcnn_dash import comparing
from reactcnn_dash.analysis import (
    CrossMoments,
    TooFewImages,
    cka_matrix,
    cross_correlation,
    linear_cka,
)
from reactcnn_dash.cli import main
from reactcnn_dash.comparing import NotComparable, compare
from reactcnn_dash.db import RunWriter, StoreReader
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer

IMAGES = 90


def write(
    path: Path, name: str, made: stores.Truth, layers: tuple[Layer, ...] | None = None
) -> None:
    """Write a truth as a finished run."""
    new = dataclasses.replace(
        stores.new_run(name, len(made.gap), "none"), layers=layers or stores.layers()
    )
    writer = RunWriter.begin(str(path), new)
    for start in range(0, len(made.gap), 16):
        stores.append(writer, made, start, min(start + 16, len(made.gap)), maps=False)
    writer.finish()
    writer.close()


def chosen(made: stores.Truth, rows: NDArray[np.int64]) -> stores.Truth:
    """Return some images of a truth, in this order."""
    return stores.Truth(
        gap=made.gap[rows],
        probabilities=made.probabilities[rows],
        labels=made.labels[rows],
        pixels=made.pixels[rows],
        codes=(),
    )


def other_checkpoint(made: stores.Truth, seed: int) -> stores.Truth:
    """The same images and labels through another network: noisier, other answers, a dead filter."""
    rng = np.random.default_rng(seed)
    gap = made.gap + 0.5 * rng.random(made.gap.shape, np.float32)
    gap[:, 6 + 3] = 0
    probabilities = rng.permuted(made.probabilities, axis=1)
    return dataclasses.replace(made, gap=gap, probabilities=probabilities)


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
    monkeypatch.setattr(comparing, "BLOCK", block)
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
    monkeypatch.setattr(comparing, "SAMPLE", 20)
    found = compare(StoreReader(str(store)), 1, 2)
    assert (whole.cka_images, found.cka_images) == (whole.images, 20)
    np.testing.assert_allclose(np.diagonal(found.cka), np.diagonal(whole.cka), atol=1e-8)
    assert not np.allclose(found.cka, whole.cka, atol=1e-3)


def test_a_run_is_itself(store: Path) -> None:
    found = compare(StoreReader(str(store)), 1, 1)
    assert len(found.changed.a) == 0
    np.testing.assert_allclose(np.diagonal(found.cka), 1.0)
    for layer in found.layers:
        assert layer.result.clusters.ari == layer.result.clusters.nmi == 1.0
        np.testing.assert_allclose(layer.result.same_index[1:], 1.0)


def test_copies_of_an_image_are_paired_in_their_order(tmp_path: Path, first: stores.Truth) -> None:
    path = tmp_path / "store.db"
    write(path, "a", chosen(first, np.array([5, 1, 5, 2, 5])))
    write(path, "b", chosen(first, np.array([3, 5, 1, 5])))
    reader = StoreReader(str(path))
    pairs = comparing.match_images(reader.answers(reader.run(1)), reader.answers(reader.run(2)))
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
    assert main(["compare", "early", "strange", "--store", str(store)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("reactcnn_dash: Runs 'early' and 'strange' have no image in common")
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
    pairs = comparing.match_images(reader.answers(reader.run(1)), reader.answers(reader.run(2)))
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
    assert f"{found.accuracy[0]:.2%} → {found.accuracy[1]:.2%}" in text
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
    assert main(["compare", "early", "nowhere", "--store", str(store)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
