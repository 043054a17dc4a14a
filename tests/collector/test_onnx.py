"""ONNX models: what is tapped, and that what is stored is what the untouched graph says."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from collector.cli import main
from collector.errors import ModelError
from collector.frameworks.onnx.network import Network, understand
from collector.frameworks.protocol import Asked, Captured
from collector.frameworks.reading import Reading
from reactcnn_dash import open_store
from reactcnn_dash.db import StoreReader
from tests.collector.onnx_graphs import Builder, photos, saved, shares

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Following = Callable[[Builder, str], str]


def silu(b: Builder, x: str) -> str:
    return b.add("Mul", x, b.add("Sigmoid", x), name="silu")


def gelu(b: Builder, x: str) -> str:
    inner = b.add("Erf", b.add("Div", x, b.weight(2**0.5)))
    return b.add("Mul", b.add("Mul", x, b.add("Add", inner, b.weight(1.0))), b.weight(0.5))


def gelu_of_tanh(b: Builder, x: str) -> str:
    cube = b.add("Mul", b.add("Pow", x, b.weight(3.0)), b.weight(0.044715))
    inner = b.add("Tanh", b.add("Mul", b.add("Add", x, cube), b.weight(0.7978846)))
    outer = b.add("Add", inner, b.weight(1.0))
    return b.add("Mul", b.add("Mul", b.weight(0.5), x), outer)


def mish(b: Builder, x: str) -> str:
    return b.add("Mul", x, b.add("Tanh", b.add("Softplus", x)))


def hard_swish(b: Builder, x: str) -> str:
    clipped = b.add("Clip", b.add("Add", x, b.weight(3.0)), b.weight(0.0), b.weight(6.0))
    return b.add("Mul", x, b.add("Div", clipped, b.weight(6.0)))


def normalised(b: Builder, x: str) -> str:
    positive = np.abs(b.rng.normal(size=(2, 5))) + 0.5
    mean, bias = b.normal(5), b.normal(5)
    scale, variance = (b.weight(one) for one in positive)
    return b.add("BatchNormalization", x, scale, bias, mean, variance)


def of_its_layer(b: Builder, x: str) -> str:
    """Layer normalisation over channels as opsets before 17 have it."""
    centred = b.add("Sub", x, b.add("ReduceMean", x, axes=[1]))
    variance = b.add("ReduceMean", b.add("Mul", centred, centred), axes=[1])
    deviation = b.add("Sqrt", b.add("Add", variance, b.weight(1e-5)))
    scaled = b.add("Mul", b.add("Div", centred, deviation), b.weight(np.arange(5.0)[:, None, None]))
    return b.add("Add", scaled, b.weight(np.ones((5, 1, 1))))


def of_its_root_mean_square(b: Builder, x: str) -> str:
    mean = b.add("ReduceMean", b.add("Pow", x, b.weight(2.0)), axes=[2, 3])
    root = b.add("Reciprocal", b.add("Sqrt", b.add("Add", mean, b.weight(1e-5))))
    return b.add("Mul", x, root)


def of_its_length(b: Builder, x: str) -> str:
    length = b.add("ReduceL2", x, axes=[2, 3])
    share = b.add("Div", length, b.add("Add", b.add("ReduceMean", length, axes=[1]), b.weight(1.0)))
    return b.add("Add", b.add("Mul", x, share), x)


def of_its_groups(b: Builder, x: str) -> str:
    """Group normalisation as opsets before 21 have it, one filter a group but for the axes."""
    grouped = b.add("Reshape", x, b.weight([0, 5, -1], dtype=np.int64))
    known = b.weight(np.ones(5)), b.weight(np.zeros(5))
    normal = b.add("InstanceNormalization", grouped, *known)
    again = b.add("Reshape", normal, b.add("Shape", x))
    return b.add("Mul", again, b.weight(np.arange(5.0)[:, None, None]))


def leaky_by_choice(b: Builder, x: str) -> str:
    zeros = b.add("ConstantOfShape", b.add("Shape", x))
    slope = b.add("Mul", x, b.weight(0.1))
    return b.add("Where", b.add("Greater", x, zeros), x, slope)


def shrunk(b: Builder, x: str) -> str:
    outside = b.add("Or", b.add("Less", x, b.weight(-0.1)), b.add("Greater", x, b.weight(0.1)))
    return b.add("Where", outside, x, b.weight(0.0))


def constant(b: Builder, value: Any) -> str:
    return b.add("Constant", value=numpy_helper.from_array(np.asarray(value, np.float32)))


FOLLOWING: dict[str, Following] = {
    "nothing": lambda _, x: x,
    "relu": lambda b, x: b.add("Relu", x),
    "normalisation": normalised,
    "normalisation, relu": lambda b, x: b.add("Relu", normalised(b, x)),
    "clip": lambda b, x: b.add("Clip", x, b.weight(0.0), b.weight(6.0)),
    "clip of constants": lambda b, x: b.add("Clip", x, constant(b, -1.0), constant(b, 1.0)),
    "leaky relu": lambda b, x: b.add("LeakyRelu", x, alpha=0.2),
    "prelu": lambda b, x: b.add("PRelu", x, b.weight(np.full((5, 1, 1), 0.3))),
    "sigmoid": lambda b, x: b.add("Sigmoid", x),
    "tanh": lambda b, x: b.add("Tanh", x),
    "elu": lambda b, x: b.add("Elu", x),
    "silu": silu,
    "silu after normalisation": lambda b, x: silu(b, normalised(b, x)),
    "gelu": gelu,
    "gelu of tanh": gelu_of_tanh,
    "mish": mish,
    "hard swish": hard_swish,
    "hard swish, one operator": lambda b, x: b.add("HardSwish", x),
    "bias of its own": lambda b, x: b.add(
        "Relu", b.add("Add", x, b.weight(np.arange(5.0).reshape(1, 5, 1, 1)))
    ),
    "identity": lambda b, x: b.add("Relu", b.add("Identity", x)),
    "instance normalisation": lambda b, x: b.add(
        "Relu", b.add("InstanceNormalization", x, b.weight(np.ones(5)), b.weight(np.zeros(5)))
    ),
    "layer normalisation, written out": of_its_layer,
    "layer normalisation, written out, relu": lambda b, x: b.add("Relu", of_its_layer(b, x)),
    "root mean square normalisation": of_its_root_mean_square,
    "response normalisation": of_its_length,
    "group normalisation by axes": of_its_groups,
    "leaky relu by choice": leaky_by_choice,
    "shrunk by choice": shrunk,
    "sine": lambda b, x: b.add("Add", x, b.add("Sin", x)),
    "channels last": lambda b, x: b.add(
        "Transpose", b.add("Relu", b.add("Transpose", x, perm=[0, 2, 3, 1])), perm=[0, 3, 1, 2]
    ),
}


def bare(model: onnx.ModelProto, tensor: str, pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """What the untouched graph says, carried out node by node as it stands."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    names = [model.graph.output[0].name, tensor]
    if tensor not in {one.name for one in whole.graph.output}:
        whole.graph.output.append(onnx.ValueInfoProto(name=tensor))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(whole.SerializeToString(), options)
    found: list[NDArray[Any]] = session.run(names, {"pixels": pixels})
    return found


