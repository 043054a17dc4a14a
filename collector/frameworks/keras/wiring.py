"""How the tapped layers of a model hang together, and what each costs, from the model's graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras

from collector.frameworks.keras.layout import CONVOLUTIONS

if TYPE_CHECKING:
    from collector.frameworks.keras.flatten import Call
    from collector.frameworks.keras.network import Network


def wiring(network: Network) -> dict[str, Any]:
    """Return what each tapped layer takes, where branches merge, and what layers cost.

    What takes one tensor only passes on whose it is; what takes those of several is a merge.
    A source is the position of a tap, or −1 − k for the merge k; the image is none.

    Returns:
        As JSON has it: ``taps``, the sources of each tap; ``merges``, for each its ``kind`` and
        its sources ``of``; ``costs``, each tap's number of parameters and its multiply-adds an
        image, those of the convolution alone.
    """
    positions = {id(tap.tensor): i for i, tap in enumerate(network.taps)}
    sources: dict[int, int | None] = {id(network.graph.input): None}
    convolved: dict[int, Call] = {}
    taps: list[list[int]] = [[] for _ in network.taps]
    costs: list[list[int]] = [[0, 0] for _ in network.taps]
    merges: list[dict[str, Any]] = []
    for call in network.graph.calls:
        found = {source for one in call.inputs if (source := sources.get(id(one))) is not None}
        if len(found) > 1:
            merges.append({"kind": type(call.operation).__name__, "of": sorted(found)})
            found = {-len(merges)}
        convolution = call if isinstance(call.operation, CONVOLUTIONS) else None
        for tensor in call.inputs:
            convolution = convolution or convolved.get(id(tensor))
        for tensor in call.outputs:
            sources[id(tensor)] = next(iter(found), None)
            if convolution is not None:
                convolved[id(tensor)] = convolution
            position = positions.get(id(tensor))
            if position is not None:
                taps[position] = sorted(found)
                sources[id(tensor)] = position
                if convolution is not None:
                    costs[position] = list(_cost(convolution))
    return {"taps": taps, "merges": merges, "costs": costs}


def _cost(call: Call) -> tuple[int, int]:
    """Parameters and multiply-adds an image of a call of a convolution."""
    operation = call.operation
    # A transposed convolution multiplies each place of its input, any other each of its output.
    over = call.inputs if isinstance(operation, keras.layers.Conv2DTranspose) else call.outputs
    shape = over[0].shape
    places = shape[2:4] if operation.data_format == "channels_first" else shape[1:3]
    kernels = [one for one in operation.weights if len(one.shape) == 4]
    if isinstance(operation, keras.layers.SeparableConv2D):
        # The pointwise kernel takes what the depthwise one gives, at the same places.
        kernels = [operation.depthwise_kernel, operation.pointwise_kernel]
    weights = sum(math.prod(one.shape) for one in kernels)
    return int(operation.count_params()), math.prod(places) * weights
