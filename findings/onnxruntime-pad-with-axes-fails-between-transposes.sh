#!/bin/sh
# onnxruntime 1.32.0, CPU: since opset 18 Pad may name the axes that it pads, with two numbers for each.
# Between a Transpose and its opposite, as around every channels-last layer, such a Pad is refused when
# the model is run: the optimiser that cancels the two reorders the pads as if there were two for every
# axis of the tensor. Pads for all axes are computed, and so is the same file with optimisation off.
# Output seen: INVALID_ARGUMENT ... Gather node ... indices element out of data bounds; off: right.
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

IMAGE = np.random.default_rng(0).random((1, 3, 4, 4), np.float32)
EXPECTED = np.pad(IMAGE, [(0, 0), (0, 0), (1, 1), (1, 1)])
LEVELS = onnxruntime.GraphOptimizationLevel


def padded(pads, axes, level):
    constants = {"pads": np.array(pads, np.int64), "value": np.zeros((), np.float32)}
    constants |= {"axes": np.array(axes, np.int64)} if axes else {}
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["x"], ["last"], perm=[0, 2, 3, 1]),
            helper.make_node("Pad", ["last", *constants], ["larger"]),
            helper.make_node("Transpose", ["larger"], ["y"], perm=[0, 3, 1, 2]),
        ],
        "padded",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, IMAGE.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, EXPECTED.shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": IMAGE})[0]


try:
    said = padded([1, 1, 1, 1], [1, 2], LEVELS.ORT_ENABLE_ALL).shape
except Exception as error:
    said = str(error)
print("onnxruntime", onnxruntime.__version__, "with axes:", said)
np.testing.assert_array_equal(padded([1, 1, 1, 1], [1, 2], LEVELS.ORT_DISABLE_ALL), EXPECTED)
all_axes = padded([0, 1, 1, 0, 0, 1, 1, 0], None, LEVELS.ORT_ENABLE_ALL)
np.testing.assert_array_equal(all_axes, EXPECTED)
assert "out of data bounds" in str(said), "it pads the named axes now"
PYTHON
