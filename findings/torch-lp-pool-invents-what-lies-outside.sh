#!/bin/sh
# torch 2.13.0: LPPool2d with ceil_mode=True is documented as the p-th root of the sum of powers in the
# window. At an edge where the window hangs over, the cells that are not there are counted as if they
# were like those that are: a lone 9 pooled with p = 2 by 2 × 2 gives 18. onnxruntime 1.32.0 runs the
# same pooling (ONNX LpPool, ceil_mode=1) and gives 9, so a network changes when it is exported.
# Output seen: torch [6.782 9.487 15.033 18.0], onnxruntime [6.782 6.708 10.63 9.0].
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

image = np.arange(1, 10, dtype="float32").reshape(1, 1, 3, 3)
node = helper.make_node("LpPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, p=2)
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
graph = helper.make_graph([node], "pool", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
session = onnxruntime.InferenceSession(model.SerializeToString())
exported = session.run(None, {"x": image})[0].ravel()
own = torch.nn.LPPool2d(2, 2, stride=2, ceil_mode=True)(torch.tensor(image)).numpy().ravel()
print("torch", torch.__version__, own.round(3), "onnxruntime", exported.round(3))
assert np.allclose(own[-1], 18.0) and np.allclose(exported[-1], 9.0), "it has changed"
PYTHON
