"""Labels of a source against the classes of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from collector.images import ImageSource, ImageSourceError, fit_labels, open_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = ("airplane", "sports car", "cat", "dog")


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., ImageSource]:
    def make(*classes: str) -> ImageSource:
        (tmp_path / "images").mkdir()
        for name in classes:
            path = tmp_path / "images" / name / "a.png"
            path.parent.mkdir(parents=True)
            Image.new("RGB", (2, 2)).save(path)
        Image.new("RGB", (2, 2)).save(tmp_path / "images" / "zz.png")
        return open_images(str(tmp_path / "images"))

    return make


def labels_of(source: ImageSource, outputs: int, names: tuple[str, ...] | None) -> list[int]:
    labels = source.read(0, len(source), (2, 2, 3)).labels
    fitted = fit_labels(source, outputs, names).apply(labels)
    assert fitted.dtype == np.int64
    return [int(label) for label in fitted]


def test_folders_are_matched_by_name(folder: Callable[..., ImageSource]) -> None:
    assert labels_of(folder("Dog", "Sports_Car", "cat"), 4, MODEL) == [3, 1, 2, -1]


def test_folders_that_mean_something_else_lose_their_labels(
    folder: Callable[..., ImageSource],
) -> None:
    source = folder("2023", "2024")
    assert labels_of(source, 4, MODEL) == [-1, -1, -1]
    notice = fit_labels(source, 4, MODEL).notice
    assert notice is not None
    assert "none of its 2 classes (2023, 2024)" in notice


def test_a_class_that_the_model_does_not_know(folder: Callable[..., ImageSource]) -> None:
    with pytest.raises(ImageSourceError, match=r"zebra is not among the model's classes \(airpl"):
        fit_labels(folder("cat", "zebra"), 4, MODEL)


def test_names_on_one_side_only(folder: Callable[..., ImageSource]) -> None:
    source = folder("cat", "dog")
    assert labels_of(source, 2, None) == [0, 1, -1]
    assert fit_labels(source, 2).notice is None
    assert labels_of(source, 4, None) == [-1, -1, -1]
    assert "2 classes (cat, dog) for a model with 4 outputs" in (fit_labels(source, 4).notice or "")
    with pytest.raises(ImageSourceError, match="labels go up to 1, but the model has 1 outputs"):
        fit_labels(source, 1)


@pytest.mark.parametrize("names", [None, MODEL])
def test_numbers_are_taken_as_they_are(tmp_path: Path, names: tuple[str, ...] | None) -> None:
    images = np.zeros((3, 2, 2, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images, labels=[0, 3, -1])
    assert labels_of(open_images(str(tmp_path / "a.npz")), 4, names) == [0, 3, -1]
    np.savez(tmp_path / "a.npz", images=images, labels=[0, 4, -1])
    with pytest.raises(ImageSourceError, match=r"up to 4, .* 4 outputs \(labels 0–3\)"):
        fit_labels(open_images(str(tmp_path / "a.npz")), 4, names)


def test_no_labels_fit_everything(folder: Callable[..., ImageSource], tmp_path: Path) -> None:
    assert labels_of(folder(), 1, MODEL) == [-1]
    np.savez(
        tmp_path / "a.npz", images=np.zeros((1, 2, 2, 3), np.uint8), class_names=["x", "y", "z"]
    )
    source = open_images(str(tmp_path / "a.npz"))
    assert labels_of(source, 1, MODEL) == [-1]
    assert fit_labels(source, 1, MODEL).notice is None
