"""The Keras callback beside a forward pass, and a step of ``train`` beside one of Keras."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from collector import ReactCNNCallback
from collector.frameworks.keras import vgg16
from collector.images import open_images
from collector.training.network import Step, with_optimizer
from tests.benchmarks.table import Result, at_least, at_most
from tests.benchmarks.turns import in_turn, ratio, timed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

PROBE = 1000
BATCH = 64
EPOCHS = 6
TRAINED = 128
STEPS = 6


class _Beside(keras.callbacks.Callback):  # type: ignore[misc] # keras has no types
    """After each epoch: the forward pass alone, and what the callback before it has cost."""

    def __init__(self, ours: ReactCNNCallback, pixels: Any) -> None:
        super().__init__()
        self._ours = ours
        self._pixels = pixels
        self._before = 0.0
        self._forward: Any = None
        self.ratios: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        cost, self._before = self._ours.seconds - self._before, self._ours.seconds
        if self._forward is None:
            self._forward = tf.function(
                lambda x: self.model(tf.cast(x, tf.float32), training=False),
                input_signature=[tf.TensorSpec((None, 32, 32, 3), tf.uint8)],
            )
            self._forward(tf.constant(self._pixels[:BATCH]))
        begun = time.perf_counter()
        for start in range(0, PROBE, BATCH):
            self._forward(tf.constant(self._pixels[start : start + BATCH])).numpy()
        alone = time.perf_counter() - begun
        # Compiling is over after the first epoch.
        if epoch:
            self.ratios.append(cost / alone)


def steps(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Return images a second of ``train`` in float32 ÷ those of ``train_on_batch``.

    Keras has no decay to compute; images and labels are the same.

    Args:
        pixels: (B, 32, 32, 3) of a batch.
        labels: (B,) theirs.
    """
    step, plain = Step(with_optimizer(vgg16.load())), vgg16.load()
    optimizer = keras.optimizers.SGD(0.0, momentum=0.9, nesterov=True)
    plain.compile(optimizer, "sparse_categorical_crossentropy")
    values = pixels.astype(np.float32)

    def rate(call: Callable[[], Any]) -> Callable[[], float]:
        call()

        def measure() -> float:
            with timed(STEPS * len(pixels)) as found:
                for _ in range(STEPS):
                    call()
            return found[0]

        return measure

    rates = in_turn(
        3,
        {
            "train": rate(lambda: step(pixels, labels, 0.0)),
            "keras": rate(lambda: plain.train_on_batch(values, labels)),
        },
    )
    return ratio(rates, "train", "keras")


def run(folder: Path, report: Callable[[str], None]) -> list[Result]:
    """Measure the callback and a training; return their rows."""
    report("callback in a training")
    pixels = open_images("sample").read(0, PROBE, (32, 32, 3)).pixels
    model = vgg16.load()
    model.compile("sgd", "sparse_categorical_crossentropy")
    ours = ReactCNNCallback(folder / "training.db", pixels, batch_size=BATCH)
    beside = _Beside(ours, pixels)
    labels = [image % 10 for image in range(BATCH)]
    model.fit(
        pixels[:BATCH].astype("float32"),
        tf.constant(labels),
        batch_size=BATCH,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[ours, beside],
    )
    assert ours.failures == 0
    report("training")
    quicker = steps(pixels[:TRAINED], np.arange(TRAINED) % 10)
    return [
        at_most(
            f"callback, a run of {PROBE:,} probe images ÷ their forward pass alone",
            statistics.median(beside.ratios),
            1.15,
            "×",
            digits=2,
        ),
        at_least("training, float32, images a second ÷ Keras' own step", quicker, 1.4),
    ]
