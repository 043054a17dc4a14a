"""``python -m collector slim``: what it writes, what it measures, what it refuses."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.cli import main
from reactcnn_dash import open_store
from reactcnn_dash.db import RunState, StoreReader
from reactcnn_dash.errors import INPUT
from tests.collector.planted import copy_filter, kill_filter, noise, with_seeded_weights
from tests.collector.waiting import DEADLINE, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.fitting


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with a copy and a dead filter in ``first`` and a copy in ``second``."""
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 3, padding="same", name="first")(x)
    x = layers.BatchNormalization(name="first_bn")(x)
    x = layers.ReLU(name="first_relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(10, 3, activation="elu", name="second")(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(3, activation="softmax", name="classes")(x)
    made = with_seeded_weights(keras.Model(inputs, outputs, name="planted"), 4)
    for name in ("first", "first_bn"):
        copy_filter(made.get_layer(name), 1, 6)
        kill_filter(made.get_layer(name), 3)
    copy_filter(made.get_layer("second"), 0, 9)
    path = tmp_path_factory.mktemp("slim") / "planted.keras"
    made.save(path)
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 images without labels."""
    path = tmp_path_factory.mktemp("slim") / "calibration.npz"
    np.savez(path, images=noise(200, (8, 8, 3)))
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 other images with labels."""
    path = tmp_path_factory.mktemp("slim") / "labelled.npz"
    labels = np.random.default_rng(5).integers(0, 3, 150)
    np.savez(path, images=noise(150, (8, 8, 3), seed=9), labels=labels)
    return path


def words(folder: Path, model: Path | str, images: Path, *more: str) -> list[str]:
    return [
        "slim", "--model", str(model), "--images", str(images), "--store", str(folder / "a.db"),
        "--output", str(folder / "slim.keras"), *more,
    ]  # fmt: skip


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def classes(path: Path, images: Path) -> Any:
    """What a model file says to images, by Keras alone."""
    import keras

    loaded = keras.saving.load_model(path, safe_mode=True)
    with np.load(images) as archive:
        return np.asarray(loaded(archive["images"].astype(np.float32))).argmax(axis=1)


def test_a_budget_gives_a_model_its_channels_what_was_measured_and_two_runs(
    tmp_path: Path,
    model: Path,
    images: Path,
    labelled: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import keras

    options = ["--parameters", "60%", "--evaluate", str(labelled)]
    assert main(words(tmp_path, model, images, *options)) == 0
    said = capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".db")[:3] == [
        "slim-channels.json", "slim-result.json", "slim.keras",
    ]  # fmt: skip
    whole, slim = keras.saving.load_model(model), keras.saving.load_model(tmp_path / "slim.keras")
    assert slim.count_params() <= 0.6 * whole.count_params()

    layers = read(tmp_path / "slim-channels.json")["layers"]
    result = read(tmp_path / "slim-result.json")
    for name in ("first", "second"):
        assert len(layers[name]) == slim.get_layer(name).filters
        entry = next(one for one in result["layers"] if one["name"] == name)
        assert (entry["before"], entry["after"]) == (
            whole.get_layer(name).filters,
            len(layers[name]),
        )
    # Kernels of the first layer are not refitted: what is kept is what it was.
    kept = whole.get_layer("first").get_weights()[0][..., layers["first"]]
    np.testing.assert_array_equal(slim.get_layer("first").get_weights()[0], kept)

    assert result["parameters"] == {
        "before": whole.count_params(), "after": slim.count_params(),
    }  # fmt: skip
    assert result["whole"] == {"classes": "classes ends in softmax, which mixes filters"}
    before, after = classes(model, labelled), classes(tmp_path / "slim.keras", labelled)
    with np.load(labelled) as archive:
        truth = archive["labels"]
    assert result["accuracy"]["before"] == pytest.approx((before == truth).mean())
    assert result["accuracy"]["after"] == pytest.approx((after == truth).mean())
    assert result["agreement"] == pytest.approx((before == after).mean())
    assert f"{100 * result['accuracy']['after']:.2f} %" in said
    reader = StoreReader(str(tmp_path / "a.db"))
    runs = [reader.run(result["runs"][which]) for which in ("before", "after")]
    assert [run.state for run in runs] == [RunState.FINISHED] * 2
    assert [run.stored for run in runs] == [150, 150]
    assert [layer.filters for layer in reader.layers(runs[1].id)] == [
        len(layers["first"]), len(layers["second"]),
    ]  # fmt: skip
    # The store says what the files say; here by plain SQL and zlib.
    with closing(sqlite3.connect(tmp_path / "a.db")) as raw:
        rows = raw.execute("SELECT result, channels, run_before, run_after, output FROM slimmings")
        [(packed, channels, *run_ids, output)] = rows.fetchall()
    assert json.loads(zlib.decompress(packed)) == result
    assert json.loads(zlib.decompress(channels)) == read(tmp_path / "slim-channels.json")
    assert run_ids == [run.id for run in runs]
    assert output == str((tmp_path / "slim.keras").resolve())
    whole_bytes = (tmp_path / "slim.keras").read_bytes()
    assert result["file_sha256"] == hashlib.sha256(whole_bytes).hexdigest()
    low, high = result["accuracy"]["change_95"]
    assert low < result["accuracy"]["after"] - result["accuracy"]["before"] < high
    assert result["images_a_second"]["after"] > 0
    assert result["evaluated"]["slimmed_with"] is False
    curve = result["predicted"]
    assert curve[0] == {"parameters": 1.0, "multiply_adds": 1.0, "divergence": 0.0}
    assert curve[-1]["parameters"] < 0.2


def test_lossless_cuts_what_was_planted_and_names_what_stands_in_for_it(
    tmp_path: Path, model: Path, images: Path, labelled: Path
) -> None:
    assert main(words(tmp_path, model, images, "--lossless", "--evaluate", str(labelled))) == 0
    layers = read(tmp_path / "slim-channels.json")["layers"]
    result = read(tmp_path / "slim-result.json")
    assert [len(layers[name]) for name in ("first", "first_bn", "second")] == [6, 6, 9]
    assert 3 not in layers["first"]
    assert len({1, 6} & set(layers["first"])) == 1
    assert result["agreement"] == 1.0
    found = {one["filter"]: one for one in result["filters"]}
    assert found["first:3"]["r2"] is None
    gone, kept = ("first:6", "first:1") if 1 in layers["first"] else ("first:1", "first:6")
    assert found[gone]["r2"] == pytest.approx(1.0, abs=1e-4)
    assert found[gone]["by"] == [kept]
    np.testing.assert_array_equal(
        classes(model, labelled), classes(tmp_path / "slim.keras", labelled)
    )


@pytest.mark.parametrize("with_labels", [True, False])
def test_a_loss_is_kept_within_what_is_allowed(
    tmp_path: Path, model: Path, images: Path, labelled: Path, with_labels: bool
) -> None:
    judged = tmp_path / "judged.npz"
    with np.load(labelled) as archive:
        extra = {"labels": archive["labels"]} if with_labels else {}
        np.savez(judged, images=archive["images"], **extra)
    assert main(words(tmp_path, model, images, "--loss", "4", "--evaluate", str(judged))) == 0
    result = read(tmp_path / "slim-result.json")
    assert result["parameters"]["after"] < 0.85 * result["parameters"]["before"]
    if with_labels:
        accuracy = result["accuracy"]
        assert 100 * (accuracy["before"] - accuracy["after"]) <= 4.0 + 1e-9
    else:
        assert result["accuracy"] is None
        assert 100 * (1 - result["agreement"]) <= 4.0 + 1e-9


def test_a_plan_cuts_what_is_confirmed_and_nothing_else(
    tmp_path: Path,
    model: Path,
    images: Path,
    labelled: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = tmp_path / "plan.json"
    report: dict[str, Any] = {
        "layers": [
            {"name": "first", "explained": [{"filter": 1, "verdict": "confirmed"}]},
            {
                "name": "second",
                "explained": [{"filter": one, "verdict": "candidate"} for one in (4, 5)],
            },
        ]
    }
    plan.write_text(json.dumps(report))
    options = ["--plan", str(plan), "--evaluate", str(labelled)]
    assert main(words(tmp_path, model, images, *options)) == 0
    assert "2 filters that are not confirmed stay" in capsys.readouterr().err
    layers = read(tmp_path / "slim-channels.json")["layers"]
    assert layers["first"] == [0, 2, 3, 4, 5, 6, 7]
    assert layers["second"] == list(range(10))
    assert read(tmp_path / "slim-result.json")["agreement"] == 1.0
    report["layers"][0]["explained"][0]["filter"] = 80
    plan.write_text(json.dumps(report))
    assert main(words(tmp_path, model, images, "--plan", str(plan), "--force")) == INPUT
    assert "another network" in capsys.readouterr().err


def test_fine_tuning_goes_on_from_the_slim_weights(
    tmp_path: Path, model: Path, images: Path, labelled: Path
) -> None:
    import keras

    options = ["--parameters", "70%", "--fine-tune", "2", "--data", str(labelled)]
    assert main(words(tmp_path, model, images, *options)) == 0
    tuned = keras.saving.load_model(tmp_path / "slim.keras")
    last = keras.saving.load_model(tmp_path / "slim-checkpoints" / "epoch-002.keras")
    for here, there in zip(tuned.get_weights(), last.get_weights(), strict=True):
        np.testing.assert_array_equal(here, there)
    settings = read(tmp_path / "slim-checkpoints" / "training.json")
    # The whole network teaches.
    assert settings["teacher"] == str(model.resolve())
    layers = read(tmp_path / "slim-channels.json")["layers"]
    assert tuned.get_layer("first").filters == len(layers["first"]) < 8
    assert read(tmp_path / "slim-result.json")["fine_tuned_epochs"] == 2
    names = [run.name for run in StoreReader(str(tmp_path / "a.db")).runs()]
    assert sum("slim fine-tuned" in name for name in names) == 2


def test_fine_tuning_gives_the_pixel_values_that_the_network_wants(
    tmp_path: Path, images: Path, labelled: Path
) -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, activation="relu", name="first")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, name="second")(x))
    outputs = layers.Dense(3, activation="softmax")(x)
    with_seeded_weights(keras.Model(inputs, outputs), 4).save(tmp_path / "plain.keras")
    options = ["--parameters", "70%", "--fine-tune", "1", "--data", str(labelled)]
    options += ["--preprocess", "imagenet"]
    assert main(words(tmp_path, tmp_path / "plain.keras", images, *options)) == 0
    reader = StoreReader(str(tmp_path / "a.db"))
    (run,) = [one for one in reader.runs() if "slim fine-tuned" in one.name]
    pixels = np.stack([reader.pixels(run.uuid, one) for one in range(run.stored)])
    given = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    tuned = keras.saving.load_model(tmp_path / "slim.keras")
    stored = [reader.image(run.id, one).probabilities for one in range(run.stored)]
    np.testing.assert_allclose(tuned.predict(given, verbose=0), stored, atol=1e-5)


