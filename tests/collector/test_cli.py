"""The collector's command in this process: what it stores, what it says, what it refuses."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.cli import main
from collector.statistics import CHUNK
from reactcnn_dash.analysis.correlation import CoMoments, correlation
from reactcnn_dash.db import RunState, StoreReader
from reactcnn_dash.errors import INPUT
from reactcnn_dash.results.moments import comoments_of
from tests import stores

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def collect(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Run the command on the tiny model and images; options given come last and win."""
    monkeypatch.chdir(tmp_path)
    usual = ["--model", str(tiny_path), "--images", str(tiny_images), "--store", "a.db"]
    return lambda *words: main([*usual, *words])


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == 1
    assert "Traceback" not in written.err
    return written.err


def test_a_run_is_stored_whole(
    collect: Callable[..., int],
    tiny_model: Any,
    tiny_images: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert collect("--batch-size", "48", "--name", "whole", "--feature-maps", "last:100") == 0
    said = capsys.readouterr().err
    for part in ("tiny", "noise.npz", "a.db", "run     1 (whole)", "python -m reactcnn_dash"):
        assert part in said
    reader = StoreReader("a.db")
    run = reader.run("whole")
    assert (run.state, run.stored, run.total, run.skipped) == (RunState.FINISHED, 400, 400, 0)
    assert (run.batch_size, run.feature_maps) == (48, "last:100")
    layers = reader.layers(run.id)
    assert [(one.name, one.tap, one.filters, one.offset) for one in layers] == [
        ("first", "first_relu", 5, 0),
        ("second", "second", 7, 5),
    ]
    archive = np.load(tiny_images)
    image = reader.image(run.id, 123)
    np.testing.assert_array_equal(image.pixels, archive["images"][123])
    assert image.label == archive["labels"][123]
    direct = np.asarray(tiny_model(archive["images"].astype(np.float32), training=False))
    np.testing.assert_allclose(image.probabilities, direct[123], atol=1e-6)
    assert run.labelled == 400
    assert run.correct == int((direct.argmax(1) == archive["labels"]).sum())
    assert reader.feature_maps(run.uuid, 299, 0) is None
    maps = reader.feature_maps(run.uuid, 300, 1)
    assert maps is not None
    assert maps.codes.shape == (7, 6, 6)


def test_stored_state_and_tail_give_numpys_correlation_of_the_stored_rows(
    collect: Callable[..., int],
) -> None:
    assert collect("--batch-size", "7", "--limit", "333", "--quiet") == 0
    reader = StoreReader("a.db")
    for layer in reader.layers(1):
        state = reader.correlation_state(1, layer.position)
        assert state is not None
        assert state.covered == 333 // CHUNK * CHUNK
        tail = CoMoments.of(reader.gap_rows(1, state.covered, 333, layer))
        found = correlation(comoments_of(state).merge(tail))
        rows = reader.gap_rows(1, 0, 333, layer).astype(np.float64)
        assert found.n == 333
        varying = ~found.constant
        expected = np.corrcoef(rows[:, varying].T)
        np.testing.assert_allclose(found.r[np.ix_(varying, varying)], expected, atol=1e-10)


def test_values_that_are_not_finite_are_stored_and_kept_out_of_correlations(
    collect: Callable[..., int], tmp_path: Path
) -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential([
        keras.Input((4, 4, 1)),
        layers.Conv2D(2, 1, name="a"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    model.get_layer("a").set_weights([
        np.array([1, 2e36], np.float32).reshape(1, 1, 1, 2), np.zeros(2, np.float32)
    ])  # fmt: skip
    model.save("odd.keras")
    images = np.random.default_rng(0).integers(0, 6, (130, 4, 4, 1)).astype(np.uint8)
    images[5::10] = 255
    np.savez("odd.npz", images=images)
    assert collect("--model", "odd.keras", "--images", "odd.npz", "--quiet") == 0
    reader = StoreReader("a.db")
    assert not reader.image(1, 5).finite
    assert reader.image(1, 6).finite
    np.testing.assert_array_equal(reader.gap_row(1, 5), [255, np.inf])
    state = reader.correlation_state(1, 0)
    assert state is not None
    assert (state.covered, state.n) == (128, 128 - 13)
    assert np.isfinite(state.comoment).all()
    maps = reader.feature_maps(reader.run(1).uuid, 5, 0)
    assert maps is not None
    np.testing.assert_array_equal(np.isnan(maps.step), [False, True])


def test_unreadable_files_are_skipped_named_and_told_by_the_exit_code(
    collect: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    generator = np.random.default_rng(1)
    for number in range(5):
        pixels = generator.integers(0, 256, (12, 10, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(5):
        (tmp_path / f"{number}.png").rename(folder / f"{number}.png")
    (folder / "2b.png").write_bytes(b"no picture")
    (folder / "9.png").write_bytes(b"")
    assert collect("--images", str(folder), "--batch-size", "2") == 3
    said = capsys.readouterr().err
    assert "2b.png" in said
    assert "9.png" in said
    assert said.count("resized") == 1
    run = StoreReader("a.db").run(1)
    assert (run.stored, run.skipped, run.total, run.state) == (5, 2, 5, RunState.FINISHED)


def test_when_nothing_can_be_read_no_run_is_left(
    collect: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"no picture")
    assert collect("--images", str(folder), "--quiet") == 3
    assert "a.png" in one_line(capsys)
    assert StoreReader("a.db").runs() == ()


def bad_models(folder: Path) -> None:
    import keras

    layers = keras.layers
    (folder / "text.keras").write_text("hello")
    with zipfile.ZipFile(folder / "zip.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with zipfile.ZipFile(folder / "broken.keras", "w") as archive:
        archive.writestr("config.json", '{"class_name": 3}')
        archive.writestr("metadata.json", '{"keras_version": "3.0.0"}')
    image = keras.Input((8, 8, 3))
    plain = keras.Model(image, layers.Dense(2)(layers.Flatten(name="flat")(image)))
    plain.save(folder / "plain.keras")
    plain.save(folder / "legacy.h5")
    loose = layers.Conv2D(2, 3)(layers.Lambda(lambda x: x * 2)(image))
    keras.Model(image, layers.Flatten()(loose)).save(folder / "lambda.keras")
    (folder / "folder.keras").mkdir()


BAD_MODELS = {
    "missing.keras": "give vgg16-cifar10 or vgg16-cifar10-epoch02, or the path",
    "text.keras": "not a Keras model",
    "zip.keras": "not a Keras model",
    "broken.keras": "cannot be loaded",
    "plain.keras": "no convolutions to watch; its layers: ",
    "legacy.h5": "a legacy HDF5 (.h5) model; convert it",
    "lambda.keras": "Lambda",
    "folder.keras": "is a folder",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    bad_models(folder)
    return folder


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize("name", BAD_MODELS)
def test_bad_models_are_refused_in_one_line(
    collect: Callable[..., int], models: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert collect("--model", str(models / name)) == 3
    assert BAD_MODELS[name] in one_line(capsys)
    assert not Path("a.db").exists()


def test_bad_images_and_stores_are_refused_in_one_line(
    collect: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    np.savez("labels.npz", images=np.zeros((3, 8, 8, 3), np.uint8), labels=[0, 1, 5])
    (tmp_path / "text.db").write_text("this is a text and by no means a database" * 9)
    with sqlite3.connect("other.db") as other:
        other.execute("create table mine (x)")
    other.close()
    for words, expected in [
        (["--images", "nowhere"], "nowhere"),
        (["--images", "empty"], "empty"),
        (["--images", "labels.npz"], "labels go up to 5"),
        (["--store", "text.db"], "text.db"),
        (["--store", "other.db"], "other.db"),
        (["--store", "no/such/folder/a.db"], "no/such/folder"),
        (["--resume", "7"], "a.db"),
    ]:
        assert collect(*words) == (4 if {"--store", "--resume"} & set(words) else 3), words
        assert expected in one_line(capsys)
    assert not Path("a.db").exists()
    with sqlite3.connect("other.db") as other:
        assert other.execute("select name from sqlite_master").fetchall() == [("mine",)]
    other.close()


def test_resume_refuses_what_differs_and_says_which(
    collect: Callable[..., int],
    tiny_model: Any,
    tiny_images: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import keras

    assert collect("--limit", "20", "--batch-size", "4", "--quiet") == 0
    assert collect("--resume", "1") == 0
    assert "finished" in one_line(capsys)
    with sqlite3.connect("a.db") as connection:
        connection.execute("update runs set state = 'interrupted'")
    connection.close()
    other = keras.models.clone_model(tiny_model)
    other.save("other.keras")
    archive = np.load(tiny_images)
    np.savez("other.npz", images=archive["images"][::-1], labels=archive["labels"])
    for words, expected in [
        (["--batch-size", "5"], "--batch-size"),
        (["--limit", "30"], "--limit"),
        (["--pixel-range", "0-1"], "--pixel-range"),
        (["--feature-maps", "all"], "--feature-maps"),
        (["--name", "x"], "--name"),
        (["--experiment", "x"], "--experiment"),
        (["--epoch", "3"], "--epoch"),
        (["--model", "other.keras"], "weights"),
        (["--images", "other.npz"], "images"),
    ]:
        assert collect("--resume", "1", *words) == 3, words
        assert expected in one_line(capsys)
    assert StoreReader("a.db").run(1).state is RunState.INTERRUPTED
    assert main(["--store", "a.db", "--resume", "1", "--batch-size", "4", "--quiet"]) == 0
    assert StoreReader("a.db").run(1).state is RunState.FINISHED


def test_rebuild_makes_damaged_states_again(
    collect: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect("--limit", "130", "--batch-size", "13", "--quiet") == 0
    reader = StoreReader("a.db")
    before = [reader.correlation_state(1, layer) for layer in (0, 1)]
    with sqlite3.connect("a.db") as connection:
        connection.execute("update correlation_states set moments = x'00' where layer = 0")
        connection.execute("delete from correlation_states where layer = 1")
    connection.close()
    assert main(["rebuild", "1", "--store", "a.db"]) == 0
    assert "128 of 130" in one_line(capsys)
    for layer in (0, 1):
        state, former = reader.correlation_state(1, layer), before[layer]
        assert state is not None
        assert former is not None
        assert (state.covered, state.n) == (former.covered, former.n) == (128, 128)
        assert state.comoment.tobytes() == former.comoment.tobytes()
    assert main(["rebuild", "nobody", "--store", "a.db"]) == 4
    assert "nobody" in one_line(capsys)


class Terminal(io.StringIO):
    """A terminal; somebody presses Ctrl-C as soon as it shows some text."""

    def __init__(self, until: str) -> None:
        super().__init__()
        self._until = until

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._until in text:
            self._until = "never again"
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def test_a_rebuild_shows_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.db"
    stores.make_store(path, 80)
    terminal = Terminal("nobody presses it")
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["rebuild", "1", "--store", str(path)]) == 0
    said = terminal.getvalue()
    assert said.index("rebuilding:   0%") < said.index("rebuilding: 100%") < said.index("64 of 80")


@pytest.mark.parametrize("shown", ["rebuilding:   0%", "rebuilding: 100%"])
def test_a_rebuild_that_is_stopped_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    path = tmp_path / "a.db"
    stores.make_store(path, 80)
    before = path.read_bytes()
    monkeypatch.setattr(sys, "stderr", Terminal(shown))
    assert main(["rebuild", "1", "--store", str(path)]) == 130
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.db"]


def test_a_model_that_does_not_rescale_is_asked_about_once(
    collect: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(inputs))
    keras.Model(inputs, layers.Dense(3)(x)).save("plain.keras")
    few = ["--model", "plain.keras", "--limit", "2"]
    assert collect(*few) == 0
    said = capsys.readouterr().err
    assert said.count("--pixel-range") == 1
    assert said.count("softmax is applied") == 1
    assert collect(*few, "--pixel-range", "-1-1") == 0
    assert "--pixel-range" not in capsys.readouterr().err
    assert StoreReader("a.db").run(2).options["pixel_range"] == "-1-1"
    assert collect(*few, "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_debug_shows_where_an_error_comes_from(collect: Callable[..., int]) -> None:
    with pytest.raises(Exception, match=r"missing\.keras"):
        collect("--model", "missing.keras", "--debug")


def test_an_augmented_model_is_stored_as_it_predicts_and_twice_the_same(
    collect: Callable[..., int], tiny_images: Path
) -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.RandomBrightness(0.9)(layers.RandomZoom(0.5)(layers.RandomFlip()(inputs)))
    x = layers.Conv2D(6, 3, activation="relu", name="conv")(layers.Rescaling(1 / 255)(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.save("augmented.keras")
    for name in ("one", "two"):
        words = ("--model", "augmented.keras", "--name", name, "--batch-size", "50", "--quiet")
        assert collect(*words) == 0
    reader = StoreReader("a.db")
    first, second = (
        reader.gap_rows(reader.run(name).id, 0, 400, reader.layers(1)[0]) for name in ("one", "two")
    )
    np.testing.assert_array_equal(first, second)
    archive = np.load(tiny_images)
    predicted = model.predict(archive["images"].astype(np.float32), verbose=0)
    run = reader.run("one")
    assert run.correct == int((predicted.argmax(1) == archive["labels"]).sum())
    maps = keras.Model(inputs, model.get_layer("conv").output).predict(
        archive["images"].astype(np.float32), verbose=0
    )
    np.testing.assert_allclose(first, maps.mean((1, 2)), atol=1e-6)


def test_the_arithmetic_is_recorded_and_kept_when_a_run_goes_on(
    collect: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential([
        keras.Input((8, 8, 3)),
        layers.Rescaling(1 / 255),
        layers.Conv2D(128, 3, padding="same", activation="relu", name="a"),
        layers.Conv2D(128, 3, padding="same", activation="relu", name="b"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    model.save("wide.keras")
    wide = ("--model", "wide.keras", "--batch-size", "64", "--limit", "128", "--quiet")
    assert collect(*wide) == 0
    assert collect(*wide, "--exact") == 0
    assert collect(*wide, "--batch-size", "8") == 0
    reader = StoreReader("a.db")
    kinds = [reader.run(run).options["arithmetic"] for run in (1, 2, 3)]
    assert kinds == ["winograd", "direct", "direct"]
    layer = reader.layers(1)[1]
    fast, exact = (reader.gap_rows(run, 0, 128, layer) for run in (1, 2))
    np.testing.assert_allclose(fast, exact, atol=1e-5 * exact.max())
    with sqlite3.connect("a.db") as store:
        store.execute("UPDATE runs SET state = 'interrupted'")
    capsys.readouterr()
    assert main(["--store", "a.db", "--resume", "1", "--exact"]) == INPUT
    assert "begun without --exact; it cannot go on with --exact" in one_line(capsys)


def test_a_run_of_a_former_version_goes_on_with_layers_inside_layers(
    collect: Callable[..., int],
) -> None:
    import hashlib

    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Reshape((36, 4))(layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(inputs)))
    x = layers.Flatten()(layers.MultiHeadAttention(2, 2)(x, x))
    keras.Model(inputs, layers.Dense(3, activation="softmax")(x)).save("deep.keras")
    assert collect("--model", "deep.keras", "--first", "20", "--quiet") == 0
    digest = hashlib.sha256()
    for weight in keras.saving.load_model("deep.keras").weights:
        array = weight.numpy()
        digest.update(f"{weight.path} {array.dtype} {array.shape}\n".encode() + array.tobytes())
    with sqlite3.connect("a.db") as store:
        (now,) = store.execute("SELECT sha256 FROM checkpoints").fetchone()
        assert now != digest.hexdigest()
        store.execute("UPDATE checkpoints SET sha256 = ?", (digest.hexdigest(),))
        store.execute("UPDATE runs SET state = 'interrupted'")
    assert main(["--store", "a.db", "--resume", "1", "--quiet"]) == 0
    assert StoreReader("a.db").run(1).state is RunState.FINISHED


def test_a_run_that_nobody_named_has_the_name_of_its_file(
    collect: Callable[..., int], tiny_path: Path, tmp_path: Path
) -> None:
    best = tmp_path / "best-loss0.31.keras"
    best.write_bytes(tiny_path.read_bytes())
    assert collect("--model", str(best), "--first", "4") == 0
    assert collect("--model", str(best), "--first", "4", "--experiment", "e", "--epoch", "7") == 0
    names = [StoreReader("a.db").run(run).name for run in (1, 2)]
    assert [name.split(" on ")[0] for name in names] == [
        "best-loss0.31",
        "best-loss0.31 · epoch 7",
    ]
