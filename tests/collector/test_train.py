"""``python -m collector train``: small data, few steps, real processes where signals matter."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.cli import main
from collector.frameworks.precision import processor_flags, units
from collector.training.augment import augment
from collector.training.network import (
    TAUGHT,
    TEMPERATURE,
    WEIGHT_DECAY,
    Step,
    untrained,
    with_optimizer,
)
from collector.training.schedule import one_cycle
from reactcnn_dash.db import BFLOAT16, FLOAT32, NewRun, RunState, RunWriter, StoreReader, delete_run
from reactcnn_dash.errors import INPUT
from tests.collector.waiting import DEADLINE, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.fitting


def words(folder: Path, images: Path, *more: str, name: str = "a") -> list[str]:
    return [
        "train", "--data", str(images), "--store", str(folder / f"{name}.db"),
        "--checkpoints", str(folder / name), "--batch-size", "64", *more,
    ]  # fmt: skip


def restored(path: Path) -> Any:
    import keras

    return keras.saving.load_model(path)


def test_resumed_equals_uninterrupted(tmp_path: Path, tiny_images: Path) -> None:
    import keras

    layers = keras.layers
    # Dropout, since chance has to go on where it was, too.
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.BatchNormalization()]
    parts += [layers.ReLU(), layers.Flatten(), layers.Dropout(0.5), layers.Dense(3, "softmax")]
    start = tmp_path / "start.keras"
    keras.Sequential([keras.Input((8, 8, 3)), *parts]).save(start)
    options = ["--from", str(start), "--epochs", "3", "--experiment", "trial"]
    options += ["--probe", "20", "--seed", "4"]
    assert main(words(tmp_path, tiny_images, *options, name="whole")) == 0

    assert main(words(tmp_path, tiny_images, *options)) == 0
    for epoch in (2, 3):
        (tmp_path / "a" / f"epoch-00{epoch}.keras").unlink()
    assert main(words(tmp_path, tiny_images, "--resume")) == 0

    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "epoch-001.keras", "epoch-002.keras", "epoch-003.keras", "training.json",
    ]  # fmt: skip
    for epoch in (1, 2, 3):
        one, other = (restored(tmp_path / n / f"epoch-00{epoch}.keras") for n in ("a", "whole"))
        assert int(one.optimizer.iterations) == int(other.optimizer.iterations) == epoch * 5
        assert float(one.optimizer.learning_rate) == float(other.optimizer.learning_rate)
        for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    reader = StoreReader(str(tmp_path / "a.db"))
    names = [reader.run(run).name for run in range(1, 6)]
    assert names == [f"trial · epoch {epoch}" for epoch in (1, 2, 3, 2, 3)]
    run = reader.run(5)
    assert (run.state, run.stored, run.labelled) == (RunState.FINISHED, 20, 20)
    assert run.checkpoint.source == str(tmp_path / "a" / "epoch-003.keras")


def test_a_resumed_training_finds_its_store_from_any_folder(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(here)
    begin = ["train", "--data", str(tiny_images), "--from", str(tiny_path), "--store", "a.db"]
    assert main([*begin, "--epochs", "2", "--experiment", "trial"]) == 0
    (here / "checkpoints" / "epoch-002.keras").unlink()
    monkeypatch.chdir(elsewhere)
    assert main(["train", "--resume", "--checkpoints", str(here / "checkpoints")]) == 0
    assert not list(elsewhere.iterdir())
    runs = StoreReader(str(here / "a.db")).runs()
    assert sorted((run.experiment, run.epoch) for run in runs) == [
        ("trial", 1),
        ("trial", 2),
        ("trial", 2),
    ]


@pytest.mark.parametrize("left", ["nothing", "a part"])
def test_the_run_of_the_newest_checkpoint_is_there_after_a_resume(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, left: str
) -> None:
    options = ["--from", str(tiny_path), "--epochs", "2", "--experiment", "trial"]
    assert main(words(tmp_path, tiny_images, *options)) == 0
    store = str(tmp_path / "a.db")
    # As a kill leaves it between the checkpoint and the end of its run.
    whole = StoreReader(store).run(2)
    delete_run(store, 2)
    if left == "a part":
        part = NewRun(
            name=whole.name,
            model=whole.checkpoint.model,
            checkpoint_sha256=whole.checkpoint.sha256,
            parameters=whole.checkpoint.parameters,
            checkpoint_source=whole.checkpoint.source,
            image_source=whole.image_source,
            image_identity=whole.image_identity,
            total=whole.total,
            batch_size=whole.batch_size,
            feature_maps=whole.feature_maps,
            class_names=whole.class_names,
            image_shape=whole.image_shape,
            layers=StoreReader(store).layers(1),
            options={},
            experiment="trial",
            epoch=2,
        )
        with RunWriter.begin(store, part) as writer:
            writer.interrupt()
    assert main(["train", "--resume", "--checkpoints", str(tmp_path / "a")]) == 0
    runs = [run for run in StoreReader(store).runs() if run.epoch == 2]
    assert [(run.state, run.stored) for run in runs] == [(RunState.FINISHED, whole.stored)]
    assert runs[0].checkpoint.sha256 == whole.checkpoint.sha256
    assert main(["train", "--resume", "--checkpoints", str(tmp_path / "a")]) == 0
    assert len(StoreReader(store).runs()) == 2


def test_settled_statistics_are_of_the_weights_as_they_are() -> None:
    import keras

    keras.utils.set_random_seed(4)
    model = untrained(10)
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    generator = np.random.default_rng(5)
    pixels = generator.integers(0, 256, (8, 32, 32, 3)).astype(np.uint8)
    model.get_layer("block1_bn2").trainable = False
    frozen = model.get_layer("block1_bn2").get_weights()
    before = [variable.numpy() for variable in model.trainable_variables]
    # Two are enough, whatever the layer's momentum and where its statistics come from.
    model.get_layer("block1_bn1").momentum = 0.99
    other = generator.integers(0, 256, pixels.shape).astype(np.uint8)
    Step(model).settle([pixels, other])
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    first = keras.Model(model.inputs, model.get_layer("block1_conv1").output)
    norm = model.get_layer("block1_bn1")
    values = [np.asarray(first(one.astype(np.float32)), np.float64) for one in (pixels, other)]
    for found, each in (
        (norm.moving_mean, [one.mean((0, 1, 2)) for one in values]),
        (norm.moving_variance, [one.var((0, 1, 2)) for one in values]),
    ):
        expected = np.mean(each, axis=0)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    for now, then in zip(model.get_layer("block1_bn2").get_weights(), frozen, strict=True):
        np.testing.assert_array_equal(now, then)


def softmax(values: Any) -> Any:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("taught", [True, False])
def test_a_step_is_that_of_the_gradient_by_hand(taught: bool) -> None:
    import keras

    generator = np.random.default_rng(2)

    def network(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((2, 2, 3))
        outputs = keras.layers.Dense(4, activation="softmax")(keras.layers.Flatten()(inputs))
        return with_optimizer(keras.Model(inputs, outputs))

    model, other = network(1), network(2)
    pixels = generator.integers(0, 4, (6, 2, 2, 3)).astype(np.uint8)
    labels = generator.integers(0, 4, 6)
    x = pixels.reshape(6, 12).astype(np.float64)
    (kernel, bias), (there, start) = model.get_weights(), other.get_weights()
    logits, said = x @ kernel + bias, x @ there + start
    error = softmax(logits) - np.eye(4)[labels]
    if taught:
        # The gradient of T² KL(q ∥ p) by the logits, both softened by T, is T (p − q).
        softened = TEMPERATURE * (softmax(logits / TEMPERATURE) - softmax(said / TEMPERATURE))
        error = (1 - TAUGHT) * error + TAUGHT * softened
    Step(model, other if taught else None)(pixels, labels, 0.01)
    slope = x.T @ error / 6 + WEIGHT_DECAY * kernel
    found = model.get_weights()
    # Nesterov's first step looks ahead by the momentum.
    np.testing.assert_allclose(found[0], kernel - 0.01 * 1.9 * slope, atol=1e-6)
    np.testing.assert_allclose(found[1], bias - 0.01 * 1.9 * error.mean(axis=0), atol=1e-6)
    for now, then in zip(other.get_weights(), (there, start), strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_step_in_bfloat16_is_the_same_but_for_rounding() -> None:
    import keras
    import tensorflow as tf

    generator = np.random.default_rng(3)
    pixels = generator.integers(0, 256, (16, 12, 12, 3)).astype(np.uint8)
    labels = generator.integers(0, 4, 16)

    def network() -> Any:
        keras.utils.set_random_seed(5)
        inputs = keras.Input((12, 12, 3))
        x = keras.layers.Rescaling(1 / 255)(inputs)
        x = keras.layers.Conv2D(16, 3, activation="relu")(x)
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(16, 3)(x))
        return with_optimizer(keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(x)))

    kernel = generator.normal(size=(3, 3, 16, 16)).astype(np.float32)
    images = generator.normal(size=(2, 8, 8, 16)).astype(np.float32)
    convolve = tf.function(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"))
    plain = convolve(images).numpy()
    start = network().get_weights()
    moved = []
    for precision in (FLOAT32, BFLOAT16):
        model = network()
        Step(model, precision=precision)(pixels, labels, 0.1)
        pairs = zip(model.get_weights(), start, strict=True)
        moved.append(np.concatenate([(now - then).ravel() for now, then in pairs]))
    off = np.linalg.norm(moved[1] - moved[0]) / np.linalg.norm(moved[0])
    assert off < 0.02
    if units(processor_flags()):
        assert off > 1e-4
    # What is computed between steps is not touched.
    np.testing.assert_array_equal(convolve(images).numpy(), plain)


def test_runs_of_a_training_in_bfloat16_are_what_keras_says(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--from", str(tiny_path), "--epochs", "2", "--validation", str(tiny_images)]
    assert main(words(tmp_path, tiny_images, *options, "--precision", "bfloat16")) == 0
    store = StoreReader(str(tmp_path / "a.db"))
    run = store.run(2)
    stored = np.stack([store.image(2, one).probabilities for one in range(run.stored)])
    pixels = np.stack([store.pixels(run.uuid, one) for one in range(run.stored)])
    model = restored(tmp_path / "a" / "epoch-002.keras")
    assert run.precision == FLOAT32
    np.testing.assert_allclose(model.predict(pixels, verbose=0), stored, atol=2e-6)
    capsys.readouterr()
    again = ["train", "--resume", "--checkpoints", str(tmp_path / "a"), "--precision", "float32"]
    assert main(again) == INPUT
    assert "leave --precision out" in capsys.readouterr().err


def test_auto_says_which_precision_it_took_and_why(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--from", str(tiny_path), "--epochs", "1", "--precision", "auto"]
    assert main(words(tmp_path, tiny_images, *options)) == 0
    kept = json.loads((tmp_path / "a" / "training.json").read_text())["precision"]
    said = capsys.readouterr().err
    assert f"precision {kept}: " in said
    assert kept in (FLOAT32, BFLOAT16)
    assert ("images a second" in said) == bool(units(processor_flags()))


def test_a_teacher_is_kept_for_a_resume_and_must_fit(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    start = ["--from", str(tiny_path), "--teacher", str(tiny_path), "--epochs", "1"]
    assert main(words(tmp_path, tiny_images, *start)) == 0
    settings = json.loads((tmp_path / "a" / "training.json").read_text())
    assert settings["teacher"] == str(tiny_path.resolve())
    again = [
        "train",
        "--resume",
        "--checkpoints",
        str(tmp_path / "a"),
        "--teacher",
        "vgg16-cifar10",
    ]
    assert main(again) == INPUT
    assert "leave --teacher out" in capsys.readouterr().err
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(9, activation="softmax")(x)).save(tmp_path / "n.keras")
    start[3] = str(tmp_path / "n.keras")
    assert main(words(tmp_path, tiny_images, *start, name="b")) == INPUT
    assert "cannot teach" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_the_vgg16_trains_from_scratch(tmp_path: Path) -> None:
    images = tmp_path / "few.npz"
    generator = np.random.default_rng(1)
    pixels = generator.integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    np.savez(images, images=pixels, labels=np.arange(40) % 3, class_names=["a", "b", "c"])
    options = ["--epochs", "1", "--learning-rate", "0.01"]
    assert main(words(tmp_path, images, *options)) == 0
    run = StoreReader(str(tmp_path / "a.db")).run(1)
    assert (run.class_names, run.stored) == (("a", "b", "c"), 4)
    assert restored(tmp_path / "a" / "epoch-001.keras").output_shape == (None, 3)


def test_it_learns(tmp_path: Path, tiny_path: Path) -> None:
    images = tmp_path / "easy.npz"
    labels = np.arange(300) % 3
    noise = np.random.default_rng(2).integers(0, 60, (300, 8, 8, 3))
    noise[np.arange(300), :, :, labels] += 150
    np.savez(images, images=noise.astype(np.uint8), labels=labels)
    options = ["--from", str(tiny_path), "--epochs", "15", "--validation", str(images)]
    assert main(words(tmp_path, images, *options)) == 0
    run = StoreReader(str(tmp_path / "a.db")).run(15)
    assert run.correct > 0.9 * run.labelled


@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_the_last_checkpoint_whole(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, number: int, code: int
) -> None:
    first = words(tmp_path, tiny_images, "--from", str(tiny_path), "--epochs", "999")
    checkpoints = tmp_path / "a"
    with subprocess.Popen(
        [sys.executable, "-m", "collector", *first], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until((checkpoints / "epoch-002.keras").exists)
            process.send_signal(number)
            _, said = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert process.returncode == code
    assert "--resume" in said
    assert "Traceback" not in said
    files = sorted(checkpoints.glob("*.keras"))
    assert int(restored(files[-1]).optimizer.iterations) == 5 * len(files)


def test_mistakes_are_one_line(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unlabelled = tmp_path / "u.npz"
    np.savez(unlabelled, images=np.zeros((40, 8, 8, 3), np.uint8))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "epoch-001.keras").touch()
    start = ["--from", str(tiny_path)]
    for wrong, part in (
        (words(tmp_path, tiny_images, "--resume"), "no training in"),
        (words(tmp_path, tmp_path / "none.npz"), "no images at"),
        (words(tmp_path, unlabelled, *start), "no labels"),
        (words(tmp_path, tiny_images, "--from", "none.keras"), "no model"),
        (words(tmp_path, tiny_images, "--from", "vgg16-cifar10"), "10 outputs"),
        (words(tmp_path, tiny_images, name="full"), "--resume"),
    ):
        assert main(wrong) == 3
        said = capsys.readouterr().err
        assert part in said
        assert said.count("\n") == 1, said
    assert not (tmp_path / "a").exists()


def test_other_options_are_refused_at_resume(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["--from", str(tiny_path), "--epochs", "1"]
    assert main(words(tmp_path, tiny_images, *start)) == 0
    assert main(words(tmp_path, tiny_images, "--resume", "--epochs", "4")) == 3
    assert "--epochs" in capsys.readouterr().err
    assert main(words(tmp_path, tiny_images, "--resume")) == 0
    assert "nothing to do" in capsys.readouterr().err


def test_the_rate_rises_over_a_fifth_and_falls_to_nearly_nothing() -> None:
    rates = [one_cycle(step, 100, 0.1) for step in range(100)]
    assert rates.index(max(rates)) == 19
    assert max(rates) == pytest.approx(0.1)
    assert np.all(np.diff(rates[:20]) > 0)
    assert np.all(np.diff(rates[19:]) < 0)
    assert 0 < rates[-1] < 0.002
    assert one_cycle(0, 1, 0.1) == pytest.approx(0.1)


def test_augmentation_is_a_shifted_or_flipped_view_with_a_hole() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 16, 16, 3)).astype(np.uint8)
    seen = augment(images, np.random.default_rng(1))
    assert np.array_equal(seen, augment(images, np.random.default_rng(1)))
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    for index, picture in enumerate(seen):
        differing = min(
            int((view != picture).any(-1).sum())
            for top in range(9)
            for left in range(9)
            for crop in (padded[index, top : top + 16, left : left + 16],)
            for view in (crop, crop[:, ::-1])
        )
        assert 0 < differing <= 64


def network(
    path: Path,
    *,
    shape: tuple[int | None, ...] = (8, 8, 3),
    classes: int = 3,
    rescale: float | None = 1 / 255,
    seed: int = 3,
) -> Path:
    """A small network with its weights by the seed."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input(shape)
    x = inputs if rescale is None else layers.Rescaling(rescale)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3)(x)))
    outputs = layers.Dense(classes, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    keras.Model(inputs, outputs).save(path)
    return path


@pytest.mark.parametrize("shape", [(16, 16, 3), (40, 24, 3), (12, 12, 1), (None, None, 3)])
def test_cifar10_is_brought_to_what_the_model_takes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shape: tuple[int | None, ...],
) -> None:
    import keras

    generator = np.random.default_rng(1)
    # In place of the download, which has the same form.
    parts = [
        (generator.integers(0, 256, (n, 32, 32, 3)).astype(np.uint8), np.arange(n)[:, None] % 10)
        for n in (60, 20)
    ]
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: parts)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "nothing"))
    model = network(tmp_path / "m.keras", shape=shape, classes=10)
    asked = ["train", "--from", str(model), "--epochs", "1", "--store", str(tmp_path / "a.db")]
    assert main([*asked, "--checkpoints", str(tmp_path / "a")]) == 0
    run = StoreReader(str(tmp_path / "a.db")).run(1)
    wanted = tuple(one or 32 for one in shape)
    assert (run.image_shape, run.stored, run.labelled) == (wanted, 20, 20)
    told = f"images of 32 × 32 are resized to the model's {wanted[0]} × {wanted[1]}"
    assert (told in capsys.readouterr().err) == (wanted[:2] != (32, 32))