def network_of(model: onnx.ModelProto, folder: Path, asked: Asked | None = None) -> Network:
    return understand(saved(model, folder), asked or Asked())


def captured(network: Network, pixels: NDArray[np.uint8], **options: Any) -> Captured:
    settings = {"pixel_range": "0-1", "maps": True, "batch_size": 2, "exact": False, **options}
    return network.proven(pixels, **settings).capture(pixels)


def assert_says(found: Captured, probabilities: NDArray[Any], maps: NDArray[Any]) -> None:
    """What was captured of the only layer is what the graph says, to 1e-5 and half a step."""
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-5)
    gap = maps.astype(np.float64).mean((2, 3))
    np.testing.assert_allclose(found.gap, gap, atol=1e-5 * np.abs(maps).max())
    assert found.maps is not None
    (one,) = found.maps
    low = np.minimum(maps.min((2, 3)), 0)
    step = (np.maximum(maps.max((2, 3)), 0) - low) / 255
    np.testing.assert_allclose(one.low, low, atol=1e-5 * np.abs(maps).max())
    np.testing.assert_allclose(one.step, step, atol=1e-7 * np.abs(maps).max())
    decoded = one.low[..., None, None] + one.step[..., None, None] * one.codes
    assert (np.abs(decoded - maps) <= 0.51 * step[..., None, None] + 1e-6).all()


@pytest.mark.parametrize("name", FOLLOWING)
def test_each_fusion_is_followed_to_its_end_and_stays_what_it_is(name: str, tmp_path: Path) -> None:
    b = Builder()
    tensor = FOLLOWING[name](b, b.conv("pixels", 3, 5, name="first"))
    # The pool behind it is a kernel of nobody's: the tap is what it takes.
    model = b.classified(tensor, 5)
    network = network_of(model, tmp_path)
    (tap,) = network.taps
    read = b.nodes[-5].output[0] if name == "channels last" else tensor
    assert (tap.name, tap.kind, tap.filters, tap.height, tap.width) == ("first", "Conv", 5, 12, 12)
    assert tap.tensor == (read if name != "channels last" else tap.tensor)
    pixels = photos(3)
    given = shares(pixels)
    probabilities, maps = bare(model, tensor, given)
    assert_says(captured(network, pixels), probabilities, maps)


def test_what_is_padded_next_is_watched(tmp_path: Path) -> None:
    b = Builder()
    tensor = b.add("Clip", b.conv("pixels", 3, 5, name="first"), b.weight(0.0), b.weight(6.0))
    padded = b.add("Pad", tensor, b.weight([0, 0, 0, 0, 0, 0, 1, 1], dtype=np.int64))
    second = b.add("Conv", padded, b.normal(5, 1, 3, 3), group=5, strides=[2, 2], name="second")
    model = b.classified(second, 5)
    network = network_of(model, tmp_path)
    assert [tap.name for tap in network.taps] == ["first", "second"]
    pixels = photos(3)
    given = shares(pixels)
    found = captured(network, pixels)
    for place, one in enumerate((tensor, second)):
        probabilities, maps = bare(model, one, given)
        gap = found.gap[:, 5 * place : 5 * place + 5]
        np.testing.assert_allclose(gap, maps.mean((2, 3)), atol=1e-5)
        np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-5)


@pytest.mark.parametrize("opset", range(9, 29))
def test_every_opset(opset: int, tmp_path: Path) -> None:
    b = Builder(opset)
    tensor = b.add("LeakyRelu", b.conv("pixels", 3, 5, name="first"))
    if opset < 13:
        logits = b.add("MatMul", b.over_space(tensor), b.normal(5, 4))
        model = b.model(b.add("Softmax", logits))
    else:
        model = b.classified(tensor, 5)
    pixels = photos(3)
    given = shares(pixels)
    assert_says(captured(network_of(model, tmp_path), pixels), *bare(model, tensor, given))