@pytest.mark.process
def test_a_signal_leaves_no_file(tmp_path: Path, images: Path) -> None:
    command = words(tmp_path, "vgg16-cifar10", images, "--parameters", "50%")
    big = tmp_path / "big.npz"
    np.savez(big, images=np.zeros((2000, 32, 32, 3), np.uint8))
    command[command.index(str(images))] = str(big)
    log = tmp_path / "log"
    with (
        log.open("w") as stream,
        subprocess.Popen([sys.executable, "-m", "collector", *command], stderr=stream) as process,
    ):
        try:
            wait_until(
                lambda: "whole   predictions" in log.read_text() or "images  " in log.read_text()
            )
            process.send_signal(signal.SIGINT)
            process.wait(timeout=DEADLINE)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in log.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"big.npz", "log"}


def test_mistakes_are_one_line(
    tmp_path: Path,
    model: Path,
    images: Path,
    labelled: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "taken.keras").touch()
    (tmp_path / "none.json").write_text("{}")
    output = ["--output", str(tmp_path / "taken.keras")]
    for more, part in (
        ([], "say how slim"),
        (["--parameters", "50%", "--loss", "1"], "in one way"),
        (["--loss", "1"], "--evaluate"),
        (["--lossless", "--method", "l1"], "--method is about a budget"),
        (["--parameters", "50%", "--output", "slim.h5"], "must end in .keras"),
        (["--parameters", "50%", "--output", "no/such/slim.keras"], "no folder"),
        (["--parameters", "50%", *output], "exists"),
        (["--parameters", "50%", "--fine-tune", "1"], "go together"),
        (["--parameters", "1%", "--quiet"], "the narrowest that planted can be"),
        (["--plan", str(tmp_path / "none.json"), "--quiet"], "no redundancy report"),
        (["--plan", str(tmp_path / "missing.json"), "--quiet"], "cannot read"),
        (["--parameters", "50%", "--model", "none.keras"], "no model"),
    ):
        assert main(words(tmp_path, model, images, *more)) == INPUT
        said = capsys.readouterr().err
        assert part in said
        assert said.count("\n") == 1, said
    for share in ("0", "100%", "1.5", "half"):
        with pytest.raises(SystemExit, match="2"):
            main(words(tmp_path, model, images, "--parameters", share))
    assert not (tmp_path / "a.db").exists()
    assert not (tmp_path / "slim.keras").exists()