def test_a_model_of_any_size_goes_on_at_the_size_that_it_began_with(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = network(tmp_path / "any.keras", shape=(None, None, 3))
    options = ["--from", str(model), "--epochs", "2", "--experiment", "any"]
    for name, more, size in (
        # A teacher of a fixed size fits where that is the size of the images.
        ("own", ["--teacher", str(tiny_path)], (8, 8, 3)),
        ("other", ["--size", "14x10"], (14, 10, 3)),
    ):
        assert main(words(tmp_path, tiny_images, *options, *more, name=name)) == 0
        (tmp_path / name / "epoch-002.keras").unlink()
        assert main(["train", "--resume", "--checkpoints", str(tmp_path / name), *more]) == 0
        shapes = {run.image_shape for run in StoreReader(str(tmp_path / f"{name}.db")).runs()}
        assert shapes == {size}
    capsys.readouterr()
    again = ["train", "--resume", "--checkpoints", str(tmp_path / "other"), "--size", "8x8"]
    assert main(again) == INPUT
    assert "14x10 for --size, not 8x8" in capsys.readouterr().err
    fixed = words(tmp_path, tiny_images, "--from", str(tiny_path), "--size", "9x9", name="no")
    assert main(fixed) == INPUT
    assert "takes images of 8 × 8 only; leave --size out" in capsys.readouterr().err


def test_a_model_is_given_the_pixel_values_that_it_wants(
    tmp_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    within = network(tmp_path / "within.keras")
    without = network(tmp_path / "without.keras", rescale=None)
    options = ["--epochs", "1", "--experiment", "trial", "--seed", "2"]
    assert main(words(tmp_path, tiny_images, "--from", str(within), *options, name="a")) == 0
    assert "--pixel-range" not in capsys.readouterr().err
    said = ["--from", str(without), "--teacher", str(without), *options, "--pixel-range"]
    assert main(words(tmp_path, tiny_images, *said, "0-1", name="taught")) == 0
    assert "--pixel-range" not in capsys.readouterr().err
    said = ["--from", str(without), *options, "--pixel-range", "0-1"]
    assert main(words(tmp_path, tiny_images, *said, name="b")) == 0
    weights = [restored(tmp_path / n / "epoch-001.keras").get_weights() for n in ("a", "b")]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    readers = [StoreReader(str(tmp_path / f"{name}.db")) for name in ("a", "b")]
    np.testing.assert_allclose(
        readers[0].gap_rows(1, 0, 40), readers[1].gap_rows(1, 0, 40), rtol=1e-4, atol=1e-5
    )
    # Who says nothing is told what the model is given, as by the collector.
    capsys.readouterr()
    assert main(words(tmp_path, tiny_images, "--from", str(without), *options, name="c")) == 0
    assert capsys.readouterr().err.count("say so with --pixel-range") == 1
    (tmp_path / "b" / "epoch-001.keras").unlink()
    again = ["train", "--resume", "--checkpoints", str(tmp_path / "b")]
    assert main([*again, "--pixel-range", "0-255"]) == INPUT
    assert "leave --pixel-range out" in capsys.readouterr().err


@pytest.mark.parametrize("changed", ["a picture", "a label", "the order", "a name", "validation"])
def test_a_training_goes_on_over_the_same_images_alone(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str], changed: str
) -> None:
    generator = np.random.default_rng(6)
    pixels = generator.integers(0, 256, (200, 8, 8, 3)).astype(np.uint8)
    labels = np.arange(200) % 3
    names = ["ant", "bee", "cat"]

    def save(name: str) -> str:
        np.savez(tmp_path / name, images=pixels, labels=labels, class_names=names)
        return str(tmp_path / name)

    data = tmp_path / "data.npz"
    save("data.npz")
    options = ["--from", str(tiny_path), "--epochs", "2", "--validation", save("probe.npz")]
    assert main(words(tmp_path, data, *options)) == 0
    (tmp_path / "a" / "epoch-002.keras").unlink()
    if changed in ("a picture", "validation"):
        pixels[7, 0, 0, 0] ^= 1
    elif changed == "a label":
        labels[7] = (labels[7] + 1) % 3
    elif changed == "the order":
        pixels = pixels[::-1].copy()
    else:
        names[2] = "cow"
    save("probe.npz" if changed == "validation" else "data.npz")
    if changed == "a name":
        save("probe.npz")
    capsys.readouterr()
    again = ["train", "--resume", "--checkpoints", str(tmp_path / "a")]
    assert main(again) == INPUT
    assert "than when the training began" in capsys.readouterr().err
    # One that was begun before this was noted goes on.
    kept = tmp_path / "a" / "training.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"identity": None, "size": None}))
    assert main(again) == 0


def test_probe_images_have_the_classes_that_are_trained(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (60, 8, 8, 3)).astype(np.uint8)
    for name, words_ in (("data", ["cat", "dog", "frog"]), ("probe", ["Katze", "Hund", "Frosch"])):
        np.savez(
            tmp_path / f"{name}.npz", images=pixels, labels=np.arange(60) % 3, class_names=words_
        )
    options = ["--from", str(tiny_path), "--epochs", "1"]
    options += ["--validation", str(tmp_path / "probe.npz")]
    assert main(words(tmp_path, tmp_path / "data.npz", *options)) == INPUT
    said = capsys.readouterr().err
    assert "its classes (Katze, Hund, Frosch) are not those that are trained" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_a_training_goes_on_without_the_model_that_it_began_with(
    tmp_path: Path, tiny_images: Path
) -> None:
    start = network(tmp_path / "start.keras")
    options = ["--from", str(start), "--epochs", "2", "--precision", "auto"]
    assert main(words(tmp_path, tiny_images, *options)) == 0
    (tmp_path / "a" / "epoch-002.keras").unlink()
    start.unlink()
    again = ["train", "--resume", "--checkpoints", str(tmp_path / "a"), "--precision", "auto"]
    assert main(again) == 0
    assert (tmp_path / "a" / "epoch-002.keras").exists()


def test_runs_of_others_are_neither_taken_for_its_own_nor_deleted(
    tmp_path: Path, tiny_path: Path, tiny_images: Path
) -> None:
    options = ["--from", str(tiny_path), "--epochs", "2", "--experiment", "trial"]
    store = ["--store", str(tmp_path / "both.db")]
    for name, seed in (("a", "1"), ("b", "2")):
        asked = words(tmp_path, tiny_images, *options, "--seed", seed, name=name)
        assert main([*asked, *store]) == 0
    reader = StoreReader(str(tmp_path / "both.db"))
    ours = str(tmp_path / "a" / "epoch-002.keras")
    (gone,) = [run.id for run in reader.runs() if run.checkpoint.source == ours]
    delete_run(str(tmp_path / "both.db"), gone)
    own = ["--model", str(tiny_path), "--images", str(tiny_images), "--limit", "10", *store]
    assert main([*own, "--experiment", "trial", "--epoch", "2", "--name", "mine"]) == 0
    assert main(["train", "--resume", "--checkpoints", str(tmp_path / "a")]) == 0
    runs = reader.runs()
    assert len([run for run in runs if run.checkpoint.source == ours]) == 1
    assert [run.name for run in runs].count("mine") == 1
    assert len(runs) == 5


def test_a_moved_training_knows_its_runs(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--from", str(tiny_path), "--epochs", "1", "--experiment", "trial"]
    assert main(words(tmp_path, tiny_images, *options)) == 0
    reader = StoreReader(str(tmp_path / "a.db"))
    # The same weights from elsewhere take nothing away from the training's run.
    copied = tmp_path / "copy.keras"
    copied.write_bytes((tmp_path / "a" / "epoch-001.keras").read_bytes())
    own = ["--model", str(copied), "--images", str(tiny_images), "--limit", "10"]
    assert main([*own, "--store", str(tmp_path / "a.db")]) == 0
    for folder in ("a", "{moved}"):
        (tmp_path / "a").rename(tmp_path / folder)
        capsys.readouterr()
        assert main(["train", "--resume", "--checkpoints", str(tmp_path / folder)]) == 0
        assert "nothing to do" in capsys.readouterr().err
        (tmp_path / folder).rename(tmp_path / "a")
    assert len(reader.runs()) == 2


def test_a_folder_may_be_called_like_what_is_filled_in(
    tmp_path: Path, tiny_path: Path, tiny_images: Path
) -> None:
    options = ["--from", str(tiny_path), "--epochs", "1", "--checkpoints", str(tmp_path / "{a}{")]
    assert main(words(tmp_path, tiny_images, *options)) == 0
    run = StoreReader(str(tmp_path / "a.db")).run(1)
    assert run.checkpoint.source == str(tmp_path / "{a}{" / "epoch-001.keras")


def test_a_frozen_model_is_refused(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = restored(tiny_path)
    model.trainable = False
    model.save(tmp_path / "frozen.keras")
    start = ["--from", str(tmp_path / "frozen.keras"), "--epochs", "1"]
    assert main(words(tmp_path, tiny_images, *start)) == INPUT
    assert "are frozen; set trainable = True" in capsys.readouterr().err


def test_kernels_of_every_kind_shrink_and_nothing_else() -> None:
    import keras

    inputs = keras.Input((4, 4, 3))
    x = keras.layers.SeparableConv2D(4, 3, name="separable")(inputs)
    x = keras.layers.DepthwiseConv2D(2, name="depthwise")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dense(3, activation="softmax", name="dense")(keras.layers.Flatten()(x))
    model = with_optimizer(keras.Model(inputs, x))
    before = {one.path: one.numpy() for one in model.trainable_variables}
    # Of black images no kernel has a gradient but that of its decay.
    Step(model)(np.zeros((8, 4, 4, 3), np.uint8), np.zeros(8, np.int64), 0.1)
    for one in model.trainable_variables:
        shrunk = before[one.path] * (1 - 0.1 * 1.9 * WEIGHT_DECAY)
        if one.path.endswith(("separable/depthwise_kernel", "depthwise/kernel")):
            np.testing.assert_allclose(one, shrunk, rtol=1e-6, atol=1e-9)
    names = {path.rsplit("/", 1)[-1] for path in before if path.endswith("kernel")}
    assert names == {"depthwise_kernel", "pointwise_kernel", "kernel"}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_model_that_ends_in_fewer_digits_is_trained(policy: str) -> None:
    import keras

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, dtype=policy)(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.GlobalAveragePooling2D(dtype=policy)(x)
    x = keras.layers.Dense(4, activation="softmax", dtype=policy)(x)
    model = with_optimizer(keras.Model(inputs, x))
    rng = np.random.default_rng(4)
    pixels = rng.integers(0, 256, (32, 8, 8, 3)).astype(np.uint8)
    labels = pixels.mean((1, 2)).argmax(1)
    step = Step(model, teacher=model)
    losses = [step(pixels, labels, 0.5)[0] for _ in range(30)]
    assert losses[-1] < losses[0]


def test_a_renormalisation_keeps_the_statistics_that_are_its_own() -> None:
    import keras

    inputs = keras.Input((4, 4, 3))
    x = keras.layers.BatchNormalization(renorm=True, name="norm")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(x))
    model = with_optimizer(keras.Model(inputs, x))
    plain = keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    rng = np.random.default_rng(5)
    batches = rng.integers(0, 256, (20, 16, 4, 4, 3)).astype(np.uint8)
    Step(model).settle(batches)
    for batch in batches:
        plain(batch.astype(np.float32), training=True)
    both = (one.get_layer("norm").get_weights() for one in (model, plain))
    for found, wanted in zip(*both, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
