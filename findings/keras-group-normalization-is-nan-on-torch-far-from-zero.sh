#!/bin/sh
# keras 3.15.1 on PyTorch 2.13.0: GroupNormalization of values around 1000 that spread by 0.01 gives NaN
# in many places, because the variance is taken as E[x²] − E[x]² in float32 and comes out negative.
# PyTorch's own group_norm, which is at hand there, and Keras on JAX 0.10.2 give finite values.
# Output seen: torch backend hundreds of NaN of 504, torch's own 0, jax 0.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 torch==2.13.0 numpy==2.4.6
cat > "$folder/norm.py" <<'PYTHON'
import keras
import numpy as np
import torch

draws = np.random.default_rng(0).normal(size=(2, 7, 9, 4))
values = (1000 + 0.01 * draws).astype("float32")
normed = keras.ops.convert_to_numpy(keras.layers.GroupNormalization(2)(values))
own = torch.nn.functional.group_norm(torch.tensor(values).permute(0, 3, 1, 2), 2, eps=1e-3)
backend = keras.backend.backend()
lost = int(np.isnan(normed).sum())
print("keras", keras.__version__, backend, "NaN", lost, "torch's own", int(own.isnan().sum()))
assert not own.isnan().any()
assert (lost > 0) == (backend == "torch"), "it has changed"
PYTHON
for backend in jax torch; do
    KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/norm.py"
done
