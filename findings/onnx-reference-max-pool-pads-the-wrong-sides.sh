#!/bin/sh
# onnx 1.23.2, ReferenceEvaluator: MaxPool with pads that differ from side to side. ONNX lists the
# beginnings of all axes and then the ends; with strides of 1 the evaluator takes them in pairs, an axis
# at a time, so the result has another shape than onnxruntime's and than ONNX' own shape inference.
# Output seen: pads [1, 1, 0, 0] of 8 x 6 by 3 x 2: inferred and onnxruntime 7 x 6, the evaluator 8 x 5.
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

image = np.random.default_rng(0).random((1, 1, 8, 6), np.float32)
pool = {"kernel_shape": [3, 2], "strides": [1, 1], "pads": [1, 1, 0, 0]}
graph = helper.make_graph(
    [helper.make_node("MaxPool", ["x"], ["y"], **pool)],
    "pooled",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, image.shape)],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
shape = onnx.shape_inference.infer_shapes(model).graph.output[0].type.tensor_type.shape
inferred = tuple(one.dim_value for one in shape.dim)
session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=["CPUExecutionProvider"]
)
runtime, evaluator = (
    one.run(None, {"x": image})[0].shape for one in (session, ReferenceEvaluator(model))
)
print("onnx", onnx.__version__, "inferred", inferred, "onnxruntime", runtime, "evaluator", evaluator)
assert inferred == runtime == (1, 1, 7, 6)
assert evaluator == (1, 1, 8, 5), "it pads the sides that are meant now"
PYTHON
