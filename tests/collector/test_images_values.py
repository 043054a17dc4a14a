"""What the numbers of arrays and deep pictures mean: judged by most, refused where doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from collector.cli import main
from collector.images import ImageSource, ImageSourceError, ValueRange, open_images
from collector.images.meaning import meaning_of
from collector.images.values import parse_value_range, to_bytes
from reactcnn_dash.db import StoreReader
from reactcnn_dash.errors import INPUT
from tests.collector.test_images_convert import png

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

CODES = np.random.default_rng(1).integers(0, 256, (20, 8, 8, 3), np.uint8)
"""What the pictures are meant to be."""
UNIT = CODES / 255


def source_of(folder: Path, images: NDArray[Any], **more: Any) -> ImageSource:
    arrays = {name: more.pop(name) for name in ("labels",) if name in more}
    np.savez(folder / "a.npz", images=images, **arrays)
    return open_images(str(folder / "a.npz"), **more)


def pixels_of(source: ImageSource) -> NDArray[np.uint8]:
    shape = source.native_shape
    assert shape is not None
    channels = 3 if len(source) == len(CODES) else 1
    return source.read(0, len(source), (*shape, channels)).pixels


def with_one(images: NDArray[Any], value: float) -> NDArray[Any]:
    changed = images.copy()
    changed[3, 2, 1, 0] = value
    return changed


ringing = np.where(np.random.default_rng(2).random(UNIT.shape) < 0.02, 1.06, UNIT)

MEANT: dict[str, NDArray[Any]] = {
    "a rounding error above 1": with_one(UNIT, 1.0000001).astype(np.float32),
    "rounding errors everywhere": (UNIT * 1.00001).astype(np.float32),
    "half precision": UNIT.astype(np.float16) * np.float16(1.001),
    "a hot pixel of 1.05": with_one(UNIT, 1.05),
    "a pixel of -0.03": with_one(UNIT, -0.03),
    "ringing of 2 %": np.clip(ringing, 0, 1.06),
    "floats up to 255": CODES.astype(np.float32),
    "floats and one 255.3": with_one(CODES.astype(np.float64), 255.3),
    "floats and one -1": with_one(CODES.astype(np.float64), -1.0),
    "int64": CODES.astype(np.int64),
    "int16": CODES.astype(np.int16),
    "big-endian uint16": CODES.astype(">u2"),
    "big-endian floats": UNIT.astype(">f4"),
    "full 16 bits": CODES.astype(np.uint16) * 257,
    "full 16 bits, big-endian": (CODES.astype(np.uint16) * 257).astype(">u2"),
    "Fortran order": np.asfortranarray(UNIT),
}


@pytest.mark.parametrize("name", MEANT)
def test_values_are_read_as_most_of_them_mean(tmp_path: Path, name: str) -> None:
    found = pixels_of(source_of(tmp_path, MEANT[name])).astype(int)
    away = np.abs(found - CODES)
    # But for the few values that were changed, and half precision's own steps.
    assert (away <= 1).mean() > 0.97, name
    assert np.median(away) == 0


def test_rounding_errors_of_however_many_values(tmp_path: Path) -> None:
    white = np.where(CODES > 100, 255, CODES)
    source = source_of(tmp_path, (white / 255 * 1.00005).astype(np.float32))
    np.testing.assert_array_equal(pixels_of(source), white)
    assert source.notices == ()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.int8, np.uint16, np.float32])
def test_masks_are_black_and_white(tmp_path: Path, dtype: type) -> None:
    mask = np.random.default_rng(0).random((6, 9, 7)) < 0.3
    source = source_of(tmp_path, mask.astype(dtype))
    chunk = source.read(0, 6, (9, 7, 1))
    np.testing.assert_array_equal(chunk.pixels[..., 0], np.where(mask, 255, 0))
    told = any("0 and 1" in notice for notice in source.notices)
    assert told == (np.dtype(dtype).kind in "iu")


DOUBTFUL: dict[str, tuple[NDArray[Any], str]] = {
    "12 bits": ((CODES.astype(np.uint16) << 4) + 8, "0,4095"),
    "12 bits, big-endian": (((CODES.astype(np.uint16) << 4) + 8).astype(">u2"), "0,4095"),
    "10 bits": (CODES.astype(np.uint16) << 2, "0,1023"),
    "14 bits": (CODES.astype(np.uint16) << 6, "0,16383"),
    "12 bits with a dead pixel": (with_one(CODES.astype(np.uint16) << 4, 65535), "0,4095"),
    "12 bits in int32": (CODES.astype(np.int32) << 4, "0,4095"),
    "-1 to 1": ((UNIT * 2 - 1).astype(np.float32), "-1,1"),
    "standardised": ((UNIT - 0.5) / 0.25, "-2,2"),
    "0 to 2.7": (UNIT * 2.7, "0,2.7"),
    "digits of 4 bits": (np.rint(UNIT * 16), "0,16"),
    "digits of 4 bits as integers": (np.rint(UNIT * 16).astype(np.int64), "0,16"),
    "0 to 1 with one 200": (with_one(UNIT, 200), "0,1"),
    "a thousand": (UNIT * 1000, "0,1000"),
    "Hounsfield units": (CODES.astype(np.int16) * 8 - 1000, "-1000,1040"),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_doubt_is_refused_in_one_line_with_the_way_out(tmp_path: Path, name: str) -> None:
    images, likely = DOUBTFUL[name]
    with pytest.raises(ImageSourceError) as caught:
        source_of(tmp_path, images)
    text = str(caught.value)
    assert "\n" not in text
    assert "say what black and white are with --value-range LOW,HIGH" in text
    assert text.endswith(f"perhaps --value-range {likely}."), text
    # What is proposed is taken, and leaves the pictures as they were meant.
    source = source_of(tmp_path, images, value_range=parse_value_range(likely))
    assert np.median(np.abs(pixels_of(source).astype(int) - CODES)) <= 8


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("given", [None, ValueRange(0, 1)])
def test_what_is_no_number_is_refused(
    tmp_path: Path, wrong: float, given: ValueRange | None
) -> None:
    with pytest.raises(ImageSourceError, match="1 value that is NaN or infinite"):
        source_of(tmp_path, with_one(UNIT, wrong), value_range=given)


def test_what_is_odd_is_said(tmp_path: Path) -> None:
    dark = source_of(tmp_path, CODES // 16)
    assert "end at 15 of 255" in dark.notices[0]
    half = source_of(tmp_path, CODES // 3.0)
    assert "end at 85 and are taken for 0–255" in half.notices[0]
    few = source_of(tmp_path, with_one(UNIT, 1.05))
    assert "1 value lies beyond 0–1 and is cut off" in few.notices[0]
    for plain in (CODES, UNIT, CODES.astype(np.float32), np.zeros_like(CODES)):
        assert source_of(tmp_path, plain).notices == ()


def test_a_range_that_the_values_do_not_fill_is_said_or_refused(tmp_path: Path) -> None:
    window = source_of(tmp_path, UNIT, value_range=ValueRange(0, 0.5))
    assert "48.8 %" in window.notices[0]
    assert "beyond 0,0.5" in window.notices[0]
    np.testing.assert_array_equal(
        pixels_of(window), np.rint(np.clip(UNIT * 2, 0, 1) * 255).astype(np.uint8)
    )
    with pytest.raises(ImageSourceError, match="none of them within 300,400"):
        source_of(tmp_path, CODES, value_range=ValueRange(300, 400))


@given(
    st.floats(-1000, 1000),
    st.floats(0.001, 5000),
    st.sampled_from([np.float32, np.float64, np.int32]),
)
@settings(max_examples=60, deadline=None)
def test_stretching_is_what_numpy_says(low: float, span: float, dtype: type) -> None:
    known = ValueRange(low, low + span)
    if not known.low < known.high:
        return
    values: NDArray[Any] = (np.random.default_rng(0).uniform(low - 1, low + span + 1, 500)).astype(
        dtype
    )
    share = (values.astype(np.float64) - known.low) / (known.high - known.low)
    expected = np.clip(share, 0, 1) * 255
    found = to_bytes(values.reshape(50, 10), known).reshape(-1)
    assert np.abs(found - expected).max() <= 0.5 + 1e-6


@given(st.sampled_from([1, 255]), st.integers(0, 2**31), st.floats(0.2, 1))
@settings(max_examples=60, deadline=None)
def test_pictures_in_their_range_are_never_taken_for_another(
    white: int, seed: int, brightest: float
) -> None:
    generator = np.random.default_rng(seed)
    values = generator.random((4, 6, 6, 3)) * brightest
    assert meaning_of(values * white).range == (0, white)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0,4095", "0,4095"), (" -1 , 1.0", "-1,1"), ("1e3,2.5e3", "1000,2500"), (".5,1", "0.5,1")],
)
def test_value_ranges_are_parsed(text: str, expected: str) -> None:
    assert str(parse_value_range(text)) == expected


@pytest.mark.parametrize("text", ["", "5", "1,0", "3,3", "a,b", "0,1,2", "nan,1", "0,inf", "0;1"])
def test_other_texts_are_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_value_range(text)


def test_shapes(tmp_path: Path) -> None:
    one = source_of(tmp_path, CODES[0])
    np.testing.assert_array_equal(one.read(0, 9, (8, 8, 3)).pixels, CODES[:1])
    assert "taken for one picture of 8 × 8" in one.notices[0]
    for shape, images, channels in (
        ((5, 6, 1), 1, 1),
        ((6, 5, 4), 1, 3),
        ((4, 4, 3), 1, 3),
        ((2, 3, 4), 2, 1),
        ((7, 8, 9), 7, 1),
    ):
        source = source_of(tmp_path, np.zeros(shape, np.uint8))
        assert len(source) == images, shape
        source.check((*shape[:2], channels) if images == 1 else (*shape[1:], 1))
    with pytest.raises(ImageSourceError, match=r"three grey pictures .* or one with its channels"):
        source_of(tmp_path, np.zeros((3, 32, 32), np.uint8))
    assert len(source_of(tmp_path, np.zeros((3, 32, 32), np.uint8), labels=[0, 1, 0])) == 3


DEEP: dict[str, Callable[[Path, NDArray[np.uint8]], None]] = {
    "a.png": lambda path, codes: Image.fromarray(codes.astype(np.uint16) << 4).save(path),
    "a.tiff": lambda path, codes: Image.fromarray(codes.astype(np.uint16) << 4).save(path),
    "a.tif": lambda path, codes: Image.fromarray((codes / 255).astype(np.float32) * 9).save(path),
    "b.tif": lambda path, codes: Image.fromarray(codes.astype(np.int32) << 4).save(path),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_pictures_are_judged_by_the_same_rule(tmp_path: Path, name: str) -> None:
    codes = CODES[..., 0].reshape(40, 32)
    DEEP[name](tmp_path / name, codes)
    with pytest.raises(ImageSourceError, match=r"perhaps --value-range 0,(4095|9)") as caught:
        open_images(str(tmp_path))
    assert name in str(caught.value)
    likely = parse_value_range(str(caught.value).rpartition(" ")[2].rstrip("."))
    source = open_images(str(tmp_path), value_range=likely)
    found = source.read(0, 1, (40, 32, 1)).pixels[0, ..., 0]
    assert np.abs(found.astype(int) - codes).max() <= 1


def test_floats_of_0_to_1_in_a_tiff_are_no_black_picture(tmp_path: Path) -> None:
    codes = CODES[..., 0].reshape(40, 32)
    Image.fromarray((codes / 255).astype(np.float32)).save(tmp_path / "a.tif")
    found = open_images(str(tmp_path)).read(0, 1, (40, 32, 1)).pixels[0, ..., 0]
    np.testing.assert_array_equal(found, codes)


def test_one_clear_picture_settles_the_dark_ones_of_its_folder(tmp_path: Path) -> None:
    codes = CODES[..., 0].reshape(40, 32).astype(np.uint16)
    Image.fromarray(codes * 257).save(tmp_path / "bright.png")
    Image.fromarray(codes * 7).save(tmp_path / "dark.png")
    chunk = open_images(str(tmp_path)).read(0, 2, (40, 32, 1))
    assert chunk.skipped == ()
    np.testing.assert_array_equal(chunk.pixels[0, ..., 0], codes)
    np.testing.assert_array_equal(chunk.pixels[1, ..., 0], np.rint(codes * 7 / 257))


def test_a_doubtful_picture_among_others_is_skipped_and_named(tmp_path: Path) -> None:
    for index in range(100):
        Image.fromarray(CODES[0]).save(tmp_path / f"{index:03}.png")
    Image.fromarray(CODES[0, ..., 0].astype(np.uint16) << 4).save(tmp_path / "005.png")
    (skipped,) = open_images(str(tmp_path)).read(0, 100, (8, 8, 3)).skipped
    assert skipped.name == "005.png"
    assert skipped.reason.endswith("perhaps --value-range 0,4095")


def test_colour_of_16_bits_that_holds_12_is_not_shown_black(tmp_path: Path) -> None:
    values = (CODES[0].astype(np.uint16) << 4).astype(">u2")
    png(tmp_path / "a.png", [row.tobytes() for row in values], 8, bits=16, colour=2)
    (skipped,) = open_images(str(tmp_path)).read(0, 1, (8, 8, 3)).skipped
    assert "save it with 8 bits" in skipped.reason
    told = open_images(str(tmp_path), value_range=ValueRange(0, 65535)).read(0, 1, (8, 8, 3))
    np.testing.assert_array_equal(told.pixels[0], values >> 8)


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff"])
def test_masks_of_0_and_1_in_files_are_black_and_white(tmp_path: Path, kind: str) -> None:
    mask = CODES[..., 0].reshape(40, 32) > 127
    Image.fromarray(mask.astype(np.uint8)).save(tmp_path / f"a.{kind}")
    Image.fromarray((~mask).astype(np.uint8)).save(tmp_path / f"b.{kind}")
    source = open_images(str(tmp_path))
    assert "0 and 1, taken for black and white" in source.notices[0]
    chunk = source.read(0, 2, (40, 32, 1))
    np.testing.assert_array_equal(chunk.pixels[0, ..., 0], np.where(mask, 255, 0))
    np.testing.assert_array_equal(chunk.pixels[1, ..., 0], np.where(mask, 0, 255))


def test_a_given_range_stretches_grey_pictures_of_8_bits_and_leaves_colour(tmp_path: Path) -> None:
    grey = CODES[..., 0].reshape(40, 32) // 16
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(CODES[0]).resize((32, 40)).save(tmp_path / "b.png")
    chunk = open_images(str(tmp_path), value_range=ValueRange(0, 15)).read(0, 2, (40, 32, 3))
    np.testing.assert_array_equal(chunk.pixels[0, ..., 0], grey * 17)
    np.testing.assert_array_equal(chunk.pixels[1], np.asarray(Image.open(tmp_path / "b.png")))
    deep = open_images(str(tmp_path), value_range=ValueRange(0, 4095)).read(0, 1, (40, 32, 1))
    np.testing.assert_array_equal(deep.pixels[0, ..., 0], grey)


@pytest.mark.parametrize("spec", ["sample", "auto"])
def test_bytes_have_no_range_to_give(spec: str) -> None:
    with pytest.raises(ImageSourceError, match="leave the value range out"):
        open_images(spec, value_range=ValueRange(0, 1))


def test_a_run_keeps_its_range_and_goes_on_with_no_other(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "a.npz", images=(CODES.astype(np.uint16) << 4) + 8)
    store = str(tmp_path / "a.db")
    words = ["--model", str(tiny_path), "--store", store, "--images", str(tmp_path / "a.npz")]
    assert main([*words, "--quiet"]) == INPUT
    assert capsys.readouterr().err.count("\n") == 1
    assert main([*words, "--value-range", "0,4095", "--limit", "3", "--quiet"]) == 0
    reader = StoreReader(store)
    assert reader.run(1).options["value_range"] == "0,4095"
    assert np.abs(reader.image(1, 0).pixels.astype(int) - CODES).max((1, 2, 3)).min() <= 1
    import sqlite3

    with sqlite3.connect(store) as connection:
        connection.execute("update runs set state = 'interrupted'")
    connection.close()
    capsys.readouterr()
    assert main(["--store", store, "--resume", "1", "--value-range", "0,1023"]) == INPUT
    assert "--value-range" in capsys.readouterr().err
    assert main(["--store", store, "--resume", "1", "--quiet"]) == 0
    assert main([*words, "--value-range", "-1,1", "--quiet"]) == INPUT
    assert main([*words, "--value-range", "-10.5,4095", "--quiet"]) == 0
    assert reader.run(2).options["value_range"] == "-10.5,4095"


def test_training_takes_a_range_and_keeps_it(
    tmp_path: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.arange(20) % 3
    np.savez(tmp_path / "a.npz", images=(CODES.astype(np.uint16) << 4) + 8, labels=labels)
    store = str(tmp_path / "a.db")
    words = ["train", "--data", str(tmp_path / "a.npz"), "--from", str(tiny_path), "--epochs", "1"]
    words += ["--store", store, "--checkpoints", str(tmp_path / "ck"), "--batch-size", "8"]
    assert main(words) == INPUT
    assert "perhaps --value-range 0,4095" in capsys.readouterr().err
    assert main([*words, "--value-range", "0,4095"]) == 0
    reader = StoreReader(store)
    probe = reader.image(1, 0).pixels.astype(int)
    assert np.abs(probe - CODES).max((1, 2, 3)).min() <= 1
    again = ["train", "--resume", "--checkpoints", str(tmp_path / "ck")]
    assert main([*again, "--value-range", "0,1023"]) == INPUT
    assert "--value-range" in capsys.readouterr().err