@pytest.mark.parametrize("kind", ["Conv", "Conv (depthwise)", "ConvTranspose", "Pad"])
def test_kinds_of_convolutions_and_their_kernels(kind: str, tmp_path: Path) -> None:
    b = Builder()
    kernel = b.rng.normal(size=(6, 1, 3, 3) if "depth" in kind else (6, 3, 3, 3))
    if kind == "ConvTranspose":
        kernel = kernel.transpose(1, 0, 2, 3)
        tensor = b.add("ConvTranspose", "pixels", b.weight(kernel, "up.weight"))
        kernel = kernel.transpose(1, 0, 2, 3)
    elif kind == "Pad":
        padded = b.add("Pad", "pixels", b.weight([0, 0, 1, 1, 0, 0, 1, 1], dtype=np.int64))
        tensor = b.add("Conv", padded, b.weight(kernel, "up.weight"))
    else:
        groups = 3 if "depth" in kind else 1
        tensor = b.add("Conv", "pixels", b.weight(kernel, "up.weight"), group=groups)
    relu = b.add("Relu", tensor)
    model = b.classified(relu, 6)
    network = network_of(model, tmp_path)
    (tap,) = network.taps
    assert (tap.name, tap.kind) == ("up", "Conv" if kind == "Pad" else kind)
    (stored,) = network.kernels()
    assert stored.layer == "up"
    assert stored.weights is not None
    np.testing.assert_allclose(stored.weights, kernel.transpose(0, 2, 3, 1), rtol=1e-6)
    pixels = photos(3)
    given = shares(pixels)
    assert_says(captured(network, pixels), *bare(model, relu, given))


def test_grouped_transposed_kernels_are_those_that_make_the_maps(tmp_path: Path) -> None:
    b = Builder()
    widened = b.conv("pixels", 3, 4, name="first")
    kernel = b.rng.normal(size=(4, 3, 1, 1))
    tensor = b.add("ConvTranspose", widened, b.weight(kernel, "up.weight"), group=2)
    model = b.classified(tensor, 6)
    network = network_of(model, tmp_path)
    stored = network.kernels()[1].weights
    assert stored is not None
    given = np.ascontiguousarray(photos(2).transpose(0, 3, 1, 2), np.float32)
    _, before = bare(model, widened, given)
    _, after = bare(model, tensor, given)
    for filter_ in range(6):
        seen = before[:, :2] if filter_ < 3 else before[:, 2:]
        expected = np.einsum("bcyx,c->byx", seen, stored[filter_, 0, 0])
        np.testing.assert_allclose(after[:, filter_], expected, rtol=1e-3, atol=1e-2)


def test_quantised_convolutions_stay_whole_numbers_and_are_read_as_floats(tmp_path: Path) -> None:
    b = Builder()

    def quantised(tensor: str, scale: float, zero: int) -> str:
        known = b.weight(scale), b.weight(zero, dtype=np.uint8)
        whole = b.add("QuantizeLinear", tensor, *known)
        return b.add("DequantizeLinear", whole, *known)

    def weights(*shape: int) -> str:
        codes = b.weight(b.rng.integers(-127, 128, shape), dtype=np.int8)
        return b.add("DequantizeLinear", codes, b.weight(0.01), b.weight(0, dtype=np.int8))

    first = b.add("Conv", quantised("pixels", 1 / 255, 0), weights(5, 3, 3, 3), name="first")
    middle = quantised(b.add("Relu", first), 0.02, 0)
    second = quantised(b.add("Conv", middle, weights(4, 5, 3, 3), name="second"), 0.05, 128)
    model = b.classified(second, 4)
    network = network_of(model, tmp_path)
    assert [tap.name for tap in network.taps] == ["first", "second"]
    pixels = photos(3)
    given = shares(pixels)
    found = captured(network, pixels)
    for place, tensor in enumerate((middle, second)):
        _, maps = bare(model, tensor, given)
        part = found.gap[:, :5] if not place else found.gap[:, 5:]
        np.testing.assert_allclose(part, maps.mean((2, 3)), atol=0.01 * np.abs(maps).max())
    # The kernels are what the graph makes of its codes.
    kernel = network.kernels()[0].weights
    assert kernel is not None
    assert np.abs(kernel).max() == pytest.approx(1.27, abs=0.03)


