"""ONNX graphs made by hand, and the packaged VGG-16 written as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from collector.frameworks.keras import vgg16
from collector.packaged import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

OPSET = 17


class Builder:
    """A graph from images (n, 3, H, W) to (n, 4), in the order in which nodes are added."""

    def __init__(self, opset: int = OPSET, seed: int = 0) -> None:
        self.opset = opset
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, value: Any, name: str = "", dtype: Any = np.float32) -> str:
        name = name or f"onnx::weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def normal(self, *shape: int, name: str = "") -> str:
        return self.weight(self.rng.normal(size=shape) / np.sqrt(np.prod(shape[1:])), name)

    def add(self, kind: str, *inputs: str, name: str = "", outputs: int = 1, **options: Any) -> str:
        made = [f"t{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, made, name=name, **options))
        return made[0]

    def conv(self, tensor: str, inputs: int, filters: int, name: str = "", **options: Any) -> str:
        options = {"pads": [1, 1, 1, 1], **options}
        kernel = self.normal(filters, inputs // options.get("group", 1), 3, 3)
        return self.add("Conv", tensor, kernel, name=name, **options)

    def over_space(self, tensor: str) -> str:
        return self.add("Flatten", self.add("GlobalAveragePool", tensor), axis=1)

    def model(
        self,
        output: str,
        shape: Sequence[int | str | None] = ("n", 3, 12, 12),
        element: int = TensorProto.FLOAT,
        more: Sequence[str] = (),
    ) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "main_graph",
            [helper.make_tensor_value_info("pixels", element, shape)],
            [helper.make_tensor_value_info(name, element, None) for name in (output, *more)],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 8
        return model

    def classified(self, tensor: str, filters: int, **options: Any) -> onnx.ModelProto:
        """The model with four probabilities on top of maps."""
        logits = self.add("MatMul", self.over_space(tensor), self.normal(filters, 4))
        return self.model(self.add("Softmax", logits, axis=1), **options)


def vgg16_graph(checkpoint: str = NAME) -> onnx.ModelProto:
    """The packaged network as PyTorch's exporter would write it: NCHW, names with dots."""
    model = vgg16.load(checkpoint)
    made = Builder()
    mean = np.reshape(vgg16.PIXEL_MEAN, (1, 3, 1, 1))
    deviation = np.reshape(vgg16.PIXEL_DEVIATION, (1, 3, 1, 1))
    tensor = made.add("Sub", "pixels", made.weight(mean))
    tensor = made.add("Div", tensor, made.weight(deviation))
    for layer in model.layers:
        kind, weights = type(layer).__name__, layer.get_weights()
        if kind == "Conv2D":
            kernel = made.weight(weights[0].transpose(3, 2, 0, 1), f"{layer.name}.weight")
            tensor = made.add("Conv", tensor, kernel, pads=[1, 1, 1, 1])
        elif kind == "BatchNormalization":
            names = [made.weight(value) for value in weights]
            tensor = made.add("BatchNormalization", tensor, *names, epsilon=layer.epsilon)
        elif kind == "ReLU":
            tensor = made.add("Relu", tensor, name=layer.name)
        elif kind == "MaxPooling2D":
            tensor = made.add("MaxPool", tensor, kernel_shape=[2, 2], strides=[2, 2])
        elif kind == "Flatten":
            tensor = made.add("Flatten", tensor, axis=1)
        elif kind == "Dense":
            names = [made.weight(value) for value in weights]
            tensor = made.add("Gemm", tensor, *names)
            tensor = made.add("Relu" if layer.name == "fc1" else "Softmax", tensor)
    return made.model(tensor, ("n", 3, 32, 32))


def saved(model: onnx.ModelProto, folder: Path, name: str = "net.onnx") -> str:
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return str(path)


def photos(count: int, height: int = 12, width: int = 12) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def shares(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels as a graph takes them that is given values from 0 to 1, channels first."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2) / np.float32(255), np.float32)
