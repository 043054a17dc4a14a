#!/bin/sh
# keras 3.15.1 (jax 0.10.2 behind it): histogram equalisation by itself changes an image, but inside
# a Functional model it does nothing and nobody says so: its symbolic output is its symbolic input,
# so the graph leads past it. As a model's last layer it is refused ("is part of a cycle").
# Output seen: alone it changes pixels by up to 28.0, inside the model by 0.0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
KERAS_BACKEND=jax "$folder/venv/bin/python" - <<'PYTHON'
import keras
import numpy as np

images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("float32")
layer = keras.layers.Equalization()
inputs = keras.Input((8, 8, 3))
model = keras.Model(inputs, keras.layers.Rescaling(1.0)(keras.layers.Equalization()(inputs)))
alone = np.abs(np.asarray(layer(images)) - images).max()
inside = np.abs(np.asarray(model(images)) - images).max()
print("keras", keras.__version__, "alone", alone, "inside a model", inside)
assert keras.__version__ == "3.15.1"
assert alone > 1.0 and inside == 0.0, "it is carried out now"
PYTHON
