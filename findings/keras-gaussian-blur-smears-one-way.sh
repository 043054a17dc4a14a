#!/bin/sh
# keras 3.15.1: keras.ops.image.gaussian_blur on the JAX backend (0.10.2) spreads a dot along one axis
# only, and light gets lost; on TensorFlow 2.21.0 the same call gives the round spot that SciPy 1.17.1
# gives. A filter that is symmetric, one sigma for both axes: no order of arguments explains it.
# Output seen: jax sum 0.25, rows touched 1; tensorflow sum 1.00, rows touched 5.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 tensorflow==2.21.0 scipy==1.17.1 numpy==2.4.6
cat > "$folder/blur.py" <<'PYTHON'
import keras
import numpy as np
from scipy import ndimage

dot = np.zeros((9, 9), "float32")
dot[4, 4] = 1
spot = keras.ops.convert_to_numpy(
    keras.ops.image.gaussian_blur(dot[None, :, :, None], (5, 5), (2.0, 2.0))
)[0, :, :, 0]
true = ndimage.gaussian_filter(dot, 2.0, mode="constant", radius=2)
rows, same = int((spot > 1e-6).any(1).sum()), bool(np.allclose(spot, true, atol=1e-5))
backend = keras.backend.backend()
print("keras", keras.__version__, backend, f"sum {spot.sum():.2f}", "rows", rows, "as SciPy", same)
assert (rows, same) == ((5, True) if backend == "tensorflow" else (1, False)), "it has changed"
PYTHON
for backend in jax tensorflow; do
    KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/blur.py" 2>/dev/null
done