def test_convolutions_of_whole_numbers_are_read_as_floats(tmp_path: Path) -> None:
    b = Builder()

    def known(scale: float, zero: int) -> tuple[str, str]:
        return b.weight(scale), b.weight(zero, dtype=np.uint8)

    def convolved(codes: str, taken: tuple[str, str], given: tuple[str, str], *shape: int) -> str:
        kernel = b.weight(b.rng.integers(-127, 128, shape), dtype=np.int8)
        scales = b.weight(np.linspace(0.005, 0.01, shape[0]))
        zeros = b.weight(np.zeros(shape[0]), dtype=np.int8)
        bias = b.weight(b.rng.integers(-500, 500, shape[0]), dtype=np.int32)
        parts = (kernel, scales, zeros, *given, bias)
        return b.add("QLinearConv", codes, *taken, *parts, name=f"conv{shape[0]}")

    pixels_, first, middle, second, last = (
        known(1 / 255, 0), known(0.02, 128), known(0.01, 10), known(0.05, 120), known(0.05, 100),
    )  # fmt: skip
    one = convolved(b.add("QuantizeLinear", "pixels", *pixels_), pixels_, first, 5, 3, 3, 3)
    active = silu(b, b.add("DequantizeLinear", one, *first))
    codes = b.add("QuantizeLinear", active, *middle)
    two = convolved(codes, middle, second, 4, 5, 3, 3)
    leaky = b.add(
        "QLinearLeakyRelu", two, *second, *last, alpha=0.1, domain="com.microsoft", name="leaky"
    )
    three = convolved(leaky, last, second, 6, 4, 1, 1)
    plain = b.add("DequantizeLinear", three, *second)
    leaky_floats = b.add("DequantizeLinear", leaky, *last)
    model = b.classified(plain, 6)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    network = network_of(model, tmp_path)
    assert [(tap.name, tap.kind, tap.tap) for tap in network.taps] == [
        ("conv5", "QLinearConv", "silu"), ("conv4", "QLinearConv", "leaky"),
        ("conv6", "QLinearConv", "conv6"),
    ]  # fmt: skip
    assert not network.rescales
    pixels = photos(3)
    given = shares(pixels)
    found = captured(network, pixels)
    again = b.add("DequantizeLinear", codes, *middle)
    model.graph.node.append(b.nodes[-1])
    starts = [0, 5, 9, 15]
    for place, tensor in enumerate((again, leaky_floats, plain)):
        _, maps = bare(model, tensor, given)
        part = found.gap[:, starts[place] : starts[place + 1]]
        np.testing.assert_allclose(part, maps.mean((2, 3)), atol=1e-4 * np.abs(maps).max())
    weights = {one.name: numpy_helper.to_array(one) for one in b.weights}
    codes_of = weights[b.nodes[1].input[3]].astype(np.float32)
    scale = np.linspace(0.005, 0.01, 5, dtype=np.float32)[:, None, None, None]
    stored = network.kernels()[0].weights
    assert stored is not None
    np.testing.assert_allclose(stored, (codes_of * scale).transpose(0, 2, 3, 1), rtol=1e-6)


def test_a_path_ends_at_merges_branches_and_the_output(tmp_path: Path) -> None:
    b = Builder()
    stem = b.add("Relu", b.conv("pixels", 3, 5, name="stem"))
    inner = b.add("Relu", b.conv(stem, 5, 5, name="inner"))
    last = b.conv(inner, 5, 5, name="last")
    merged = b.add("Relu", b.add("Add", last, stem))
    # Squeeze and excitation: what multiplies is made of the maps, but not place by place.
    excited = b.conv(merged, 5, 5, name="excited")
    gate = b.add("Sigmoid", b.add("GlobalAveragePool", excited))
    network = network_of(b.classified(b.add("Mul", excited, gate), 5), tmp_path)
    assert {tap.name: tap.tensor for tap in network.taps} == {
        "stem": stem, "inner": inner, "last": last, "excited": excited,
    }  # fmt: skip


def test_what_weighs_cells_by_their_mean_is_no_normalisation(tmp_path: Path) -> None:
    b = Builder()
    mean = b.conv("pixels", 3, 5, name="mean")
    x = b.add("Mul", mean, b.add("Sigmoid", b.add("ReduceMean", mean, axes=[2, 3])))
    energy = b.conv(x, 5, 5, name="energy")
    apart = b.add("Sub", energy, b.add("ReduceMean", energy, axes=[2, 3]))
    square = b.add("Mul", apart, apart)
    share = b.add("Div", square, b.add("ReduceMean", square, axes=[2, 3]))
    x = b.add("Mul", energy, b.add("Sigmoid", share))
    softened = b.conv(x, 5, 5, name="softened")
    powers = b.add("Exp", softened)
    x = b.add("Div", powers, b.add("ReduceSum", powers, b.weight([1], dtype=np.int64)))
    batch = b.conv(x, 5, 5, name="over images")
    x = b.add("Sub", batch, b.add("ReduceMean", batch, axes=[0, 2, 3]))
    network = network_of(b.classified(x, 5), tmp_path)
    assert {tap.name: tap.tensor for tap in network.taps} == {
        "mean": mean, "energy": energy, "softened": powers, "over images": batch,
    }  # fmt: skip


def test_convolutions_that_are_not_watched_are_counted_and_said(tmp_path: Path) -> None:
    b = Builder()
    tensor = b.add("Relu", b.conv("pixels", 3, 4, name="seen"))
    # Twice as many images of half the height.
    halves = b.add("Reshape", tensor, b.weight([-1, 4, 6, 12], dtype=np.int64))
    halves = b.conv(halves, 4, 4, name="folded")
    tensor = b.add("Reshape", halves, b.weight([-1, 4, 12, 12], dtype=np.int64))
    rows = b.add("Reshape", tensor, b.weight([0, 4, 144], dtype=np.int64))
    rows = b.add("Conv", rows, b.normal(4, 4, 1), name="row")
    network = network_of(
        b.classified(b.add("Reshape", rows, b.weight([0, 4, 12, 12], dtype=np.int64)), 4), tmp_path
    )
    assert [tap.name for tap in network.taps] == ["seen"]
    assert network.notices == (
        "2 convolutions are not watched: only those over height and width, image by image, are.",
    )


