"""``--reading keras`` against ``keras.utils.image_dataset_from_directory`` itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from collector.cli import main
from collector.images import ImageSourceError, open_images
from reactcnn_dash.db import StoreReader
from reactcnn_dash.errors import INPUT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

SIZES = [(9, 7), (5, 4), (40, 30)]
"""The pictures' own size, smaller and larger ones."""


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(9, 7, 3)).save(path, exif=exif, quality=80)


PICTURES: dict[str, Callable[[Path], None]] = {
    "colour.jpg": lambda path: Image.fromarray(noise(9, 7, 3)).save(path, quality=70),
    "grey.jpg": lambda path: Image.fromarray(noise(9, 7)).save(path, quality=90),
    "cmyk.jpg": lambda path: Image.fromarray(noise(9, 7, 4), "CMYK").save(path, quality=90),
    "turned.jpg": turned,
    "subsampled.jpeg": lambda path: Image.fromarray(noise(9, 7, 3)).save(path, subsampling=2),
    "progressive.jpg": lambda path: Image.fromarray(noise(9, 7, 3)).save(path, progressive=True),
    "colour.png": lambda path: Image.fromarray(noise(9, 7, 3)).save(path),
    "alpha.png": lambda path: Image.fromarray(noise(9, 7, 4)).save(path),
    "grey.png": lambda path: Image.fromarray(noise(9, 7)).save(path),
    "grey alpha.png": lambda path: Image.fromarray(noise(9, 7, 2), "LA").save(path),
    "palette.png": lambda path: Image.fromarray(noise(9, 7, 3)).quantize(16).save(path),
    "transparent palette.png": lambda path: (
        Image.fromarray(noise(9, 7, 3)).quantize(16).save(path, transparency=3)
    ),
    "one bit.png": lambda path: Image.fromarray(noise(9, 7) > 127).save(path),
    "deep.png": lambda path: Image.fromarray(noise(9, 7).astype(np.uint16) * 250).save(path),
    "turned.png": turned,
    "colour.bmp": lambda path: Image.fromarray(noise(9, 7, 3)).save(path),
    "film.gif": lambda path: Image.fromarray(noise(9, 7, 3)).save(
        path, save_all=True, append_images=[Image.fromarray(noise(9, 7, 3)[::-1])]
    ),
    "still.gif": lambda path: Image.fromarray(noise(9, 7)).save(path),
}
ONLY_COLOUR = {"cmyk.jpg", "colour.bmp", "film.gif", "still.gif"}
"""Those that TensorFlow decodes to three channels alone."""


def by_keras(root: Path, size: tuple[int, int], channels: int) -> NDArray[np.float32]:
    data = keras.utils.image_dataset_from_directory(
        root,
        labels=None,
        color_mode="grayscale" if channels == 1 else "rgb",
        image_size=size,
        batch_size=1,
        shuffle=False,
        verbose=False,
    )
    return np.concatenate([np.asarray(batch) for batch in data])


@pytest.fixture(scope="module")
def said_by_keras(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[str, int, tuple[int, int]], NDArray[np.float32]]:
    """What Keras makes of each picture that it can read, by name, channels and size."""
    said = {}
    for channels in (1, 3):
        folder = tmp_path_factory.mktemp("pictures")
        names = sorted(set(PICTURES) - (ONLY_COLOUR if channels == 1 else set()))
        for name in names:
            PICTURES[name](folder / name)
        for size in SIZES:
            for name, pixels in zip(names, by_keras(folder, size, channels), strict=True):
                said[name, channels, size] = pixels
    return said


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", PICTURES)
def test_pixels_are_those_of_keras(
    tmp_path: Path,
    name: str,
    channels: int,
    said_by_keras: dict[tuple[str, int, tuple[int, int]], NDArray[np.float32]],
) -> None:
    PICTURES[name](tmp_path / name)
    source = open_images(str(tmp_path), reading="keras")
    for size in SIZES:
        chunk = source.read(0, 1, (*size, channels))
        if channels == 1 and name in ONLY_COLOUR:
            assert chunk.skipped[0].reason.startswith("Keras cannot read it (")
            with pytest.raises(tf.errors.InvalidArgumentError):
                by_keras(tmp_path, size, channels)
            continue
        expected = said_by_keras[name, channels, size][None]
        assert chunk.given.dtype == np.float32
        np.testing.assert_array_equal(chunk.given, expected)
        np.testing.assert_array_equal(chunk.pixels, np.rint(expected))
        assert chunk.resized_from == (None if size == (9, 7) else (9, 7))


