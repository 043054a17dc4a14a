"""The packaged network and files of models: what is loaded is what was saved, and recognised."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from collector.errors import ModelError
from collector.frameworks.keras import vgg16
from collector.frameworks.keras.modelfile import check_model
from collector.frameworks.keras.models import load_model, weights_digest
from collector.packaged import CHECKPOINTS, CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    from collector.frameworks.keras.models import LoadedModel


@pytest.fixture(scope="module")
def packaged() -> dict[str, LoadedModel]:
    """The packaged network at both of its checkpoints."""
    return {checkpoint: load_model(checkpoint) for checkpoint in CHECKPOINTS}


@pytest.mark.parametrize("checkpoint", ["vgg16-cifar10", "vgg16-cifar10-epoch02"])
def test_packaged_network_has_the_weights_of_its_file(
    packaged: dict[str, LoadedModel], checkpoint: str
) -> None:
    check_model(checkpoint)
    loaded = packaged[checkpoint]
    assert (loaded.name, loaded.source) == ("vgg16-cifar10", checkpoint)
    assert loaded.parameters == 14_995_146
    assert loaded.class_names == CLASSES
    file = resources.files("collector") / "data" / f"{checkpoint}.npz"
    with file.open("rb") as stream, np.load(stream) as archive:
        found = {
            f"{layer.name}/{index}": value
            for layer in loaded.model.layers
            for index, value in enumerate(layer.get_weights())
            if layer.name != "normalization"
        }
        assert set(found) == set(archive)
        for name, value in found.items():
            assert value.dtype == np.float32
            np.testing.assert_array_equal(value, archive[name].astype(np.float32))


def test_the_packaged_checkpoints_are_two(packaged: dict[str, LoadedModel]) -> None:
    early, final = packaged.values()
    assert early.sha256 != final.sha256
    assert early.parameters == final.parameters


def test_packaged_network_normalises_pixels_itself() -> None:
    model = vgg16.architecture()
    pixels = np.full((1, 32, 32, 3), 255, np.float32)
    found = np.asarray(model.get_layer("normalization")(pixels))[0, 0, 0]
    expected = (255 - np.array([125.3, 123.0, 113.9])) / np.array([63.0, 62.1, 66.7])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_model_card_says_what_the_network_is(packaged: dict[str, LoadedModel]) -> None:
    card = (resources.files("collector") / "data" / "MODEL_CARD.md").read_text("utf-8")
    assert f"{packaged['vgg16-cifar10'].parameters:,}" in card
    assert ", ".join(CLASSES) in card


@pytest.mark.process
def test_weights_are_recognised_wherever_they_are_loaded(tiny_path: Path, tiny_model: Any) -> None:
    here = load_model(str(tiny_path))
    assert here.sha256 == load_model(str(tiny_path)).sha256 == weights_digest(tiny_model.weights)
    script = (
        "from collector.frameworks.keras.runtime import start_tensorflow; start_tensorflow()\n"
        "from collector.frameworks.keras.models import load_model\n"
        f"print(load_model({str(tiny_path)!r}).sha256)"
    )
    there = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == here.sha256
    assert there.stderr == ""


def test_any_change_of_the_weights_is_another_checkpoint(tiny_path: Path) -> None:
    loaded = load_model(str(tiny_path))
    kernel = loaded.model.get_layer("second").kernel
    changed = kernel.numpy()
    changed[0, 0, 0, 0] = np.nextafter(changed[0, 0, 0, 0], np.float32(9))
    kernel.assign(changed)
    assert weights_digest(loaded.model.weights) != loaded.sha256


def test_the_same_numbers_elsewhere_are_another_checkpoint() -> None:
    import keras

    values = np.arange(6, dtype=np.float32)
    digests = {
        weights_digest([keras.Variable(values, name="kernel")]),
        weights_digest([keras.Variable(values, name="bias")]),
        weights_digest([keras.Variable(values.reshape(2, 3), name="kernel")]),
        weights_digest([keras.Variable(values.view(np.int32), dtype="int32", name="kernel")]),
    }
    assert len(digests) == 4
    assert weights_digest([keras.Variable(values, name="kernel")]) in digests


def test_files_are_never_compiled(tiny_model: Any, tmp_path: Path) -> None:
    import keras

    model = keras.models.clone_model(tiny_model)
    model.compile("adam", "categorical_crossentropy")
    model.save(tmp_path / "compiled.keras")
    assert not load_model(str(tmp_path / "compiled.keras")).model.compiled


def test_layers_that_are_not_keras_own_are_named(tmp_path: Path) -> None:
    import keras

    def call(self: Any, inputs: Any) -> Any:
        return inputs

    twist = type("Twist", (keras.layers.Layer,), {"call": call})
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Flatten()(keras.layers.Conv2D(2, 3)(twist()(inputs)))
    keras.Model(inputs, outputs).save(tmp_path / "custom.keras")
    with pytest.raises(ModelError, match="needs 'Twist'") as caught:
        load_model(str(tmp_path / "custom.keras"))
    assert "\n" not in str(caught.value)


@pytest.mark.process
def test_the_users_keras_settings_do_not_change_the_network(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(
        '{"image_data_format": "channels_first", "floatx": "float16", "backend": "torch"}'
    )
    script = (
        "from collector.frameworks.keras.runtime import start_tensorflow; start_tensorflow()\n"
        "from collector.frameworks.keras import vgg16; model = vgg16.architecture()\n"
        "print(model.input_shape, model.dtype, model.get_layer('block1_conv1').data_format)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"KERAS_HOME": str(tmp_path), "PATH": "", "HOME": str(tmp_path)},
    )
    assert result.stdout.split("\n")[0] == "(None, 32, 32, 3) float32 channels_last"
