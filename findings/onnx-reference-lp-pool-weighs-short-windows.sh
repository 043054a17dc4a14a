#!/bin/sh
# onnx 1.23.2, ReferenceEvaluator: LpPool with ceil_mode. The norm of a window that hangs over the edge is
# that of the values in it, as onnxruntime has it; the evaluator takes their average instead, times the
# size of the whole window, as if more of the same lay outside.
# Output seen: the sums of 9 ones and of 6 in a window of 9: 9 and 6 (onnxruntime), 9 and 9.
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
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

ones = np.ones((1, 1, 3, 5), np.float32)
pool = {"kernel_shape": [3, 3], "strides": [3, 3], "ceil_mode": 1, "p": 1}
graph = helper.make_graph(
    [helper.make_node("LpPool", ["x"], ["y"], **pool)],
    "pooled",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ones.shape)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, 2])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=["CPUExecutionProvider"]
)
runtime, evaluator = (
    one.run(None, {"x": ones})[0].ravel().tolist() for one in (session, ReferenceEvaluator(model))
)
print("onnx", onnx.__version__, "sums of 9 and of 6 ones: onnxruntime", runtime, "evaluator", evaluator)
assert runtime == [9, 6]
assert evaluator == [9, 9], "it sums what is there now"
PYTHON