def test_a_kernel_that_is_computed_of_weights_is_known_as_it_is(tmp_path: Path) -> None:
    b = Builder()
    flat = b.normal(6, 9, name="first.weight")
    kernel = b.add("Reshape", flat, b.weight([6, 1, 3, 3], dtype=np.int64))
    length = b.weight(np.arange(1.0, 7.0).reshape(6, 1, 1, 1), "first.length")
    tensor = b.add("Conv", "pixels", b.add("Mul", length, kernel), group=3)
    network = network_of(b.classified(tensor, 6), tmp_path)
    (tap,), (stored,) = network.taps, network.kernels()
    assert (tap.kind, tap.filters) == ("Conv (depthwise)", 6)
    values = {one.name: numpy_helper.to_array(one) for one in b.weights}
    expected = values["first.weight"].reshape(6, 3, 3, 1) * values["first.length"]
    assert stored.weights is not None
    np.testing.assert_allclose(stored.weights, expected, rtol=1e-6)
    assert network.details["wiring"]["costs"] == [[54, 54 * 10 * 10]]


def test_exporters_names_become_what_a_person_wrote(tmp_path: Path) -> None:
    b = Builder()
    names = [
        "/features/features.0/Conv",
        "/layer1/layer1.0/conv1/Conv",
        "/layer1/layer1.0/conv1_1/Conv",
        "/layer1/layer1.1/conv1/Conv_quant",
        "StatefulPartitionedCall/model/block2_conv1/Conv2D",
        "encoder/conv/BiasAdd",
        "decoder/conv/BiasAdd",
        "mine",
    ]
    tensor = "pixels"
    for place, name in enumerate(names):
        tensor = b.conv(tensor, 5 if place else 3, 5, name=name)
    kernel = b.normal(5, 5, 3, 3, name="head.conv.weight")
    tensor = b.add("Conv", tensor, kernel, name="node_conv2d_7", pads=[1, 1, 1, 1])
    tensor = b.add("Conv", tensor, kernel, name="node_conv2d_8", pads=[1, 1, 1, 1])
    for place, parameter in enumerate(("block.inner", "block.outer")):
        kernel = b.normal(5, 5, 3, 3, name=parameter)
        tensor = b.add("Conv", tensor, kernel, name=f"/block/Conv_{place}", pads=[1, 1, 1, 1])
    network = network_of(b.classified(tensor, 5), tmp_path)
    assert [tap.name for tap in network.taps] == [
        "features.0", "layer1.0.conv1", "layer1.0.conv1_1", "layer1.1.conv1", "block2_conv1",
        "encoder/conv", "decoder/conv", "mine", "head.conv", "head.conv#2", "block.inner",
        "block.outer",
    ]  # fmt: skip
    assert network.details["full_names"]["features.0"] == "/features/features.0/Conv"
    assert network.details["full_names"]["head.conv#2"] == "node_conv2d_8"


@pytest.mark.parametrize("op", ["convolution", "Conv2D"])
def test_numbers_that_all_scopes_of_keras_bear_are_left_out(op: str, tmp_path: Path) -> None:
    b = Builder()
    tensor = b.conv("pixels", 3, 5, name=f"mine_1/first_1/{op}")
    tensor = b.conv(tensor, 5, 5, name="mine_1/sep_1/separable_conv2d/depthwise", group=5)
    kernel = b.normal(5, 5, 3, 3, name="mine_1/sep_1/separable_conv2d/merged_input:0")
    tensor = b.add("Conv", tensor, kernel, name="mine_1/sep_bn_1/batchnorm/mul_1")
    # What tf2onnx leaves of a layer and its normalisation, and a name that others took.
    kernel = b.normal(5, 5, 1, 1, name="mine_1/block_1/conv_2_1/convolution/merged_input:0")
    tensor = b.add("Conv", tensor, kernel, name="Conv__339")
    tensor = b.conv(tensor, 5, 5, name=f"mine_1/first_1_2/{op}")
    again = b.normal(5, 5, 1, 1)
    tensor = b.add("Conv", tensor, again, name=f"mine_1/shared_1/{op}")
    tensor = b.add("Conv", tensor, again, name=f"mine_1/shared_2/{op}")
    network = network_of(b.classified(tensor, 5), tmp_path)
    names = ["first", "sep.depthwise", "sep", "conv_2", "first_1", "shared", "shared#2"]
    assert [tap.name for tap in network.taps] == names
    assert network.details["full_names"]["conv_2"] == "Conv__339"


def test_numbers_of_a_persons_own_are_kept(tmp_path: Path) -> None:
    b = Builder()
    tensor = b.conv("pixels", 3, 5, name="model_1/conv2d_1/convolution")
    for number in range(2, 5):
        tensor = b.conv(tensor, 5, 5, name=f"model_1/conv2d_{number}/convolution")
    network = network_of(b.classified(tensor, 5), tmp_path)
    assert [tap.name for tap in network.taps] == [f"conv2d_{number}" for number in range(1, 5)]


def test_bodies_of_control_flow_are_counted_and_said(tmp_path: Path) -> None:
    b = Builder()
    tensor = b.add("Relu", b.conv("pixels", 3, 5, name="seen"))
    kernel = b.normal(5, 5, 1, 1)

    def branch(name: str) -> onnx.GraphProto:
        node = helper.make_node("Conv", [tensor, kernel], [name])
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph([node], name, [], [output])

    chosen = b.add(
        "If", b.weight(True, dtype=bool), then_branch=branch("yes"), else_branch=branch("no")
    )
    network = network_of(b.classified(chosen, 5), tmp_path)
    assert [tap.name for tap in network.taps] == ["seen"]
    assert network.notices == ("2 convolutions in the bodies of If, Loop or Scan are not watched.",)


