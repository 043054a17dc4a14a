#!/bin/sh
# keras 3.15.1 on TensorFlow 2.21.0, with tf2onnx 1.17.0: model.export(format="onnx") of a Conv2D with
# groups=2 says nothing and writes a file that nothing for ONNX can run: instead of a convolution there
# stands StatefulPartitionedCall, an operator of TensorFlow's, without its function. Keras has such a
# convolution compiled by itself, and tf2onnx does not look into what is compiled. A DepthwiseConv2D is
# written as the Conv that it is.
# Output seen: grouped: StatefulPartitionedCall, Add; onnxruntime: No Op registered for it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    keras==3.15.1 tensorflow==2.21.0 tf2onnx==1.17.0 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$folder" && KERAS_BACKEND=tensorflow "$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import keras
import numpy as np
import onnx
import onnxruntime


def exported(layer):
    inputs = keras.Input((8, 8, 4))
    model = keras.Model(inputs, layer(inputs))
    model(np.zeros((1, 8, 8, 4), "float32"))
    model.export("net.onnx", format="onnx", verbose=False)
    try:
        onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
        said = "runs"
    except Exception as error:
        said = str(error)
    return [node.op_type for node in onnx.load("net.onnx").graph.node], said


grouped, said = exported(keras.layers.Conv2D(4, 3, groups=2))
plain, fine = exported(keras.layers.DepthwiseConv2D(3))
print("keras", keras.__version__, "grouped:", grouped, said)
print("depthwise:", plain, fine)
assert "Conv" in plain and fine == "runs"
assert "StatefulPartitionedCall" in grouped and "Conv" not in grouped, "it is written now"
assert "StatefulPartitionedCall" in said
PYTHON
