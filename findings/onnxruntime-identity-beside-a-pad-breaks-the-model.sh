#!/bin/sh
# onnxruntime 1.32.0, CPU: where a tensor goes through an Identity to a graph output and then to a Pad
# in front of a convolution, the model is refused as invalid. Two of the default optimisers are each
# right alone: one puts the Pad into the convolution, the other takes the Identity out by giving its
# name to the tensor, and the convolution goes on asking for the old one. The file passes ONNX'
# checker, and onnxruntime runs it with optimisation off, or if the tensor itself is the output.
# Output seen: INVALID_ARGUMENT : Invalid model. Node input 'seen' is not a graph input, initializer, ...
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder" && "$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

IMAGE = np.random.default_rng(0).normal(size=(1, 1, 4, 4)).astype(np.float32)
LEVELS = onnxruntime.GraphOptimizationLevel


def run(output, level=LEVELS.ORT_ENABLE_ALL):
    weights = {"kernel": np.ones((1, 1, 3, 3), np.float32)}
    weights["pads"] = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64)
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["seen"]),
            helper.make_node("Identity", ["seen"], ["same"]),
            helper.make_node("Pad", ["seen", "pads"], ["larger"]),
            helper.make_node("Conv", ["larger", "kernel"], ["y"]),
        ],
        "padded",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, IMAGE.shape)],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 1, 3, 3)),
            helper.make_tensor_value_info(output, TensorProto.FLOAT, IMAGE.shape),
        ],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run([output], {"x": IMAGE})[0]


try:
    said = run("same").shape
except Exception as error:
    said = str(error)
print("onnxruntime", onnxruntime.__version__, "through an Identity:", said)
np.testing.assert_array_equal(run("same", LEVELS.ORT_DISABLE_ALL), np.maximum(IMAGE, 0))
np.testing.assert_array_equal(run("seen"), np.maximum(IMAGE, 0))
assert "Node input 'seen' is not" in str(said), "it runs now"
PYTHON
