"""ONNX files that tools have worked over: optimised, quantised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    quantize_dynamic,
    quantize_static,
)

from collector.errors import ModelError
from collector.frameworks.onnx.network import understand
from collector.frameworks.protocol import Asked
from tests.collector.onnx_graphs import Builder, photos, saved, shares

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from collector.frameworks.onnx.network import Network

PIXELS = photos(3)
GIVEN = shares(PIXELS)

ACTIVATIONS: dict[str, Callable[[Builder, str], str]] = {
    "Relu": lambda b, x: b.add("Relu", x),
    "Sigmoid": lambda b, x: b.add("Sigmoid", x),
    "Tanh": lambda b, x: b.add("Tanh", x),
    "LeakyRelu": lambda b, x: b.add("LeakyRelu", x, alpha=0.2),
    "HardSigmoid": lambda b, x: b.add("HardSigmoid", x, alpha=0.1, beta=0.4),
    "Clip": lambda b, x: b.add("Clip", x, b.weight(-0.1), b.weight(0.5)),
}


def optimised(path: str, level: str) -> str:
    """Return the file that onnxruntime saves of a model."""
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = getattr(levels, f"ORT_ENABLE_{level}")
    options.optimized_model_filepath = path.replace(".onnx", f".{level}.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return str(options.optimized_model_filepath)


def means_of(model: onnx.ModelProto, tensors: list[str]) -> list[NDArray[np.float64]]:
    """Return the mean of each map of some tensors of a graph, none of it optimised."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    whole.graph.output.extend(onnx.ValueInfoProto(name=one) for one in tensors)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(whole.SerializeToString(), options)
    values = session.run(tensors, {"pixels": GIVEN})
    return [one.astype(np.float64).mean((2, 3)) for one in values]


def gaps_of(network: Network) -> list[NDArray[np.float32]]:
    proven = network.proven(PIXELS, pixel_range="0-1", maps=True, batch_size=3, exact=False)
    ends = np.cumsum([tap.filters for tap in network.taps])[:-1]
    return np.split(proven.capture(PIXELS).gap, ends, axis=1)


def operators(path: str) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.mark.parametrize("opset", [10, 17])
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_fused_convolutions_are_watched_as_before(kind: str, opset: int, tmp_path: Path) -> None:
    b = Builder(opset)
    if kind == "Clip" and opset < 11:
        tensor = b.add("Clip", b.conv("pixels", 3, 5, name="first"), min=-0.1, max=0.5)
    else:
        tensor = ACTIVATIONS[kind](b, b.conv("pixels", 3, 5, name="first"))
    logits = b.add("MatMul", b.over_space(tensor), b.normal(5, 4))
    model = b.model(b.add("Softmax", logits, axis=1))
    plain = saved(model, tmp_path)
    path = optimised(plain, "EXTENDED")
    assert "FusedConv" in operators(path)
    assert "Conv" not in operators(path)
    network = understand(path, Asked())
    (tap,) = network.taps
    of_plain = understand(plain, Asked())
    assert (tap.name, tap.kind, tap.filters) == ("first", "Conv", 5)
    assert tap.never_negative == of_plain.taps[0].never_negative
    assert network.notices == of_plain.notices
    (gap,), (expected,) = gaps_of(network), means_of(model, [tensor])
    np.testing.assert_allclose(gap, expected, atol=1e-5)


@pytest.mark.parametrize("level", ["BASIC", "EXTENDED"])
def test_what_is_put_into_a_kernel_does_not_name_it(level: str, tmp_path: Path) -> None:
    b = Builder()
    first = b.add("Conv", "pixels", b.normal(5, 3, 3, 3, name="net.first.weight"), name="node_1")
    known = [b.weight(np.linspace(0.5, 1.5, 5)) for _ in range(4)]
    tensor = b.add("Relu", b.add("BatchNormalization", first, *known))
    second = b.add("Conv", tensor, b.normal(5, 5, 3, 3, name="net.second.weight"), name="node_2")
    scaled = b.add("Mul", second, b.weight(np.linspace(0.5, 1.5, 5).reshape(5, 1, 1)))
    model = b.classified(scaled, 5)
    path = optimised(saved(model, tmp_path), level)
    assert not {"BatchNormalization", "Mul"} & {*operators(path)}
    network = understand(path, Asked())
    assert [tap.name for tap in network.taps] == ["net.first", "net.second"]
    for gap, expected in zip(gaps_of(network), means_of(model, [tensor, scaled]), strict=True):
        np.testing.assert_allclose(gap, expected, atol=1e-5)


