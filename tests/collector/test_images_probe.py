"""What the callback takes as probe images: the arrays of the command line, and streams."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from collector import ReactCNNCallback
from collector.images import ImageSourceError, ValueRange, open_images
from collector.images.probe import STREAMED, open_probe
from reactcnn_dash.db import StoreReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

GENERATOR = np.random.default_rng(3)
CODES = GENERATOR.integers(0, 256, (70, 8, 8, 3), np.uint8)
LABELS = GENERATOR.integers(0, 3, 70)


def pixels_of(images: Any, channels: int = 3, **more: Any) -> NDArray[np.uint8]:
    source = open_probe(images, None, (), **more)
    return source.read(0, len(source), (8, 8, channels)).pixels


ARRAYS: dict[str, Any] = {
    "uint8": CODES,
    "float 0-1": CODES / 255,
    "float32 0-1": (CODES / 255).astype(np.float32),
    "float 0-255": CODES.astype(np.float32),
    "int64": CODES.astype(np.int64),
    "full 16 bits": CODES.astype(np.uint16) * 257,
    "a list": [*(CODES / 255)],
    "a tensor": tf.constant(CODES.astype(np.float32)),
    "a variable": tf.Variable(CODES / 255),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_those_of_an_npz(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "a.npz", images=np.asarray(ARRAYS[name]))
    source = open_images(str(tmp_path / "a.npz"))
    expected = source.read(0, 70, (8, 8, 3)).pixels
    np.testing.assert_array_equal(expected, CODES)
    np.testing.assert_array_equal(pixels_of(ARRAYS[name]), expected)
    assert open_probe(ARRAYS[name], None, ()).value_range == source.value_range


@pytest.mark.parametrize(
    "images",
    [
        CODES.astype(np.float32) * 3,
        CODES.astype(np.uint16) << 4,
        CODES / 127.5 - 1,
        np.rint(CODES / 16).astype(np.int64),
        np.where(CODES == 7, np.nan, CODES / 255),
        CODES.astype(complex),
        np.zeros((0, 8, 8, 3)),
        np.zeros((8, 8)),
        np.zeros((3, 32, 32)),
        np.zeros((5, 3, 32, 32)),
        [np.zeros((8, 8, 3)), np.zeros((9, 8, 3))],
        np.array(["a"]),
    ],
)
def test_the_same_arrays_are_refused_in_one_line(tmp_path: Path, images: Any) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        open_probe(images, None, ())
    text = str(caught.value)
    assert "\n" not in text
    assert "--value-range" not in text
    if not isinstance(images, list):
        np.savez(tmp_path / "a.npz", images=images)
        with pytest.raises(ImageSourceError):
            open_images(str(tmp_path / "a.npz"))


def test_a_given_range_in_the_words_of_python() -> None:
    images = CODES / 127.5 - 1
    with pytest.raises(ValueError, match=r"perhaps value_range=\(-1,1\)"):
        open_probe(images, None, ())
    source = open_probe(images, None, (), value_range=ValueRange(-1, 1))
    np.testing.assert_array_equal(source.read(0, 70, (8, 8, 3)).pixels, CODES)
    assert source.value_range == (-1, 1)


def test_grey_images_and_one_picture() -> None:
    np.testing.assert_array_equal(pixels_of(CODES[..., 0], 1)[..., 0], CODES[..., 0])
    np.testing.assert_array_equal(pixels_of(CODES[0]), CODES[:1])


def test_the_probe_stays_what_it_is() -> None:
    images = CODES.copy()
    source = open_probe(images, None, ())
    images[:] = 0
    np.testing.assert_array_equal(source.read(0, 70, (8, 8, 3)).pixels, CODES)


@pytest.mark.parametrize(
    "labels",
    [
        *(LABELS, LABELS.astype(np.float32), LABELS[:, None], [*LABELS], LABELS.astype(np.uint8)),
        np.eye(3)[LABELS],
    ],
)
def test_labels_as_training_has_them(labels: Any) -> None:
    source = open_probe(CODES, labels, ("a", "b", "c"))
    np.testing.assert_array_equal(source.labels, LABELS)


@pytest.mark.parametrize(
    "labels", [LABELS[:3], LABELS + 0.5, LABELS - 2, LABELS + 1, np.eye(3)[LABELS[:3]]]
)
def test_labels_that_do_not_fit(labels: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        open_probe(CODES, labels, ("a", "b", "c"))


class Batches(keras.utils.PyDataset):  # type: ignore[misc] # keras has no types
    """16 images a batch, classes one after the other."""

    def __len__(self) -> int:
        return (len(CODES) + 15) // 16

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        part = slice(16 * index, 16 * index + 16)
        return CODES[part] / 255, LABELS[part]


def generator(*more: Any) -> Iterator[Any]:
    while True:
        for start in range(0, 70, 16):
            part = slice(start, start + 16)
            yield (CODES[part].astype(np.float32), *(array[part] for array in more))


STREAMS: dict[str, Callable[[], Any]] = {
    "dataset": lambda: tf.data.Dataset.from_tensor_slices((CODES, LABELS)).batch(16),
    "dataset of floats": lambda: (
        tf.data.Dataset.from_tensor_slices((CODES / 255, LABELS)).batch(16).repeat()
    ),
    "dataset with one-hot labels": lambda: tf.data.Dataset.from_tensor_slices(
        (CODES, np.eye(3, dtype="float32")[LABELS])
    ).batch(9),
    "dataset with column labels": lambda: tf.data.Dataset.from_tensor_slices(
        (CODES, LABELS[:, None])
    ).batch(9),
    "dataset with weights": lambda: tf.data.Dataset.from_tensor_slices(
        (CODES, LABELS, np.ones(70))
    ).batch(9),
    "bfloat16": lambda: (
        tf.data.Dataset.from_tensor_slices((CODES, LABELS))
        .map(lambda x, y: (tf.cast(x, tf.bfloat16), y))
        .batch(8)
    ),
    "PyDataset": Batches,
    "generator without an end": lambda: generator(LABELS),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_with_labels(name: str) -> None:
    source = open_probe(STREAMS[name](), None, ("a", "b", "c"), most=70)
    chunk = source.read(0, 99, (8, 8, 3))
    np.testing.assert_array_equal(chunk.pixels, CODES)
    np.testing.assert_array_equal(chunk.labels, LABELS)
    assert len(open_probe(STREAMS[name](), None, (), most=21)) == 21


def test_streams_without_labels_and_their_usual_length() -> None:
    for stream in (tf.data.Dataset.from_tensor_slices(CODES).batch(32), generator()):
        source = open_probe(stream, None, (), most=40)
        assert not source.labelled
        np.testing.assert_array_equal(source.read(0, 99, (8, 8, 3)).pixels, CODES[:40])
    assert len(open_probe(generator(), None, ())) == STREAMED


def test_a_py_dataset_is_taken_from_all_over() -> None:
    source = open_probe(Batches(), None, (), most=32)
    found = source.read(0, 32, (8, 8, 3)).pixels
    np.testing.assert_array_equal(found[:16], CODES[:16])
    assert any((found[-1] == image).all() for image in CODES[64:])


def test_a_stream_of_one_class_is_told() -> None:
    ordered = tf.data.Dataset.from_tensor_slices((CODES, np.repeat([0, 1], 35))).batch(10)
    told = open_probe(ordered, None, (), most=30)
    assert "all 30 probe images have label 0" in told.notices[-1]
    assert open_probe(ordered, None, (), most=60).notices == ()


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (lambda: iter([]), "gives no images"),
        (lambda: tf.data.Dataset.from_tensor_slices((CODES, LABELS)), "one by one"),
        (lambda: iter([{"image": CODES}]), "images, or images and labels|no array|shape"),
        (lambda: iter([({"image": CODES}, LABELS)]), "images, or images and labels"),
        (lambda: iter([(CODES, {"a": LABELS})]), "of several kinds"),
        (lambda: iter([(CODES, LABELS[:4])]), "4 labels for 70 images"),
        (lambda: iter([CODES, (CODES, LABELS)]), "others have none"),
        (lambda: iter([CODES, CODES[:, :4]]), "one size is needed"),
        (lambda: iter([CODES.astype(np.float32) * 7]), "value_range"),
    ],
)
def test_streams_that_do_not_fit(stream: Callable[[], Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        open_probe(stream(), None, ())
    assert "\n" not in str(caught.value)


def test_labels_are_given_once() -> None:
    with pytest.raises(ValueError, match="has its own labels"):
        open_probe(generator(LABELS), LABELS, ())


def test_some_of_an_array_are_even_over_the_classes() -> None:
    labels = np.repeat([0, 1, 2], [50, 12, 8])
    source = open_probe(CODES, labels, (), most=9)
    assert sorted(source.labels[:9].tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_paths_take_reading_and_range(tmp_path: Path) -> None:
    Image.fromarray(CODES[0]).save(tmp_path / "a.png")
    assert open_probe(tmp_path, None, (), reading="keras").unrounded
    np.savez(tmp_path / "a.npz", images=CODES.astype(np.uint16) << 4)
    path = str(tmp_path / "a.npz")
    np.testing.assert_array_equal(
        pixels_of(path, value_range=ValueRange(0, 16 * 255), most=None), CODES
    )
    with pytest.raises(ValueError, match="reading goes with a folder"):
        open_probe(CODES, None, (), reading="keras")


@pytest.fixture
def model(tiny_model: Any) -> Any:
    copy = keras.models.clone_model(tiny_model)
    copy.set_weights(tiny_model.get_weights())
    loss = "sparse_categorical_crossentropy"
    copy.compile(keras.optimizers.SGD(0.05), loss, run_eagerly=True)
    return copy


def fit(model: Any, callback: Any) -> None:
    model.fit(CODES.astype("float32"), LABELS, batch_size=35, verbose=0, callbacks=[callback])


def test_training_with_a_data_set_as_probe(tmp_path: Path, model: Any) -> None:
    data = tf.data.Dataset.from_tensor_slices((CODES / 255, LABELS)).batch(16)
    callback = ReactCNNCallback(tmp_path / "a.db", data, probe=33)
    fit(model, callback)
    assert (callback.runs, callback.failures) == ([1], 0)
    reader = StoreReader(str(tmp_path / "a.db"))
    assert (reader.run(1).stored, reader.run(1).total, reader.run(1).labelled) == (33, 33, 33)
    found = [reader.image(1, ordinal).probabilities for ordinal in range(33)]
    expected = model(CODES[:33].astype("float32"))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_probe_of_some_drawn_images_is_stored_whole(tmp_path: Path, model: Any) -> None:
    callback = ReactCNNCallback(tmp_path / "a.db", CODES, probe_labels=LABELS, probe=12)
    fit(model, callback)
    run = StoreReader(str(tmp_path / "a.db")).run(1)
    assert (run.stored, run.total) == (12, 12)


def test_training_with_a_folder_read_as_keras_does(tmp_path: Path, model: Any) -> None:
    for index in range(6):
        target = tmp_path / "pictures" / f"class {index % 3}" / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.tile(CODES[index], (2, 3, 1))).save(target)
    callback = ReactCNNCallback(tmp_path / "a.db", tmp_path / "pictures", reading="keras")
    fit(model, callback)
    data = keras.utils.image_dataset_from_directory(
        tmp_path / "pictures", image_size=(8, 8), shuffle=False, verbose=False
    )
    reader = StoreReader(str(tmp_path / "a.db"))
    found = [reader.image(1, ordinal).probabilities for ordinal in range(6)]
    np.testing.assert_allclose(found, model.predict(data, verbose=0), atol=1e-5)
    assert reader.run(1).options["reading"] == "keras"


def test_a_run_notes_how_its_probe_was_read(tmp_path: Path, model: Any) -> None:
    images = (CODES / 127.5 - 1).astype(np.float32)
    fit(model, ReactCNNCallback(tmp_path / "a.db", images, value_range=(-1, 1), probe=9))
    run = StoreReader(str(tmp_path / "a.db")).run(1)
    assert (run.options["value_range"], run.options["reading"]) == ("-1,1", "pillow")
    assert (run.stored, run.options["limit"]) == (9, 9)


@pytest.mark.parametrize(
    "wrong",
    [{"probe": 0}, {"reading": "tensorflow"}, {"value_range": (1, 0)}, {"value_range": (0, 0)}],
)
def test_wrong_arguments(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        ReactCNNCallback(tmp_path / "a.db", CODES, **wrong)


def hints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if "pixel_range" in r.getMessage()]


def test_the_callback_asks_about_the_pixel_range(
    tmp_path: Path, model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    layers = keras.layers
    plain = keras.Sequential([
        keras.Input((8, 8, 3)), layers.RandomFlip(), layers.Conv2D(2, 3), layers.Flatten(),
        layers.Dense(3, "softmax"),
    ])  # fmt: skip
    plain.compile("sgd", "sparse_categorical_crossentropy")
    fit(plain, ReactCNNCallback(tmp_path / "a.db", CODES))
    assert len(hints(caplog)) == 1
    assert "was trained on 0–1 or −1–1" in hints(caplog)[0]
    caplog.clear()
    fit(plain, ReactCNNCallback(tmp_path / "a.db", CODES / 255))
    assert "values of 0–1, so the model was probably trained on those" in hints(caplog)[0]
    caplog.clear()
    fit(plain, ReactCNNCallback(tmp_path / "a.db", CODES / 255, pixel_range="0-1"))
    fit(plain, ReactCNNCallback(tmp_path / "a.db", CODES, pixel_range="0-255"))
    fit(model, ReactCNNCallback(tmp_path / "a.db", CODES))
    assert hints(caplog) == []
    ours = [record for record in caplog.records if record.name.startswith("collector")]
    assert [record for record in ours if record.levelno >= logging.WARNING] == []
