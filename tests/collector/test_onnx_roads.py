"""One network, two roads: the packaged VGG-16 by Keras and as an ONNX file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.cli import main
from reactcnn_dash import open_store
from reactcnn_dash.db import StoreReader
from tests.collector.onnx_graphs import Builder, photos, saved, vgg16_graph

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with the same 40 images through both, run 1 by Keras and run 2 by onnxruntime."""
    folder = tmp_path_factory.mktemp("roads")
    path = saved(vgg16_graph(), folder, "vgg16.onnx")
    images = np.random.default_rng(3).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    np.savez(folder / "forty.npz", images=images.repeat(4, 1).repeat(4, 2))
    common = ["--images", str(folder / "forty.npz"), "--store", str(folder / "a.db"), "--quiet"]
    for model in ("vgg16-cifar10", path):
        assert main(["--model", model, "--batch-size", "8", "--no-scores", *common]) == 0
    return str(folder / "a.db")


@pytest.mark.long
def test_layers_and_their_names_are_the_same(store: str) -> None:
    reader = StoreReader(store)
    keras, onnx = (
        [(one.name, one.tap, one.filters, one.height, one.width) for one in reader.layers(run)]
        for run in (1, 2)
    )
    assert keras == onnx


@pytest.mark.long
def test_gap_probabilities_and_maps_agree(store: str) -> None:
    reader = StoreReader(store)
    keras, onnx = (open_store(store).run(run) for run in (1, 2))
    for ordinal in range(40):
        one, other = (reader.image(run, ordinal).probabilities for run in (1, 2))
        np.testing.assert_allclose(one, other, atol=1e-4)
    for layer in reader.layers(1):
        one, other = keras.gap(layer.name), onnx.gap(layer.name)
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(one).max())
        maps, others = (run.feature_maps(7, layer.name) for run in (keras, onnx))
        assert maps is not None
        assert others is not None
        # A value on the border of two codes may fall to either side: one step of the filter's.
        step = np.maximum(maps.max((1, 2)), others.max((1, 2))) / 255
        assert (np.abs(maps - others) <= 1.001 * step[:, None, None] + 1e-4 * maps.max()).all()


@pytest.mark.long
def test_the_comparison_finds_the_same_filters(store: str) -> None:
    keras, onnx = (open_store(store).run(run) for run in (1, 2))
    for layer in StoreReader(store).layers(1):
        one, other = keras.gap(layer.name), onnx.gap(layer.name)
        alive = one.std(0) > 1e-6
        r = [np.corrcoef(one[:, k], other[:, k])[0, 1] for k in np.flatnonzero(alive)]
        assert min(r) > 0.9999


@pytest.mark.long
def test_kernels_are_those_of_keras(store: str) -> None:
    reader = StoreReader(store)
    for layer in reader.layers(1):
        one, other = (reader.kernel(run, layer.name) for run in (1, 2))
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(one.spatial, other.spatial, rtol=1e-3)
        np.testing.assert_allclose(one.channels, other.channels, rtol=1e-3)
        assert (one.weights is None) == (other.weights is None)
        if one.weights is not None and other.weights is not None:
            np.testing.assert_allclose(one.weights, other.weights, rtol=1e-3)


@pytest.mark.process
def test_neither_tensorflow_nor_keras_is_imported(tmp_path: Path) -> None:
    b = Builder()
    path = saved(b.classified(b.conv("pixels", 3, 5), 5), tmp_path)
    np.savez(tmp_path / "six.npz", images=photos(6))
    script = (
        "import sys; from collector.cli import main\n"
        f"assert main(['--model', {path!r}, '--images', 'six.npz', '--quiet']) == 0\n"
        "print([one for one in ('keras', 'tensorflow', 'torch') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_run_goes_on_with_its_own_weights_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    b = Builder()
    path = saved(b.classified(b.conv("pixels", 3, 5, name="first"), 5), tmp_path)
    np.savez("many.npz", images=photos(9))
    options = ["--model", path, "--images", "many.npz", "--quiet", "--pixel-range", "0-1"]
    assert main([*options, "--first", "9", "--no-scores"]) == 0
    whole = open_store("reactcnn.db").run(1).gap("first")

    def interrupt() -> None:
        with sqlite3.connect("reactcnn.db") as connection:
            connection.execute("update runs set state = 'interrupted'")
        connection.close()

    interrupt()
    assert main(["--resume", "1", "--quiet"]) == 0
    np.testing.assert_array_equal(open_store("reactcnn.db").run(1).gap("first"), whole)
    interrupt()
    other = Builder(seed=1)
    saved(other.classified(other.conv("pixels", 3, 5, name="first"), 5), tmp_path)
    assert main(["--resume", "1"]) != 0
    assert "are not those of run 1" in capsys.readouterr().err


def test_slim_says_what_it_cannot_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    b = Builder()
    path = saved(b.classified(b.conv("pixels", 3, 5), 5), tmp_path)
    assert main(["slim", "--model", path, "--parameters", "50%"]) != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "slim cuts Keras models only as yet" in line


def test_a_library_of_operators_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    b = Builder()
    path = saved(b.classified(b.conv("pixels", 3, 5), 5), tmp_path)
    np.savez("six.npz", images=photos(6))
    (tmp_path / "ops.so").write_text("no library")
    options = ["--model", path, "--images", "six.npz", "--custom-ops", "ops.so"]
    assert main(options) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot use the operators of" in line
