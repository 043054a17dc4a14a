"""The callback inside a real ``model.fit``."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector import ReactCNNCallback
from reactcnn_dash.db import RunState, StoreReader

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.fitting

GENERATOR = np.random.default_rng(3)
IMAGES = GENERATOR.integers(0, 256, (70, 8, 8, 3)).astype(np.uint8)
LABELS = GENERATOR.integers(0, 3, 70)


@pytest.fixture
def model(tiny_model: Any) -> Any:
    import keras

    copy = keras.models.clone_model(tiny_model)
    copy.set_weights(tiny_model.get_weights())
    copy.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    return copy


def fit(model: Any, *callbacks: Any, epochs: int = 3) -> list[float]:
    history = model.fit(
        IMAGES, LABELS, batch_size=16, epochs=epochs, verbose=0, callbacks=[*callbacks]
    )
    return list(history.history["loss"])


def direct_gap(model: Any) -> Any:
    """GAP of both convolutions after their activation by plain Keras."""
    import keras

    outputs = [model.get_layer("first_relu").output, model.get_layer("second").output]
    values = keras.Model(model.inputs, outputs)(IMAGES.astype("float32"), training=False)
    return np.concatenate([np.asarray(value).mean((1, 2)) for value in values], 1)


def test_every_epoch_is_stored_as_its_saved_weights_see_it(tmp_path: Path, model: Any) -> None:
    import keras

    store = tmp_path / "a.db"
    save = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    callback = ReactCNNCallback(
        store, IMAGES, probe_labels=LABELS, experiment="trial", class_names=("a", "b", "c")
    )
    fit(model, save, callback)
    reader = StoreReader(str(store))
    assert callback.runs == [1, 2, 3]
    digests = set()
    for epoch in (1, 2, 3):
        run = reader.run(epoch)
        assert (run.name, run.state, run.stored) == (
            f"trial · epoch {epoch}",
            RunState.FINISHED,
            70,
        )
        assert (run.experiment, run.epoch) == ("trial", epoch)
        assert run.class_names == ("a", "b", "c")
        saved = keras.models.load_model(tmp_path / f"{epoch}.keras")
        gap = direct_gap(saved)
        np.testing.assert_allclose(reader.gap_rows(epoch, 0, 70), gap, rtol=1e-5, atol=1e-5)
        right = saved.predict(IMAGES, verbose=0).argmax(1) == LABELS
        assert (run.labelled, run.correct) == (70, right.sum())
        digests.add(run.checkpoint.sha256)
    assert len(digests) == 3


def test_it_is_compiled_once(tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from collector.frameworks.keras.capture import Capture

    traced = []
    forward = Capture._forward

    def counted(capture: Capture, pixels: Any) -> Any:
        traced.append(1)
        return forward(capture, pixels)

    monkeypatch.setattr(Capture, "_forward", counted)
    fit(model, ReactCNNCallback(tmp_path / "a.db", IMAGES), epochs=4)
    assert len(traced) == 1


def test_training_is_the_same_with_and_without(tmp_path: Path, model: Any) -> None:
    import keras

    weights = model.get_weights()
    keras.utils.set_random_seed(1)
    alone = fit(model)
    model.set_weights(weights)
    keras.utils.set_random_seed(1)
    assert fit(model, ReactCNNCallback(tmp_path / "a.db", IMAGES)) == alone


@pytest.mark.parametrize(("every", "epochs", "expected"), [(2, 5, [2, 4, 5]), (2, 4, [2, 4])])
def test_every_so_many_epochs_and_the_last(
    tmp_path: Path, model: Any, every: int, epochs: int, expected: list[int]
) -> None:
    store = tmp_path / "a.db"
    fit(model, ReactCNNCallback(store, IMAGES, every=every), epochs=epochs)
    reader = StoreReader(str(store))
    found = [reader.run(run).epoch for run in range(1, len(expected) + 1)]
    assert found == expected


def test_a_store_that_fails_is_said_once_and_training_goes_on(
    tmp_path: Path, model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    store = tmp_path / "a.db"
    callback = ReactCNNCallback(store, IMAGES)
    store.write_bytes(b"no store at all, but somebody's file" * 100)
    with caplog.at_level(logging.INFO, "collector"):
        assert len(fit(model, callback)) == 3
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert str(store) in warned[0].getMessage()
    assert (callback.failures, callback.runs) == (3, [])
    assert "3 could not be stored" in caplog.records[-1].getMessage()


def test_a_store_deleted_during_training_is_survived(tmp_path: Path, model: Any) -> None:
    import keras

    store = tmp_path / "folder" / "a.db"
    store.parent.mkdir()

    def delete(epoch: int, logs: Any) -> None:
        shutil.rmtree(store.parent, ignore_errors=True)

    callback = ReactCNNCallback(store, IMAGES)
    assert len(fit(model, callback, keras.callbacks.LambdaCallback(on_epoch_end=delete))) == 3
    assert callback.runs[0] == 1
    assert len(callback.runs) + callback.failures == 3


def test_a_locked_store_costs_the_runs_of_that_time_alone(
    tmp_path: Path, model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    import keras

    store = tmp_path / "a.db"
    fit(model, ReactCNNCallback(store, IMAGES), epochs=1)
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    def release(epoch: int, logs: Any) -> None:
        if epoch == 0:
            other.rollback()

    callback = ReactCNNCallback(store, IMAGES)
    assert len(fit(model, callback, keras.callbacks.LambdaCallback(on_epoch_end=release))) == 3
    other.close()
    assert callback.failures == 1
    assert [r.getMessage() for r in caplog.records if "locked" in r.getMessage()]
    runs = StoreReader(str(store)).runs()
    assert sorted((run.epoch, run.stored) for run in runs) == [(1, 70), (2, 70), (3, 70)]


def test_a_model_that_cannot_be_watched_trains(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import keras

    inputs = keras.Input((8, 8, 3))
    dense = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(inputs))
    plain = keras.Model(inputs, dense)
    plain.compile("sgd", "sparse_categorical_crossentropy")
    assert len(fit(plain, ReactCNNCallback(tmp_path / "a.db", IMAGES))) == 3
    assert [r.getMessage() for r in caplog.records if "no convolutions" in r.getMessage()]


def test_ctrl_c_passes_through(tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from collector.frameworks.keras.capture import Capture

    monkeypatch.setattr(Capture, "warm_up", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fit(model, ReactCNNCallback(tmp_path / "a.db", IMAGES))


def test_its_time_is_reported(tmp_path: Path, model: Any, caplog: pytest.LogCaptureFixture) -> None:
    callback = ReactCNNCallback(tmp_path / "a.db", IMAGES)
    with caplog.at_level(logging.INFO, "collector"):
        fit(model, callback)
    assert callback.seconds > 0
    assert caplog.records[-1].getMessage() == callback.summary
    assert "3 runs collected" in callback.summary


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": 0},
        {"pixel_range": "0-2"},
        {"feature_maps": "last:0"},
        {"probe_images": IMAGES.astype("float32") * 3},
        {"probe_labels": LABELS[:3]},
        {"probe_labels": LABELS, "class_names": ("only",)},
    ],
)
def test_wrong_arguments_are_refused_before_training(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        ReactCNNCallback(**{"store": tmp_path / "a.db", "probe_images": IMAGES, **wrong})


@pytest.mark.process
def test_importing_the_package_imports_no_keras() -> None:
    script = "import collector, sys; sys.exit('keras' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_last_epoch_that_could_not_be_stored_is_tried_again_at_the_end(
    tmp_path: Path, model: Any
) -> None:
    import keras

    store = tmp_path / "a.db"
    fit(model, ReactCNNCallback(store, IMAGES), epochs=1)
    other = sqlite3.connect(store, isolation_level=None)

    def lock(epoch: int, logs: Any) -> None:
        if epoch == 1:
            other.execute("BEGIN EXCLUSIVE")

    locking = keras.callbacks.LambdaCallback(on_epoch_begin=lock)

    def release(logs: Any) -> None:
        other.rollback()

    releasing = keras.callbacks.LambdaCallback(on_train_end=release)
    callback = ReactCNNCallback(store, IMAGES)
    fit(model, locking, releasing, callback, epochs=2)
    other.close()
    assert (callback.runs, callback.failures) == ([2, 3], 0)
    run = StoreReader(str(store)).run(3)
    assert (run.epoch, run.stored) == (2, 70)


def test_a_layer_that_is_given_other_weights_is_looked_at_anew(tmp_path: Path, model: Any) -> None:
    import keras

    store = tmp_path / "a.db"
    callback = ReactCNNCallback(store, IMAGES)
    fit(model, callback, epochs=1)
    model.get_layer("second").enable_lora(2)
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    fit(model, callback, epochs=2)
    assert callback.failures == 0
    reader = StoreReader(str(store))
    gap = direct_gap(model)
    before, after = (reader.gap_rows(run, 0, 70) for run in (2, 3))
    np.testing.assert_allclose(after, gap, rtol=1e-5, atol=1e-5)
    assert not np.allclose(before, after, atol=1e-4)
