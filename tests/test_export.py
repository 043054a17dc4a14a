"""What `export` writes, read again by the libraries that others would read it with."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from reactcnn_dash import cli, open_store
from reactcnn_dash.db import RunWriter
from reactcnn_dash.export import ExportError
from reactcnn_dash.export.files import export
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 20


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def test_every_format_holds_what_was_stored(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = stores.make_store(store, IMAGES, name="first run")
    folder = tmp_path / "new" / "files"
    assert cli.main(["export", "1", "--store", str(store), "--to", str(folder)]) == 0
    names = {path.name for path in folder.iterdir()}
    graphs = {f"1-first-run-conv{i}.graphml" for i in (1, 2, 3)}
    files = {"1-first-run.npz", "1-first-run-gap.parquet", "1-first-run-images.parquet"}
    assert names == graphs | files
    assert set(capsys.readouterr().out.split()) == {str(folder / name) for name in names}

    archive = np.load(folder / "1-first-run.npz")
    np.testing.assert_array_equal(archive["gap"], made.gap)
    np.testing.assert_array_equal(archive["labels"], made.labels)
    np.testing.assert_array_equal(archive["predictions"], made.probabilities.argmax(1))
    assert archive["class_names"].tolist() == list(stores.CLASSES)
    expected = np.corrcoef(made.gap[:, 7:14].astype(np.float64).T)
    np.testing.assert_allclose(archive["correlation/conv2"][1:, 1:], expected, atol=1e-10)

    table = pq.read_table(folder / "1-first-run-gap.parquet")
    assert table.column_names == ["ordinal", *archive["addresses"].tolist()]
    np.testing.assert_array_equal(table.column("conv2/3").to_numpy(), made.gap[:, 9])
    np.testing.assert_array_equal(table.column("ordinal").to_numpy(), np.arange(IMAGES))
    images = pd.read_parquet(folder / "1-first-run-images.parquet")
    pd.testing.assert_frame_equal(images, open_store(str(store)).run(1).images())

    graph = nx.read_graphml(folder / "1-first-run-conv2.graphml")
    clusters = dict(zip((f"conv2/{i}" for i in range(8)), archive["clusters/conv2"], strict=True))
    assert {node: data["cluster"] for node, data in graph.nodes(data=True)} == clusters
    for a, b, data in graph.edges(data=True):
        i, j = int(a.split("/")[1]), int(b.split("/")[1])
        assert data["r"] == pytest.approx(archive["correlation/conv2"][i, j])


def test_nothing_is_overwritten_without_force(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stores.make_store(store, IMAGES)
    taken = tmp_path / "1-small.npz"
    taken.write_text("mine")
    options = ["export", "1", "--store", str(store), "--to", str(tmp_path), "--format", "npz"]
    assert cli.main(options) == 1
    assert f"{taken} exists; write over it with --force" in capsys.readouterr().err
    assert taken.read_text() == "mine"
    assert cli.main([*options, "--force"]) == 0
    assert len(np.load(taken)["gap"]) == IMAGES


@pytest.mark.process
def test_the_collector_exports_the_same(store: Path, tmp_path: Path) -> None:
    stores.make_store(store, IMAGES)
    for module in ("collector", "reactcnn_dash"):
        command = [sys.executable, "-m", module, "export", "small", "--store", str(store)]
        subprocess.run([*command, "--to", str(tmp_path / module)], check=True)
    for one in (tmp_path / "collector").iterdir():
        if one.suffix == ".graphml":
            assert one.read_bytes() == (tmp_path / "reactcnn_dash" / one.name).read_bytes()
    assert len(list((tmp_path / "collector").iterdir())) == 6


def test_a_run_with_one_image_has_no_graph(store: Path, tmp_path: Path) -> None:
    made = stores.truth(1)
    writer = RunWriter.begin(str(store), stores.new_run())
    stores.append(writer, made, 0, 1)
    writer.finish()
    writer.close()
    written = export(open_store(str(store)).run(1), tmp_path / "out")
    assert {path.suffix for path in written} == {".npz", ".parquet"}
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".npz", ".parquet"}


@pytest.mark.parametrize(
    ("where", "text"),
    [(("9", "out"), "no run '9'"), (("1", "store.db/out"), "cannot write to")],
)
def test_what_cannot_be_done_is_one_line(
    store: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    where: tuple[str, str],
    text: str,
) -> None:
    stores.make_store(store, 4)
    run, to = where
    assert cli.main(["export", run, "--store", str(store), "--to", str(tmp_path / to)]) == 1
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1


def test_only_what_was_asked_for_is_written(store: Path, tmp_path: Path) -> None:
    made = stores.make_store(store, IMAGES)
    command = ["export", "1", "--store", str(store), "--to", str(tmp_path / "out")]
    assert cli.main([*command, "--format", "npz,parquet", "--layers", "conv3,conv1"]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"1-small.npz", "1-small-gap.parquet", "1-small-images.parquet"}
    # conv1 holds columns 0 to 5, conv3 14 to 29; their order is the network's.
    expected = made.gap[:, [*range(6), *range(14, 30)]]
    addresses = [f"conv1/{i}" for i in range(6)] + [f"conv3/{i}" for i in range(16)]
    archive = np.load(tmp_path / "out" / "1-small.npz")
    np.testing.assert_array_equal(archive["gap"], expected)
    assert archive["addresses"].tolist() == addresses
    assert "correlation/conv2" not in archive
    table = pq.read_table(tmp_path / "out" / "1-small-gap.parquet")
    assert table.column_names == ["ordinal", *addresses]
    np.testing.assert_array_equal(table.to_pandas()[addresses].to_numpy(), expected)


def test_a_layer_that_is_not_there_is_one_line_that_names_those_that_are(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stores.make_store(store, 4)
    command = ["export", "1", "--store", str(store), "--to", str(tmp_path / "out")]
    assert cli.main([*command, "--layers", "conv9"]) == 1
    error = capsys.readouterr().err
    assert "no layer 'conv9'; its layers are conv1, conv2, conv3" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [["--format", "npz,csv"], ["--format", ","], ["--layers", ""]])
def test_wrong_usage_is_exit_code_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["export", "1", *wrong])
    assert ended.value.code == 2


def test_parquet_is_written_in_row_groups(store: Path, tmp_path: Path) -> None:
    made = stores.truth(1500)
    writer = RunWriter.begin(str(store), stores.new_run())
    for start in range(0, 1500, 500):
        stores.append(writer, made, start, start + 500, maps=False)
    writer.finish()
    writer.close()
    export(open_store(str(store)).run(1), tmp_path / "out", ["parquet"])
    file = pq.ParquetFile(tmp_path / "out" / "1-small-gap.parquet")
    assert file.metadata.num_row_groups == 2
    frame = file.read().to_pandas()
    np.testing.assert_array_equal(frame.pop("ordinal"), np.arange(1500))
    np.testing.assert_array_equal(frame.to_numpy(), made.gap)


def test_a_broken_export_leaves_the_old_file_and_no_part_of_the_new(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores.make_store(store, IMAGES)
    old = tmp_path / "out" / "1-small-gap.parquet"
    old.parent.mkdir()
    old.write_text("old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(ExportError, match="no space left on device"):
        export(open_store(str(store)).run(1), old.parent, ["parquet"], force=True)
    assert [path.name for path in old.parent.iterdir()] == [old.name]
    assert old.read_text() == "old"
