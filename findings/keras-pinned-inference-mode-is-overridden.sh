#!/bin/sh
# keras 3.15.1 (jax 0.10.2 behind it): the idiom of transfer learning, body(inputs, training=False)
# in a Functional model, does not hold. When the whole model is called with training=True, as fit()
# does, batch normalisation inside the body uses the statistics of the batch; the value that stands
# in the graph is overridden. (training=True in the graph is overridden by predict() likewise.)
# Output seen: pinned to inference: [-1. 1.], expected [1. 3.] (moving mean 0, variance 1).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
KERAS_BACKEND=jax "$folder/venv/bin/python" - <<'PYTHON'
import keras
import numpy as np

body = keras.Sequential([keras.Input((1,)), keras.layers.BatchNormalization(epsilon=0.0)])
inputs = keras.Input((1,))
model = keras.Model(inputs, body(inputs, training=False))
said = np.asarray(model(np.array([[1.0], [3.0]], "float32"), training=True)).ravel()
print("keras", keras.__version__, "pinned to inference:", said)
assert keras.__version__ == "3.15.1"
assert np.allclose(said, [-1.0, 1.0]), "the pinned mode holds now"
PYTHON