def test_pixels_and_classes_are_those_that_the_network_was_trained_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, activation="relu", name="first")(inputs)
    x = layers.Conv2D(5, 3, name="second")(x)
    outputs = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    made = with_seeded_weights(keras.Model(inputs, outputs, name="blue_first"), 4)
    kernel, bias = made.get_layer("first").get_weights()
    # Of dark images it answers nothing once ImageNet's mean is taken off, and much otherwise.
    kernel[..., 2], bias[2] = 0.1, 0.0
    made.get_layer("first").set_weights([kernel, bias])
    made.save(tmp_path / "model.keras")
    pixels = noise(160, (8, 8, 3)) // 3
    labels = np.random.default_rng(1).integers(0, 3, 160)
    np.savez(tmp_path / "dark.npz", images=pixels, labels=labels)
    (tmp_path / "names.txt").write_text("cat\ndog\nfrog\n")
    images = tmp_path / "dark.npz"
    common = ["--lossless", "--classes", str(tmp_path / "names.txt"), "--evaluate", str(images)]
    how = ["--preprocess", "keras.applications.vgg16"]
    assert main(words(tmp_path, tmp_path / "model.keras", images, *common, *how)) == 0
    assert read(tmp_path / "slim-channels.json")["layers"]["first"] == [0, 1, 3, 4, 5]
    result = read(tmp_path / "slim-result.json")
    assert result["agreement"] == 1.0
    given = keras.applications.vgg16.preprocess_input(pixels.astype(np.float32))
    expected = np.asarray(made(given))
    right = (expected.argmax(axis=1) == labels).mean()
    assert result["accuracy"]["before"] == pytest.approx(right)
    store = open_store(str(tmp_path / "a.db"))
    for number in (1, 2):
        np.testing.assert_allclose(store.run(number).probabilities(), expected, atol=1e-5)
        assert StoreReader(str(tmp_path / "a.db")).run(number).class_names == ("cat", "dog", "frog")
    # Fed with 0–255 every filter has something to say.
    other = ["--force", *common]
    assert main(words(tmp_path, tmp_path / "model.keras", images, *other)) == 0
    assert read(tmp_path / "slim-channels.json")["layers"]["first"] == [0, 1, 2, 3, 4, 5]
    capsys.readouterr()
    two = [*common[:1], "--classes", str(tmp_path / "two.txt"), "--force", "--quiet"]
    (tmp_path / "two.txt").write_text("cat\ndog\n")
    assert main(words(tmp_path, tmp_path / "model.keras", images, *two)) == INPUT
    assert "names 2 classes, but the model has 3 outputs" in capsys.readouterr().err


