"""What is put before and behind an ONNX graph, so that only what is stored leaves the runtime.

Before it: pixels become the graph's input. Behind it: of each tap the mean, and where maps are
wanted their ends and codes. The graph itself stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from collector.frameworks.onnx.modelfile import opset_of
from collector.frameworks.quantised import LEAST_RANGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.frameworks.onnx.taps import Tap
    from collector.frameworks.scaling import Scaling

PIXELS, GAP, HIGH, LOW = (f"reactcnn.{name}" for name in ("pixels", "gap", "high", "low"))
_RUNTIME = "com.microsoft"


@dataclass(frozen=True, slots=True)
class Feeding:
    """How a graph is given images.

    Attributes:
        name: of its input.
        element: its type, one of ``onnx.TensorProto``.
        shape: (H, W, C) of the images.
        channels_first: whether it takes (B, C, H, W) instead of (B, H, W, C).
        batch: how many images it takes at a time; ``None`` for any number.
    """

    name: str
    element: int
    shape: tuple[int, int, int]
    channels_first: bool
    batch: int | None


def codes_of(place: int) -> str:
    """Return the output that holds the codes of a tap."""
    return f"reactcnn.codes.{place}"


def values_of(tap: Tap) -> str:
    """Return the output that holds the maps of a tap as floats, where they are wanted."""
    return tap.tensor if tap.scale is None else f"reactcnn.floats.{tap.name}"


def with_values(model: onnx.ModelProto, taps: Sequence[Tap], more: Sequence[str]) -> bytes:
    """Return the model with the maps of its taps, and other tensors, as outputs.

    Nothing before it. The tensors are outputs themselves: onnxruntime takes an Identity for an
    output out, and thereby what a Pad before a convolution takes.
    """
    adding = _Adding(model)
    for name in (*map(adding.maps, taps), *more):
        adding.output(name)
    return adding.serialised()


def with_capture(
    model: onnx.ModelProto,
    taps: Sequence[Tap],
    feeding: Feeding,
    scaling: Scaling,
    *,
    maps: bool,
    unrounded: bool,
) -> bytes:
    """Return the model from pixels (B, H, W, C), uint8 or float32, to what is stored.

    Args:
        model: the model; it is not changed.
        taps: what is watched.
        feeding: how it is given images.
        scaling: what is done to pixel values.
        maps: whether feature maps are wanted.
        unrounded: whether pixels come as float32.

    Returns:
        The model as its file would have it; its outputs are its own, :data:`GAP` (B, F) and, with
        maps, :data:`HIGH` (B, F), :data:`LOW` of those taps that may be negative, and the codes of
        each tap, all but the codes float32.
    """
    adding = _Adding(model)
    adding.pixels(feeding, scaling, unrounded=unrounded)
    means, highs, lows = [], [], []
    for place, tap in enumerate(taps):
        tensor = adding.planar(tap)
        means.append(adding.over_space("GlobalAveragePool", tensor))
        if maps:
            high, low = adding.codes(tap, place, tensor)
            highs.append(high)
            lows += [low] if low else []
    for name, parts in ((GAP, means), (HIGH, highs), (LOW, lows)):
        if parts:
            adding.node("Concat", parts, name, axis=1)
            adding.output(name)
    return adding.serialised()


class _Adding:
    """Nodes that are added to a copy of a model, in the opset that it is written in."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = onnx.ModelProto()
        self._model.CopyFrom(model)
        self._opset = opset_of(model)
        if all(one.domain != _RUNTIME for one in model.opset_import):
            self._model.opset_import.append(helper.make_opsetid(_RUNTIME, 1))
        self._before: list[onnx.NodeProto] = []
        self._behind: list[onnx.NodeProto] = []
        self._nodes = self._behind
        self._constants: dict[str, str] = {}

    def serialised(self) -> bytes:
        graph = self._model.graph
        nodes = [*self._before, *graph.node, *self._behind]
        del graph.node[:]
        graph.node.extend(nodes)
        data: bytes = self._model.SerializeToString()
        return data

    def node(self, kind: str, inputs: Sequence[str], output: str = "", **options: Any) -> str:
        output = output or f"reactcnn.{len(self._before) + len(self._behind)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **options))
        return output

    def output(self, name: str) -> None:
        graph = self._model.graph
        if name not in {one.name for one in graph.output}:
            graph.output.append(onnx.ValueInfoProto(name=name))

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        array = np.asarray(value, dtype)
        name = f"reactcnn.{array.dtype}.{array.shape}.{array.tolist()}"
        if name not in self._constants:
            self._constants[name] = name
            self._model.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def pixels(self, feeding: Feeding, scaling: Scaling, *, unrounded: bool) -> None:
        """Bring pixels to what the graph takes."""
        graph = self._model.graph
        kept = [one for one in graph.input if one.name != feeding.name]
        del graph.input[:]
        graph.input.extend(kept)
        element = TensorProto.FLOAT if unrounded else TensorProto.UINT8
        shape = [feeding.batch or "images", *feeding.shape]
        graph.input.append(helper.make_tensor_value_info(PIXELS, element, shape))
        self._nodes = self._before
        tensor = PIXELS
        if feeding.channels_first:
            tensor = self.node("Transpose", [tensor], perm=[0, 3, 1, 2])
        tensor = self.node("Cast", [tensor], to=TensorProto.FLOAT)
        if scaling.reversed:
            axis = 1 if feeding.channels_first else 3
            order = self.constant([2, 1, 0], np.int64)
            tensor = self.node("Gather", [tensor, order], axis=axis)
        for kind, value, neutral in (("Mul", scaling.scale, 1.0), ("Add", scaling.offset, 0.0)):
            if value != neutral:
                axes = (-1, 1, 1) if feeding.channels_first else (-1,)
                spread = np.reshape(np.asarray(value, np.float32), axes)
                tensor = self.node(kind, [tensor, self.constant(spread)])
        self.node("Cast", [tensor], feeding.name, to=feeding.element)
        self._nodes = self._behind

    def maps(self, tap: Tap) -> str:
        """Return the tensor of a tap as floats."""
        if tap.scale is None:
            return tap.tensor
        again = onnx.NodeProto()
        again.CopyFrom(tap.scale)
        again.name = ""
        again.output[0] = values_of(tap)
        self._nodes.append(again)
        return values_of(tap)

    def planar(self, tap: Tap) -> str:
        """Return the tensor of a tap as float32 (B, F, H, W)."""
        tensor = self.node("Cast", [self.maps(tap)], to=TensorProto.FLOAT)
        return self.node("Transpose", [tensor], perm=[0, 3, 1, 2]) if tap.channels_last else tensor

    def over_space(self, kind: str, tensor: str) -> str:
        """Pool (B, F, H, W) to (B, F).

        onnxruntime keeps channels in blocks from one convolution to the next, and can pool them so.
        A reduction over the same axes has them put in order first, which takes three times as long
        as the pooling. Without its last two axes, since arithmetic between (B, F, 1, 1) and one
        number is fifty times slower than between (B, F) and one number.
        """
        return self.node("Flatten", [self.node(kind, [tensor])], axis=1)

    def least(self, tensor: str) -> str:
        """Return the least value of each map, (B, F), for which there is no pooling."""
        if self._opset < 18:
            return self.node("ReduceMin", [tensor], axes=[2, 3], keepdims=0)
        return self.node("ReduceMin", [tensor, self.constant([2, 3], np.int64)], keepdims=0)

    def codes(self, tap: Tap, place: int, tensor: str) -> tuple[str, str | None]:
        """Quantise the maps (B, F, H, W) of one tap to an output of (B · F, H · W).

        See ``quantised`` for what those of values that are not finite, or all the same, mean.

        Returns:
            The greatest and the least value of each map, (B, F); ``None`` for the least if it is
            never negative.
        """
        node, constant = self.node, self.constant
        high = self.over_space("GlobalMaxPool", tensor)
        low, size = None, high
        if not tap.never_negative:
            low = node("Min", [self.least(tensor), constant(0)])
            size = node("Sub", [node("Max", [high, constant(0)]), low])
            each = constant([-1, tap.filters, 1, 1], np.int64)
            tensor = node("Sub", [tensor, node("Reshape", [low, each])])
        step = node("Div", [node("Max", [size, constant(LEAST_RANGE)]), constant(255)])
        rows = node("Reshape", [tensor, constant([-1, tap.height * tap.width], np.int64)])
        steps = node("Reshape", [step, constant([-1], np.int64)])
        # onnxruntime's own operator, since ONNX has steps along an axis from opset 13 on only.
        node("QuantizeLinear", [rows, steps], codes_of(place), axis=0, domain=_RUNTIME)
        self.output(codes_of(place))
        return high, low