def test_a_sum_that_is_fused_with_a_convolution_is_none_of_its(tmp_path: Path) -> None:
    def model(*, fused: bool) -> tuple[onnx.ModelProto, list[str]]:
        b = Builder()
        first = b.add("Relu", b.conv("pixels", 3, 5, name="first"))
        kernel, bias = b.normal(5, 5, 3, 3), b.weight(np.linspace(-1, 1, 5))
        options: dict[str, Any] = {"pads": [1, 1, 1, 1], "name": "second"}
        if fused:
            inputs = first, kernel, bias, first
            options |= {"domain": "com.microsoft", "activation": "Relu"}
            relu = b.add("FusedConv", *inputs, **options)
            second = ""
        else:
            second = b.add("Conv", first, kernel, bias, **options)
            relu = b.add("Relu", b.add("Add", second, first))
        made = b.classified(relu, 5)
        made.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        return made, [first, second, relu]

    (fused, tensors), (plain, expected) = model(fused=True), model(fused=False)
    np.testing.assert_allclose(
        means_of(fused, tensors[2:])[0], means_of(plain, expected[2:])[0], atol=1e-6
    )
    network = understand(saved(fused, tmp_path), Asked())
    assert [tap.name for tap in network.taps] == ["first", "second"]
    for gap, mean in zip(gaps_of(network), means_of(plain, expected[:2]), strict=True):
        np.testing.assert_allclose(gap, mean, atol=1e-5)
    assert network.details["wiring"]["merges"] == [{"kind": "Add", "of": [0, 1]}]


def test_what_was_optimised_for_one_processor_is_refused(tmp_path: Path) -> None:
    b = Builder()
    tensor = b.add("Relu", b.conv("pixels", 3, 16, name="first"))
    plain = saved(b.classified(b.add("Relu", b.conv(tensor, 16, 16, name="second")), 16), tmp_path)
    path = optimised(plain, "ALL")
    assert {node.domain for node in onnx.load(path).graph.node} >= {"com.microsoft.nchwc"}
    with pytest.raises(ModelError, match="optimised for one kind of processor"):
        understand(path, Asked())
    with pytest.raises(ModelError, match="optimised for one kind of processor"):
        understand(path, Asked(custom_ops=plain))


class Images(CalibrationDataReader):  # type: ignore[misc] # onnxruntime has no types
    """Gives what a model is quantised by, once."""

    def __init__(self) -> None:
        self._left = [{"pixels": GIVEN}]

    def get_next(self) -> dict[str, Any] | None:
        """Return the images, then nothing."""
        return self._left.pop() if self._left else None


@pytest.mark.parametrize("form", list(QuantFormat))
@pytest.mark.parametrize("optimise", [False, True])
@pytest.mark.parametrize("kind", ["relu", "silu", "hard swish", "bias"])
def test_quantised_activations_are_followed(
    kind: str, form: QuantFormat, optimise: bool, tmp_path: Path
) -> None:
    b = Builder()
    start = b.conv("pixels", 3, 8, name="first")
    if kind == "relu":
        tensor = b.add("Relu", start, name="end")
    elif kind == "bias":
        tensor = b.add("Add", start, b.weight(np.linspace(0, 1, 8).reshape(1, 8, 1, 1)), name="end")
    else:
        gate = "Sigmoid" if kind == "silu" else "HardSigmoid"
        tensor = b.add("Mul", start, b.add(gate, start), name="end")
    second = b.conv(tensor, 8, 8, name="second")
    model = b.classified(second, 8)
    path = str(tmp_path / "quantised.onnx")
    quantize_static(saved(model, tmp_path), path, Images(), quant_format=form)
    path = optimised(path, "ALL") if optimise else path
    network = understand(path, Asked())
    assert [tap.name for tap in network.taps] == ["first", "second"]
    for gap, expected in zip(gaps_of(network), means_of(model, [tensor, second]), strict=True):
        np.testing.assert_allclose(gap, expected, atol=0.03 * np.abs(expected).max())


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("kind", ["Relu", "silu", "nothing"])
def test_convolutions_quantised_by_each_batch_are_watched(
    kind: str, *, each: bool, tmp_path: Path
) -> None:
    b = Builder()
    kernel, bias = b.normal(8, 3, 3, 3, name="block.weight"), b.weight(np.linspace(-1, 1, 8))
    start = b.add("Conv", "pixels", kernel, bias, name="first", pads=[1, 1, 1, 1])
    tensor = {
        "Relu": lambda: b.add("Relu", start),
        "silu": lambda: b.add("Mul", start, b.add("Sigmoid", start)),
        "nothing": lambda: start,
    }[kind]()
    second = b.conv(tensor, 8, 8, name="second")
    model = b.classified(second, 8)
    path = str(tmp_path / "quantised.onnx")
    quantize_dynamic(saved(model, tmp_path), path, per_channel=each)
    assert operators(path).count("ConvInteger") == 2
    network = understand(path, Asked())
    assert [(tap.name, tap.kind) for tap in network.taps] == [
        ("block", "ConvInteger"), ("second", "ConvInteger")
    ]  # fmt: skip
    assert [one for one in network.notices if "go together" in one]
    assert not [one for one in network.notices if "not watched" in one]
    for gap, expected in zip(gaps_of(network), means_of(model, [tensor, second]), strict=True):
        np.testing.assert_allclose(gap, expected, atol=0.03 * np.abs(expected).max())
    stored = network.kernels()[0].weights
    (written,) = (numpy_helper.to_array(one) for one in b.weights if one.name == kernel)
    assert stored is not None
    np.testing.assert_allclose(
        stored, written.transpose(0, 2, 3, 1), atol=0.01 * np.abs(written).max()
    )
    assert network.details["wiring"]["taps"] == [[], [0]]
