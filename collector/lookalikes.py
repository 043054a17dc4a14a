"""What a file or folder is that people take for a model, and how a ``.keras`` file comes of it."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from reactcnn_dash.kinds import read_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HDF5 = b"\x89HDF\r\n\x1a\n"
_MOST_JSON = 2**26
_SAVE = "save yours with model.save('model.keras')."
_REBUILD = "build the same network in Keras, and save that with model.save('model.keras')."
_WHOLE = "build the model, model.load_weights(…) them, and save it with model.save('model.keras')."
FROM_KERAS_2 = (
    "open it with the Keras 2 that wrote it (or the package tf_keras) and model.save('model.h5'), "
    "then open that with Keras 3 and model.save('model.keras')."
)
_NAMES = {
    ".onnx": "an ONNX model",
    ".pb": "a frozen TensorFlow graph",
    ".pt": "a PyTorch file",
    ".pth": "a PyTorch file",
    ".ckpt": "a checkpoint of another framework",
    ".pkl": "a Python pickle",
    ".joblib": "a Python pickle",
    ".mlmodel": "a Core ML model",
    ".caffemodel": "a Caffe model",
}


def explain(path: Path) -> str:
    """Say what a path holds instead of a ``.keras`` archive, and the way out: one sentence.

    Told by the content where it says so, otherwise by the name.

    Args:
        path: of a file or folder that exists and can be read.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        return _folder(path)
    with path.open("rb") as file:
        head = file.read(16)
    told = (describe(path) for fits, describe in _CONTENTS if fits(head))
    return next(told, None) or _by_name(path)


def _by_name(path: Path) -> str:
    if path.suffix == ".index" or ".data-0" in path.name:
        return f"is part of a TensorFlow checkpoint: weights alone, without their model; {_WHOLE}"
    kind = _NAMES.get(path.suffix.lower())
    if kind is not None:
        return f"is {kind}, not a Keras model; {_REBUILD}"
    return f"is not a Keras model; {_SAVE}"


def _folder(path: Path) -> str:
    names = {entry.name for entry in path.iterdir()}
    if {"saved_model.pb", "keras_metadata.pb"} <= names:
        return f"is a folder, a SavedModel of Keras 2; convert it: {FROM_KERAS_2}"
    if "saved_model.pb" in names:
        return (
            "is a folder, an exported SavedModel, which has no layers to watch; save the model "
            "itself with model.save('model.keras')."
        )
    if {"config.json", "metadata.json"} <= names:
        return "is a folder, an unpacked .keras file; zip what is in it to a file that ends so."
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        return f"is a folder of TensorFlow checkpoints: weights alone; {_WHOLE}"
    kept = sorted(name for name in names if name.endswith(".keras"))
    if kept:
        return f"is a folder, not a .keras file; name one of those in it, {kept[0]} for example."
    return "is a folder, not a .keras file; save your model with model.save('model.keras')."


def _hdf5(path: Path) -> str:
    import h5py  # noqa: PLC0415 - only where it is needed

    try:
        with h5py.File(path) as file:
            whole = "model_config" in file.attrs
            weights = "layer_names" in file.attrs or bool(
                {"layers", "_layer_checkpoint_dependencies"} & set(file)
            )
    except OSError:
        return "is a damaged HDF5 file; copy or save it again."
    if whole:
        h5 = "" if path.suffix in (".h5", ".hdf5") else ", named .h5,"
        return (
            f"is a legacy HDF5 (.h5) model; convert it: open it{h5} with "
            "keras.saving.load_model(…, compile=False) and save it with model.save('model.keras')."
        )
    if weights:
        return f"holds weights alone, without their model; {_WHOLE}"
    return f"is an HDF5 file without a Keras model; {_SAVE}"


def _zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return "is damaged, its end is missing or wrong; copy or save it again."
    if any(name.endswith(("/data.pkl", "/constants.pkl")) for name in names):
        return f"is a PyTorch file, not a Keras model; {_REBUILD}"
    if names and all(name.endswith(".npy") for name in names):
        return f"is a NumPy archive, not a Keras model; {_WHOLE}"
    return f"is not a Keras model; {_SAVE}"


def _json(path: Path) -> str:
    try:
        with path.open("rb") as file:
            said = read_json(file.read(_MOST_JSON))
    except ValueError:
        said = {}
    if "class_name" in said:
        return f"holds the architecture alone, without weights; {_WHOLE}"
    if "weight_map" in said or path.name.endswith(".weights.json"):
        return f"lists weights alone, without their model; {_WHOLE}"
    return f"is not a Keras model; {_SAVE}"


_CONTENTS: tuple[tuple[Callable[[bytes], bool], Callable[[Path], str]], ...] = (
    (lambda head: head.startswith(_HDF5), _hdf5),
    (lambda head: head.startswith(b"PK"), _zip),
    (
        lambda head: head[4:8] == b"TFL3",
        lambda _: f"is a TensorFlow Lite model, which has no layers to watch; {_REBUILD}",
    ),
    (lambda head: head.startswith(b"GGUF"), lambda _: f"is a GGUF file; {_REBUILD}"),
    (
        lambda head: head[8:9] == b"{",
        lambda _: f"holds weights alone (safetensors), without their model; {_REBUILD}",
    ),
    (lambda head: head.lstrip().startswith(b"{"), _json),
)
