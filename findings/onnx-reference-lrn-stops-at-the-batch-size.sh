#!/bin/sh
# onnx 1.23.2: the reference evaluator's LRN normalises as many channels as there are images: of one
# image with 6 channels it squares and divides the first, and hands the other five through unchanged.
# onnxruntime 1.32.0 and PyTorch 2.13.0 agree with the specification's formula for all of them.
# Output seen: largest error: reference 5.59, onnxruntime 0.0, torch 0.0; 5 channels unchanged.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    torch==2.13.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

image = 10 * np.random.default_rng(0).normal(size=(1, 6, 1, 1)).astype("float32")
options = {"size": 3, "alpha": 1.0, "beta": 0.75, "bias": 1.0}
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 6, 1, 1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("LRN", ["x"], ["y"], **options)], "g", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
line = image.ravel()
near = [(line[max(0, c - 1) : c + 2] ** 2).sum() for c in range(6)]
true = line / (1 + np.array(near) / 3) ** 0.75
found = {
    "reference": ReferenceEvaluator(model).run(None, {"x": image})[0],
    "onnxruntime": onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": image})[0],
    "torch": torch.nn.functional.local_response_norm(torch.tensor(image), 3, 1.0, 0.75, 1.0).numpy(),
}
error = {name: float(np.abs(one.ravel() - true).max()) for name, one in found.items()}
print("onnx", onnx.__version__, {name: round(one, 6) for name, one in error.items()})
unchanged = int((np.abs(found["reference"].ravel() - line) < 1e-6).sum())
print("channels that the reference hands through:", unchanged)
assert unchanged == 5, "the reference keeps to its own specification now"
assert max(error["onnxruntime"], error["torch"]) < 1e-5
PYTHON