def test_a_folder_of_all_kinds_in_the_order_of_its_files(tmp_path: Path) -> None:
    for name, make in PICTURES.items():
        make(tmp_path / name)
    chunk = open_images(str(tmp_path), reading="keras").read(0, 99, (6, 6, 3))
    np.testing.assert_array_equal(chunk.given, by_keras(tmp_path, (6, 6), 3))
    assert list(chunk.names) == sorted(PICTURES)
    assert chunk.skipped == ()


def test_the_default_differs_where_its_notice_says_so(tmp_path: Path) -> None:
    for name in ("turned.jpg", "alpha.png", "colour.png"):
        (tmp_path / name).mkdir()
        PICTURES[name](tmp_path / name / name)
        source = open_images(str(tmp_path / name))
        (notice,) = source.notices
        assert "--reading keras" in notice
        assert "image_dataset_from_directory" in notice
        ours = source.read(0, 1, (5, 4, 3)).pixels
        assert np.abs(ours - by_keras(tmp_path / name, (5, 4), 3)).max() > 5
        assert open_images(str(tmp_path / name), reading="pillow").notices == ()


def test_what_keras_does_not_read_is_skipped_with_its_reason(tmp_path: Path) -> None:
    PICTURES["colour.png"](tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "c.png").write_text("no picture")
    Image.fromarray(noise(9, 7, 3)).save(tmp_path / "d.tiff")
    (tmp_path / "e.jpg").write_bytes(b"")
    (tmp_path / "f.png").symlink_to(tmp_path / "never was")
    chunk = open_images(str(tmp_path), reading="keras").read(0, 9, (4, 4, 3))
    assert chunk.names == ("a.png",)
    assert chunk.given.shape == (1, 4, 4, 3)
    reasons = {file.name: file.reason for file in chunk.skipped}
    assert reasons["b.png"].startswith(("Keras cannot read it (", "damaged ("))
    for name in ("c.png", "d.tiff"):
        assert "which is all that Keras reads" in reasons[name]
    assert reasons["e.jpg"] == "empty file"
    assert reasons["f.png"].startswith("no such file")
    assert all(reason.isprintable() for reason in reasons.values())


@pytest.mark.parametrize("spec", ["sample", "auto", "a.npz"])
def test_only_a_folder_is_read_as_keras_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("a.npz", images=noise(2, 4, 4, 3))
    with pytest.raises(ImageSourceError, match="only a folder of pictures"):
        open_images(spec, reading="keras")


def test_a_run_is_what_the_model_says_of_keras_images(tmp_path: Path, tiny_model: Any) -> None:
    pictures = tmp_path / "pictures"
    for index, side in enumerate((8, 20, 31, 5, 16)):
        target = pictures / f"class {index % 2}" / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(index).integers(0, 256, (side, side + 3, 4), np.uint8)
        Image.fromarray(image).save(target)
    tiny_model.save(tmp_path / "tiny.keras")
    store = str(tmp_path / "a.db")
    words = ["--model", str(tmp_path / "tiny.keras"), "--images", str(pictures), "--store", store]
    assert main([*words, "--reading", "keras", "--batch-size", "2", "--quiet"]) == 0
    data = keras.utils.image_dataset_from_directory(
        pictures, image_size=(8, 8), shuffle=False, verbose=False
    )
    expected = tiny_model.predict(data, verbose=0)
    reader = StoreReader(store)
    found = [reader.image(1, ordinal).probabilities for ordinal in range(5)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert reader.run(1).options["reading"] == "keras"
    # Going on takes the reading from the run, and no other.
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("update runs set state = 'interrupted'")
    assert main(["--store", store, "--resume", "1", "--reading", "pillow", "--quiet"]) == INPUT
    assert main(["--store", store, "--resume", "1", "--quiet"]) == 0
