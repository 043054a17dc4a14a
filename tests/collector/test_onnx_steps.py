"""What the page is told of an ONNX graph is what it is told of the same network in Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from collector.frameworks.onnx.network import Network, understand
from collector.frameworks.protocol import Asked
from tests.collector import branching
from tests.collector.onnx_graphs import Builder, saved

if TYPE_CHECKING:
    from pathlib import Path


def conv(
    b: Builder, x: str, name: str, shape: tuple[int, ...], *, bias: bool = True, **more: Any
) -> str:
    kind = "ConvTranspose" if name == "up" else "Conv"
    weights = [b.normal(*shape), *([b.normal(shape[0], 1)] if bias else [])]
    if bias:
        weights[1] = b.weight(np.zeros(shape[0], np.float32))
    return b.add(kind, x, *weights, name=name, **more)


def graph(b: Builder) -> str:
    padded = b.add("Pad", "pixels", b.weight([0, 0, 1, 1, 0, 0, 1, 1], dtype=np.int64))
    x = b.add("Relu", conv(b, padded, "stem", (4, 3, 3, 3), strides=[2, 2]))
    y = b.add("Relu", conv(b, x, "a", (4, 4, 3, 3), pads=[1, 1, 1, 1]))
    y = conv(b, y, "b", (4, 4, 1, 1), bias=False)
    x = b.add("Relu", b.add("Add", x, y))
    x = b.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    deep = conv(b, x, "c", (4, 1, 3, 3), bias=False, group=4, pads=[1, 1, 1, 1])
    flat = conv(b, x, "d", (4, 4, 1, 1))
    x = b.add("Relu", b.add("Concat", deep, flat, axis=1))
    x = b.add("Relu", conv(b, x, "up", (8, 5, 2, 2), bias=False, strides=[2, 2]))
    x = b.add("Resize", x, "", b.weight([1, 1, 2, 2]), mode="nearest")
    x = conv(b, x, "last", (6, 5, 3, 3), dilations=[2, 2])
    x = b.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    gate = b.add("ReduceMean", x, axes=[2, 3])
    gate = b.add("Sigmoid", conv(b, gate, "gate", (6, 6, 1, 1)))
    return conv(b, b.add("Mul", x, gate), "top", (3, 6, 1, 1))


def understood(b: Builder, x: str, filters: int, folder: Path) -> Network:
    side = branching.SIDE
    model = b.classified(x, filters, shape=("n", 3, side, side))
    return understand(str(saved(model, folder)), Asked())


def test_a_graph_is_told_of_as_the_same_network_in_keras(tmp_path: Path) -> None:
    b = Builder()
    network = understood(b, graph(b), 3, tmp_path)
    assert tuple(tap.name for tap in network.taps) == branching.NAMES
    said = branching.expected()
    assert network.details["wiring"] == said["wiring"]
    assert network.details["receptive_fields"] == said["receptive_fields"]
    # Nothing of it is unknown, so the two do not agree by knowing nothing.
    assert None not in said["receptive_fields"]


def test_what_is_not_known_of_a_graph_is_not_told(tmp_path: Path) -> None:
    b = Builder()
    x = conv(b, "pixels", "first", (4, 3, 3, 3), pads=[1, 1, 1, 1])
    # Twelve by twelve places in blocks of two: no interval of pixels any more.
    x = b.add("SpaceToDepth", b.add("Relu", x), blocksize=2)
    x = conv(b, x, "second", (4, 16, 1, 1))
    one, other = understood(b, x, 4, tmp_path).details["receptive_fields"]
    assert one == [[3, 1, -1], [3, 1, -1]]
    assert other is None
    same = Builder()
    x = conv(same, "pixels", "first", (4, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
    assert understood(same, x, 4, tmp_path).details["receptive_fields"] == [None]


def test_a_mean_over_one_axis_is_not_one_of_the_whole_image(tmp_path: Path) -> None:
    b = Builder()
    x = b.add("Transpose", conv(b, "pixels", "first", (4, 3, 3, 3)), perm=[0, 2, 3, 1])
    x = b.add("Sub", x, b.add("ReduceMean", x, axes=[-1]))
    x = conv(b, b.add("Transpose", x, perm=[0, 3, 1, 2]), "second", (4, 4, 3, 3))
    x = b.add("Mul", x, b.add("Sigmoid", b.add("ReduceMean", x, axes=[-2, -1])))
    third = conv(b, x, "third", (4, 4, 1, 1))
    network = understood(b, third, 4, tmp_path)
    assert [tap.name for tap in network.taps] == ["first", "second", "third"]
    assert network.details["receptive_fields"] == [None, None, None]
    only = Builder()
    x = conv(only, "pixels", "first", (4, 3, 3, 3))
    x = only.add("Mul", x, only.add("Sigmoid", only.add("ReduceMean", x, axes=[-2, -1])))
    network = understood(only, conv(only, x, "second", (4, 4, 1, 1)), 4, tmp_path)
    assert network.details["receptive_fields"] == [[[3, 1, 0], [3, 1, 0]], "whole"]


def test_axes_that_are_put_last_and_back_are_still_places(tmp_path: Path) -> None:
    b = Builder()
    x = conv(b, "pixels", "first", (4, 3, 3, 3))
    x = b.add("Transpose", x, perm=[0, 2, 3, 1])
    x = b.add("Transpose", b.add("Tanh", x), perm=[0, 3, 1, 2])
    x = b.add("Pad", x, b.weight([0, 0, 1, 2, 0, 0, 1, 2], dtype=np.int64))
    x = conv(b, x, "second", (4, 4, 3, 3), strides=[2, 2])
    network = understood(b, x, 4, tmp_path)
    assert network.details["receptive_fields"][1] == [[5, 2, -1], [5, 2, -2]]
    assert network.details["wiring"]["taps"] == [[], [0]]
