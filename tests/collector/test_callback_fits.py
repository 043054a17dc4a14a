"""The callback over many calls of ``fit``: none of its runs is lost or called what it is not."""

from __future__ import annotations

import copy
import gc
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector import ReactCNNCallback
from collector.frameworks.keras.models import load_model, weights_digest
from reactcnn_dash.db import RunState, StoreReader
from reactcnn_dash.results.epochs import in_order
from tests.collector.trainings import (
    IMAGES,
    LABELS,
    at,
    compiled,
    fit,
    names,
    recorder,
    small_model,
    stored,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.fitting


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


def callback(store: Path, **options: Any) -> ReactCNNCallback:
    return ReactCNNCallback(store, IMAGES, **({"experiment": "trial"} | options))


def stopping(**options: Any) -> Any:
    """Stops after the second epoch that is no better than the first, whose weights come back."""
    import keras

    usual = {"monitor": "marker", "mode": "min", "patience": 2, "restore_best_weights": True}
    return keras.callbacks.EarlyStopping(**(usual | options))


def marking(*values: float) -> Any:
    """Writes into the logs what the early stopping listens to."""

    def mark(epoch: int, logs: dict[str, Any]) -> None:
        logs["marker"] = values[epoch]

    return at("on_epoch_end", mark)


# --- one model ---------------------------------------------------------------------------------


def plain(model: Any, ours: Any) -> None:
    fit(model, ours, epochs=2)
    fit(model, ours, epochs=3)


def one_by_one(model: Any, ours: Any) -> None:
    for _ in range(5):
        fit(model, ours)


def from_where_it_stands(model: Any, ours: Any) -> None:
    fit(model, ours, epochs=2)
    fit(model, ours, initial_epoch=2, epochs=5)


def compiled_again(model: Any, ours: Any) -> None:
    import keras

    fit(model, ours, epochs=3)
    model.get_layer("conv").trainable = False
    compiled(model, keras.optimizers.Adam(0.1))
    fit(model, ours, epochs=2)


def counted_by_hand_then_not(model: Any, ours: Any) -> None:
    fit(model, ours, epochs=1)
    fit(model, ours, initial_epoch=1, epochs=3)
    fit(model, ours, epochs=2)


@pytest.mark.parametrize(
    "train", [plain, one_by_one, from_where_it_stands, compiled_again, counted_by_hand_then_not]
)
def test_the_epoch_count_goes_on_for_the_same_model(
    store: Path, train: Callable[[Any, Any], None]
) -> None:
    model, ours = small_model(), callback(store)
    digests: dict[int, str] = {}
    note = recorder(model, digests)

    train(model, [ours, note])
    runs = stored(store)
    assert [run.name for run in runs] == [f"trial · epoch {n}" for n in range(1, 6)]
    assert [run.epoch for run in runs] == [1, 2, 3, 4, 5]
    assert {run.experiment for run in runs} == {"trial"}
    assert [run.checkpoint.sha256 for run in runs] == list(digests.values())
    assert ours.runs == [1, 2, 3, 4, 5]


def test_a_loop_of_single_epochs_compiles_once(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collector.frameworks.keras.capture import Capture

    traced = []
    forward = Capture._forward

    def counted(capture: Capture, pixels: Any) -> Any:
        traced.append(1)
        return forward(capture, pixels)

    monkeypatch.setattr(Capture, "_forward", counted)
    model, ours = small_model(), callback(store)
    for _ in range(4):
        fit(model, ours)
    assert len(traced) == 1
    assert "4 runs collected" in ours.summary
    assert ours.seconds > 0


def test_a_model_that_was_given_other_layers_is_looked_at_again(store: Path) -> None:
    import keras

    model, ours = small_model(), callback(store)
    fit(model, ours)
    model.pop()
    model.pop()
    model.add(keras.layers.Conv2D(6, 3, name="more"))
    model.add(keras.layers.GlobalAveragePooling2D())
    model.add(keras.layers.Dense(3, activation="softmax"))
    compiled(model)
    fit(model, ours)
    reader = StoreReader(store)
    assert [layer.name for layer in reader.layers(1)] == ["conv"]
    assert [layer.name for layer in reader.layers(2)] == ["conv", "more"]
    assert names(store) == ["trial · epoch 1", "trial · epoch 2"]


class StopError(Exception):
    pass


@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("moment", ["on_train_batch_end", "on_epoch_begin", "on_epoch_end"])
def test_a_training_goes_on_after_it_was_broken_off(
    store: Path, error: type[BaseException], moment: str
) -> None:

    model, ours = small_model(), callback(store)
    seen = []

    def fail(*_: Any, **__: Any) -> None:
        seen.append(1)
        if len(seen) == 3:
            raise error

    # Two batches an epoch: it ends in the second epoch, or at the third.
    breaking = at(moment, fail)
    with pytest.raises(error):
        fit(model, ours, breaking, epochs=9)
    before = len(stored(store))
    assert before == {"on_train_batch_end": 1, "on_epoch_begin": 2, "on_epoch_end": 3}[moment]
    fit(model, ours, epochs=2)
    assert names(store) == [f"trial · epoch {n + 1}" for n in range(before + 2)]


def test_a_collection_that_was_broken_off_costs_that_run_alone(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collector import loop

    model, ours = small_model(), callback(store)
    fit(model, ours)
    collect = loop.collect

    def broken(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "collect", broken)
    with pytest.raises(KeyboardInterrupt):
        fit(model, ours, epochs=3)
    monkeypatch.setattr(loop, "collect", collect)
    fit(model, ours, epochs=2)
    done = [run for run in stored(store) if run.state is RunState.FINISHED]
    assert [run.epoch for run in done] == [1, 3, 4]


def test_every_counts_the_models_epochs(store: Path) -> None:
    model, ours = small_model(), callback(store, every=3)
    fit(model, ours, epochs=2)
    fit(model, ours, epochs=5)
    assert [run.epoch for run in stored(store)] == [2, 3, 6, 7]


def test_restored_backups_keep_their_epochs(store: Path, tmp_path: Path) -> None:
    import keras

    for order in (1, -1):
        place = tmp_path / f"{order}.db"
        backup = tmp_path / f"backup{order}"

        def fail(epoch: int, logs: Any = None) -> None:
            if epoch == 2:
                raise StopError

        breaking = at("on_epoch_begin", fail)
        both = [
            ReactCNNCallback(place, IMAGES, experiment="t"),
            keras.callbacks.BackupAndRestore(backup),
        ]
        with pytest.raises(StopError):
            fit(small_model(), *both[::order], breaking, epochs=4)
        # As in another process: a model and callbacks of their own.
        both = [
            ReactCNNCallback(place, IMAGES, experiment="t"),
            keras.callbacks.BackupAndRestore(backup),
        ]
        fit(small_model(), *both[::order], epochs=4)
        assert names(place) == [f"t · epoch {n}" for n in (1, 2, 3, 4)]


# --- several models ----------------------------------------------------------------------------


def test_another_model_begins_another_experiment(store: Path) -> None:
    first, second, ours = small_model(), small_model(), callback(store)
    fit(first, ours, epochs=2)
    assert ours.experiment == "trial"
    fit(second, ours, epochs=2)
    assert ours.experiment == "trial (2)"
    fit(first, ours)
    assert [(run.experiment, run.epoch) for run in stored(store)] == [
        ("trial", 1),
        ("trial", 2),
        ("trial (2)", 1),
        ("trial (2)", 2),
        ("trial", 3),
    ]
    assert ours.runs == [1, 2, 3, 4, 5]


def test_folds_without_a_name_do_not_fall_together(store: Path) -> None:
    import keras

    base, ours = small_model(), callback(store, experiment=None)
    for _ in range(3):
        # A clone has the name of its model, and each fold takes less than a second.
        fold = keras.models.clone_model(base)
        compiled(fold)
        fit(fold, ours, epochs=2)
        del fold
        gc.collect()
    runs = stored(store)
    assert [run.epoch for run in runs] == [1, 2] * 3
    assert len({run.experiment for run in runs}) == 3
    assert all((run.experiment or "").startswith("small 2") for run in runs)


def test_a_tuner_copies_the_callback_for_each_trial(store: Path) -> None:
    ours = callback(store, class_names=("a", "b", "c"), probe_labels=LABELS)
    trials = []
    for _ in range(3):
        (copied,) = copy.deepcopy([ours])
        fit(small_model(), copied, epochs=2)
        trials.append(copied)
    assert [(run.experiment, run.epoch) for run in stored(store)] == [
        (experiment, epoch)
        for experiment in ("trial", "trial (2)", "trial (3)")
        for epoch in (1, 2)
    ]
    assert [trial.runs for trial in trials] == [[1, 2], [3, 4], [5, 6]]
    assert (ours.runs, ours.experiment) == ([], "trial")
    assert {run.labelled for run in stored(store)} == {24}


def test_a_callback_that_has_trained_is_copied_without_its_model(store: Path) -> None:
    model, ours = small_model(), callback(store)
    fit(model, ours)
    copied = copy.deepcopy(ours)
    assert copied.model is None
    assert copied.runs == []
    fit(small_model(), copied)
    fit(model, copied)
    assert [(run.experiment, run.epoch) for run in stored(store)] == [
        ("trial", 1),
        ("trial (2)", 1),
        ("trial", 2),
    ]


def test_a_callback_for_each_fit_loses_no_run_on_the_page(store: Path) -> None:
    model = small_model()
    for _ in range(3):
        fit(model, callback(store), epochs=2)
    summaries = StoreReader(store).summaries()
    assert [run.id for run in in_order(summaries)] == [1, 2, 3, 4, 5, 6]


# --- the weights of the epoch that a run names ---------------------------------------------------


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_restored_weights_are_a_run_of_their_own(
    store: Path, every: int, *, ours_first: bool
) -> None:
    digests: dict[int, str] = {}
    model, ours = small_model(), callback(store, every=every)
    order = [ours, stopping()] if ours_first else [stopping(), ours]
    fit(model, marking(3, 1, 2, 2, 2), recorder(model, digests), *order, epochs=5)
    assert len(digests) == 4
    assert len(set(digests.values())) == 4
    runs = stored(store)
    *epochs, final = runs
    assert [run.epoch for run in epochs] == [n for n in (1, 2, 3, 4) if n % every == 0 or n == 4]
    for run in epochs:
        assert run.epoch is not None
        assert run.checkpoint.sha256 == digests[run.epoch]
    assert (final.name, final.experiment, final.epoch) == ("trial · final", "trial", None)
    assert final.checkpoint.sha256 == digests[2] == weights_digest(model.weights)
    assert ours.runs == [run.id for run in runs]


@pytest.mark.parametrize("ours_first", [True, False])
def test_weights_that_stay_are_collected_once(store: Path, *, ours_first: bool) -> None:
    model, ours = small_model(), callback(store)
    stop = stopping(restore_best_weights=False)
    fit(model, marking(3, 1, 2, 2), *([ours, stop] if ours_first else [stop, ours]), epochs=4)
    assert names(store) == [f"trial · epoch {n}" for n in (1, 2, 3, 4)]


def test_the_best_epoch_at_the_end_needs_no_second_run(store: Path) -> None:
    fit(small_model(), marking(3, 2, 1), callback(store), stopping(), epochs=3)
    assert names(store) == [f"trial · epoch {n}" for n in (1, 2, 3)]


def test_the_next_fit_goes_on_after_the_final_weights(store: Path) -> None:
    model, ours = small_model(), callback(store)
    fit(model, marking(1, 2, 3), ours, stopping(), epochs=9)
    fit(model, marking(1, 2, 3), ours, stopping(), epochs=9)
    assert names(store) == [
        *(f"trial · epoch {n}" for n in (1, 2, 3)),
        "trial · final",
        *(f"trial · epoch {n}" for n in (4, 5, 6)),
        "trial · final",
    ]
    ordered = in_order(StoreReader(store).summaries())
    assert [run.name for run in ordered] == names(store)


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("every", [1, 2])
def test_averaged_weights_are_what_they_are_called(
    store: Path, every: int, *, ours_first: bool
) -> None:
    import keras

    digests: dict[int, str] = {}
    model = small_model(optimizer=keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5))
    ours = callback(store, every=every)
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    note = recorder(model, digests)
    order = [ours, note, swap] if ours_first else [swap, ours, note]
    fit(model, *order, epochs=3)
    runs = stored(store)
    by_epoch = [run for run in runs if run.epoch is not None]
    assert [run.epoch for run in by_epoch] == [n for n in (1, 2, 3) if n % every == 0 or n == 3]
    assert all(run.checkpoint.sha256 == digests[run.epoch or 0] for run in by_epoch)
    assert runs[-1].checkpoint.sha256 == weights_digest(model.weights)
    # What is swapped in after the callback, it can only see once training is over.
    assert (runs[-1].name == "trial · final") is ours_first


def test_weights_that_the_optimizer_averages_in_the_end_are_final(store: Path) -> None:
    import keras

    digests: dict[int, str] = {}
    model = small_model(optimizer=keras.optimizers.Adam(0.1, use_ema=True))
    fit(model, callback(store, every=2), recorder(model, digests), epochs=3)
    runs = stored(store)
    assert [run.name for run in runs] == ["trial · epoch 2", "trial · epoch 3", "trial · final"]
    assert [run.checkpoint.sha256 for run in runs[:2]] == [digests[2], digests[3]]
    assert runs[2].checkpoint.sha256 == weights_digest(model.weights)


def test_weights_that_another_callback_sets_at_the_end_are_final(store: Path) -> None:

    model = small_model()
    begun = model.get_weights()

    def back(logs: Any = None) -> None:
        model.set_weights(begun)

    fit(model, callback(store), at("on_train_end", back), epochs=2)
    runs = stored(store)
    assert [run.name for run in runs] == ["trial · epoch 1", "trial · epoch 2", "trial · final"]
    assert runs[-1].checkpoint.sha256 == weights_digest(model.weights)


@pytest.mark.parametrize("ours_first", [True, False])
def test_runs_name_the_files_that_hold_their_weights(
    store: Path, tmp_path: Path, *, ours_first: bool
) -> None:
    import keras

    path = str(tmp_path / "ck-{epoch:02d}-{val_loss:.2f}.keras")
    saving = keras.callbacks.ModelCheckpoint(path)
    model, ours = small_model(), callback(store, checkpoint=path)
    fit(model, *([ours, saving] if ours_first else [saving, ours]), epochs=2)
    # Keras counts from 1 in every fit, and so do the names of its files.
    fit(model, *([ours, saving] if ours_first else [saving, ours]), initial_epoch=2, epochs=4)
    files = sorted(str(file) for file in tmp_path.glob("*.keras"))
    runs = stored(store)
    assert [run.checkpoint.source for run in runs] == files
    for run in runs:
        assert load_model(run.checkpoint.source).sha256 == run.checkpoint.sha256


def test_early_stopping_names_its_files_too(store: Path, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "{epoch}-{marker:.1f}.keras"
    saving = keras.callbacks.ModelCheckpoint(path)
    ours = callback(store, every=2, checkpoint=path)
    fit(small_model(), marking(1, 2, 3), ours, stopping(), saving, epochs=9)
    second, third, final = stored(store)
    for run, name in ((second, "2-2.0.keras"), (third, "3-3.0.keras")):
        assert run.checkpoint.source == str(tmp_path / name)
        assert load_model(run.checkpoint.source).sha256 == run.checkpoint.sha256
    assert final.checkpoint.source == "trial · final"


@pytest.mark.parametrize(
    "pattern", ["{epoch}-{f1:.2f}.keras", "{val_acc}.keras", "{epoch}-{batch}"]
)
def test_a_value_that_the_logs_have_not_is_said_at_the_first_epoch(
    store: Path, pattern: str, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[int] = []

    def look(epoch: int, logs: Any = None) -> None:
        said.append(len([one for one in caplog.records if one.levelno >= logging.WARNING]))

    ours = callback(store, every=2, checkpoint=pattern)
    fit(small_model(), ours, at("on_epoch_end", look), epochs=4)
    assert said == [1, 1, 1, 1]
    assert "the logs of an epoch have loss, val_loss" in caplog.text
    assert [run.checkpoint.source for run in stored(store)] == names(store)


def test_a_model_that_cannot_be_watched_is_said_before_its_first_epoch(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import keras

    said: list[str] = []

    def look(epoch: int, logs: Any = None) -> None:
        said.append(caplog.text)

    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    compiled(model)
    ours = callback(store, every=2)
    fit(model, ours, at("on_epoch_begin", look), epochs=4)
    assert "no convolutions" in said[0]
    assert said[-1] == said[0]
    assert ours.failures == 2


def test_runs_are_those_of_the_weights(store: Path) -> None:
    """Not the name alone: what is stored of the final run is what its weights see."""
    model, ours = small_model(), callback(store)
    fit(model, marking(1, 2, 3), ours, stopping(), epochs=9)
    import keras

    conv = keras.Model(model.inputs, model.get_layer("conv").output)
    direct = np.asarray(conv(IMAGES.astype("float32"))).mean((1, 2))
    reader = StoreReader(store)
    np.testing.assert_allclose(reader.gap_rows(4, 0, 24), direct, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reader.gap_rows(1, 0, 24), direct, rtol=1e-5, atol=1e-6)
    assert not np.allclose(reader.gap_rows(3, 0, 24), direct, rtol=1e-3)