@pytest.mark.parametrize("registered", [True, False])
def test_a_network_with_layers_of_ones_own_is_slimmed(
    tmp_path: Path, registered: bool, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    name = "Registered" if registered else "Defined"
    decorator = '@keras.saving.register_keras_serializable("slimmed")' if registered else ""
    code = f"import keras\n{decorator}\nclass {name}(keras.layers.Layer):\n"
    code += "    def call(self, inputs):\n        return inputs / 255\n"
    (tmp_path / "own.py").write_text(code)
    scope: dict[str, Any] = {"__name__": "training"}
    exec(code, scope)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, activation="relu", name="first")(scope[name]()(inputs))
    x = layers.Conv2D(5, 3, name="second")(x)
    outputs = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    made = with_seeded_weights(keras.Model(inputs, outputs, name="own"), 4)
    copy_filter(made.get_layer("first"), 1, 4)
    made.save(tmp_path / "model.keras")
    keras.saving.get_custom_objects().pop(f"slimmed>{name}", None)
    model = tmp_path / "model.keras"
    common = ["--lossless", "--evaluate", str(images)]
    assert main(words(tmp_path, model, images, *common, "--quiet")) == INPUT
    assert "--custom FILE" in capsys.readouterr().err
    own = ["--custom", str(tmp_path / "own.py")]
    assert main(words(tmp_path, model, images, *common, *own)) == 0
    assert f"the code in {tmp_path / 'own.py'} was run" in capsys.readouterr().err
    assert len(read(tmp_path / "slim-channels.json")["layers"]["first"]) == 5
    slim = keras.saving.load_model(
        tmp_path / "slim.keras", custom_objects=None if registered else {name: scope[name]}
    )
    with np.load(images) as archive:
        pixels = archive["images"].astype(np.float32)
    np.testing.assert_allclose(np.asarray(slim(pixels)), np.asarray(made(pixels)), atol=1e-4)
    tuned = ["--force", "--fine-tune", "1", "--data", str(images)]
    assert main(words(tmp_path, model, images, "--lossless", *own, *tuned)) == INPUT
    assert "leave --custom out" in capsys.readouterr().err


