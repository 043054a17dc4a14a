"""A small model with two runs over the same images, and what plain Keras says of them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MAKE = """
import sys
from collector.frameworks.keras.runtime import start_tensorflow
start_tensorflow()
import json, keras, numpy as np
keras.utils.set_random_seed(5)
L = keras.layers
x = inputs = keras.Input((8, 8, 3))
x = L.Conv2D(5, 3, padding="same", activation="relu", name="first")(L.Rescaling(1 / 255)(x))
x = L.Conv2D(7, 3, name="second")(x)
outputs = L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(x))
model = keras.Model(inputs, outputs)
model.save("small.keras")
rng = np.random.default_rng(7)
images = (rng.integers(0, 256, (70, 8, 8, 3)) * rng.random((70, 1, 1, 3))).astype("u1")
np.savez("images.npz", images=images, labels=rng.integers(0, 3, 70))
from collector.cli import main
for name, kept in (("two", "last:8"), ("one", "all")):
    options = ["--model", "small.keras", "--images", "images.npz", "--batch-size", "8"]
    options += ["--feature-maps", kept, "--name", name]
    code = main([*options, "--store", "store.db", "--no-scores", "--quiet"])
    assert code == 0

# What plain Keras says with two channels at 0, and at their mean over the run.
data = np.load("images.npz")
images, labels = data["images"].astype("f4"), data["labels"]
first, second = model.get_layer("first"), model.get_layer("second")
maps = np.asarray(first(images / 255))
def rest(maps):
    return np.asarray(model.layers[-1](np.asarray(second(maps)).mean((1, 2))))
zero, mean = maps.copy(), maps.copy()
for k in (1, 4):
    zero[..., k] = 0
    mean[..., k] = maps[..., k].mean()
before, after = rest(maps), rest(mean)
said, then = before.argmax(1), after.argmax(1)
with open("truth.json", "w") as file:
    json.dump({
        "before": before[3].tolist(), "zero": rest(zero)[3].tolist(),
        "right": int((said == labels).sum()), "rightAfter": int((then == labels).sum()),
        "same": int((said == then).sum()),
        "lost": int(((said == labels) & (then != labels)).sum()),
    }, file)
model.set_weights([weight + 0.1 for weight in model.get_weights()])
model.save("other.keras")
"""


def make_runs(folder: Path) -> Path:
    """Make `store.db` with the runs "one", which keeps all maps, and "two", which keeps 8.

    Beside it stand `small.keras`, `images.npz`, `truth.json`, and `other.keras` with other weights.
    """
    subprocess.run([sys.executable, "-c", _MAKE], cwd=folder, check=True)
    return folder
