"""Folders: what is found, in which order, under which label, and what is passed over and why."""

from __future__ import annotations

import os
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from collector.images import ImageSourceError, Skipped, open_images
from collector.images.formats import READABLE
from collector.images.pictures import LARGEST_FILE
from tests.collector.test_images_convert import png

SHAPE = (4, 4, 3)


def save(path: Path, colour: tuple[int, int, int] = (10, 20, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), colour).save(path)


def names(folder: Path) -> tuple[str | None, ...]:
    source = open_images(str(folder))
    return source.read(0, len(source), SHAPE).names


def test_class_folders_become_labels(tmp_path: Path) -> None:
    for name in ("dog/b.png", "cat/deep/er/x.bmp", "cat/a.JPG", "loose.webp", "dog/a.jpeg"):
        save(tmp_path / name)
    (tmp_path / "nothing in it").mkdir()
    source = open_images(str(tmp_path))
    chunk = source.read(0, 99, SHAPE)
    assert source.class_names == ("cat", "dog")
    assert chunk.names == (
        "cat/a.JPG",
        "cat/deep/er/x.bmp",
        "dog/a.jpeg",
        "dog/b.png",
        "loose.webp",
    )
    assert chunk.labels.tolist() == [0, 0, 1, 1, -1]
    assert chunk.labels.dtype == np.int64
    assert (source.labelled, source.top_label, len(source)) == (True, 1, 5)
    assert (source.description, source.spec) == (f"folder {tmp_path.name}", str(tmp_path))


def test_flat_folder_has_no_labels(tmp_path: Path) -> None:
    save(tmp_path / "b.png", (1, 2, 3))
    save(tmp_path / "a.png", (4, 5, 6))
    source = open_images(str(tmp_path))
    chunk = source.read(0, 2, SHAPE)
    assert source.class_names is None
    assert not source.labelled
    assert chunk.labels.tolist() == [-1, -1]
    assert chunk.pixels[:, 0, 0].tolist() == [[4, 5, 6], [1, 2, 3]]
    assert chunk.resized_from is None


def test_content_decides_not_the_extension(tmp_path: Path) -> None:
    for name, kind in (("jpeg.png", "JPEG"), ("no extension", "PNG"), ("webp.dat", "WEBP")):
        Image.new("RGB", (4, 4)).save(tmp_path / name, kind)
    assert names(tmp_path) == ("jpeg.png", "no extension", "webp.dat")
    for name in ("jpeg.png", "webp.dat"):
        (tmp_path / name).unlink()
    assert names(tmp_path) == ("no extension",)


def test_hidden_and_system_files_are_no_images(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    for name in (".b.png", ".git/c.png", "__MACOSX/d.png"):
        save(tmp_path / name)
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    assert names(tmp_path) == ("a.png",)


def test_a_hidden_folder_can_be_given(tmp_path: Path) -> None:
    save(tmp_path / ".photos" / "a.png")
    assert names(tmp_path / ".photos") == ("a.png",)


def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    root = tmp_path / "root"
    save(root / "zebra" / "a.png")
    save(tmp_path / "elsewhere" / "b.png")
    save(tmp_path / "outside.png")
    (root / "zebra" / "up").symlink_to(root, target_is_directory=True)
    (root / "aa parent").symlink_to(tmp_path, target_is_directory=True)
    (root / "alias").symlink_to(root / "zebra", target_is_directory=True)
    (root / "other").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "file.png").symlink_to(tmp_path / "outside.png")
    (root / "gone.png").symlink_to(tmp_path / "never was")
    (root / "self.png").symlink_to(root / "self.png")
    os.mkfifo(root / "pipe.png")
    source = open_images(str(root))
    chunk = source.read(0, len(source), SHAPE)
    assert chunk.names == ("file.png", "other/b.png", "zebra/a.png")
    assert [skip.name for skip in chunk.skipped] == ["gone.png", "self.png"]
    assert source.class_names == ("other", "zebra")


