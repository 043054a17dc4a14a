"""What the user says of a model: what it ends in, its size, what is done to pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest

from collector.callback import ReactCNNCallback
from collector.cli import main
from reactcnn_dash import open_store
from reactcnn_dash.db import Answers, StoreReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (8, 8, 3)


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    pixels = np.random.default_rng(0).integers(0, 256, (4, *SHAPE), dtype=np.uint8)
    np.savez(tmp_path / "four.npz", images=pixels)
    monkeypatch.chdir(tmp_path)
    return pixels


def save(outputs: int, activation: str | None = None, *, channels: int = 3) -> keras.Model:
    inputs = keras.Input((None, None, channels))
    tensor = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    model = keras.Model(inputs, keras.layers.Dense(outputs, activation)(tensor))
    model.save("model.keras")
    return model


def collect(*options: str) -> int:
    return main(["--model", "model.keras", "--images", "four.npz", "--quiet", *options])


def stored() -> NDArray[np.float32]:
    reader = StoreReader("reactcnn.db")
    return np.stack([reader.image(1, ordinal).probabilities for ordinal in range(4)])


def softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(values - values.max(1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
    return shares


def test_what_is_said_of_the_head_is_done(images: NDArray[np.uint8]) -> None:
    # A softmax would be judged to be one; told that these are logits, another is applied.
    model = save(3, "softmax")
    assert collect("--head", "logits") == 0
    said = np.asarray(model(images.astype(np.float32)), np.float64)
    np.testing.assert_allclose(stored(), softmax(said), atol=1e-6)
    assert StoreReader("reactcnn.db").run(1).options["head"] == "logits"


@pytest.mark.parametrize(("head", "outputs"), [("sigmoid", 3), ("softmax", 3), ("sigmoid", 1)])
def test_outputs_that_are_probabilities_stay_as_they_are(
    images: NDArray[np.uint8], head: str, outputs: int
) -> None:
    model = save(outputs, "hard_sigmoid")
    assert collect("--head", head, "--pixel-range", "0-1") == 0
    said = np.asarray(model(images.astype(np.float32) / 255))
    expected = said if outputs > 1 else np.concatenate([1 - said, said], 1)
    np.testing.assert_allclose(stored(), expected, atol=1e-6)


def test_one_output_is_no_softmax(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    save(1)
    assert collect("--head", "softmax") == 3
    assert "say --head sigmoid" in capsys.readouterr().err


def test_imagenets_mean_and_deviation(images: NDArray[np.uint8]) -> None:
    model = save(3)
    assert collect("--preprocess", "imagenet") == 0
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    given = (images / 255 - mean) / deviation
    maps = np.asarray(model.get_layer("conv")(given.astype(np.float32)))
    run = open_store("reactcnn.db").run(1)
    np.testing.assert_allclose(run.gap("conv"), maps.mean((1, 2)), rtol=1e-3, atol=1e-5)


def test_any_size_is_the_one_that_is_asked_for(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    save(3)
    assert collect("--size", "12x10") == 0
    assert StoreReader("reactcnn.db").run(1).image_shape == (12, 10, 3)
    fixed = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(2, 3)])
    fixed.add(keras.layers.GlobalAveragePooling2D())
    fixed.save("model.keras")
    assert collect("--size", "12x10") == 3
    assert "takes images of 8 × 8 only" in capsys.readouterr().err


def test_imagenet_is_for_colour(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = keras.Input((8, 8, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    keras.Model(inputs, pooled).save("model.keras")
    assert collect("--preprocess", "imagenet") == 3
    assert "is for colour" in capsys.readouterr().err


def notices(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["--model", "model.keras", "--images", "four.npz", *options]) == 0
    return capsys.readouterr().err


def build(outputs: int, activation: str | None = None) -> tuple[keras.KerasTensor, keras.Model]:
    inputs = keras.Input(SHAPE)
    tensor = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    return inputs, keras.Model(inputs, keras.layers.Dense(outputs, activation)(tensor))


@pytest.mark.parametrize("loss", ["mse", keras.losses.Huber(), "mean_absolute_error"])
@pytest.mark.parametrize("outputs", [1, 4])
def test_a_loss_of_values_makes_values(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str], loss: object, outputs: int
) -> None:
    _, model = build(outputs)
    model.compile(loss=loss)
    model.save("model.keras")
    assert "taken for values" in notices(capsys)
    run = StoreReader("reactcnn.db").run(1)
    assert (run.answers, run.options["head"]) == (Answers.VALUES, "regression")
    several = tuple(f"value {index}" for index in range(4))
    assert run.class_names == (("value",) if outputs == 1 else several)
    np.testing.assert_allclose(stored(), model(images.astype(np.float32)), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("loss", [keras.losses.BinaryCrossentropy(from_logits=True), None])
def test_one_unit_of_another_loss_stays_a_logit(images: NDArray[np.uint8], loss: object) -> None:
    _, model = build(1)
    if loss is not None:
        model.compile(loss=loss)
    model.save("model.keras")
    assert collect() == 0
    said = np.asarray(model(images.astype(np.float32)), np.float64)
    np.testing.assert_allclose(stored()[:, 1:], 1 / (1 + np.exp(-said)), atol=1e-4)


def test_five_sigmoids_are_labels_with_thresholds(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    model = save(5, "sigmoid")
    assert "taken for labels" in notices(capsys, "--pixel-range", "0-1", "--threshold", "0.3")
    run = StoreReader("reactcnn.db").run(1)
    assert (run.answers, run.thresholds) == (Answers.LABELS, (0.3,) * 5)
    expected = np.asarray(model(images.astype(np.float32) / 255))
    np.testing.assert_allclose(stored(), expected, atol=1e-6)
    frame = open_store("reactcnn.db").run(1).images()
    assert (frame["prediction"] == -1).all()
    assert frame["confidence"].isna().all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--threshold", "0.3,0.4"), "2 thresholds for 5 labels"),
        (("--head", "softmax", "--threshold", "0.3"), "the model has none"),
    ],
)
def test_thresholds_that_fit_nothing_are_refused(
    images: NDArray[np.uint8],
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    said: str,
) -> None:
    save(5, "sigmoid")
    assert collect(*options) == 3
    assert said in capsys.readouterr().err


def test_an_embedding_gets_no_softmax(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    inputs, model = build(8)
    normal = keras.layers.UnitNormalization()(model.output)
    keras.Model(inputs, normal).save("model.keras")
    assert "taken for an embedding" in notices(capsys)
    assert StoreReader("reactcnn.db").run(1).answers is Answers.NONE
    assert stored().shape == (4, 0)


def _backbone(inputs: keras.KerasTensor, conv: keras.KerasTensor) -> keras.Model:
    return keras.Model(inputs, keras.layers.MaxPooling2D()(conv))


def _unet(inputs: keras.KerasTensor, conv: keras.KerasTensor) -> keras.Model:
    small = keras.layers.Conv2D(8, 3, strides=2, padding="same", name="deep")(conv)
    wide = keras.layers.Conv2DTranspose(4, 3, strides=2, padding="same", name="wide")(small)
    joined = keras.layers.Concatenate()([wide, conv])
    return keras.Model(inputs, keras.layers.Conv2D(2, 1, activation="softmax", name="mask")(joined))


def _two(inputs: keras.KerasTensor, conv: keras.KerasTensor) -> keras.Model:
    other = keras.layers.Conv2D(3, 3, name="other")(inputs)
    ends = {
        "kind": keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(conv)),
        "box": keras.layers.Dense(4)(keras.layers.Flatten()(other)),
    }
    return keras.Model(inputs, ends)


@pytest.mark.parametrize("make", [_backbone, _unet, _two])
def test_none_admits_what_has_no_classes(
    images: NDArray[np.uint8],
    capsys: pytest.CaptureFixture[str],
    make: Callable[[keras.KerasTensor, keras.KerasTensor], keras.Model],
) -> None:
    inputs = keras.Input(SHAPE)
    conv = keras.layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    model = make(inputs, conv)
    model.save("model.keras")
    assert collect() == 3
    assert "--head none" in capsys.readouterr().err
    assert collect("--head", "none") == 0
    run = open_store("reactcnn.db").run(1)
    assert (run.info.answers, run.info.class_names) == (Answers.NONE, ())
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    convolutions = [one for one in model.layers if isinstance(one, kinds)]
    for layer in convolutions:
        maps = keras.Model(model.inputs, layer.output)(images.astype(np.float32))
        np.testing.assert_allclose(run.gap(layer.name), np.mean(maps, (1, 2)), rtol=1e-3, atol=1e-3)


def test_classes_of_the_images_are_left_out_where_the_model_has_none(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez("four.npz", images=images, labels=np.arange(4) % 3)
    save(3)
    assert "its classes are left out" in notices(capsys, "--head", "regression")
    assert StoreReader("reactcnn.db").run(1).labelled == 0


@pytest.mark.parametrize("head", ["regression", "none", "sigmoid"])
def test_the_callback_takes_the_same(images: NDArray[np.uint8], head: str) -> None:
    model = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(2, 3)])
    model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dense(3, "sigmoid"))
    model.compile(loss="mse", run_eagerly=True)
    told = [0.2, 0.3, 0.4] if head == "sigmoid" else None
    callback = ReactCNNCallback("callback.db", images, head=head, threshold=told)
    model.fit(images.astype(np.float32), np.zeros((4, 3)), verbose=0, callbacks=[callback])
    run = StoreReader("callback.db").run(callback.runs[0])
    assert run.options["head"] == head
    assert run.thresholds == tuple(told or ())


def test_slimming_a_regression_measures_no_classes(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = keras.Input(SHAPE)
    tensor = keras.layers.Conv2D(6, 3, activation="relu", name="first")(inputs)
    tensor = keras.layers.Conv2D(4, 3, activation="relu", name="second")(tensor)
    tensor = keras.layers.GlobalAveragePooling2D()(tensor)
    model = keras.Model(inputs, keras.layers.Dense(2)(tensor))
    model.compile(loss="mse")
    model.save("model.keras")
    more = np.random.default_rng(1).integers(0, 256, (40, *SHAPE), dtype=np.uint8)
    np.savez("four.npz", images=more, labels=np.arange(40) % 2)
    asked = ["slim", "--model", "model.keras", "--images", "four.npz", "--evaluate", "four.npz"]
    assert main([*asked, "--loss", "1", "--output", "slim.keras"]) != 0
    assert "counts right classes, and the model names none" in capsys.readouterr().err
    assert main([*asked, "--parameters", "70%", "--output", "slim.keras"]) == 0
    said = capsys.readouterr()
    assert "the model names no class" in said.err
    assert "accuracy" not in said.err + said.out
    assert keras.saving.load_model("slim.keras").count_params() < model.count_params()
