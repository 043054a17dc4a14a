"""Trainings of a second: a small model, images and labels, and what its store says afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from collector.frameworks.keras.models import weights_digest
from reactcnn_dash.db import StoreReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reactcnn_dash.db import Run

GENERATOR = np.random.default_rng(3)
IMAGES = GENERATOR.integers(0, 256, (24, 8, 8, 3)).astype(np.uint8)
LABELS = GENERATOR.integers(0, 3, 24)


def small_model(name: str = "small", optimizer: Any = None) -> Any:
    """One convolution of four filters; compiled, with weights of its own."""
    import keras

    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax"),
    ]
    model = keras.Sequential(layers, name=name)
    return compiled(model, optimizer)


def compiled(model: Any, optimizer: Any = None) -> Any:
    """Ready to be trained; step by step, since compiling takes longer than an epoch here."""
    import keras

    chosen = optimizer or keras.optimizers.SGD(0.5)
    model.compile(chosen, "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def fit(model: Any, *callbacks: Any, **options: Any) -> Any:
    """Train for an epoch, or as the options say; images are their own validation."""
    usual = {"batch_size": 12, "epochs": 1, "verbose": 0, "validation_data": (IMAGES, LABELS)}
    return model.fit(IMAGES, LABELS, callbacks=[*callbacks], **(usual | options))


def stored(store: Path) -> list[Run]:
    """The runs of a store, the oldest first."""
    return sorted(StoreReader(store).runs(limit=1000), key=lambda run: run.id)


def names(store: Path) -> list[str]:
    return [run.name for run in stored(store)]


def at(moment: str, then: Callable[..., None]) -> Any:
    """A callback that does something at a moment of the training."""
    import keras

    return keras.callbacks.LambdaCallback(**{moment: then})


def recorder(model: Any, digests: dict[int, str]) -> Any:
    """A callback that notes what the weights are at the end of each epoch, counted from 1."""

    def note(epoch: int, logs: Any) -> None:
        digests[len(digests) + 1] = weights_digest(model.weights)

    return at("on_epoch_end", note)
