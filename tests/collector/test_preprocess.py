"""``--preprocess`` is Keras' own ``preprocess_input``, and ``--classes imagenet`` its classes."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from collector.at_hand.loading import bring
from collector.callback import ReactCNNCallback
from collector.cli import main
from collector.errors import ResumeError
from collector.frameworks.scaling import PREPROCESSES, SCALINGS
from collector.images import open_images, read_classes
from collector.request import Request, check_options
from collector.session import prepare_again
from reactcnn_dash import open_store
from reactcnn_dash.db import StoreReader

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PREFIX = "keras.applications."
ONE_OF_EACH_MODE = ("resnet", "densenet", "mobilenet_v2", "efficientnet")
"""caffe, torch and tf, and one that leaves pixels alone."""


def noise(count: int = 5, side: int = 12, channels: int = 3) -> NDArray[np.uint8]:
    """Images whose channels differ."""
    values = np.random.default_rng(4).integers(0, 256, (count, side, side, channels))
    return (values * np.linspace(1, 0.4, channels)).astype(np.uint8)


def small(channels: int = 3) -> Any:
    """A network that does not rescale."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((12, 12, channels))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    x = keras.layers.Conv2D(6, 3, name="second")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Rescaling(0.01)(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name="small")


def prepared(module: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What Keras makes of pixels."""
    own = importlib.import_module(f"{PREFIX}{module}")
    result: NDArray[np.float32] = own.preprocess_input(pixels.astype(np.float32))
    return result


def test_every_module_of_keras_is_known_and_does_what_it_does_there() -> None:
    modules = {
        one.name
        for one in pkgutil.iter_modules(keras.applications.__path__)
        if hasattr(importlib.import_module(f"{PREFIX}{one.name}"), "preprocess_input")
    }
    assert {f"{PREFIX}{one}" for one in modules} == {*PREPROCESSES} - {"imagenet"}
    pixels = noise()
    for module in modules:
        scaling = SCALINGS[f"{PREFIX}{module}"]
        given = pixels[..., ::-1] if scaling.reversed else pixels
        found = given * np.asarray(scaling.scale) + np.asarray(scaling.offset)
        np.testing.assert_allclose(found, prepared(module, pixels), atol=2e-5, err_msg=module)


@pytest.mark.parametrize("module", ONE_OF_EACH_MODE)
def test_what_is_stored_is_what_the_model_says_of_prepared_images(
    module: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, pixels, store = small(), noise(), str(tmp_path / "a.db")
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "a.npz", images=pixels)
    words = ["--model", str(tmp_path / "m.keras"), "--images", str(tmp_path / "a.npz")]
    words += ["--store", store, "--preprocess", f"{PREFIX}{module}", "--batch-size", "2"]
    assert main(words) == 0
    assert "--pixel-range" not in capsys.readouterr().err
    given = prepared(module, pixels)
    run = open_store(store).run(1)
    np.testing.assert_allclose(run.probabilities(), model(given), atol=1e-6)
    inner = keras.Model(model.inputs, [model.get_layer(one).output for one in ("first", "second")])
    for name, maps in zip(("first", "second"), inner(given), strict=True):
        np.testing.assert_allclose(run.gap(name), np.mean(maps, (1, 2)), rtol=1e-4, atol=1e-3)
    reader = StoreReader(store)
    stored = reader.run(1)
    assert stored.options["preprocess"] == f"{PREFIX}{module}"
    hand = bring(reader, stored.uuid)
    np.testing.assert_allclose(np.asarray(hand.capture.inputs(pixels)), given, atol=2e-5)


def test_a_run_goes_on_as_it_began(tmp_path: Path) -> None:
    model, pixels, store = small(), noise(), str(tmp_path / "a.db")
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "a.npz", images=pixels)
    words = ["--model", str(tmp_path / "m.keras"), "--images", str(tmp_path / "a.npz")]
    assert main([*words, "--store", store, "--preprocess", f"{PREFIX}resnet"]) == 0
    run = StoreReader(store).run(1)
    for refused in (
        Request(preprocess=f"{PREFIX}densenet"),
        Request(preprocess="imagenet"),
        Request(pixel_range="0-255"),
    ):
        with pytest.raises(ResumeError, match="cannot go on with"):
            check_options(refused, run)
    request = Request(store=store)
    check_options(request, run)
    again = prepare_again(request, run, open_images(str(tmp_path / "a.npz")))
    expected = model(prepared("resnet", pixels))
    np.testing.assert_allclose(again.proven.capture(pixels).probabilities, expected, atol=1e-6)


def test_modules_that_are_none_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for said in ("keras.applications.alexnet", "resnet", "os.path"):
        with pytest.raises(SystemExit) as caught:
            main(["--preprocess", said])
        assert caught.value.code == 2
        assert "keras.applications.resnet" in capsys.readouterr().err


def test_grey_models_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, pixels = small(1), noise(channels=1)
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "a.npz", images=pixels)
    words = ["--model", str(tmp_path / "m.keras"), "--images", str(tmp_path / "a.npz")]
    words += ["--store", str(tmp_path / "a.db"), "--preprocess", f"{PREFIX}resnet"]
    assert main(words) != 0
    assert "is for colour; the model takes grey" in capsys.readouterr().err


def test_the_callback_takes_it_too(tmp_path: Path) -> None:
    model, pixels, store = small(), noise(), tmp_path / "a.db"
    callback = ReactCNNCallback(store, pixels, preprocess=f"{PREFIX}vgg16", every=1)
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(prepared("vgg16", pixels), np.arange(5) % 3, verbose=0, callbacks=[callback])
    run = open_store(str(store)).run(1)
    expected = model(prepared("vgg16", pixels))
    np.testing.assert_allclose(run.probabilities(), expected, atol=1e-5)
    with pytest.raises(ValueError, match="not both"):
        ReactCNNCallback(store, pixels, preprocess="imagenet", pixel_range="0-1")


def test_the_classes_of_imagenet_stand_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = read_classes("imagenet")
    assert len(names) == len(set(names)) == 1000
    known = {
        0: "tench", 1: "goldfish", 134: "crane (bird)", 207: "golden retriever",
        264: "Cardigan Welsh corgi", 281: "tabby",
        404: "airliner", 474: "cardigan", 517: "crane (machine)", 620: "laptop", 779: "school bus",
        817: "sports car", 948: "Granny Smith", 954: "banana", 999: "toilet tissue",
    }  # fmt: skip
    assert {place: names[place] for place in known} == known
    monkeypatch.chdir(tmp_path)
    inputs = keras.Input((12, 12, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    keras.Model(inputs, keras.layers.Dense(1000, activation="softmax")(x)).save("m.keras")
    small().save("three.keras")
    np.savez("a.npz", images=noise(2))
    words = ["--images", "a.npz", "--classes", "imagenet", "--preprocess", f"{PREFIX}resnet"]
    assert main(["--model", "m.keras", *words]) == 0
    run = StoreReader("reactcnn.db").run(1)
    assert run.class_names == names
    assert run.options["classes"] == "imagenet"
    capsys.readouterr()
    assert main(["--model", "three.keras", *words]) != 0
    assert "imagenet names 1000 classes, but the model has 3" in capsys.readouterr().err
