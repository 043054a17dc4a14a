"""A Keras model as steps: what the page is told of how its layers hang together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import keras

from collector.frameworks.keras.layout import CONVOLUTIONS
from collector.frameworks.keras.receptive import moves_of
from collector.frameworks.steps import Step, details

if TYPE_CHECKING:
    from collector.frameworks.keras.flatten import Call
    from collector.frameworks.keras.network import Network
    from collector.frameworks.steps import Details


def details_of(network: Network) -> Details:
    """Return ``steps.details`` of a model."""
    steps = [
        Step(
            kind=type(call.operation).__name__,
            inputs=[id(tensor) for tensor in call.inputs],
            outputs=[id(tensor) for tensor in call.outputs],
            moves=moves_of(call),
            cost=_cost(call) if isinstance(call.operation, CONVOLUTIONS) else None,
        )
        for call in network.graph.calls
    ]
    return details(steps, id(network.graph.input), [id(tap.tensor) for tap in network.taps])


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
