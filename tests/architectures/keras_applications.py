"""Architectures of keras.applications, with random weights: the model, and its ONNX files."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tests.architectures.said import Expected, Said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

PIXEL_RANGE = "0-255"
_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Conv2DTranspose,
)
_FOLLOWING = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
)
_FUNCTIONS = frozenset({
    "Add", "Gelu", "HardSigmoid", "HardSilu", "Multiply", "Relu", "Relu6", "Sigmoid", "Silu",
})  # fmt: skip


def made(_library: str, name: str, size: int, options: dict[str, Any]) -> Any:
    """Return a model, its norms not those of its beginning."""
    keras.utils.set_random_seed(0)
    options = {"input_shape": (size, size, 3), "classes": 10, **options}
    model = getattr(keras.applications, name)(weights=None, **options)
    draws = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            values = [
                np.abs(value + draws.normal(0, 0.1, value.shape))
                if value.min() > 0.5
                else value + draws.normal(0, 0.1, value.shape)
                for value in layer.get_weights()
            ]
            layer.set_weights(values)
    return model


def given(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images as the model takes them."""
    return pixels.astype(np.float32)


def watched(model: Any, pixels: NDArray[np.uint8], folder: Path) -> Said:
    """Return what the collector stores of a model that was saved."""
    path = str(folder / "net.keras")
    model.save(path)
    return Said.of_file(path, pixels, PIXEL_RANGE)


def expected_of(model: Any, images: NDArray[np.float32]) -> list[Expected]:
    """Return what Keras says of each convolution of a model without nested ones."""
    users: dict[int, list[Any]] = {}
    for nodes in model._nodes_by_depth.values():
        for node in nodes:
            for tensor in node.input_tensors:
                users.setdefault(id(tensor), []).append(node)
    ends = {id(tensor) for tensor in model.outputs}
    paths = [
        list(_steps(layer, users, ends))
        for layer in model.layers
        if isinstance(layer, _CONVOLUTIONS)
    ]
    separable = [one for one in model.layers if isinstance(one, keras.layers.SeparableConv2D)]
    wanted = [tensor for path in paths for _, tensor in path]
    inner = keras.Model(model.inputs, [*wanted, *(one.input for one in separable)])
    values = iter(inner(images, training=False))
    whole = [
        Expected(
            tuple(name for name, _ in path),
            tuple(np.asarray(next(values), np.float64).mean((1, 2)) for _ in path),
        )
        for path in paths
    ]
    return whole + [_first_half(*one) for one in zip(separable, values, strict=True)]


def _first_half(layer: Any, taken: Any) -> Expected:
    """Return what the depthwise convolution of a separable one says, which ONNX has apart."""
    maps = keras.ops.depthwise_conv(
        taken,
        layer.depthwise_kernel,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
    )
    mean = np.asarray(maps, np.float64).mean((1, 2))
    return Expected((f"{layer.name}.depthwise",), (mean,), part=True)


def _steps(layer: Any, users: dict[int, list[Any]], ends: set[int]) -> Iterator[tuple[str, Any]]:
    tensor = layer.output
    yield layer.name, tensor
    while id(tensor) not in ends and len(users.get(id(tensor), [])) == 1:
        (node,) = users[id(tensor)]
        kind = type(node.operation)
        if len(node.input_tensors) != 1 or not (
            issubclass(kind, _FOLLOWING) or kind.__name__ in _FUNCTIONS
        ):
            return
        (tensor,) = node.outputs
        yield node.operation.name, tensor


def export(model: Any, size: int, path: str, road: str) -> None:
    """Write a model as ONNX: by Keras (``keras``) or tf2onnx (``tf2onnx``, ``nchw``)."""
    kind = re.fullmatch(r"(keras|tf2onnx|nchw)(\d*)", road)
    if kind is None:
        raise ValueError(f"no exporter of Keras models is called {road}.")
    exporter, opset = kind.groups()
    if exporter == "keras":
        # Keras exports what has been called once.
        model(np.zeros((1, size, size, 3), np.float32))
        more: dict[str, Any] = {"opset_version": int(opset)} if opset else {}
        model.export(path, format="onnx", verbose=False, **more)
        return
    tf2onnx: Any = importlib.import_module("tf2onnx")
    importlib.import_module("keras.src.export.tf2onnx_lib").patch_tf2onnx()
    signature = [tf.TensorSpec((None, size, size, 3), tf.float32, name="pixels")]
    function = tf.function(lambda value: model(value, training=False), input_signature=signature)
    layout = {"inputs_as_nchw": ["pixels:0"]} if exporter == "nchw" else {}
    tf2onnx.convert.from_function(
        function, input_signature=signature, opset=int(opset or 15), output_path=path, **layout
    )
