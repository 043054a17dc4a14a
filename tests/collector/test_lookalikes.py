"""Files and folders that people take for a model: named for what they are, with the way out."""

from __future__ import annotations

import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.errors import ModelError
from collector.frameworks.keras.modelfile import check_model
from collector.frameworks.keras.models import load_model

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parent / "fixtures"
"""Written by TensorFlow 2.13.1 and 2.15.1 with the Keras of the files' names."""


def refused(path: Path) -> str:
    """What is said, which has to be one line that begins with the path."""
    with pytest.raises(ModelError) as error:
        check_model(str(path))
    return one_line(error, path)


def refused_by_keras(path: Path) -> str:
    check_model(str(path))
    with pytest.raises(ModelError) as error:
        load_model(str(path))
    return one_line(error, path)


def one_line(error: pytest.ExceptionInfo[ModelError], path: Path) -> str:
    text = str(error.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text.removeprefix(str(path))


# --- .keras files of other versions --------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.13.1", "2.15.0"])
def test_files_of_keras_2_name_the_version_and_the_way_out(version: str) -> None:
    import keras

    said = refused_by_keras(FIXTURES / f"keras-{version}-functional.keras")
    assert f"saved by Keras {version}" in said
    assert f"Keras {keras.__version__} cannot read" in said
    assert "tf_keras" in said
    assert "needs" not in said


@pytest.mark.parametrize("version", ["2.13.1", "2.15.0"])
def test_files_of_keras_2_that_keras_3_reads_are_taken(version: str) -> None:
    loaded = load_model(str(FIXTURES / f"keras-{version}-sequential.keras"))
    assert loaded.parameters == 3 * 3 * 3 * 2 + 2 + 2 * 3 + 3


def test_the_way_out_of_keras_2_leads_out(tmp_path: Path) -> None:
    import keras

    # What `model.save('model.h5')` gave in Keras 2.15.
    model = keras.saving.load_model(FIXTURES / "keras-2.15.0-whole.h5", compile=False)
    model.save(tmp_path / "model.keras")
    loaded = load_model(str(tmp_path / "model.keras"))
    assert [layer.name for layer in loaded.model.layers][1] == "conv"


def changed(
    path: Path, there: Path, metadata: dict[str, Any], config: Callable[[Any], Any]
) -> None:
    """Copy an archive with another version and configuration."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(there, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps(json.loads(content) | metadata).encode()
            if name == "config.json":
                content = json.dumps(config(json.loads(content))).encode()
            new.writestr(name, content)


def with_a_new_layer(config: Any) -> Any:
    config["config"]["layers"][1]["class_name"] = "ConvNext2D"
    return config


def with_a_new_argument(config: Any) -> Any:
    config["config"]["layers"][1]["config"]["sparsity"] = 0.5
    return config


def with_a_new_module(config: Any) -> Any:
    config["config"]["layers"][1]["module"] = "keras.src.vision"
    return config


@pytest.mark.parametrize("version", ["3.99.0", "4.0.1", "10.2"])
@pytest.mark.parametrize("change", [with_a_new_layer, with_a_new_argument, with_a_new_module])
def test_files_of_a_newer_keras_name_both_versions(
    tmp_path: Path, tiny_path: Path, version: str, change: Callable[[Any], Any]
) -> None:
    import keras

    changed(tiny_path, tmp_path / "new.keras", {"keras_version": version}, change)
    said = refused_by_keras(tmp_path / "new.keras")
    assert f"saved by Keras {version}, newer than the {keras.__version__}" in said
    assert "pip install -U keras" in said


def test_files_of_a_newer_keras_that_can_be_read_are_taken(tmp_path: Path, tiny_path: Path) -> None:
    changed(tiny_path, tmp_path / "new.keras", {"keras_version": "3.99.0"}, lambda config: config)
    assert load_model(str(tmp_path / "new.keras")).sha256 == load_model(str(tiny_path)).sha256


@pytest.mark.parametrize("version", ["2.15.0", "3.99.0", "3.10.0", "", "dev", None])
def test_layers_of_ones_own_are_named_whatever_the_version(
    tmp_path: Path, tiny_path: Path, version: str | None
) -> None:
    def own(config: Any) -> Any:
        layer = config["config"]["layers"][1]
        layer["class_name"], layer["module"] = "Twist", None
        layer["registered_name"] = "Custom>Twist"
        return config

    changed(tiny_path, tmp_path / "own.keras", {"keras_version": version}, own)
    assert "needs 'Twist'" in refused_by_keras(tmp_path / "own.keras")


# --- what is no .keras file at all --------------------------------------------------------------


def test_weights_are_told_from_models(tmp_path: Path, tiny_model: Any) -> None:
    tiny_model.save_weights(tmp_path / "tiny.weights.h5")
    shutil.copy(tmp_path / "tiny.weights.h5", tmp_path / "renamed.keras")
    files = [tmp_path / "tiny.weights.h5", tmp_path / "renamed.keras"]
    files += [FIXTURES / "keras-2.15.0.weights.h5", FIXTURES / "keras-2.15.0-weights.h5"]
    for file in files:
        said = refused(file)
        assert "weights alone" in said
        assert "load_weights" in said
        assert "convert" not in said


def test_whole_h5_models_are_told_from_weights(tmp_path: Path) -> None:
    whole = FIXTURES / "keras-2.15.0-whole.h5"
    shutil.copy(whole, tmp_path / "named.keras")
    shutil.copy(whole, tmp_path / "whole.hdf5")
    assert "legacy HDF5 (.h5) model; convert it: open it with keras.saving" in refused(whole)
    assert "open it with keras.saving" in refused(tmp_path / "whole.hdf5")
    # Keras goes by the name.
    assert "open it, named .h5, with" in refused(tmp_path / "named.keras")


def test_other_hdf5_files(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = np.arange(3)
    assert "HDF5 file without a Keras model" in refused(tmp_path / "data.h5")
    content = (tmp_path / "data.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[:300])
    assert "damaged HDF5" in refused(tmp_path / "cut.h5")


def test_saved_model_folders(tmp_path: Path, tiny_model: Any) -> None:
    tiny_model.export(tmp_path / "exported", verbose=False)
    assert "exported SavedModel, which has no layers" in refused(tmp_path / "exported")
    (tmp_path / "exported" / "keras_metadata.pb").touch()
    said = refused(tmp_path / "exported")
    assert "SavedModel of Keras 2" in said
    assert "tf_keras" in said


def test_other_folders(tmp_path: Path, tiny_path: Path) -> None:
    unpacked = tmp_path / "unpacked.keras"
    with zipfile.ZipFile(tiny_path) as archive:
        archive.extractall(unpacked)
    assert "unpacked .keras file" in refused(unpacked)
    epochs = tmp_path / "epochs"
    epochs.mkdir()
    assert "is a folder, not a .keras file" in refused(epochs)
    shutil.copy(tiny_path, epochs / "epoch-001.keras")
    assert "epoch-001.keras" in refused(epochs)
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    (checkpoints / "ckpt-1.index").write_bytes(b"\0")
    assert "weights alone" in refused(checkpoints)


def test_other_frameworks(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        archive.writestr("net/data.pkl", b"\x80\x02}.")
        archive.writestr("net/version", b"3\n")
    shutil.copy(tmp_path / "net.pt", tmp_path / "net.keras")
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"weight": 1}, protocol=2))
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    (tmp_path / "net.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(40))
    (tmp_path / "net.safetensors").write_bytes((40).to_bytes(8, "little") + b'{"a": 1}' + bytes(60))
    (tmp_path / "net.pb").write_bytes(b"\n\x0f\n\x05input")
    (tmp_path / "net.index").write_bytes(bytes(30))
    np.savez(tmp_path / "net.npz", a=np.arange(3))
    for name, part in {
        "net.pt": "a PyTorch file",
        "net.keras": "a PyTorch file",
        "old.pth": "a PyTorch file",
        "net.onnx": "an ONNX model",
        "net.tflite": "a TensorFlow Lite model",
        "net.safetensors": "weights alone (safetensors)",
        "net.pb": "a frozen TensorFlow graph",
        "net.index": "weights alone",
        "net.npz": "a NumPy archive",
    }.items():
        said = refused(tmp_path / name)
        assert part in said
        assert "model.save('model.keras')" in said


def test_parts_of_models(tmp_path: Path, tiny_model: Any) -> None:
    (tmp_path / "tiny.json").write_text(tiny_model.to_json())
    assert "architecture alone" in refused(tmp_path / "tiny.json")
    (tmp_path / "tiny.weights.json").write_text('{"metadata": {}, "weight_map": {}}')
    assert "weights alone" in refused(tmp_path / "tiny.weights.json")
    (tmp_path / "broken.json").write_text('{"a": ')
    assert "is not a Keras model" in refused(tmp_path / "broken.json")
    (tmp_path / "empty.keras").touch()
    assert "is not a Keras model" in refused(tmp_path / "empty.keras")


def test_a_file_that_was_cut_off(tmp_path: Path, tiny_path: Path) -> None:
    content = tiny_path.read_bytes()
    (tmp_path / "cut.keras").write_bytes(content[: len(content) // 2])
    assert "is damaged" in refused(tmp_path / "cut.keras")


@pytest.mark.parametrize("suffix", [".zip", ".keras.bak", ""])
def test_a_model_by_another_name_is_told_to_be_renamed(
    tmp_path: Path, tiny_path: Path, suffix: str
) -> None:
    shutil.copy(tiny_path, tmp_path / f"tiny{suffix}")
    assert "rename it" in refused(tmp_path / f"tiny{suffix}")