def test_a_second_network_is_measured_against_the_same_run(
    tmp_path: Path, model: Path, images: Path, labelled: Path
) -> None:
    options = ["--evaluate", str(labelled), "--evaluate-limit", "60"]
    assert main(words(tmp_path, model, images, *options, "--parameters", "60%")) == 0
    other = [*options, "--parameters", "40%", "--method", "l1", "--force"]
    assert main(words(tmp_path, model, images, *other)) == 0
    reader = StoreReader(str(tmp_path / "a.db"))
    assert [(run.id, run.stored) for run in reader.summaries()] == [(3, 60), (2, 60), (1, 60)]
    # Written over, the file is another network: the store knows the new one alone.
    [found] = reader.slimmings(1)
    assert (found.before, found.after, found.method) == (1, 3, "l1")
    assert found.result == read(tmp_path / "slim-result.json")
    # Measured with the images that it was slimmed with: said.
    seen = ["--parameters", "50%", "--evaluate", str(images), "--force"]
    assert main(words(tmp_path, model, images, *seen)) == 0
    [found] = reader.slimmings(1)
    assert found.result["evaluated"]["slimmed_with"] is True
    assert found.result["accuracy"] is None
    low, high = found.result["agreement_95"]
    assert low < found.result["agreement"] < high


def test_what_is_to_be_known_of_images_and_model_is_said_once(
    tmp_path: Path, images: Path, labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="first")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(6, 3, name="second")(x))
    outputs = keras.layers.Dense(3)(x)
    with_seeded_weights(keras.Model(inputs, outputs), 4).save(tmp_path / "logits.keras")
    options = ["--parameters", "70%", "--evaluate", str(labelled)]
    command = words(tmp_path, tmp_path / "logits.keras", images, *options)
    assert main(command) == 0
    said = capsys.readouterr().err
    for notice in ("does not rescale its input", "softmax is applied"):
        assert said.count(notice) == 1, said
    assert main([*command, "--force", "--pixel-range", "0-255"]) == 0
    assert "does not rescale its input" not in capsys.readouterr().err


def test_fine_tuning_is_quiet_and_begins_where_none_came_to_an_epoch(
    tmp_path: Path, model: Path, labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "slim-checkpoints"
    folder.mkdir()
    (folder / "training.json").write_text("{}")
    (folder / "mine.txt").write_text("kept")
    tuned = ["--parameters", "70%", "--fine-tune", "1", "--data", str(labelled), "--quiet"]
    assert main(words(tmp_path, model, labelled, *tuned)) == 0
    assert "epoch" not in capsys.readouterr().err
    assert (folder / "epoch-001.keras").exists()
    assert (folder / "mine.txt").read_text() == "kept"
