#!/bin/sh
# keras 3.15.1: AveragePooling2D(padding="same") leaves what lies outside the image out of the mean on
# JAX 0.10.2 (and TensorFlow); on the PyTorch backend (2.13.0) a pool of 2 × 3 repeats the edge and
# counts it, so a saved model gives other values there, though neither says so.
# Output seen: first of the row 0, 1, 2, 3 pooled by 2 × 3 over four rows: jax 2.5, torch 2.333.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 torch==2.13.0 numpy==2.4.6
cat > "$folder/pool.py" <<'PYTHON'
import keras
import numpy as np

image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
pooled = keras.layers.AveragePooling2D((2, 3), 1, padding="same")(image)
first = float(keras.ops.convert_to_numpy(pooled)[0, 0, 0, 0])
backend = keras.backend.backend()
print("keras", keras.__version__, backend, round(first, 3), "mean inside", image[0, :2, :2, 0].mean())
expected = 2.5 if backend == "jax" else (0 + 0 + 1 + 4 + 4 + 5) / 6
assert abs(first - expected) < 1e-5, "it has changed"
PYTHON
for backend in jax torch; do
    KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/pool.py"
done
