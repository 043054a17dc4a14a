"""Is a broken filter found, and the layer that it is in, among the 4,224 of VGG-16?

    python -m tests.benchmarks --only faults

200 faults in random layers: a filter's kernel zeroed, scaled (by a half or by two), noised (noise
as large as its weights), or swapped with another's. Each is looked for twice: by the good run on
the same images, and by the good run's profile, which was made of other images.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from reactcnn_dash.analysis import locate_fault
from tests.benchmarks.cifar import BATCH, Subject, run_through
from tests.benchmarks.table import Result, at_least

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

KINDS = ("zeroed", "scaled", "noised", "swapped")
FAULTS = 200
IMAGES = 320
FIRST = 7_000
WAYS = ("same images", "other images")


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """One fault: its kind, the position of its layer, the filters concerned and the new kernel."""

    kind: str
    layer: int
    filters: tuple[int, ...]
    kernel: NDArray[np.float32]


def draw(kernels: Sequence[NDArray[np.float32]], count: int, seed: int) -> list[Fault]:
    """Draw faults, as many of each kind, in random layers and filters."""
    rng = np.random.default_rng(seed)
    faults = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        layer = int(rng.integers(len(kernels)))
        kernel = kernels[layer].copy()
        one, other = (int(i) for i in rng.choice(kernel.shape[-1], 2, replace=False))
        if kind == "zeroed":
            kernel[..., one] = 0.0
        elif kind == "scaled":
            kernel[..., one] *= rng.choice([0.5, 2.0])
        elif kind == "noised":
            part = kernel[..., one]
            kernel[..., one] = part + rng.normal(0.0, part.std(), part.shape)
        else:
            kernel[..., [one, other]] = kernel[..., [other, one]]
        filters = (one, other) if kind == "swapped" else (one,)
        faults.append(Fault(kind, layer, filters, kernel))
    return faults


class Rest:
    """The network from one tapped layer on, with that layer's kernel as an argument."""

    def __init__(self, subject: Subject, layer: int) -> None:
        model = subject.network.loaded.model
        taps = [model.get_layer(tap.tap).output for tap in subject.network.taps]
        begin = model.input if layer == 0 else taps[layer - 1]
        kernel = model.get_layer(subject.network.taps[layer].name).kernel
        rest = keras.Model(begin, taps[layer:])
        values = [
            (weight, tf.constant(weight.numpy())) for weight in rest.weights if weight is not kernel
        ]

        def forward(x: Any, changed: Any) -> Any:
            with keras.StatelessScope(state_mapping=[*values, (kernel, changed)]):
                outputs = rest(x, training=False)
            several = outputs if isinstance(outputs, list | tuple) else [outputs]
            return tf.concat([tf.reduce_mean(output, [1, 2]) for output in several], 1)

        self._forward = tf.function(forward, autograph=False)

    def rows(self, inputs: Sequence[Any], kernel: NDArray[np.float32]) -> Rows:
        """GAP rows of that layer and all after it, side by side."""
        changed = tf.constant(kernel)
        return np.concatenate([self._forward(x, changed).numpy() for x in inputs])


def run(subject: Subject, report: Callable[[str], None]) -> list[Result]:
    """Plant and look for every fault; the table goes to ``report``."""
    network = subject.network
    model = network.loaded.model
    pixels = subject.pixels[FIRST : FIRST + IMAGES]
    good, _ = run_through(subject.capture, pixels)
    layers = [model.get_layer(tap.name) for tap in network.taps]
    faults = draw([layer.kernel.numpy() for layer in layers], FAULTS, seed=7)
    inputs = [tf.constant(pixels[i : i + BATCH], tf.float32) for i in range(0, IMAGES, BATCH)]
    counts: Counter[tuple[str, str, str]] = Counter()
    for position, tap in enumerate(network.taps):
        rest = Rest(subject, position)
        start = sum(one.filters for one in network.taps[:position])
        for fault in (one for one in faults if one.layer == position):
            rows = good.copy()
            rows[:, start:] = rest.rows(inputs, fault.kernel)
            split = subject.split(rows)
            found = (
                locate_fault(split, subject.split(good)),
                locate_fault(split, subject.profile),
            )
            for way, location in zip(WAYS, found, strict=True):
                top = {number for number, _ in location.filters(position, 5)}
                counts[way, fault.kind, "layer"] += location.ranking[0] == position
                counts[way, fault.kind, "certain"] += location.first == position
                counts[way, fault.kind, "filter"] += bool(top & set(fault.filters))
        # What comes before the next layer is the same for all faults behind it.
        until = keras.Model(
            model.input
            if position == 0
            else model.get_layer(network.taps[position - 1].tap).output,
            model.get_layer(tap.tap).output,
        )
        inputs = [until(x, training=False) for x in inputs]
        report(f"{tap.name}: {sum(one.layer == position for one in faults)} faults")
    results = []
    each = FAULTS // len(KINDS)
    report("way | kind | layer first | of these for certain | filter among five")
    for way in WAYS:
        for kind in KINDS:
            shares = [counts[way, kind, what] / each for what in ("layer", "certain", "filter")]
            report(f"{way} | {kind} | " + " | ".join(f"{share:.0%}" for share in shares))
        for what, goal in (("layer", 95), ("filter", 90)):
            share = 100 * sum(counts[way, kind, what] for kind in KINDS) / FAULTS
            results.append(at_least(f"faults, {way}: {what} named", share, goal, "%"))
    return results
