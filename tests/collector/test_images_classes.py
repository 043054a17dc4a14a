"""Which folders are classes: splits are not, empty ones are not, and a file can say which are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from collector.cli import main
from collector.images import ImageSourceError, fit_labels, open_images, read_classes
from reactcnn_dash.db import StoreReader
from reactcnn_dash.errors import INPUT

if TYPE_CHECKING:
    from pathlib import Path


def fill(root: Path, *files: str) -> None:
    for index, file in enumerate(files):
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no picture")
        else:
            Image.new("RGB", (8, 8), (index, 0, 0)).save(path, "PNG")


@pytest.mark.parametrize(
    ("folders", "given"),
    [
        (["train/cats", "train/dogs", "validation/cats", "validation/dogs"], "train"),
        (["train/cats", "val/cats", "test/cats"], "test"),
        (["Training", "Testing"], "Testing"),
        (["valid", "test"], "test"),
        (["train"], "train"),
        (["seg_train/sea", "seg_test/sea", "seg_pred"], "seg_test"),
        (["train2017", "val2017"], "train2017"),
        (["training_set/cats", "test_set/cats"], "test_set"),
        (["train/cats", "train/dogs", "unseen/cats"], "train"),
        (["dogs-vs-cats/train/cats", "dogs-vs-cats/test/cats"], "dogs-vs-cats/test"),
        (["a/b/train", "a/b/val"], "a/b/train"),
    ],
)
def test_splits_are_refused_with_the_path_to_give(
    tmp_path: Path, folders: list[str], given: str
) -> None:
    fill(tmp_path, *(f"{folder}/{name}.png" for folder in folders for name in "ab"))
    with pytest.raises(ImageSourceError) as caught:
        open_images(str(tmp_path))
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(f"such as {tmp_path / given}.")
    # What is proposed is taken.
    assert len(open_images(str(tmp_path / given))) >= 2


@pytest.mark.parametrize(
    "classes",
    [
        ["bus", "car", "train"],
        ["freight train", "passenger train"],
        ["steam_train", "tram", "trolleybus"],
        ["latest", "contest", "valve", "training shoes"],
        ["test tube", "flask"],
    ],
)
def test_classes_that_sound_like_splits_are_classes(tmp_path: Path, classes: list[str]) -> None:
    fill(tmp_path, *(f"{name}/a.png" for name in classes))
    assert open_images(str(tmp_path)).class_names == tuple(sorted(classes))


def test_splits_that_are_named_as_classes_are_classes(tmp_path: Path) -> None:
    fill(tmp_path, "train/a.png", "test/a.png")
    source = open_images(str(tmp_path), classes=("Train", "bus", "test"))
    assert source.class_names == ("test", "train")
    with pytest.raises(ImageSourceError, match="are splits"):
        open_images(str(tmp_path), classes=("train", "bus"))


def test_folders_without_pictures_are_no_classes(tmp_path: Path) -> None:
    fill(tmp_path, "cat/a.png", "dog/deep/er/b.png", "notes/a.txt", "zebra/a", "logs/deep/a.txt")
    (tmp_path / "empty").mkdir()
    source = open_images(str(tmp_path))
    assert source.class_names == ("cat", "dog", "zebra")
    chunk = source.read(0, len(source), (8, 8, 3))
    assert chunk.labels.tolist() == [0, 1, 2]
    assert source.labels.tolist() == [0, 1, -1, -1, 2]
    assert {file.name for file in chunk.skipped} == {"logs/deep/a.txt", "notes/a.txt"}


def test_one_class_whose_folder_holds_others_is_asked_about(tmp_path: Path) -> None:
    fill(tmp_path, "PetImages/Cat/a.png", "PetImages/Dog/a.png", "readme.txt")
    source = open_images(str(tmp_path), reading="pillow")
    (notice,) = source.notices
    assert f"give {tmp_path / 'PetImages'}" in notice
    assert "Cat, Dog" in notice
    deeper = open_images(str(tmp_path / "PetImages"), reading="pillow")
    assert (deeper.class_names, deeper.notices) == (("Cat", "Dog"), ())


def test_an_empty_class_keeps_its_place_when_a_file_says_so(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, names, store = tmp_path / "pictures", tmp_path / "names.txt", str(tmp_path / "a.db")
    fill(pictures, "ant/a.png", "cat/a.png", "cat/b.png")
    (pictures / "bee").mkdir()
    names.write_text("ant\nbee\ncat\n")
    words = ["--model", str(tiny_path), "--images", str(pictures), "--store", store]
    assert main(words) == 0
    # Two classes cannot be told apart by number among three.
    assert "--classes FILE" in capsys.readouterr().err
    assert StoreReader(store).image(1, 2).label is None
    assert main([*words, "--classes", str(names), "--quiet"]) == 0
    reader = StoreReader(store)
    run = reader.run(2)
    assert run.class_names == ("ant", "bee", "cat")
    assert [reader.image(2, ordinal).label for ordinal in range(3)] == [0, 2, 2]
    assert run.options["classes"] == str(names)


def test_resuming_keeps_the_names_that_a_run_began_with(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import sqlite3

    pictures, names, store = tmp_path / "pictures", tmp_path / "names.txt", str(tmp_path / "a.db")
    fill(pictures, "ant/a.png", "cat/a.png", "cat/b.png")
    names.write_text("ant\nbee\ncat\n")
    words = ["--model", str(tiny_path), "--images", str(pictures), "--store", store, "--quiet"]
    assert main([*words, "--classes", str(names), "--limit", "2"]) == 0
    with sqlite3.connect(store) as connection:
        connection.execute("update runs set state = 'interrupted'")
    connection.close()
    capsys.readouterr()
    resumed = ["--store", store, "--resume", "1", "--quiet"]
    other = tmp_path / "other.txt"
    other.write_text("cat\nbee\nant\n")
    assert main([*resumed, "--classes", str(other)]) == INPUT
    names.write_text("cat\nbee\nant\n")
    assert main([*resumed, "--classes", str(names)]) == INPUT
    assert capsys.readouterr().err.count("leave") == 2
    names.unlink()
    assert main(resumed) == 0


def test_the_number_of_names_is_that_of_the_outputs(
    tmp_path: Path, tiny_path: Path, tiny_images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.txt"
    words = ["--model", str(tiny_path), "--images", str(tiny_images), "--quiet"]
    words += ["--store", str(tmp_path / "a.db"), "--limit", "2", "--classes", str(names)]
    for lines in (["a", "b"], ["a", "b", "c", "d"]):
        names.write_text("\n".join(lines))
        assert main(words) == INPUT
        assert "outputs; a line for each is needed" in capsys.readouterr().err
    names.write_text("one\ntwo\nthree")
    assert main(words) == 0
    assert StoreReader(str(tmp_path / "a.db")).run(1).class_names == ("one", "two", "three")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"a\n\nb\n", "line 2 is empty"),
        (b"cat\ndog\nCat\n", "line 3 names Cat again"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_files_of_names_that_are_none(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "names.txt").write_bytes(content)
    with pytest.raises(ImageSourceError, match=said):
        read_classes(tmp_path / "names.txt")
    with pytest.raises(ImageSourceError, match="cannot read"):
        read_classes(tmp_path / "missing.txt")


def test_names_are_read_as_people_write_them(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("\ufeffsports car \r\nMöwe\r\n\r\n".encode())
    assert read_classes(tmp_path / "names.txt") == ("sports car", "Möwe")


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ([str(number) for number in range(12)], True),
        ([f"class_{number}" for number in range(1, 11)], True),
        (["8", "9", "10", "other"], True),
        ([f"{number:02}" for number in range(12)], False),
        ([str(number) for number in range(10)], False),
        (["n01440764", "n02102040", "n10148035"], False),
        (["DC-10", "DC-3", "A320", "An-12", "Fokker"], False),
        (["cat", "dog"], False),
    ],
)
def test_numbered_folders_in_the_order_of_text_are_told(
    tmp_path: Path, classes: list[str], told: bool
) -> None:
    fill(tmp_path, *(f"{name}/a.png" for name in classes))
    source = open_images(str(tmp_path))
    assert source.class_names == tuple(sorted(classes))
    fit = fit_labels(source, len(classes))
    assert (fit.notice is not None and "order of their text" in fit.notice) == told
    # Where the model has names, nothing hangs on the order.
    assert fit_labels(source, len(classes), classes[::-1]).notice is None
    named = fit_labels(source, len(classes), classes).apply(source.labels)
    assert [classes[label] for label in named] == sorted(classes)


def test_train_refuses_splits_and_keeps_empty_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    noise = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in ("ant", "cat"):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for index in range(12):
                pixels = noise.integers(0, 256, (8, 8, 3), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "data" / split / name / f"{index}.png")
    layers: Any = keras.layers
    keras.Sequential([
        keras.Input((8, 8, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3, "softmax"),
    ]).save(tmp_path / "m.keras")  # fmt: skip
    (tmp_path / "names.txt").write_text("ant\nbee\ncat\n")
    words = ["train", "--from", str(tmp_path / "m.keras"), "--store", str(tmp_path / "a.db")]
    words += ["--epochs", "1", "--checkpoints", str(tmp_path / "ck"), "--batch-size", "8"]
    assert main([*words, "--data", str(tmp_path / "data")]) == INPUT
    assert str(tmp_path / "data" / "train") in capsys.readouterr().err
    train = ["--data", str(tmp_path / "data" / "train")]
    train += ["--validation", str(tmp_path / "data" / "val"), "--probe", "10"]
    assert main([*words, *train]) == INPUT
    assert "3 outputs" in capsys.readouterr().err
    assert main([*words, *train, "--classes", str(tmp_path / "names.txt")]) == 0
    reader = StoreReader(str(tmp_path / "a.db"))
    assert reader.run(1).class_names == ("ant", "bee", "cat")
    labels = [reader.image(1, ordinal).label for ordinal in range(10)]
    assert sorted(label for label in labels if label is not None) == [0] * 5 + [2] * 5
