"""Channels among which a choice is made together, and what a choice costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from collector.slim.channels import MAKERS, WEIGHTED
from reactcnn_dash.analysis import Costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.frameworks.keras.flatten import FlatGraph
    from collector.slim.channels import Channels, Numbers
    from collector.slim.consumers import Consumer

_L = keras.layers


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Channels that a choice is made among.

    Those of one maker, of a stream that several add to, and of everything that is concatenated
    before it is consumed, since there one channel may do the work of another.

    Attributes:
        channels: (n,) those that can go.
        producers: (n,) a number for the layers that make each; of every number one stays.
        consumers: positions of the consumers that receive them.
    """

    channels: Numbers
    producers: Numbers
    consumers: tuple[int, ...]

    @property
    def least(self) -> int:
        """How many stay in any case."""
        return len(np.unique(self.producers))


def find_bundles(consumers: Sequence[Consumer], channels: Channels) -> tuple[Bundle, ...]:
    """Divide the channels that can go into bundles, in the order of the network."""
    free = np.ones(channels.count, bool)
    free[list(channels.pinned)] = False
    makers: dict[int, set[int]] = {}
    for index, one in enumerate(consumers):
        for number in np.unique(one.made[free[one.made]]).tolist():
            makers.setdefault(number, set()).add(index)
    together = list(range(channels.count))

    def root(number: int) -> int:
        while together[number] != number:
            number = together[number]
        return number

    for one in consumers:
        for numbers in (one.made, one.received):
            joined = [root(number) for number in np.unique(numbers[free[numbers]]).tolist()]
            for one_root in joined:
                together[one_root] = min(joined)
    groups: dict[int, list[int]] = {}
    for number in sorted(makers):
        groups.setdefault(root(number), []).append(number)
    found = []
    for members in groups.values():
        kinds: dict[frozenset[int], int] = {}
        producers = [kinds.setdefault(frozenset(makers[n]), len(kinds)) for n in members]
        inside = np.array(members, np.intp)
        receivers = [
            index for index, one in enumerate(consumers) if np.isin(one.received, inside).any()
        ]
        # What nobody receives has no consumer to be judged by; it stays.
        if receivers:
            found.append(Bundle(inside, np.array(producers, np.intp), tuple(receivers)))
    return tuple(found)


def costs_of(graph: FlatGraph, channels: Channels) -> tuple[Costs, Costs]:
    """Return the parameters and multiply-adds an image of a network with the channels kept.

    Multiply-adds are those of convolutions and dense layers; what normalisation, activation and
    pooling add is left out, as is usual.
    """
    rows: list[dict[str, Any]] = []
    seen: dict[int, dict[str, Any]] = {}
    for call in graph.calls:
        layer = call.operation
        if type(layer) not in (*MAKERS, *WEIGHTED):
            continue
        received = channels.of(call.inputs[0]).numbers
        made = channels.of(call.outputs[0]).numbers
        own = _coefficients(layer, call)
        if id(layer) in seen:
            # Weights are shared among calls, work is not.
            row = seen[id(layer)]
            for name in ("pair", "output", "input"):
                row["work"][name] += own["work"][name]
            continue
        row = {"received": received, "made": made, **own}
        seen[id(layer)] = row
        rows.append(row)
    inputs = np.stack([np.bincount(r["received"], minlength=channels.count) for r in rows])
    outputs = np.stack([np.bincount(r["made"], minlength=channels.count) for r in rows])
    parameters, work = (
        Costs(
            inputs.astype(np.float64),
            outputs.astype(np.float64),
            *(
                np.array([r[which][name] for r in rows], np.float64)
                for name in ("pair", "output", "input")
            ),
        )
        for which in ("weights", "work")
    )
    return parameters, work


def _coefficients(layer: Any, call: Any) -> dict[str, dict[str, float]]:
    spatial = _places(layer, call.outputs[0].shape)
    weights = {"pair": 0.0, "output": 0.0, "input": 0.0}
    work = dict(weights)
    if isinstance(layer, _L.BatchNormalization):
        weights["input"] = float(len(layer.weights))
    elif isinstance(layer, _L.PReLU):
        weights["input"] = float(math.prod(layer.alpha.shape[:-1]))
    elif isinstance(layer, _L.DepthwiseConv2D):
        area = float(math.prod(layer.kernel_size)) * layer.depth_multiplier
        weights["input"] = area + layer.depth_multiplier * layer.use_bias
        work["input"] = area * spatial
    else:
        area = float(math.prod(getattr(layer, "kernel_size", (1,))))
        weights["output"] = float(layer.use_bias)
        if isinstance(layer, _L.SeparableConv2D):
            weights["input"] = area * layer.depth_multiplier
            work["input"] = weights["input"] * spatial
            area = float(layer.depth_multiplier)
        if isinstance(layer, _L.Conv2DTranspose):
            spatial = _places(layer, call.inputs[0].shape)
        area /= getattr(layer, "groups", 1)
        weights["pair"] = area
        work["pair"] = area * spatial
    return {"weights": weights, "work": work}


def _places(layer: Any, shape: Sequence[int | None]) -> float:
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    axes = shape[2:] if first else shape[1:-1]
    return float(math.prod(axis or 1 for axis in axes))