def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    save(tmp_path / "good.png", (9, 8, 7))
    whole = (tmp_path / "good.png").read_bytes()
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    stream = BytesIO()
    Image.fromarray(noise).save(stream, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(stream.getvalue()[:2000])
    (tmp_path / "cut.png").write_bytes(whole[:-25])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "text.png").write_text("not a picture")
    Image.new("RGB", (4, 4)).save(tmp_path / "picture.tga")
    with (tmp_path / "huge.bmp").open("wb") as file:
        file.write(b"BM")
        file.truncate(LARGEST_FILE + 1)
    source = open_images(str(tmp_path))
    chunk = source.read(0, len(source), SHAPE)
    reasons = {skip.name: skip.reason for skip in chunk.skipped}
    assert chunk.names == ("good.png",)
    assert (chunk.pixels == [9, 8, 7]).all()
    assert len(chunk.pixels) == len(chunk.labels) == len(chunk) == 1
    assert reasons.pop("cut.jpg").startswith("damaged (image file is truncated")
    assert reasons.pop("cut.png").startswith("damaged (")
    assert reasons.pop("huge.bmp") == "file of 512 MiB; at most 512"
    assert reasons.pop("empty.jpg") == "empty file"
    assert set(reasons) == {"notes.txt", "picture.tga", "text.png"}
    assert set(reasons.values()) == {f"not a {READABLE} image"}


