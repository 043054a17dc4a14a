#!/bin/sh
# onnxruntime 1.32.0: ReduceMax and ReduceMin pass over NaN: of 1, NaN, 3 they say 3 and 1, while Max of
# the same three numbers as three inputs is NaN, and PyTorch 2.13.0, NumPy and ONNX's own reference
# say NaN each time. Who watches the range of a layer by them sees a healthy one in a network that is
# lost.
# Output seen: ReduceMax 3.0, ReduceMin 1.0, Max nan, torch.amax nan.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    torch==2.13.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper


def run(operator, *values):
    names = [f"x{place}" for place in range(len(values))]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (*names, "y")]
    graph = helper.make_graph([helper.make_node(operator, names, ["y"])], "g", ends[:-1], ends[-1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return float(session.run(None, dict(zip(names, values)))[0].ravel()[0])


row = np.array([1, np.nan, 3], "float32")
high, low = run("ReduceMax", row), run("ReduceMin", row)
parts, own = run("Max", *row.reshape(3, 1)), float(torch.tensor(row).amax())
print("onnxruntime", onnxruntime.__version__, high, low, "Max", parts, "torch.amax", own)
assert (high, low) == (3.0, 1.0), "it knows NaN now"
assert np.isnan(parts) and np.isnan(own)
PYTHON