def test_convolutions_of_functions_are_watched(tmp_path: Path) -> None:
    b = Builder()
    tensor = b.add("Block", "pixels", b.normal(5, 3, 3, 3, name="block.weight"), domain="mine")
    model = b.classified(tensor, 5)
    opset = helper.make_opsetid("", b.opset)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["y"])]
    model.functions.append(helper.make_function("mine", "Block", ["x", "w"], ["y"], nodes, [opset]))
    model.opset_import.append(helper.make_opsetid("mine", 1))
    network = network_of(model, tmp_path)
    (tap,) = network.taps
    assert (tap.name, tap.never_negative) == ("block", True)
    pixels = photos(3)
    given = shares(pixels)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (probabilities,) = session.run(None, {"pixels": given})
    np.testing.assert_allclose(captured(network, pixels).probabilities, probabilities, atol=1e-5)


@pytest.mark.parametrize("batch", ["n", 1, 4])
@pytest.mark.parametrize("last", [False, True])
def test_layouts_and_batches_fixed_and_not(batch: int | str, last: bool, tmp_path: Path) -> None:
    b = Builder()
    start = b.add("Transpose", "pixels", perm=[0, 3, 1, 2]) if last else "pixels"
    tensor = b.add("Relu", b.conv(start, 3, 5, name="first"))
    shape = (batch, 12, 12, 3) if last else (batch, 3, 12, 12)
    network = network_of(b.classified(tensor, 5, shape=shape), tmp_path)
    pixels = photos(6)
    found = captured(network, pixels)
    free = b.model(b.nodes[-1].output[0], ("n", *shape[1:]))
    given = (pixels if last else pixels.transpose(0, 3, 1, 2)) / np.float32(255)
    assert_says(found, *bare(free, tensor, np.ascontiguousarray(given, np.float32)))


@pytest.mark.parametrize("last", [False, True])
def test_channels_blue_first(last: bool, tmp_path: Path) -> None:
    b = Builder()
    start = b.add("Transpose", "pixels", perm=[0, 3, 1, 2]) if last else "pixels"
    tensor = b.add("Relu", b.conv(start, 3, 5, name="first"))
    model = b.classified(tensor, 5, shape=("n", 12, 12, 3) if last else ("n", 3, 12, 12))
    pixels = photos(6)
    found = captured(network_of(model, tmp_path), pixels, pixel_range="keras.applications.resnet")
    given = pixels[..., ::-1] - np.array([103.939, 116.779, 123.68])
    given = given if last else given.transpose(0, 3, 1, 2)
    assert_says(found, *bare(model, tensor, np.ascontiguousarray(given, np.float32)))


def test_sizes_that_are_not_fixed(tmp_path: Path) -> None:
    b = Builder()
    model = b.classified(b.conv("pixels", 3, 5), 5, shape=("n", 3, "h", "w"))
    network = network_of(model, tmp_path)
    assert network.image_shape == (224, 224, 3)
    assert "--size HxW" in network.notices[0]
    assert network_of(model, tmp_path, Asked(native_shape=(20, 30))).image_shape == (20, 30, 3)
    b = Builder()
    model = b.classified(b.conv("pixels", 1, 5), 5, shape=("n", "c", "h", "w"))
    assert network_of(model, tmp_path, Asked(native_shape=(9, 9))).image_shape == (9, 9, 1)


def test_half_precision(tmp_path: Path) -> None:
    b = Builder()
    start = b.add("Identity", "pixels")
    kernel = b.weight(b.rng.normal(size=(5, 3, 3, 3)) / 5, dtype=np.float16)
    tensor = b.add("Relu", b.add("Conv", start, kernel))
    logits = b.add(
        "MatMul", b.over_space(tensor), b.weight(b.rng.normal(size=(5, 4)), "", np.float16)
    )
    output = b.add("Softmax", logits, axis=1)
    model = b.model(output, element=TensorProto.FLOAT16)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    network = network_of(model, tmp_path)
    assert network.reading is Reading.AS_IS
    pixels = photos(3)
    given = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2) / np.float32(255), np.float16)
    probabilities, maps = bare(model, tensor, given)
    found = captured(network, pixels)
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-2)
    np.testing.assert_allclose(found.gap, maps.astype(np.float64).mean((2, 3)), atol=1e-2)


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    b = Builder()
    kernel = np.zeros((3, 3, 1, 1))
    kernel[:, 0] = [[[1.0]], [[1e38]], [[-1e38]]]
    bias = b.weight([0.0, 3e38, 0.0])
    tensor = b.add("Conv", "pixels", b.weight(kernel), bias)
    network = network_of(b.classified(tensor, 3), tmp_path)
    pixels = photos(2)
    found = captured(network, pixels, pixel_range="0-255")
    assert np.isfinite(found.gap[:, 0]).all()
    assert np.isposinf(found.gap[:, 1]).all()
    assert found.maps is not None
    (maps,) = found.maps
    assert np.isnan(maps.step[:, 1:]).all()
    assert not maps.codes[:, 1:].any()
    assert maps.codes[:, 0].max() == 255