def test_decompression_bombs_are_not_decoded(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    save(tmp_path / "good.png")
    row = bytes(100_001 // 8 + 1)
    png(tmp_path / "million.png", [row] * 1001, 100_001, bits=1)
    png(tmp_path / "wide.png", [bytes(25_000_000)], 200_000_000, bits=1)
    assert (tmp_path / "million.png").stat().st_size < 20_000
    source = open_images(str(tmp_path))
    chunk = source.read(0, len(source), SHAPE)
    assert chunk.skipped == (
        Skipped("million.png", "100001 × 1001 pixels; at most 100 million"),
        Skipped("wide.png", "more pixels than the 100 million allowed"),
    )
    assert not recwarn.list


def test_a_file_that_vanished_since_the_listing(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    source = open_images(str(tmp_path))
    (tmp_path / "a.png").unlink()
    chunk = source.read(0, 2, SHAPE)
    assert chunk.names == ("b.png",)
    assert chunk.skipped == (Skipped("a.png", "no such file (moved away, or a broken link)"),)


def test_only_the_range_is_opened(tmp_path: Path) -> None:
    for index in range(6):
        save(tmp_path / f"{index}.png", (index, 0, 0))
    source = open_images(str(tmp_path))
    for index in (0, 1, 4, 5):
        (tmp_path / f"{index}.png").unlink()
    chunk = source.read(2, 4, SHAPE)
    assert chunk.pixels[:, 0, 0, 0].tolist() == [2, 3]
    assert chunk.skipped == ()
    assert len(source.read(6, 9, SHAPE)) == 0


@pytest.mark.parametrize("hidden", [False, True])
def test_empty_folder(tmp_path: Path, hidden: bool) -> None:
    if hidden:
        (tmp_path / ".hidden").write_text("x")
    with pytest.raises(ImageSourceError, match=r"is empty; put JPEG.* or use --images sample\.$"):
        open_images(str(tmp_path))


def test_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b").write_text("y")
    with pytest.raises(ImageSourceError, match=r"^no JPEG.*\(2 other files\)\.$"):
        open_images(str(tmp_path))


def test_channels_that_no_picture_has(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    source = open_images(str(tmp_path))
    source.check((4, 4, 1))
    with pytest.raises(ImageSourceError, match="the model takes 5"):
        source.check((4, 4, 5))
    with pytest.raises(ImageSourceError, match="the model takes 5"):
        source.read(0, 1, (4, 4, 5))


def test_identity_is_the_paths_and_sizes(tmp_path: Path) -> None:
    root = tmp_path / "root"
    save(root / "x" / "a.png")
    save(root / "b.png")
    before = open_images(str(root)).identity
    moved = root.rename(tmp_path / "moved")
    assert open_images(str(moved)).identity == before
    save(moved / "c.png")
    more = open_images(str(moved)).identity
    (moved / "c.png").rename(moved / "d.png")
    renamed = open_images(str(moved)).identity
    with (moved / "d.png").open("ab") as file:
        file.write(b"longer")
    longer = open_images(str(moved)).identity
    assert len({before, more, renamed, longer}) == 4


def test_names_that_are_no_text(tmp_path: Path) -> None:
    strange = [b"line\nbreak.png", b"latin-\xe9.png", "ünï.png".encode()]
    for name in strange:
        save(tmp_path / os.fsdecode(name))
    found = names(tmp_path)
    assert found == ("latin-\\udce9.png", "line\\nbreak.png", "ünï.png")
    source = open_images(str(tmp_path))
    assert [source.position_after(1, name) for name in found] == [1, 2, 3]


def test_going_on_after_a_name(tmp_path: Path) -> None:
    for name in ("a.png", "b/1.png", "b/2.png", "c.png"):
        save(tmp_path / name)
    (tmp_path / "b" / "0.png").write_bytes(b"")
    source = open_images(str(tmp_path))
    assert source.position_after(0, None) == 0
    assert source.position_after(1, "a.png") == 1
    assert source.position_after(2, "b/1.png") == 3
    assert source.position_after(4, "c.png") == 5
    (tmp_path / "b" / "1.png").unlink()
    assert open_images(str(tmp_path)).position_after(2, "b/1.png") == 2


@given(st.sets(st.text("ab-./Z é\n", min_size=1, max_size=6), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_reading_in_pieces_is_reading_at_once(stems: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number, stem in enumerate(sorted(stems)):
            *folders, last = (f"x{part}" for part in stem.split("/"))
            save(root.joinpath(*folders, f"{last}{number}.png"))
        source = open_images(folder)
        whole = source.read(0, len(source), SHAPE)
        assert len(whole) == len(source) == len(stems)
        position = 0
        pieces: list[str | None] = []
        while position < len(source):
            chunk = source.read(position, position + 1, SHAPE)
            pieces += chunk.names
            position = source.position_after(len(pieces), chunk.names[-1])
        assert tuple(pieces) == whole.names


@given(
    arrays(
        np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.just(3))
    ),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([1, 3]),
)
@settings(max_examples=60, deadline=None)
def test_png_folder_equals_npz(
    images: np.ndarray[tuple[int, int, int, int], np.dtype[np.uint8]],
    height: int,
    width: int,
    channels: int,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for index, image in enumerate(images):
            target = root / "png" / f"{index}.png"
            target.parent.mkdir(exist_ok=True)
            Image.fromarray(image).save(target)
        np.savez(root / "a.npz", images=images)
        for shape in ((height, width, channels), (*images.shape[1:3], channels)):
            files = open_images(str(root / "png")).read(0, 9, shape)
            packed = open_images(str(root / "a.npz")).read(0, 9, shape)
            np.testing.assert_array_equal(files.pixels, packed.pixels)
            assert files.pixels.shape == (len(images), *shape)
            assert files.resized_from == packed.resized_from
        np.testing.assert_array_equal(
            open_images(str(root / "png")).read(0, 9, images.shape[1:]).pixels, images
        )


def _whole_files() -> dict[str, bytes]:
    noise = np.random.default_rng(3).integers(0, 256, (12, 12, 4), np.uint8)
    palette = Image.fromarray(noise[..., :3]).quantize(16)
    files = {}
    for kind, image in (
        ("PNG", Image.fromarray(noise)),
        ("PNG", palette),
        ("PNG", Image.fromarray(noise[..., 0].astype(np.uint16) * 257)),
        ("JPEG", Image.fromarray(noise[..., :3])),
        ("JPEG", Image.fromarray(noise, "CMYK")),
        ("BMP", Image.fromarray(noise[..., :3])),
        ("BMP", palette),
        ("WEBP", Image.fromarray(noise)),
    ):
        stream = BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(stream, kind, **({} if kind == "BMP" else {"exif": exif}))
        files[f"{kind} {image.mode}"] = stream.getvalue()
    return files


WHOLE = _whole_files()


@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.floats(0.05, 1),
)
@settings(max_examples=400, deadline=None)
def test_damaged_bytes_never_stop_the_reading(
    kind: str, changes: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(WHOLE[kind])
    for place, value in changes:
        # Squared, so that headers are hit more often than pixels.
        data[int(place**2 * len(data))] = value
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.png").write_bytes(data[: int(kept * len(data))])
        chunk = open_images(folder).read(0, 1, SHAPE)
    assert len(chunk) + len(chunk.skipped) == 1
    assert chunk.pixels.shape[1:] == SHAPE
    for skip in chunk.skipped:
        assert skip.reason
        assert skip.reason.isprintable()
