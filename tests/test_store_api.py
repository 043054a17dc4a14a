"""The Python API against what was written, and NumPy's own correlation."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pytest

from reactcnn_dash import open_store
from reactcnn_dash.db import (
    Clustering,
    ImageNotFound,
    KeptResult,
    RunNotFound,
    RunWriter,
    StoreReader,
    delete_run,
    edit_run,
    keep_result,
    normalise_url,
    save_clustering,
    upgrade,
)
from tests import stores

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGES = 30
CONV2 = slice(stores.FILTERS[0], stores.FILTERS[0] + stores.FILTERS[1])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_runs_are_a_frame_newest_first(store: Path) -> None:
    made = stores.make_store(store, IMAGES, name="monday")
    stores.make_store(store, 4, name="tuesday")
    runs = open_store(str(store)).runs()
    assert runs["name"].to_list() == ["tuesday", "monday"]
    assert runs.loc[1, "images"] == IMAGES
    right = made.probabilities.argmax(1) == made.labels
    assert runs.loc[1, "accuracy"] == pytest.approx(right.mean())
    assert (runs["ended"] >= runs["started"]).all()


@pytest.mark.parametrize("named", [str, Path, lambda path: f"sqlite:///{path}"])
def test_a_store_is_named_by_text_path_or_url(
    store: Path, named: Callable[[Path], str | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    stores.make_store(store, 4)
    monkeypatch.chdir(store.parent)
    assert len(open_store(named(store)).runs()) == 1
    assert len(open_store(named(Path("store.db"))).runs()) == 1


def test_every_way_into_a_store_takes_a_path(store: Path) -> None:
    stores.make_store(store, 4)
    with RunWriter.begin(store, stores.new_run("cut short")) as writer:
        stores.append(writer, stores.truth(4), 0, 2)
        writer.interrupt()
    with RunWriter.resume(store, "cut short") as writer:
        writer.finish()
    edit_run(store, 2, name="renamed", note=None, tags=None)
    save_clustering(store, 1, Clustering(0, "louvain", 1.0, 4, np.zeros(6, np.int32)))
    keep_result(store, 1, "scores", "", KeptResult(4, b""), odd=3)
    upgrade(store)
    assert delete_run(store, 2)
    (run,) = StoreReader(store).runs()
    assert (run.name, run.odd) == ("small", 3)
    assert normalise_url(store) == f"sqlite:///{store}"


@pytest.mark.parametrize("wrong", [None, 3, b"store.db", ["store.db"]])
def test_what_names_no_store_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError):
        open_store(wrong)


def test_spaces_are_part_of_a_path_and_none_of_typed_words(tmp_path: Path) -> None:
    stores.make_store(tmp_path / " a.db", 4)
    assert len(open_store(tmp_path / " a.db").runs()) == 1
    assert normalise_url("  b.db ") == "sqlite:///b.db"


def test_a_store_without_runs_is_an_empty_frame(store: Path) -> None:
    writer = RunWriter.begin(str(store), stores.new_run())
    writer.abandon()
    writer.close()
    opened = open_store(str(store))
    assert len(opened.runs()) == 0
    assert opened.runs()["images"].dtype == np.int64
    assert opened.latest() is None
    with pytest.raises(RunNotFound, match="no run 'monday'"):
        opened.run("monday")


def test_arrays_are_what_was_written(store: Path) -> None:
    made = stores.make_store(store, IMAGES)
    run = open_store(str(store)).run("small")
    assert len(run) == IMAGES
    np.testing.assert_array_equal(run.gap(), made.gap)
    np.testing.assert_array_equal(run.gap("conv2", start=3, stop=9), made.gap[3:9, CONV2])
    assert run.gap("conv2", start=50).shape == (0, 8)
    np.testing.assert_array_equal(run.probabilities(), made.probabilities)
    np.testing.assert_array_equal(run.pixels(7), made.pixels[7])
    maps = run.feature_maps(7, "conv2")
    assert maps is not None
    np.testing.assert_allclose(maps, 0.01 * made.codes[1][7].astype(np.float64), rtol=1e-6)
    assert run.addresses("conv2") == [f"conv2/{i}" for i in range(8)]
    assert len(run.addresses()) == sum(stores.FILTERS)


def test_images_are_a_frame(store: Path) -> None:
    made = stores.make_store(store, IMAGES)
    images = open_store(str(store)).run(1).images()
    predicted = made.probabilities.argmax(1)
    np.testing.assert_array_equal(images["label"].to_numpy(np.int64), made.labels)
    np.testing.assert_array_equal(images["prediction"], predicted)
    np.testing.assert_array_equal(images["misclassified"].astype(bool), predicted != made.labels)
    assert images["prediction_name"].to_list() == [stores.CLASSES[i] for i in predicted]
    np.testing.assert_allclose(images["confidence"], made.probabilities.max(1))
    assert images.index.to_list() == list(range(IMAGES))
    assert images.loc[3, "name"] == "image-3.png"


def test_correlation_is_that_of_numpy(store: Path) -> None:
    made = stores.make_store(store, IMAGES)
    found = open_store(str(store)).run(1).correlation("conv2")
    expected = np.corrcoef(made.gap[:, CONV2][:, 1:].astype(np.float64).T)
    np.testing.assert_allclose(found.r[1:, 1:], expected, atol=1e-10)
    assert found.dead.tolist() == [True] + [False] * 7


def test_clusters_and_their_graph(store: Path) -> None:
    stores.make_store(store, IMAGES)
    run = open_store(str(store)).run(1)
    clusters = run.clusters("conv2")
    # The truth has two groups, by the parity of the index; filter 0 is dead.
    assert clusters["conv2/0"] == -1
    assert clusters.iloc[2::2].nunique() == clusters.iloc[1::2].nunique() == 1
    assert clusters["conv2/1"] != clusters["conv2/2"]
    graph = run.graph("conv2")
    together = {frozenset(part) for part in nx.connected_components(graph)}
    assert frozenset(f"conv2/{i}" for i in (1, 3, 5, 7)) in together
    assert frozenset(f"conv2/{i}" for i in (2, 4, 6)) in together
    assert StoreReader(str(store)).clusterings(1) == ()
    with pytest.raises(KeyError, match="no layer 'conv9'; its layers are conv1, conv2, conv3"):
        run.clusters("conv9")
    with pytest.raises(KeyError, match="no method 'k-means'"):
        run.clusters("conv2", "k-means")


def test_a_damaged_row_keeps_its_place(store: Path) -> None:
    made = stores.make_store(store, 6)
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE images SET gap = x'00' WHERE ordinal = 2")
    gap = open_store(str(store)).run(1).gap()
    assert np.isnan(gap[2]).all()
    np.testing.assert_array_equal(np.delete(gap, 2, 0), np.delete(made.gap, 2, 0))


@pytest.mark.process
def test_the_package_loads_without_pandas_and_the_api_without_tensorflow() -> None:
    code = (
        "import sys, reactcnn_dash; assert 'pandas' not in sys.modules;"
        "import reactcnn_dash.store; assert 'pandas' in sys.modules;"
        "assert not {'tensorflow', 'keras', 'dash'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_image_that_is_not_there_is_told_from_one_without_maps(store: Path) -> None:
    stores.make_store(store, IMAGES, maps=False)
    run = open_store(str(store)).run(1)
    assert run.feature_maps(IMAGES - 1, "conv2") is None
    with pytest.raises(ImageNotFound):
        run.feature_maps(IMAGES, "conv2")
