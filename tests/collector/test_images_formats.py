"""TIFF, GIF, AVIF, JPEG 2000 and HEIC; and what is said of files that are none of these."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from collector.images import ImageSourceError, open_images
from tests.collector.test_images_convert import UPRIGHT, read_only_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COLOUR = np.random.default_rng(7).integers(0, 256, (16, 24, 3), np.uint8)
SMOOTH = np.asarray(Image.fromarray(COLOUR[:4, :6]).resize((24, 16), Image.Resampling.BICUBIC))
"""Lossy formats keep what is smooth."""


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("a.tiff", {}, 0),
        ("a.tif", {"compression": "tiff_lzw"}, 0),
        ("a.tif", {"compression": "jpeg", "quality": 95}, 8),
        ("a.tif", {"big_tiff": True}, 0),
        ("a.jp2", {"irreversible": False}, 0),
        ("a.j2k", {"irreversible": False}, 0),
        ("a.avif", {"quality": 95, "subsampling": "4:4:4"}, 12),
        ("no suffix", {"format": "TIFF"}, 0),
    ],
)
def test_formats_are_read(tmp_path: Path, name: str, options: dict[str, Any], error: int) -> None:
    Image.fromarray(SMOOTH).save(tmp_path / name, **options)
    chunk = read_only_file(tmp_path, (16, 24, 3))
    assert np.abs(chunk.pixels[0].astype(int) - SMOOTH).max() <= error


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("name", ["a.tiff", "a.avif"])
def test_they_stand_upright(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {}
    if name == "a.avif":
        options = {"quality": 95, "subsampling": "4:4:4"}
    Image.fromarray(SMOOTH).save(tmp_path / name, exif=exif, **options)
    expected = UPRIGHT[orientation](SMOOTH)
    chunk = read_only_file(tmp_path, expected.shape)
    assert np.abs(chunk.pixels[0].astype(int) - expected).max() <= 12
    assert chunk.resized_from is None


@pytest.mark.parametrize("name", ["a.gif", "a.tiff", "a.webp", "a.png", "a.avif"])
def test_of_films_and_pages_the_first_is_taken(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (24, 16), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    pixels = read_only_file(tmp_path, (16, 24, 3)).pixels[0].astype(int)
    assert np.abs(pixels - [255, 0, 0]).max() <= 4


def test_palette_and_transparency_of_a_gif(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 0, 255, 0])
    image.putdata([0, 1])
    image.save(tmp_path / "a.gif", transparency=1)
    pixels = read_only_file(tmp_path, (1, 2, 3)).pixels[0, 0]
    assert pixels.tolist() == [[10, 20, 30], [255, 255, 255]]


def heic(folder: Path, name: str) -> NDArray[np.uint8]:
    import pillow_heif

    # Grey, since the coder halves the resolution of colours.
    grey = np.repeat(SMOOTH[..., :1], 3, -1)
    pillow_heif.from_pillow(Image.fromarray(grey)).save(folder / name, quality=95)
    return grey


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "really.jpg"])
def test_heic_is_read_where_its_plugin_is_installed(tmp_path: Path, name: str) -> None:
    expected = heic(tmp_path, "a.heic")
    (tmp_path / "a.heic").rename(tmp_path / name)
    chunk = read_only_file(tmp_path, (16, 24, 3))
    assert np.abs(chunk.pixels[0].astype(int) - expected).mean() <= 4


@pytest.mark.process
def test_heic_is_named_with_what_reads_it_where_there_is_no_plugin(tmp_path: Path) -> None:
    heic(tmp_path, "a.heic")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.heic").read_bytes())
    script = f"""
import sys
sys.modules["pillow_heif"] = None
from collector.images import open_images
for file in open_images({str(tmp_path)!r}).read(0, 9, (8, 8, 3)).skipped:
    print(file.name, file.reason)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    for line in done.stdout.splitlines():
        assert line.endswith(
            "HEIC, which Pillow does not read alone: pip install pillow-heif, or convert it"
        )
    assert done.stdout.count("\n") == 2


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        ("a.jxl", b"\xff\x0a\0\0", "JPEG XL"),
        ("b.psd", b"8BPS\0\1", "Photoshop"),
        ("c.pdf", b"%PDF-1.7", "PDF"),
        ("d.svg", b"<svg xmlns=", "SVG"),
        ("e.mp4", b"\0\0\0\x18ftypisom\0\0\2\0", "film"),
        ("f.mkv", b"\x1a\x45\xdf\xa3\1", "film"),
        ("g.txt", b"hello", "not a JPEG"),
    ],
)
def test_other_files_are_named_for_what_they_are(
    tmp_path: Path, name: str, head: bytes, said: str
) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "z.png")
    (tmp_path / name).write_bytes(head)
    (skipped,) = open_images(str(tmp_path)).read(0, 2, (4, 4, 3)).skipped
    assert skipped.name == name
    assert said in skipped.reason


def test_a_cameras_raw_file_is_not_taken_for_its_preview(tmp_path: Path) -> None:
    Image.new("RGB", (160, 120)).save(tmp_path / "a.NEF", "TIFF")
    Image.new("RGB", (160, 120)).save(tmp_path / "b.dng", "TIFF")
    Image.new("RGB", (160, 120)).save(tmp_path / "c.tif")
    chunk = open_images(str(tmp_path)).read(0, 3, (4, 4, 3))
    assert chunk.names == ("c.tif",)
    assert all("rawpy reads it" in file.reason for file in chunk.skipped)


def test_a_folder_of_nothing_else_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(ImageSourceError, match=r"a\.pdf is a PDF: save its pages as PNG"):
        open_images(str(tmp_path))
