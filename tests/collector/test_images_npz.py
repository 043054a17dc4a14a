"""``.npz`` files: read as a slice, converted by a stated rule, or refused in one line."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.images import ImageSourceError, open_images

if TYPE_CHECKING:
    from numpy.typing import NDArray


def make(folder: Path, **arrays: Any) -> str:
    path = folder / "a.npz"
    np.savez(path, **arrays)
    return str(path)


@pytest.fixture
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (10, 4, 5, 3), np.uint8)


def test_own_shape_is_a_slice_without_a_copy(tmp_path: Path, images: NDArray[np.uint8]) -> None:
    labels = np.arange(10, dtype=np.uint8) % 3
    source = open_images(make(tmp_path, images=images, labels=labels, class_names=["a", "b", "ç"]))
    first, second = source.read(2, 5, (4, 5, 3)), source.read(3, 99, (4, 5, 3))
    np.testing.assert_array_equal(first.pixels, images[2:5])
    np.testing.assert_array_equal(second.labels, labels[3:])
    assert np.shares_memory(first.pixels, second.pixels)
    assert not first.pixels.flags.writeable
    assert first.labels.dtype == np.int64
    assert first.names == (None, None, None)
    assert (first.skipped, first.resized_from) == ((), None)
    assert source.class_names == ("a", "b", "ç")
    assert (len(source), source.native_shape, source.top_label) == (10, (4, 5), 2)
    assert (source.description, source.spec) == ("a.npz", str(tmp_path / "a.npz"))
    assert source.position_after(7, None) == 7
    assert source.position_after(10, None) == 10


def test_other_size_is_resized_and_told(tmp_path: Path, images: NDArray[np.uint8]) -> None:
    chunk = open_images(make(tmp_path, images=images)).read(0, 2, (8, 8, 3))
    assert chunk.pixels.shape == (2, 8, 8, 3)
    assert chunk.resized_from == (4, 5)
    flat = open_images(make(tmp_path, images=np.full((1, 9, 9, 3), 77, np.uint8)))
    assert (flat.read(0, 1, (2, 30, 3)).pixels == 77).all()


def test_without_labels(tmp_path: Path, images: NDArray[np.uint8]) -> None:
    source = open_images(make(tmp_path, images=images))
    assert not source.labelled
    assert source.class_names is None
    assert source.read(0, 3, (4, 5, 3)).labels.tolist() == [-1, -1, -1]


def test_some_labels_and_a_column_of_labels(tmp_path: Path, images: NDArray[np.uint8]) -> None:
    labels = np.array([[-1], [4]] * 5)
    source = open_images(make(tmp_path, images=images, labels=labels))
    assert source.read(0, 2, (4, 5, 3)).labels.tolist() == [-1, 4]
    assert source.labelled


def test_compressed_files_and_grey_without_a_channel_axis(tmp_path: Path) -> None:
    grey = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.savez_compressed(tmp_path / "a.npz", images=grey)
    source = open_images(str(tmp_path / "a.npz"))
    np.testing.assert_array_equal(source.read(0, 2, (3, 4, 1)).pixels[..., 0], grey)
    np.testing.assert_array_equal(
        source.read(0, 2, (3, 4, 3)).pixels, grey[..., np.newaxis].repeat(3, -1)
    )


def test_four_channels_lie_on_white(tmp_path: Path) -> None:
    rgba = np.array([[[[10, 20, 30, 0], [10, 20, 30, 255]]]], np.uint8)
    source = open_images(make(tmp_path, images=rgba))
    assert source.read(0, 1, (1, 2, 3)).pixels.tolist() == [[[[255] * 3, [10, 20, 30]]]]
    np.testing.assert_array_equal(source.read(0, 1, (1, 2, 4)).pixels, rgba)


def test_many_channels_only_for_a_model_that_takes_them(tmp_path: Path) -> None:
    source = open_images(make(tmp_path, images=np.ones((2, 8, 8, 7), np.uint8)))
    assert source.read(0, 2, (8, 8, 7)).pixels.shape == (2, 8, 8, 7)
    for shape in ((8, 8, 3), (9, 8, 7)):
        with pytest.raises(ImageSourceError, match="8 × 8 × 7 do not fit"):
            source.check(shape)
        with pytest.raises(ImageSourceError, match="8 × 8 × 7 do not fit"):
            source.read(0, 1, shape)


def pixels_of(folder: Path, images: NDArray[Any]) -> list[int]:
    source = open_images(make(folder, images=images.reshape(1, 1, -1, 1)))
    pixels = source.read(0, 1, (1, images.size, 1)).pixels
    assert pixels.dtype == np.uint8
    return [int(value) for value in pixels.ravel()]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([False, True]), [0, 255]),
        (np.array([0, 7, 255], np.int64), [0, 7, 255]),
        (np.array([0, 255], np.uint16), [0, 255]),
        (np.array([0, 257, 65535], np.uint16), [0, 1, 255]),
        (np.array([0, 0.5, 1], np.float32), [0, 128, 255]),
        (np.array([0, 0.5, 1], np.float16), [0, 128, 255]),
        (np.array([0, 1.4, 1.6, 255.0]), [0, 1, 2, 255]),
    ],
)
def test_numbers_that_are_converted(
    tmp_path: Path, values: NDArray[Any], expected: list[int]
) -> None:
    assert pixels_of(tmp_path, values) == expected


@given(st.lists(st.integers(0, 255), min_size=2, max_size=40))
@settings(max_examples=50, deadline=None)
def test_floats_of_bytes_come_back(values: list[int]) -> None:
    values = [*values, 255]
    with tempfile.TemporaryDirectory() as folder:
        for dtype in (np.float32, np.float64):
            unit = (np.array(values) / 255).astype(dtype)
            assert pixels_of(Path(folder), unit) == values
            assert pixels_of(Path(folder), np.array(values, dtype)) == values


def test_conversion_of_more_than_a_block(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2500, 2, 2, 3), np.uint8)
    source = open_images(make(tmp_path, images=images.astype(np.float32)))
    np.testing.assert_array_equal(source.read(0, 2500, (2, 2, 3)).pixels, images)


@pytest.mark.parametrize(
    "values",
    [
        np.array([-0.1, 0.5]),
        np.array([0, 255.1]),
        np.array([0, np.nan]),
        np.array([0, np.inf]),
        np.array([-1, 3], np.int8),
        np.array([0, 256], np.int64),
        np.array([0, 70000], np.uint32),
        np.array([1j, 2]),
        np.array(["a", "b"]),
    ],
)
def test_numbers_that_are_refused(tmp_path: Path, values: NDArray[Any]) -> None:
    with pytest.raises(ImageSourceError, match="within 0–1 or 0–255, are needed"):
        pixels_of(tmp_path, values)


GOOD = np.zeros((3, 4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": GOOD}, "no array called 'images'"),
        ({"images": GOOD[0, 0]}, r"shape \(4, 3\); it has to be"),
        ({"images": GOOD[np.newaxis]}, "it has to be"),
        ({"images": GOOD[:0]}, "no image in it"),
        ({"images": np.zeros((3, 3, 32, 32), np.uint8)}, "channels come last"),
        ({"images": GOOD, "labels": [0, 1]}, "2 labels for 3 images"),
        ({"images": GOOD, "labels": [0.0, 1.0, 2.0]}, "integers are needed"),
        ({"images": GOOD, "labels": np.zeros((3, 2, 2), int)}, "one for each image and label"),
        ({"images": GOOD, "labels": np.zeros((2, 5), int)}, "2 labels for 3 images"),
        ({"images": GOOD, "targets": np.zeros((2, 5))}, "2 targets for 3 images"),
        ({"images": GOOD, "targets": ["a", "b", "c"]}, "a number for each image"),
        ({"images": GOOD, "targets": [0.5, np.inf, 1]}, "NaN stands for what is not known"),
        ({"images": GOOD, "labels": [0, 1, -2]}, "label -2 is out of range"),
        ({"images": GOOD, "labels": np.array([0, 1, 2**63], np.uint64)}, "out of range; 0 and up"),
        (
            {"images": GOOD, "labels": [0, 1, 2], "class_names": ["a", "b"]},
            "label 2 is out of range; 0–1 fit",
        ),
        ({"images": GOOD, "class_names": [1, 2]}, "a list of strings is needed"),
        ({"images": GOOD, "class_names": np.array("one")}, "a list of strings is needed"),
        ({"images": GOOD, "class_names": np.array([b"\xff"])}, "not UTF-8"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = make(tmp_path, **arrays)
    with pytest.raises(ImageSourceError, match=message) as caught:
        open_images(path)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    trap = np.empty(1, object)
    trap[0] = Trap(sprung)
    for arrays in ({"images": trap}, {"images": GOOD, "class_names": trap}):
        with pytest.raises(ImageSourceError, match="Python objects, which are never loaded"):
            open_images(make(tmp_path, **arrays))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(ImageSourceError, match=r"not an \.npz file"):
        open_images(str(tmp_path / "b.npz"))
    assert not sprung.exists()
    # Arrays that are not asked for are not touched, pickled or not.
    assert len(open_images(make(tmp_path, images=GOOD, other=trap))) == 3
    assert not sprung.exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", GOOD)
    (tmp_path / "empty.npz").touch()
    for name in ("a.npy", "empty.npz"):
        with pytest.raises(ImageSourceError, match=r"is not an \.npz file"):
            open_images(str(tmp_path / name))


@given(st.integers(0, 10**9), st.integers(0, 255), st.booleans())
@settings(max_examples=150, deadline=None)
def test_damaged_files_give_one_line(place: int, value: int, compressed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.npz")
        images = np.random.default_rng(0).integers(0, 256, (2, 3, 3, 3), np.uint8)
        (np.savez_compressed if compressed else np.savez)(path, images=images, labels=[0, 1])
        data = bytearray(path.read_bytes())
        data[place % len(data)] = value
        path.write_bytes(data)
        try:
            told = open_images(str(path)).description
        except ImageSourceError as error:
            told = str(error)
        assert told.isprintable()


def test_identity_is_the_content(tmp_path: Path, images: NDArray[np.uint8]) -> None:
    labels = np.zeros(10, int)
    first = open_images(make(tmp_path, images=images)).identity
    np.savez_compressed(tmp_path / "other name.npz", images=images)
    assert open_images(str(tmp_path / "other name.npz")).identity == first
    changed = images.copy()
    changed[9, 3, 4, 2] ^= 1
    others = {
        open_images(make(tmp_path, images=changed)).identity,
        open_images(make(tmp_path, images=images[:9])).identity,
        open_images(make(tmp_path, images=images, labels=labels)).identity,
        open_images(make(tmp_path, images=images, labels=labels, class_names=["a"])).identity,
        open_images(make(tmp_path, images=images.reshape(10, 5, 4, 3))).identity,
    }
    assert len(others | {first}) == 6
