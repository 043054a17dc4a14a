#!/bin/sh
# onnx 1.23.2, ReferenceEvaluator: GridSample, cubic, padding "border". Near an edge each of the sixteen
# neighbours outside should be the border pixel beside it; the evaluator moves the point itself to the
# border first, and interpolates there. PyTorch, whose operator this is, and onnxruntime agree to 1e-6.
# Output seen: onnxruntime within 4e-7 of PyTorch, the evaluator off by 0.24 of values around 1.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    torch==2.13.0 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder" && "$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(0)
given = {
    "x": rng.normal(size=(1, 2, 6, 7)).astype(np.float32),
    "grid": rng.uniform(-1.3, 1.3, size=(1, 4, 5, 2)).astype(np.float32),
}


def distances(padding):
    graph = helper.make_graph(
        [helper.make_node("GridSample", [*given], ["y"], mode="cubic", padding_mode=padding)],
        "sampled",
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in given.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 4, 5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    truth = torch.nn.functional.grid_sample(
        *map(torch.tensor, given.values()), mode="bicubic", padding_mode=padding, align_corners=False
    ).numpy()
    return [float(abs(one.run(None, given)[0] - truth).max()) for one in (session, ReferenceEvaluator(model))]


said = {padding: distances(padding) for padding in ("zeros", "reflection", "border")}
print("onnx", onnx.__version__, "off by (onnxruntime, the evaluator):", said)
assert max(*said["zeros"], *said["reflection"], said["border"][0]) < 1e-5
assert said["border"][1] > 0.01, "the evaluator samples the border as the others do now"
PYTHON
