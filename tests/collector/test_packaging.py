"""A trained network becomes the packaged one: its weights, rounded, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from collector.frameworks.keras import vgg16
from collector.packaged import CLASSES
from tools import package

if TYPE_CHECKING:
    from pathlib import Path


def trained(path: Path) -> Any:
    """A network of which no array is what a new one has."""
    keras.utils.set_random_seed(4)
    model = vgg16.architecture()
    rng = np.random.default_rng(4)
    for layer in model.layers:
        if "_bn" in layer.name:
            layer.set_weights([rng.uniform(0.5, 1.5, one.shape) for one in layer.get_weights()])
    model.save(path)
    return model


def test_what_is_packaged_is_the_checkpoint_rounded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = trained(tmp_path / "epoch-030.keras")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 32, 32, 3), np.uint8)
    labels = np.arange(40) % 10
    np.savez(tmp_path / "test.npz", images=pixels, labels=labels)
    words = [str(tmp_path / "epoch-030.keras"), "--images", str(tmp_path / "test.npz")]
    assert package.main([*words, "--folder", str(tmp_path), "--name", "small"]) == 0

    with np.load(tmp_path / "small.npz") as archive:
        assert not [name for name in archive if name.startswith("normalization")]
        for layer in model.layers:
            for i, value in enumerate(layer.get_weights() if layer.name in kept(archive) else []):
                found = archive[f"{layer.name}/{i}"]
                assert found.dtype == (np.float16 if value.ndim > 1 else np.float32)
                np.testing.assert_array_equal(found, value.astype(found.dtype))
        assert kept(archive) == {one.name for one in model.layers if one.weights} - {
            "normalization"
        }

    other = vgg16.architecture()
    with (tmp_path / "small.npz").open("rb") as file:
        vgg16.unpack(file, other)
    expected = model.predict(pixels.astype(np.float32), verbose=0)
    found = other.predict(pixels.astype(np.float32), verbose=0)
    np.testing.assert_allclose(found, expected, atol=0.01)
    said = capsys.readouterr().out
    right = int((found.argmax(axis=1) == labels).sum())
    assert f"all: {100 * right / 40:.2f} % ({right} of 40;" in said
    assert [line.split(":")[0] for line in said.splitlines()[2:]] == list(CLASSES)


def test_what_does_not_fit_leaves_the_packaged_network_as_it_is(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.npz").write_bytes(b"before")
    where = ["--folder", str(tmp_path), "--name", "small"]
    with pytest.raises(SystemExit):
        package.main([str(tiny_path), *where])
    assert "not of the packaged architecture" in capsys.readouterr().err
    assert (tmp_path / "small.npz").read_bytes() == b"before"


def test_classes_are_told_by_their_names_and_those_without_images_left_out(tmp_path: Path) -> None:
    model = vgg16.architecture()
    pixels = np.random.default_rng(1).integers(0, 256, (30, 32, 32, 3), np.uint8)
    names = ["ship", "dog"]
    labels = np.arange(30) % 2
    np.savez(tmp_path / "two.npz", images=pixels, labels=labels, class_names=names)
    found = model.predict(pixels.astype(np.float32), verbose=0).argmax(axis=1)
    right = found == np.array([CLASSES.index(name) for name in names])[labels]
    lines = package.accuracies(model, str(tmp_path / "two.npz"))
    assert [line.split(":")[0] for line in lines] == ["all", "dog", "ship"]
    assert f"({right.sum()} of 30;" in lines[0]
    assert f"({right[labels == 1].sum()} of 15;" in lines[1]
    np.savez(tmp_path / "none.npz", images=pixels)
    assert package.accuracies(model, str(tmp_path / "none.npz")) == [
        "none.npz: no image has a label"
    ]


def kept(archive: Any) -> set[str]:
    """Layers of an archive."""
    return {name.split("/")[0] for name in archive}
