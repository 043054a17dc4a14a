"""``--custom``: a file of the user's own is run, and nothing else ever is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest

from collector.at_hand.loading import bring
from collector.cli import main
from collector.errors import ModelError
from reactcnn_dash import open_store
from reactcnn_dash.db import StoreReader
from tests.collector.onnx_graphs import Builder, saved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYER = """\
import keras
from beside_it import FACTOR

{decorator}
class {name}(keras.layers.Layer):
    def call(self, inputs):
        return inputs * FACTOR
"""
REGISTERED = '@keras.saving.register_keras_serializable(package="mine")'


class Place:
    """A folder with images, a model that needs a layer, and the file that has it."""

    def __init__(self, folder: Path, name: str, decorator: str) -> None:
        self.store = str(folder / "a.db")
        self.code = folder / "own layers.py"
        self.code.write_text(LAYER.format(name=name, decorator=decorator))
        (folder / "beside_it.py").write_text("FACTOR = 0.25\n")
        scope: dict[str, Any] = {"__name__": "training"}
        sys.path.insert(0, str(folder))
        try:
            exec(self.code.read_text(), scope)
        finally:
            sys.path.remove(str(folder))
            del sys.modules["beside_it"]
        inputs = keras.Input((12, 12, 3))
        x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(scope[name]()(inputs))
        x = keras.layers.GlobalAveragePooling2D()(x)
        self.model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
        self.file = folder / "m.keras"
        self.model.save(self.file)
        # The collector is another process, which knows nothing of it.
        keras.saving.get_custom_objects().pop(f"mine>{name}", None)
        self.pixels = np.random.default_rng(1).integers(0, 256, (4, 12, 12, 3), np.uint8)
        np.savez(folder / "a.npz", images=self.pixels)
        self.words = ["--model", str(self.file), "--images", str(folder / "a.npz")]
        self.words += ["--store", self.store]


@pytest.fixture(autouse=True)
def forgets() -> Iterator[None]:
    """What one test registers is unknown to the next."""
    known, modules = dict(keras.saving.get_custom_objects()), set(sys.modules)
    yield
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(known)
    for name in {"beside_it", *(one for one in sys.modules if one.startswith("_custom_"))}:
        if name not in modules:
            sys.modules.pop(name, None)


@pytest.mark.parametrize("decorator", [REGISTERED, ""], ids=["registered", "defined"])
def test_layers_of_ones_own_are_collected(
    decorator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, "Quarter", decorator)
    assert main(place.words) != 0
    said = capsys.readouterr().err
    assert "needs 'Quarter'" in said
    assert "--custom FILE" in said
    before = list(sys.path)
    assert main([*place.words, "--custom", str(place.code)]) == 0
    assert sys.path == before
    assert f"the code in {place.code} was run" in capsys.readouterr().err
    run = open_store(place.store).run(1)
    expected = place.model(place.pixels.astype(np.float32))
    np.testing.assert_allclose(run.probabilities(), expected, atol=1e-5)
    reader = StoreReader(place.store)
    stored = reader.run(1)
    assert stored.options["custom"] == str(place.code)
    # A store may be anybody's: what it names is not run.
    place.code.write_text("raise SystemExit('was run')\n")
    with pytest.raises(ModelError, match="never because a store names it"):
        bring(reader, stored.uuid)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        ("import keras\nraise ValueError('not today')\n", "ValueError: not today"),
        ("def broken(:\n", "SyntaxError"),
        ("import there_is_no_such_module\n", "No module named 'there_is_no_such_module'"),
        ("raise SystemExit(0)\n", "SystemExit"),
        ("import keras\n", "neither registers nor defines"),
        (LAYER.format(name="Other", decorator=REGISTERED), "neither registers nor defines"),
    ],
    ids=["missing", "raises", "syntax", "imports", "exits", "nothing", "another"],
)
def test_files_that_do_not_help_are_one_line(
    content: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, "Quarter", REGISTERED)
    if content is None:
        place.code.unlink()
    else:
        place.code.write_text(content)
    assert main([*place.words, "--custom", str(place.code)]) != 0
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1


def test_it_goes_with_files_of_python_and_models_of_keras(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path, "Quarter", REGISTERED)
    text = tmp_path / "layers.txt"
    text.write_text(place.code.read_text())
    for path, said in ((text, "must end in .py"), (tmp_path, "there is no such file")):
        assert main([*place.words, "--custom", str(path)]) != 0
        assert said in capsys.readouterr().err
    b = Builder()
    graph = saved(b.classified(b.conv("pixels", 3, 5, name="first"), 5), tmp_path)
    words = ["--model", graph, *place.words[2:], "--custom", str(place.code)]
    assert main(words) != 0
    assert "--custom goes with .keras files" in capsys.readouterr().err
