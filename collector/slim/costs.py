"""What the channels of a network cost in parameters and multiply-adds: all that surgery counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypedDict

import keras
import numpy as np

from collector.slim.channels import MAKERS, WEIGHTED, find_channels
from reactcnn_dash.analysis import Costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from collector.frameworks.keras.flatten import FlatGraph
    from collector.frameworks.keras.network import Network
    from collector.slim.channels import Channels, Numbers

_L = keras.layers


class LayerCosts(TypedDict):
    """What a layer with weights costs, given how many filters of each tap stay.

    ``takes`` and ``makes`` are pairs of a tap and how often each of its filters is received, or
    made; ``others`` how much of both there is beside; ``parameters`` and ``work`` what a pair of
    the two costs, one that it makes, and one that it takes.
    """

    takes: list[list[float]]
    makes: list[list[float]]
    others: list[float]
    parameters: list[float]
    work: list[float]


class FilterCosts(TypedDict):
    """What a network costs; ``whole`` are the taps of which no filter can go.

    The last of the layers stands for what no cut changes.
    """

    whole: list[int]
    layers: list[LayerCosts]


def costs_by_filters(network: Network) -> FilterCosts:
    """Return what a network costs, given how many filters of each tap stay.

    As ``analysis.Costs`` has it, with a number for each tap in the place of a mask. Of channels
    that several taps share, since their maps are added, each has its part, and so they count for as
    many as stay on average.
    """
    channels = find_channels(network.graph)
    if not any(type(call.operation) in (*MAKERS, *WEIGHTED) for call in network.graph.calls):
        return {"whole": [], "layers": []}
    parameters, work = costs_of(network.graph, channels)
    filters = [channels.of(tap.tensor).numbers for tap in network.taps]
    owners = np.bincount(np.concatenate(filters), minlength=channels.count)
    everything = np.ones(channels.count, bool)
    fixed = network.loaded.parameters - round(parameters.total(everything))
    layers: list[LayerCosts] = [
        {
            "takes": _shares(parameters.inputs[row], filters, owners),
            "makes": _shares(parameters.outputs[row], filters, owners),
            "others": [
                float(counts[row][owners == 0].sum())
                for counts in (parameters.inputs, parameters.outputs)
            ],
            "parameters": _of_row(parameters, row),
            "work": _of_row(work, row),
        }
        for row in range(len(parameters.pair))
    ]
    layers.append(
        {
            "takes": [],
            "makes": [],
            "others": [0.0, 1.0],
            "parameters": [0.0, float(fixed), 0.0],
            "work": [0.0, 0.0, 0.0],
        }
    )
    whole = [tap for tap, numbers in enumerate(filters) if channels.pinned.keys() >= set(numbers)]
    return {"whole": whole, "layers": layers}


def _of_row(costs: Costs, row: int) -> list[float]:
    return [float(part[row]) for part in (costs.pair, costs.output, costs.input)]


def _shares(
    counts: NDArray[np.float64], filters: Sequence[Numbers], owners: NDArray[np.intp]
) -> list[list[float]]:
    """Return of which taps some channels are, and how often each of a tap's filters is there."""
    found = []
    for position, numbers in enumerate(filters):
        times = float((counts[numbers] / owners[numbers]).mean())
        if times:
            found.append([position, times])
    return found


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
        received = channels.received(call)
        made = channels.of(call.outputs[0]).numbers
        own = _coefficients(layer, call, received)
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


def _coefficients(layer: Any, call: Any, received: Numbers) -> dict[str, dict[str, float]]:
    spatial = _places(layer, call.outputs[0].shape)
    weights = {"pair": 0.0, "output": 0.0, "input": 0.0}
    work = dict(weights)
    if isinstance(layer, _L.BatchNormalization):
        weights["input"] = float(len(layer.weights))
    elif isinstance(layer, _L.PReLU):
        weights["input"] = math.prod(layer.alpha.shape) / len(received)
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
