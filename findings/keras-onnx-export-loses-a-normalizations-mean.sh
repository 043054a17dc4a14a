#!/bin/sh
# keras 3.15.1 on TensorFlow 2.21.0, with tf2onnx 1.17.0: model.export(format="onnx") of a model with a
# Normalization layer writes a file that has the layer's mean and deviation for inputs of its own,
# without their values: whoever runs it has to know them. keras.applications' EfficientNetB0 is such a
# model. The layer keeps them as plain tensors and not as variables, and tf2onnx takes what a function
# captured for its inputs. A Rescaling of the same model needs nothing but the images.
# Output seen: inputs: keras_tensor, functional_1/normalization_1/Sub/y:0, .../Sqrt/x:0; no initializer.
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


def asked(layer):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, layer(inputs))
    model(np.zeros((1, 4, 4, 3), "float32"))
    model.export("net.onnx", format="onnx", verbose=False)
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    known = {one.name for one in onnx.load("net.onnx").graph.initializer}
    names = [one.name for one in session.get_inputs()]
    assert not known & {*names}
    return names


normalized = asked(keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0]))
rescaled = asked(keras.layers.Rescaling(0.5))
print("keras", keras.__version__, "Normalization asks for:", normalized, "Rescaling:", rescaled)
assert len(rescaled) == 1
assert len(normalized) == 3, "it asks for the images alone now"
PYTHON