@pytest.mark.parametrize(
    ("last", "outputs", "head", "reading"),
    [
        ("Softmax", 4, None, Reading.AS_IS),
        (None, 4, None, Reading.SOFTMAX),
        ("Sigmoid", 4, None, Reading.LABELS),
        ("Sigmoid", 1, None, Reading.ONE_UNIT),
        (None, 1, None, Reading.ONE_LOGIT),
        (None, 4, "softmax", Reading.SOFTMAX),
        (None, 4, "sigmoid", Reading.LABEL_LOGITS),
        (None, 1, "sigmoid", Reading.ONE_LOGIT),
        ("Sigmoid", 4, "sigmoid", Reading.LABELS),
        ("Softmax", 4, "sigmoid", Reading.LABELS),
        ("HardSigmoid", 1, "sigmoid", Reading.ONE_UNIT),
        ("Softmax", 4, "logits", Reading.SOFTMAX),
        ("Sigmoid", 4, "softmax", Reading.AS_IS),
        ("Sigmoid", 4, "regression", Reading.VALUES),
        (None, 1, "regression", Reading.VALUES),
        (None, 4, "none", Reading.NOTHING),
    ],
)
def test_how_the_output_is_read(
    last: str | None, outputs: int, head: str | None, reading: Reading, tmp_path: Path
) -> None:
    b = Builder()
    tensor = b.over_space(b.conv("pixels", 3, 5))
    logits = b.add("MatMul", tensor, b.normal(5, outputs))
    output = logits if last is None else b.add(last, logits)
    network = network_of(b.model(output), tmp_path, Asked(head=head))
    assert network.reading is reading
    numbers = {Reading.ONE_UNIT: 2, Reading.ONE_LOGIT: 2, Reading.NOTHING: 0}
    assert network.outputs == numbers.get(reading, outputs)
    applied = last is None and head in ("softmax", "sigmoid")
    assert bool(network.notices) == (
        applied or (head is None and reading not in (Reading.AS_IS, Reading.ONE_UNIT))
    )


@pytest.mark.parametrize("outputs", [1, 5])
@pytest.mark.parametrize("bias", [False, True])
def test_a_sigmoid_is_read_from_raw_outputs(outputs: int, bias: bool, tmp_path: Path) -> None:
    b = Builder()
    tensor = b.over_space(b.conv("pixels", 3, 5))
    logits = b.add("MatMul", tensor, b.normal(5, outputs))
    if bias:
        # As exporters leave a dense layer: its bias by itself.
        logits = b.add("Add", logits, b.normal(outputs))
    model = b.model(logits)
    network = network_of(model, tmp_path, Asked(head="sigmoid"))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3), np.uint8)
    proven = network.proven(pixels, pixel_range="0-1", maps=False, batch_size=2, exact=False)
    given = np.moveaxis(pixels, -1, 1).astype(np.float32) / 255
    run = onnxruntime.InferenceSession(model.SerializeToString())
    (said,) = run.run(None, {"pixels": given})
    unit = 1 / (1 + np.exp(-said.astype(np.float64)))
    expected = unit if outputs > 1 else np.concatenate([1 - unit, unit], 1)
    np.testing.assert_allclose(proven.capture(pixels).probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("make", ["_maps", "_two_outputs"])
def test_none_admits_what_has_no_classes(make: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(globals()[make]())
    network = understand(str(path), Asked(head="none"))
    height, width, channels = network.image_shape
    pixels = np.random.default_rng(0).integers(0, 256, (5, height, width, channels), np.uint8)
    proven = network.proven(pixels, pixel_range="0-255", maps=True, batch_size=2, exact=False)
    captured = proven.capture(pixels)
    assert captured.probabilities.shape == (5, 0)
    assert captured.gap.shape == (5, network.filters)


def test_rescaling_is_told_by_the_values(tmp_path: Path) -> None:
    def rescales(scale: float | None) -> bool:
        b = Builder()
        start = "pixels" if scale is None else b.add("Mul", "pixels", b.weight(scale))
        return network_of(b.classified(b.conv(start, 3, 5), 5), tmp_path).rescales

    assert [rescales(scale) for scale in (None, 1.0, 1 / 255)] == [False, False, True]


def test_a_run_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    b = Builder()
    tensor = b.add("Relu", b.conv("pixels", 3, 5, name="/features/features.0/Conv"))
    model = b.classified(tensor, 5)
    path = saved(model, tmp_path)
    pixels = photos(7)
    np.savez("seven.npz", images=pixels)
    (tmp_path / "classes.txt").write_text("ant\nbee\ncat\ndog\n")
    options = ["--model", path, "--images", "seven.npz"]
    assert main([*options, "--preprocess", "imagenet", "--classes", "classes.txt"]) == 0
    run = open_store("reactcnn.db").run(1)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    given = ((pixels / 255 - mean) / deviation).astype(np.float32).transpose(0, 3, 1, 2)
    _, maps = bare(model, tensor, np.ascontiguousarray(given))
    np.testing.assert_allclose(run.gap("features.0"), maps.mean((2, 3)), rtol=1e-4, atol=1e-5)
    assert StoreReader("reactcnn.db").run(1).class_names == ("ant", "bee", "cat", "dog")
    with pytest.raises(SystemExit):
        main([*options, "--pixel-range", "0-1", "--preprocess", "imagenet"])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("hello, this is no model"), "is not an ONNX model"),
    "nothing": (lambda path: path.write_bytes(b""), "is not an ONNX model"),
    "truncated": (lambda path: path.write_bytes(_whole()[:200]), "is not an ONNX model"),
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "no convolution": (
        lambda path: path.write_bytes(_without_convolution()),
        "no convolutions to watch; its operators: Flatten, MatMul",
    ),
    "an opset of tomorrow": (lambda path: path.write_bytes(_whole(99)), "of opset 99, newer than"),
    "an opset of yesterday": (lambda path: path.write_bytes(_whole(8)), "of opset 8; export"),
    "an operator of its own": (
        lambda path: path.write_bytes(_foreign()),
        "needs the operator Magic of mine",
    ),
    "an operator that is none": (
        lambda path: path.write_bytes(_foreign("")),
        "onnxruntime cannot run the model",
    ),
    "weights that are not there": (
        lambda path: path.write_bytes(_external("weights.bin")),
        "keeps weights in weights.bin, which is not there",
    ),
    "weights above": (
        lambda path: path.write_bytes(_external("../weights.bin")),
        "outside its own folder",
    ),
    "weights anywhere": (
        lambda path: path.write_bytes(_external("/etc/passwd")),
        "outside its own folder",
    ),
    "two inputs": (lambda path: path.write_bytes(_two_inputs()), "has 2 inputs (pixels, more)"),
    "two outputs": (lambda path: path.write_bytes(_two_outputs()), "has 2 outputs"),
    "five channels": (
        lambda path: path.write_bytes(_whole(shape=("n", 5, 8, 8))),
        "takes images of 5 × 8 × 8",
    ),
    "rows of numbers": (
        lambda path: path.write_bytes(_whole(shape=("n", 5))),
        "takes 5 numbers an example",
    ),
    "maps as an answer": (lambda path: path.write_bytes(_maps()), "it must be images × classes"),
}


