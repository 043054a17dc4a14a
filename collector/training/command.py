"""The ``train`` command: its options, and what it does."""

from __future__ import annotations

import argparse
import dataclasses
import io
import shlex
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from collector.frameworks.keras.modelfile import check_model
from collector.frameworks.keras.runtime import start_tensorflow
from collector.frameworks.precision import named, processor_flags, units
from collector.frameworks.protocol import AUTO, PRECISIONS
from collector.options import add_scaling, count, rate, size, text, value_range
from collector.packaged import CHECKPOINTS
from collector.progress import Console
from collector.request import DEFAULT_STORE
from collector.session import check_shape, pixel_range_hint
from collector.training.augment import augment
from collector.training.checkpoints import PATTERN, Checkpoints, Settings, TrainingError
from collector.training.data import Data, load_data, open_data
from collector.training.schedule import one_cycle
from reactcnn_dash.db import (
    BFLOAT16,
    FLOAT32,
    RunState,
    StoreAddress,
    StoreError,
    StoreReader,
    delete_run,
)
from reactcnn_dash.results.text import percent_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.callback import ReactCNNCallback
    from collector.frameworks.keras.network import Network
    from collector.frameworks.precision import Choice
    from collector.images import ImageSource, Shape
    from collector.signals import StopSignals
    from collector.training.data import Opened
    from collector.training.network import Step

_DEFAULTS: dict[str, Any] = {
    "data": "cifar10", "validation": None, "probe": 1000, "epochs": 20, "batch_size": 128,
    "learning_rate": 0.1, "start": None, "seed": 1, "classes": None,
    "value_range": None, "teacher": None, "precision": FLOAT32, "pixel_range": None,
    "preprocess": None, "size": None,
}  # fmt: skip

_LITERAL = str.maketrans({"{": "{{", "}": "}}"})
_SETTLING = 30
"""Batches that settle a checkpoint's running statistics, 2 % of an epoch of CIFAR-10."""
_SIZE = (32, 32)
"""Height and width of the images that the packaged VGG-16 takes."""

_NO_UNIT = (
    f"precision bfloat16: the processor has {named(())}; TensorFlow may take longer with it, or "
    "stay in float32."
)

_PLACES = ("data", "validation", "start", "classes", "teacher")
_NAMES = ("auto", "cifar10", "sample", *CHECKPOINTS)


