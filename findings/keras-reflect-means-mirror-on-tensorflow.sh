#!/bin/sh
# keras 3.15.1 on TensorFlow 2.21.0: keras.ops.image.map_coordinates(fill_mode="reflect") repeats the
# edge behind the end of the line, as documented and as SciPy 1.17.1 does, but before its beginning
# it leaves the edge out, as "mirror" would. The two ends of one line follow two rules.
# Output seen: of 0 1 2 3 4, at −1.5 and 5.5: keras 1.5 and 3.5, SciPy 0.5 and 3.5.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    keras==3.15.1 tensorflow==2.21.0 scipy==1.17.1 numpy==2.4.6
KERAS_BACKEND=tensorflow "$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import keras
import numpy as np
from scipy import ndimage

line, places = np.arange(5, dtype="float32"), np.array([[-1.5, 5.5]], "float32")
found = keras.ops.image.map_coordinates(line, places, order=1, fill_mode="reflect")
found = keras.ops.convert_to_numpy(found).tolist()
true = ndimage.map_coordinates(line, places, order=1, mode="reflect").tolist()
mirrored = ndimage.map_coordinates(line, places, order=1, mode="mirror").tolist()
print("keras", keras.__version__, found, "SciPy reflect", true, "mirror", mirrored)
assert found[0] == mirrored[0] != true[0] and found[1] == true[1], "it has changed"
PYTHON
