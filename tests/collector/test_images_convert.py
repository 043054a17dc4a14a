"""Every kind of picture becomes the right bytes; files are real, truths are independent."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from collector.images import ImageChunk, ValueRange, open_images

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray


def read_only_file(folder: Path, shape: tuple[int, int, int]) -> ImageChunk:
    chunk = open_images(str(folder)).read(0, 1, shape)
    assert chunk.skipped == ()
    return chunk


def through(
    folder: Path, image: Image.Image, channels: int = 3, name: str = "a.png", **options: Any
) -> NDArray[np.int64]:
    """Pixels after a save and a read in the image's own size, as int64 to subtract without wrap."""
    image.save(folder / name, **options)
    chunk = read_only_file(folder, (image.height, image.width, channels))
    pixels: NDArray[np.int64] = chunk.pixels[0].astype(np.int64)
    return pixels


def png(
    path: Path, rows: list[bytes], width: int, *, bits: int, colour: int = 0, extra: bytes = b""
) -> None:
    """Write a PNG of any kind; Pillow itself writes no 16-bit colour."""

    def part(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", header)
        + extra
        + part(b"IDAT", body)
        + part(b"IEND", b"")
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def colour(rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(0, 256, (6, 9, 3), np.uint8)


def test_every_16_bit_grey_is_scaled_and_none_clipped(tmp_path: Path) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = through(tmp_path, Image.fromarray(values))
    expected = np.rint(values.astype(np.float64) / 65535 * 255)
    assert Image.open(tmp_path / "a.png").mode == "I;16"
    for channel in range(3):
        np.testing.assert_array_equal(pixels[..., channel], expected)


@pytest.mark.parametrize(("colour_type", "samples"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colour_and_alpha_keep_their_high_byte(
    tmp_path: Path, rng: np.random.Generator, colour_type: int, samples: int
) -> None:
    values = rng.integers(0, 65536, (8, 8, samples)).astype(">u2")
    if samples in (2, 4):
        values[..., -1] = 65535
    png(tmp_path / "a.png", [row.tobytes() for row in values], 8, bits=16, colour=colour_type)
    pixels = read_only_file(tmp_path, (8, 8, 3)).pixels[0]
    picture = values[..., :1].repeat(3, -1) if samples == 2 else values[..., :3]
    assert np.abs(pixels - picture.astype(np.float64) / 257).max() <= 1
    np.testing.assert_array_equal(pixels, picture >> 8)


def test_transparent_grey_of_16_bits_is_white(tmp_path: Path) -> None:
    data = struct.pack(">H", 1000)
    mark = struct.pack(">I", 2) + b"tRNS" + data + struct.pack(">I", zlib.crc32(b"tRNS" + data))
    row = np.array([1000, 1001], ">u2").tobytes()
    png(tmp_path / "a.png", [row], 2, bits=16, extra=mark)
    source = open_images(str(tmp_path), value_range=ValueRange(0, 65535))
    pixels = source.read(0, 1, (1, 2, 1)).pixels
    assert pixels.ravel().tolist() == [255, 4]


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_one_bit(tmp_path: Path, rng: np.random.Generator, channels: int) -> None:
    grey = rng.integers(0, 256, (5, 7), np.uint8)
    pixels = through(tmp_path, Image.fromarray(grey), channels)
    np.testing.assert_array_equal(pixels, grey[..., np.newaxis].repeat(channels, -1))
    bits = grey > 127
    pixels = through(tmp_path, Image.fromarray(bits), channels)
    assert Image.open(tmp_path / "a.png").mode == "1"
    np.testing.assert_array_equal(pixels, bits[..., np.newaxis].repeat(channels, -1) * 255)


def test_luminance_for_a_model_of_one_channel(tmp_path: Path, colour: NDArray[np.uint8]) -> None:
    pixels = through(tmp_path, Image.fromarray(colour), 1)
    expected = colour @ np.array([0.299, 0.587, 0.114])
    assert np.abs(pixels[..., 0] - expected).max() <= 0.51


def test_palette(tmp_path: Path) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 1, 2, 3])
    image.putdata([2, 0, 1])
    assert through(tmp_path, image).tolist() == [[[1, 2, 3], [255, 0, 0], [0, 255, 0]]]


def test_palette_with_transparency_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 10, 20, 30])
    image.putdata([0, 1, 2])
    pixels = through(tmp_path, image, transparency=bytes([0, 128, 255]))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert np.abs(pixels[0, 1] - [127, 255, 127]).max() <= 1
    assert pixels[0, 2].tolist() == [10, 20, 30]


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_alpha_lies_on_white(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    values = rng.integers(0, 256, (8, 8, 4), np.uint8)
    values[0, :, 3], values[1, :, 3] = 0, 255
    options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    pixels = through(tmp_path, Image.fromarray(values), name=name, **options)
    alpha = values[..., 3:] / 255
    assert np.abs(pixels - (values[..., :3] * alpha + 255 * (1 - alpha))).max() <= 1
    assert (pixels[0] == 255).all()
    np.testing.assert_array_equal(pixels[1], values[1, :, :3])


def test_grey_with_alpha_and_transparent_colour_lie_on_white(tmp_path: Path) -> None:
    grey_alpha = np.array([[[50, 0], [50, 255]]], np.uint8)
    image = Image.fromarray(grey_alpha, "LA")
    assert through(tmp_path, image).tolist() == [[[255] * 3, [50] * 3]]
    plain = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    pixels = through(tmp_path, plain, transparency=(1, 2, 3))
    assert pixels.tolist() == [[[255] * 3, [4, 5, 6]]]


def test_cmyk_jpeg(tmp_path: Path) -> None:
    colours = {
        (0, 0, 0, 0): (255, 255, 255),
        (0, 255, 255, 0): (255, 0, 0),
        (0, 0, 0, 255): (0,) * 3,
    }
    for ink, expected in colours.items():
        image = Image.new("CMYK", (16, 16), ink)
        pixels = through(tmp_path, image, name="a.jpg", quality=100)
        assert Image.open(tmp_path / "a.jpg").mode == "CMYK"
        assert np.abs(pixels - np.array(expected)).max() <= 3


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("a.bmp", {}, 0),
        ("a.webp", {"lossless": True}, 0),
        ("a.jpg", {"quality": 100, "subsampling": 0}, 4),
    ],
)
def test_formats(
    tmp_path: Path, colour: NDArray[np.uint8], name: str, options: dict[str, Any], error: int
) -> None:
    pixels = through(tmp_path, Image.fromarray(colour), name=name, **options)
    assert np.abs(pixels - colour).max() <= error


UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg"])
def test_exif_orientation(
    tmp_path: Path, colour: NDArray[np.uint8], orientation: int, name: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if name == "a.jpg" else {"lossless": True}
    Image.fromarray(colour).save(tmp_path / name, exif=exif, **options)
    expected = UPRIGHT[orientation](colour)
    chunk = read_only_file(tmp_path, expected.shape)
    assert np.abs(chunk.pixels[0].astype(int) - expected).max() <= (4 if name == "a.jpg" else 0)
    assert chunk.resized_from is None


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("exif", [b"no TIFF header", b"MM\0*\0\0\0", b"MM\0*\xff\xff\xff\xff"])
def test_broken_exif_does_not_lose_the_picture(
    tmp_path: Path, colour: NDArray[np.uint8], name: str, exif: bytes
) -> None:
    Image.fromarray(colour).save(tmp_path / name, exif=b"Exif\0\0" + exif)
    assert len(read_only_file(tmp_path, colour.shape)) == 1


def test_an_unknown_orientation_is_upright(tmp_path: Path, colour: NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    Image.fromarray(colour).save(tmp_path / "a.png", exif=exif)
    chunk = read_only_file(tmp_path, colour.shape)
    np.testing.assert_array_equal(chunk.pixels[0], colour)
    assert chunk.resized_from is None


def test_resizing_is_antialiased_and_told(tmp_path: Path) -> None:
    board = (np.indices((256, 192)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "a.png")
    chunk = read_only_file(tmp_path, (32, 32, 3))
    assert chunk.resized_from == (256, 192)
    inner = chunk.pixels[0, 2:-2, 2:-2].astype(int)
    assert np.abs(inner - 127.5).max() <= 3


def test_a_turned_picture_tells_its_upright_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert read_only_file(tmp_path, (8, 8, 3)).resized_from == (40, 20)


def test_large_jpeg_decoded_at_a_fraction_looks_the_same(tmp_path: Path) -> None:
    y, x = np.mgrid[0:1200, 0:1600]
    waves = [127 + 120 * np.sin(x / 90 + phase) * np.cos(y / 70) for phase in (0, 1, 2)]
    image = Image.fromarray(np.stack(waves, -1).astype(np.uint8))
    image.save(tmp_path / "a.jpg", quality=95)
    chunk = read_only_file(tmp_path, (32, 32, 3))
    expected = np.asarray(image.resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    assert np.abs(chunk.pixels[0] - expected).max() <= 8
    assert chunk.resized_from == (1200, 1600)