def _whole(opset: int = 17, shape: tuple[int | str, ...] = ("n", 3, 12, 12)) -> bytes:
    b = Builder(opset)
    data: bytes = b.classified(b.conv("pixels", 3, 5), 5, shape=shape).SerializeToString()
    return data


def _without_convolution() -> bytes:
    b = Builder()
    logits = b.add("MatMul", b.add("Flatten", "pixels"), b.normal(432, 4))
    data: bytes = b.model(logits).SerializeToString()
    return data


def _foreign(domain: str = "mine") -> bytes:
    b = Builder()
    model = b.classified(b.conv(b.add("Magic", "pixels", domain=domain), 3, 5), 5)
    model.opset_import.append(helper.make_opsetid("mine", 1))
    data: bytes = model.SerializeToString()
    return data


def _external(location: str) -> bytes:
    b = Builder()
    model = b.classified(b.conv("pixels", 3, 5), 5)
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    data: bytes = model.SerializeToString()
    return data


def _two_inputs() -> bytes:
    b = Builder()
    model = b.classified(b.conv("pixels", 3, 5), 5)
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    data: bytes = model.SerializeToString()
    return data


def _two_outputs() -> bytes:
    b = Builder()
    tensor = b.conv("pixels", 3, 5)
    data: bytes = b.model(b.over_space(tensor), more=[tensor]).SerializeToString()
    return data


def _maps() -> bytes:
    b = Builder()
    data: bytes = b.model(b.conv("pixels", 3, 5)).SerializeToString()
    return data


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make, expected = BAD[name]
    make(tmp_path / "net.onnx")
    np.savez("two.npz", images=photos(2))
    assert main(["--model", "net.onnx", "--images", "two.npz"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line
    assert not (tmp_path / "reactcnn.db").exists()


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    b = Builder()
    tensor = b.add("Relu", b.conv("pixels", 3, 5, name="first"))
    model = b.classified(tensor, 5)
    whole = network_of(model, tmp_path)
    path = tmp_path / "apart" / "net.onnx"
    path.parent.mkdir()
    onnx.save_model(model, path, save_as_external_data=True, location="data.bin", size_threshold=0)
    apart = understand(str(path), Asked())
    assert apart.loaded.sha256 == whole.loaded.sha256
    pixels = photos(3)
    np.testing.assert_array_equal(captured(apart, pixels).gap, captured(whole, pixels).gap)
    # A link leads out of the folder as well as a path does.
    (path.parent / "data.bin").rename(tmp_path / "elsewhere.bin")
    (path.parent / "data.bin").symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(ModelError, match="outside its own folder"):
        understand(str(path), Asked())


@pytest.mark.parametrize("written", ["as bytes", "as numbers", "as inputs, too"])
def test_large_weights_outlive_their_network(tmp_path: Path, written: str) -> None:
    b = Builder()
    inner = b.add("Relu", b.conv("pixels", 3, 24, name="first"))
    # Not packed anew for a convolution, but read where it is.
    placed = b.add("Add", inner, b.normal(1, 24, 12, 12))
    tensor = b.add("Relu", b.conv(placed, 24, 40, name="second"))
    model = b.classified(tensor, 40)
    kernel = next(one for one in model.graph.initializer if one.dims[0] == 40)
    if written == "as numbers":
        values = numpy_helper.to_array(kernel).ravel()
        kernel.ClearField("raw_data")
        kernel.float_data.extend(values)
    elif written == "as inputs, too":
        model.ir_version = 3
        model.graph.input.extend(
            helper.make_tensor_value_info(one.name, one.data_type, list(one.dims))
            for one in model.graph.initializer
        )
    pixels = photos(3)
    given = shares(pixels)
    probabilities, maps = bare(model, tensor, given)
    network = network_of(model, tmp_path)
    first = network.kernels()[0].weights
    assert first is not None
    written_first = next(one for one in model.graph.initializer if len(one.dims) == 4)
    np.testing.assert_array_equal(first, numpy_helper.to_array(written_first).transpose(0, 2, 3, 1))
    settings: Any = {"pixel_range": "0-1", "maps": False, "batch_size": 2, "exact": False}
    capture = network.proven(pixels, **settings).capture
    del network
    gc.collect()
    # What was let go is written over.
    others = [np.full(size, 7, np.float32) for size in (24 * 27, 24 * 144, 40 * 216) * 50]
    found = capture(pixels)
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-5)
    np.testing.assert_allclose(found.gap[:, 24:], maps.mean((2, 3)), rtol=1e-5, atol=1e-6)
    assert len(others) == 150
