"""Labels of which several are right, and values that are due: of real networks, against NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from PIL import Image

from collector.callback import ReactCNNCallback
from collector.cli import main
from collector.images import open_images
from reactcnn_dash.db import Answers, Letter, StoreReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPE = (8, 8, 3)
IMAGES = 24
NAMES = ("sky", "sea", "sand", "boat")


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.uint8]:
    monkeypatch.chdir(tmp_path)
    return np.random.default_rng(0).integers(0, 256, (IMAGES, *SHAPE), dtype=np.uint8)


def build(outputs: int, activation: str | None = None, loss: str | None = None) -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input(SHAPE)
    tensor = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(inputs)
    tensor = keras.layers.Flatten()(tensor)
    model = keras.Model(inputs, keras.layers.Dense(outputs, activation)(tensor))
    if loss is not None:
        model.compile(loss=loss)
    model.save("model.keras")
    return model


def collect(*options: str, images: str = "some.npz") -> int:
    asked = ["--model", "model.keras", "--images", images, "--pixel-range", "0-1", *options]
    return main([*asked, "--batch-size", "5"])


def said_by(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(model(images / np.float32(255)), np.float64)


def stored(run: int = 1) -> NDArray[np.float32]:
    reader = StoreReader("reactcnn.db")
    return np.stack([reader.image(run, ordinal).probabilities for ordinal in range(IMAGES)])


def targets(run: int = 1) -> NDArray[np.float32]:
    reader = StoreReader("reactcnn.db")
    found = [reader.image(run, ordinal).target for ordinal in range(IMAGES)]
    return np.stack([one.values for one in found if one is not None])


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 1 / (1 + np.exp(-values))
    return found


SETS = np.random.default_rng(1).integers(0, 2, (IMAGES, 4))


@pytest.mark.parametrize("kind", [np.int64, np.float32, np.bool_])
def test_hits_by_label_are_numpys(images: NDArray[np.uint8], kind: type) -> None:
    model = build(4, "sigmoid")
    np.savez("some.npz", images=images, labels=SETS.astype(kind), class_names=NAMES)
    assert collect("--threshold", "0.3,0.5,0.6,0.5") == 0
    reader = StoreReader("reactcnn.db")
    run = reader.run(1)
    assert (run.answers, run.class_names) == (Answers.LABELS, NAMES)
    given = said_by(model, images) >= (0.3, 0.5, 0.6, 0.5)
    true = SETS == 1
    assert run.labelled == IMAGES
    assert run.correct == int((given == true).all(1).sum())
    found = reader.targets(run)
    assert found.count(Letter.HIT).tolist() == (given & true).sum(0).tolist()
    assert found.count(Letter.MISSED).tolist() == (~given & true).sum(0).tolist()
    assert found.count(Letter.FALSE).tolist() == (given & ~true).sum(0).tolist()
    assert found.errors.tolist() == (given != true).sum(1).tolist()
    np.testing.assert_array_equal(targets(), SETS)


def test_names_bring_labels_into_the_models_order(images: NDArray[np.uint8]) -> None:
    model = build(4, "sigmoid")
    order = [2, 0, 3, 1]
    names = [NAMES[i].upper() for i in order]
    np.savez("some.npz", images=images, labels=SETS[:, order], class_names=names)
    Path("names.txt").write_text("\n".join(NAMES))
    assert collect("--classes", "names.txt", "--head", "sigmoid") == 0
    np.testing.assert_array_equal(targets(), SETS)
    given = said_by(model, images) >= 0.5
    run = StoreReader("reactcnn.db").run(1)
    assert run.correct == int((given == (SETS == 1)).all(1).sum())


def test_what_is_not_known_of_a_label_counts_nowhere(images: NDArray[np.uint8]) -> None:
    model = build(4, "sigmoid")
    some = SETS.copy()
    some[3] = -1
    some[::2, 1] = -1
    np.savez("some.npz", images=images, labels=some)
    assert collect("--limit", "24") == 0
    reader = StoreReader("reactcnn.db")
    run = reader.run(1)
    assert run.labelled == IMAGES - 1
    given, known = said_by(model, images) >= 0.5, some >= 0
    agree = (given == (some == 1)) | ~known
    assert run.correct == int((agree.all(1) & known.any(1)).sum())
    true = (some == 1) & given
    assert reader.targets(run).count(Letter.HIT).tolist() == true.sum(0).tolist()


@pytest.mark.parametrize("outputs", [1, 4])
@pytest.mark.parametrize("key", ["targets", "labels"])
def test_the_error_of_values_is_numpys(
    images: NDArray[np.uint8], outputs: int, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = build(outputs)
    due = np.random.default_rng(2).normal(size=(IMAGES, outputs)).astype(np.float32)
    due[4] = np.nan
    arrays: dict[str, Any] = {key: due[:, 0] if outputs == 1 else due}
    np.savez("some.npz", images=images, **arrays)
    assert collect("--head", "regression") == 0
    reader = StoreReader("reactcnn.db")
    run = reader.run(1)
    off = np.abs(said_by(model, images) - due).mean(1)
    known = np.isfinite(off)
    assert (run.labelled, run.error_count) == (0, IMAGES - 1)
    assert run.mean_error == pytest.approx(off[known].mean(), rel=1e-5)
    np.testing.assert_allclose(reader.targets(run).errors, off[known], rtol=1e-4)
    np.testing.assert_array_equal(targets(), due[known])


def folder(images: NDArray[np.uint8], lines: list[str]) -> None:
    for place, one in enumerate(images):
        path = Path("photos", "a" if place % 2 else "b", f"{place:02d}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(path)
    Path("photos", "targets.csv").write_text("\n".join(lines))


def test_a_folder_brings_its_targets_in_a_file(images: NDArray[np.uint8]) -> None:
    model = build(4, "sigmoid")
    lines = ["file," + ",".join(NAMES)]
    for place in range(1, IMAGES):
        cells = [str(one) if place != 5 else "" for one in SETS[place]]
        lines.append(f"{'a' if place % 2 else 'b'}/{place:02d}.png," + ",".join(cells))
    folder(images, lines)
    assert collect("--head", "sigmoid", images="photos") == 0
    reader = StoreReader("reactcnn.db")
    run = reader.run(1)
    assert (run.stored, run.labelled, run.class_names) == (IMAGES, IMAGES - 2, NAMES)
    given = said_by(model, images) >= 0.5
    hits = given & (SETS == 1)
    hits[[0, 5]] = False
    assert reader.targets(run).count(Letter.HIT).tolist() == hits.sum(0).tolist()
    for ordinal in range(IMAGES):
        image = reader.image(1, ordinal)
        place = int((image.name or "").split("/")[1].split(".")[0])
        if place in (0, 5):
            assert image.target is None
        else:
            assert image.target is not None
            np.testing.assert_array_equal(image.target.values, SETS[place])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["file"], "has to name the columns"),
        (["file,x", "a/01.png,1,2"], "line 2 has 3 columns"),
        (["file,x", "a/01.png,one"], "'one' is no number"),
        (["file,x", "a/01.png,1", "a/01.png,2"], "stands there twice"),
        (["file,x", "a/99.png,1"], "names 1 files that are not in the folder (a/99.png)"),
        (["file,x", "a/01.png,inf"], "leave empty what is not known"),
    ],
)
def test_a_file_of_targets_that_does_not_fit_is_refused(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str], lines: list[str], said: str
) -> None:
    build(1)
    folder(images, lines)
    assert collect("--head", "regression", images="photos") == 3
    assert said in " ".join(capsys.readouterr().err.split())


def test_images_with_other_targets_are_others(images: NDArray[np.uint8]) -> None:
    found = []
    for due in (np.linspace(-2, 2, IMAGES), np.linspace(2, -2, IMAGES), None):
        arrays: dict[str, Any] = {} if due is None else {"targets": due}
        np.savez("some.npz", images=images, **arrays)
        found.append(open_images("some.npz").identity)
    # A run is gone on with only where they are the same.
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("arrays", "head", "said"),
    [
        ({"labels": SETS[:, :3]}, "sigmoid", "3 targets an image for a model with 4 outputs"),
        ({"targets": SETS + 0.5}, "sigmoid", "its targets are left out"),
        ({"labels": SETS}, "softmax", "say --head sigmoid"),
        ({"targets": SETS * 1.5}, "logits", "--head regression"),
        (
            {"labels": SETS, "class_names": ["a", "b", "c", "d"]},
            "named",
            "is not among its targets",
        ),
    ],
)
def test_targets_that_do_not_fit_are_told(
    images: NDArray[np.uint8],
    capsys: pytest.CaptureFixture[str],
    arrays: dict[str, Any],
    head: str,
    said: str,
) -> None:
    build(4, "sigmoid")
    np.savez("some.npz", images=images, **arrays)
    options = ["--head", "sigmoid" if head == "named" else head]
    if head == "named":
        Path("names.txt").write_text("\n".join(NAMES))
        options += ["--classes", "names.txt"]
    left_out = said == "its targets are left out"
    assert collect(*options) == (0 if left_out else 3)
    assert said in " ".join(capsys.readouterr().err.split())


def test_one_hot_rows_are_classes_of_a_model_that_names_one(images: NDArray[np.uint8]) -> None:
    model = build(4, "softmax")
    labels = np.arange(IMAGES) % 4
    np.savez("some.npz", images=images, labels=np.eye(4, dtype=int)[labels])
    assert collect() == 0
    run = StoreReader("reactcnn.db").run(1)
    assert (run.labelled, run.correct) == (
        IMAGES,
        int((said_by(model, images).argmax(1) == labels).sum()),
    )
    assert not len(StoreReader("reactcnn.db").targets(run).ordinals)


@pytest.mark.parametrize(("head", "outputs"), [("sigmoid", 5), ("sigmoid", 1), ("softmax", 5)])
def test_raw_outputs_are_squashed_as_the_head_says(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str], head: str, outputs: int
) -> None:
    model = build(outputs)
    np.savez("some.npz", images=images)
    assert collect("--head", head, "--first", "7") == 0
    assert f"{head} is applied" in " ".join(capsys.readouterr().err.split())
    raw = said_by(model, images[:7])
    unit = sigmoid(raw)
    if head == "softmax":
        powers = np.exp(raw - raw.max(1, keepdims=True))
        unit = powers / powers.sum(1, keepdims=True)
    expected = np.concatenate([1 - unit, unit], 1) if outputs == 1 else unit
    reader = StoreReader("reactcnn.db")
    found = np.stack([reader.image(1, ordinal).probabilities for ordinal in range(7)])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    run = reader.run(1)
    assert run.options["head"] == head
    kind = Answers.LABELS if (head, outputs) == ("sigmoid", 5) else Answers.CLASSES
    assert run.answers is kind


def test_a_sigmoid_that_is_a_layer_of_its_own_is_not_applied_twice(
    images: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    raw = build(5)
    for last in (keras.layers.Activation("sigmoid"), keras.ops.sigmoid):
        keras.Model(raw.inputs, last(raw.output)).save("model.keras")
        np.savez("some.npz", images=images)
        assert collect("--head", "sigmoid") == 0
        assert "is applied" not in capsys.readouterr().err
        runs = StoreReader("reactcnn.db").runs()
        np.testing.assert_allclose(stored(runs[0].id), sigmoid(said_by(raw, images)), atol=1e-5)


@pytest.mark.parametrize("as_stream", [False, True])
def test_the_callback_follows_the_error_of_a_regression(
    images: NDArray[np.uint8], as_stream: bool
) -> None:
    model = build(2)
    due = np.random.default_rng(4).normal(size=(IMAGES, 2)).astype(np.float32)
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(1e-4), run_eagerly=True)
    given = images.astype(np.float32)
    probe: dict[str, Any] = {"probe_images": images, "probe_labels": due}
    if as_stream:
        probe = {"probe_images": iter([(given[:10], due[:10]), (given[10:], due[10:])])}
    callback = ReactCNNCallback("reactcnn.db", pixel_range="0-255", **probe)
    model.fit(given, due, epochs=2, verbose=0, callbacks=[callback])
    reader = StoreReader("reactcnn.db")
    assert len(callback.runs) == 2
    run = reader.run(callback.runs[-1])
    off = np.abs(np.asarray(model(given)) - due).mean()
    assert run.mean_error == pytest.approx(off, rel=1e-3)


def test_the_callback_takes_whole_numbers_for_values_where_the_model_gives_these(
    images: NDArray[np.uint8],
) -> None:
    model = build(1)
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(1e-4), run_eagerly=True)
    ages = np.arange(IMAGES) - 3
    callback = ReactCNNCallback("reactcnn.db", images, probe_labels=ages, pixel_range="0-1")
    model.fit(images / np.float32(255), ages, verbose=0, callbacks=[callback])
    run = StoreReader("reactcnn.db").run(callback.runs[0])
    off = np.abs(said_by(model, images)[:, 0] - ages).mean()
    assert run.mean_error == pytest.approx(off, rel=1e-3)


def test_the_callback_counts_hits_of_labels(images: NDArray[np.uint8]) -> None:
    model = build(4, "sigmoid")
    optimizer = keras.optimizers.SGD(1e-3)
    model.compile(loss="binary_crossentropy", optimizer=optimizer, run_eagerly=True)
    callback = ReactCNNCallback("reactcnn.db", images, probe_labels=SETS, pixel_range="0-1")
    model.fit(images / np.float32(255), SETS, verbose=0, callbacks=[callback])
    reader = StoreReader("reactcnn.db")
    run = reader.run(callback.runs[0])
    given = said_by(model, images) >= 0.5
    assert run.correct == int((given == (SETS == 1)).all(1).sum())
    assert reader.targets(run).count(Letter.HIT).tolist() == (given & (SETS == 1)).sum(0).tolist()


def test_workers_of_one_run_store_the_targets_too(images: NDArray[np.uint8]) -> None:
    model = build(1)
    due = np.linspace(-2, 2, IMAGES)
    np.savez("some.npz", images=images, targets=due)
    assert collect("--head", "regression", "--share", "together") == 0
    run = StoreReader("reactcnn.db").run(1)
    off = np.abs(said_by(model, images)[:, 0] - due).mean()
    assert run.mean_error == pytest.approx(off, rel=1e-4)