def add_parser(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command."""
    train = commands.add_parser(
        "train",
        parents=parents,
        help="train the VGG-16 and collect a run after each epoch",
        description="Train the packaged VGG-16 (or a model of yours) with flips, shifted crops "
        "and cutout, SGD and a one-cycle schedule. After each epoch a checkpoint is saved and a "
        "run over the same probe images collected.",
        allow_abbrev=False,
    )
    add = train.add_argument
    add("--data", metavar="DATA", type=text, help="cifar10, a folder whose subfolders are the "
        "classes, or an .npz file with images and labels (default: cifar10)")  # fmt: skip
    add("--validation", metavar="DATA", type=text, help="where probe images come from (default: "
        "the test images of cifar10; otherwise images held out of the data)")  # fmt: skip
    add("--probe", metavar="N", type=count, help="number of probe images, drawn evenly over the "
        "classes; at most a tenth of the data, by chance, if they are held out of it (default: "
        "1000)")  # fmt: skip
    add("--classes", metavar="FILE", type=text, help="names of the classes in their order, a line "
        "each; one without a folder keeps its place (default: the folders by name)")  # fmt: skip
    add("--value-range", metavar="LOW,HIGH", type=value_range, help="the values that are black and "
        "white in arrays and grey pictures (default: judged by the values)")  # fmt: skip
    add_scaling(train)
    add("--size", metavar="HxW", type=size, help="height and width of the images that a model of "
        "any size is given, 64x64 say (default: that of the images where it is the same for all, "
        "else 224x224)")  # fmt: skip
    add("--epochs", metavar="N", type=count, help="default: 20")
    add("--batch-size", metavar="N", type=count, help="images a step (default: 128)")
    add("--learning-rate", metavar="RATE", type=rate, help="its highest value (default: 0.1)")
    add("--from", dest="start", metavar="MODEL", type=text, help="vgg16-cifar10 or a .keras file "
        "to begin from (default: the VGG-16 with random weights)")  # fmt: skip
    add("--teacher", metavar="MODEL", type=text, help="a network, likewise, whose answers are "
        "learned beside the labels: knowledge distillation (default: labels alone)")  # fmt: skip
    add("--precision", choices=PRECISIONS, help="what is multiplied, forward and backward: "
        "float32; bfloat16, with weights and changes in float32; or auto, which takes bfloat16 "
        "where a trial of some steps shows that it is faster (default: float32)")  # fmt: skip
    add("--checkpoints", metavar="FOLDER", type=text, default="checkpoints", help="where the "
        ".keras files go (default: checkpoints)")  # fmt: skip
    add("--resume", action="store_true", help="go on after the newest checkpoint of the folder")
    add("--experiment", metavar="NAME", type=text, help="what the runs have in common (default: "
        "model, data and time)")  # fmt: skip
    add(
        "--seed",
        metavar="N",
        type=count,
        help="settles weights, order and augmentation (default: 1)",
    )


def options(checkpoints: str, **given: Any) -> argparse.Namespace:
    """Return what the command line makes of some options, for who trains without one."""
    usual = dict.fromkeys((*_DEFAULTS, "store", "experiment"))
    return argparse.Namespace(checkpoints=checkpoints, resume=False, **usual | given)


def run(arguments: argparse.Namespace, signals: StopSignals, *, quiet: bool = False) -> int:
    """Train; returns the exit code.

    Args:
        arguments: of the command line; ``store`` may be ``None``: then it is the store of the
            training that goes on, or the default one.
        signals: what ends it early.
        quiet: say nothing but errors.

    Raises:
        CollectorError, ImageSourceError: it cannot be done, and why.
    """
    checkpoints = Checkpoints(arguments.checkpoints)
    console = _Console(io.StringIO() if quiet else sys.stderr)
    if arguments.resume:
        settings = checkpoints.settings()
        _check_options(arguments, settings)
        if arguments.store is not None:
            settings = dataclasses.replace(settings, store=_kept_store(arguments.store))
    else:
        settings = _settings(arguments)
        if checkpoints.newest():
            checkpoints.begin(settings)
    done = checkpoints.newest()
    if done >= settings.epochs and _unfinished_runs(settings, checkpoints, done) is None:
        console.notice(f"all {settings.epochs} epochs are done: nothing to do.")
        return 0
    # What a checkpoint came from is not read again.
    for file in filter(None, (None if done else settings.start, settings.teacher)):
        check_model(file)
    start_tensorflow()
    _seed(settings.seed)
    stream = None if quiet else sys.stderr
    opened = open_data(settings, stream)
    model, shape, told = _model(settings, opened, checkpoints, done)
    data = load_data(settings, opened, shape, stream)
    from collector.training import network  # noqa: PLC0415 - imports TensorFlow

    if model is None:
        model = network.untrained(len(data.class_names))
    network.check_trainable(model)
    if model.output_shape[-1] != len(data.class_names):
        raise TrainingError(
            f"the model has {model.output_shape[-1]} outputs, but the data "
            f"{len(data.class_names)} classes."
        )
    taught = network.teacher(settings.teacher, model, shape)
    teacher = None
    if taught is not None:
        teacher = taught.loaded.model
        told += _hints(taught, opened.source, settings)
    for line in dict.fromkeys(told):
        console.notice(line)
    if not done:
        quicker = partial(network.choose_precision, model, teacher, settings.scaling)
        settings = _with_precision(settings, data, console, quicker)
        model = network.with_optimizer(model)
        settings = dataclasses.replace(settings, size=[*shape[:2]], identity=data.identity)
        checkpoints.begin(settings)
    elif settings.identity not in (None, data.identity):
        raise TrainingError(
            f"{settings.data} has other images, labels or classes than when the training began, "
            "or those that it is probed with are others; begin a new one with --from "
            f"{checkpoints.path(done)}."
        )
    signals.finish_batches()
    training = _Training(
        settings=settings,
        data=data,
        model=model,
        step=network.Step(model, teacher, settings.precision, settings.scaling),
        checkpoints=checkpoints,
        console=console,
        signals=signals,
    )
    return training.run(done)


def _model(
    settings: Settings, opened: Opened, checkpoints: Checkpoints, done: int
) -> tuple[Any, Shape, list[str]]:
    """Return what is trained, the (H, W, C) of its images, and what is to be said of it.

    ``None`` for the packaged architecture, whose outputs are as many as there are classes.

    Raises:
        ModelError, TrainingError: it cannot be loaded, or not be trained here.
    """
    from collector.training import network  # noqa: PLC0415 - imports TensorFlow

    size = None if settings.size is None else (settings.size[0], settings.size[1])
    told: list[str] = []
    model: Any = None
    shape: Shape = (*_SIZE, 3)
    if done:
        model = network.restored(checkpoints.path(done))
        height, width, channels = model.input_shape[1:]
        # Of a model that takes any size it stands with the training.
        height, width = size or (height or _SIZE[0], width or _SIZE[1])
        shape = (height, width, channels)
    elif settings.start is not None:
        start = network.loaded(settings.start, size or opened.source.native_shape)
        model, shape = start.loaded.model, start.image_shape
        told = [*start.notices, *_hints(start, opened.source, settings)]
    check_shape(shape, settings.preprocess, size)
    return model, shape, told


def _hints(network: Network, source: ImageSource, settings: Settings) -> list[str]:
    """Return what to say of the pixel values that a model is given, if they are not settled."""
    hint = pixel_range_hint(network, source, settings.preprocess or settings.pixel_range)
    return [] if hint is None else [hint]


def _with_precision(
    settings: Settings, data: Data, console: _Console, quicker: Callable[..., Choice]
) -> Settings:
    """Return settings that name a precision; where it is to be found out, say what was."""
    if settings.precision != AUTO:
        return settings
    size = min(settings.batch_size, len(data.images))
    choice = quicker(data.images[:size], data.labels[:size])
    console.notice(choice.line)
    return dataclasses.replace(settings, precision=choice.precision)


def _unfinished_runs(settings: Settings, checkpoints: Checkpoints, epoch: int) -> list[int] | None:
    """Return the runs of an epoch's checkpoint that have to be collected anew.

    ``None`` if one of them is whole.
    """
    checkpoint = checkpoints.path(epoch)
    found = []
    try:
        store = StoreReader(settings.store)
        for run in store.summaries():
            if (run.experiment, run.epoch) != (settings.experiment, epoch):
                continue
            # A list says where weights were first; a copy of them may be older.
            source = Path(store.run(run.id).checkpoint.source)
            moved = source.name == checkpoint.name and not source.exists()
            # Whose an unfinished run is whose folder was moved since, nobody knows.
            if source == checkpoint or (moved and run.state is RunState.FINISHED):
                found.append(run)
    except StoreError:
        # Told, and got over, where runs are collected.
        return []
    whole = any(run.state is RunState.FINISHED for run in found)
    return None if whole else [run.id for run in found]


class _Training:
    def __init__(
        self,
        *,
        settings: Settings,
        data: Data,
        model: Any,
        step: Step,
        checkpoints: Checkpoints,
        console: _Console,
        signals: StopSignals,
    ) -> None:
        self._settings, self._data, self._model, self._step = settings, data, model, step
        self._checkpoints, self._console, self._signals = checkpoints, console, signals
        self._size = min(settings.batch_size, len(data.images))
        self._steps = len(data.images) // self._size

    def run(self, done: int) -> int:
        """Train the epochs after ``done``.

        Raises:
            TrainingError: the checkpoint was not trained on so many images, or training fails.
        """
        if int(self._model.optimizer.iterations) != done * self._steps:
            raise TrainingError(
                f"{self._settings.data} has another number of images than when the training "
                "began; begin a new one with --from."
            )
        from collector.callback import ReactCNNCallback  # noqa: PLC0415 - imports TensorFlow

        settings, data, console = self._settings, self._data, self._console
        callback = ReactCNNCallback(
            settings.store,
            data.probe_images,
            probe_labels=data.probe_labels,
            experiment=settings.experiment,
            class_names=data.class_names,
            # Said in any case: who trains was asked already.
            pixel_range=None if settings.preprocess else settings.scaling,
            preprocess=settings.preprocess,
            # A folder may be called as what is filled in.
            checkpoint=str(self._checkpoints.folder).translate(_LITERAL) + f"/{PATTERN}",
        )
        callback.set_model(self._model)
        callback.on_train_begin()
        console.notice(
            f"train   {self._model.name} on {len(data.images):,} images of {settings.data}, "
            f"{len(data.probe_images):,} probe images, {len(data.class_names)} classes\n"
            f"runs    {settings.experiment} · epoch {done + 1} … {settings.epochs}, "
            f"in {settings.store}"
        )
        for line in data.notices:
            console.notice(line)
        if settings.precision == BFLOAT16 and not units(processor_flags()):
            console.notice(_NO_UNIT)
        images = self._steps * self._size
        console.start(done * images, settings.epochs * images)
        try:
            if done:
                self._make_up(done, callback)
            for epoch in range(done, settings.epochs):
                if not self._train(epoch):
                    return self._stopped(epoch)
                self._settle(epoch)
                self._checkpoints.save(epoch + 1, self._model)
                callback.on_epoch_end(epoch)
                if self._signals.caught is not None and epoch + 1 < settings.epochs:
                    return self._stopped(epoch + 1)
            callback.on_train_end()
        finally:
            console.close()
        console.notice(callback.summary)
        return 0

    def _make_up(self, epoch: int, callback: ReactCNNCallback) -> None:
        """Collect the newest checkpoint's run anew, where a kill left none or a part of one.

        Only the newest can be so: the run of each epoch was whole before the next one began.
        """
        parts = _unfinished_runs(self._settings, self._checkpoints, epoch)
        if parts is None:
            return
        try:
            for run in parts:
                delete_run(self._settings.store, run)
        except StoreError as error:
            self._console.notice(f"the run of epoch {epoch} is not whole: {error}")
        else:
            callback.on_epoch_end(epoch - 1)

    def _train(self, epoch: int) -> bool:
        """Return one epoch; false if a signal ended it early."""
        settings, data, size = self._settings, self._data, self._size
        # By seed and epoch alone, so that a resumed training meets the same images.
        generator = np.random.default_rng([settings.seed, epoch])
        self._step.seed(settings.seed, epoch)
        order = generator.permutation(len(data.images))
        loss, right = 0.0, 0
        for index in range(self._steps):
            if self._signals.caught is not None:
                return False
            chosen = order[index * size : (index + 1) * size]
            batch = augment(data.images[chosen], generator)
            step = epoch * self._steps + index
            rate = one_cycle(step, settings.epochs * self._steps, settings.learning_rate)
            batch_loss, batch_right = self._step(batch, data.labels[chosen], rate)
            loss, right = loss + batch_loss, right + batch_right
            seen = (index + 1) * size
            self._console.step(size, epoch + 1, loss / (index + 1), right / seen)
        self._console.notice(
            f"epoch {epoch + 1}/{settings.epochs}: loss {loss / self._steps:.4f}, accuracy "
            f"{percent_text(right / (self._steps * size), 2)}"
        )
        return True

    def _settle(self, epoch: int) -> None:
        generator = np.random.default_rng([self._settings.seed, epoch, 1])
        order = generator.permutation(len(self._data.images))
        images = self._data.images
        self._step.settle(
            augment(images[order[start : start + self._size]], generator)
            for start in range(0, self._steps * self._size, self._size)[:_SETTLING]
        )

    def _stopped(self, epoch: int) -> int:
        self._console.close()
        if epoch:
            saved = "1 epoch is saved" if epoch == 1 else f"{epoch} epochs are saved"
            folder = shlex.quote(str(self._checkpoints.folder))
            rest = f"{saved}; go on with train --resume --checkpoints {folder}"
        else:
            rest = "no epoch is saved yet, begin again"
        self._console.notice(f"interrupted: {rest}")
        return 128 + (self._signals.caught or 0)


class _Console(Console):
    """The collector's bar with what a training tells."""

    def step(self, images: int, epoch: int, loss: float, accuracy: float) -> None:
        """Move the bar on by the images of a step."""
        if self._bar is not None:
            self._bar.set_description_str(f"epoch {epoch}", refresh=False)
            told = f"loss {loss:.3f}, accuracy {percent_text(accuracy)}"
            self._bar.set_postfix_str(told, refresh=False)
        self.stored(images)


def _settings(arguments: argparse.Namespace) -> Settings:
    values = {
        name: default if getattr(arguments, name) is None else getattr(arguments, name)
        for name, default in _DEFAULTS.items()
    }
    now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
    for name in _PLACES:
        values[name] = _absolute(values[name])
    experiment = arguments.experiment or (
        f"{Path(values['start'] or 'vgg16').stem} on {Path(values['data']).name} {now}"
    )
    store = _kept_store(arguments.store or DEFAULT_STORE)
    values["size"] = values["size"] and [*values["size"]]
    return Settings(experiment=experiment, store=store, drawn=True, **values)


def _check_options(arguments: argparse.Namespace, settings: Settings) -> None:
    for name in (*_DEFAULTS, "experiment"):
        now, then = getattr(arguments, name), getattr(settings, name)
        if name in _PLACES:
            now = _absolute(now)
        if name == "size":
            now, then = (one and "x".join(map(str, one)) for one in (now, then))
        # What was chosen when it began is kept.
        if now is not None and now != then and (name, now) != ("precision", AUTO):
            option = "--from" if name == "start" else f"--{name.replace('_', '-')}"
            raise TrainingError(
                f"the training was begun with {then} for {option}, not {now}; leave {option} out."
            )


def _kept_store(store: str) -> str:
    """Return a store's address that means the same in every folder."""
    place = StoreAddress.of(store)
    return store if place.path is None else str(place.path.resolve())


def _absolute(place: str | None) -> str | None:
    """Return a path that means the same in every folder; names of packaged things as they are."""
    if place is None or not Path(place).expanduser().exists():
        return place
    return place if place in _NAMES else str(Path(place).expanduser().resolve())


def _seed(seed: int) -> None:
    import keras  # noqa: PLC0415 - takes seconds

    keras.utils.set_random_seed(seed)
