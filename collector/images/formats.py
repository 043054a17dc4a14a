"""Which files are pictures that can be read, told by their first bytes, and what the others are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF", "AVIF", "JPEG2000")
"""Pillow's names of what is read."""

READABLE = "JPEG, PNG, BMP, WebP, GIF, TIFF, AVIF or JPEG 2000"
READABLE_BY_KERAS = "JPEG, PNG, BMP or GIF"

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".gif", ".tif", ".tiff"),
    *(".avif", ".jp2", ".j2k", ".jpx", ".jpc", ".heic", ".heif"),
)
"""How names of pictures end; HEIC counts, so that its folder is a class and the user is told."""

_HEADS = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+",
    b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51",
)  # fmt: skip
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_OTHERS = {
    b"\xff\x0a": "JPEG XL, which Pillow does not read: convert it to PNG",
    b"\0\0\0\x0cJXL ": "JPEG XL, which Pillow does not read: convert it to PNG",
    b"8BPS": "a Photoshop file: save it as PNG",
    b"%PDF": "a PDF: save its pages as PNG",
    b"<svg": "an SVG drawing: render it to PNG",
    b"\x1a\x45\xdf\xa3": "a film: save its frames as pictures",
}
_RAW = (".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw")


def begins_like_a_picture(path: Path) -> bool:
    """Return whether a file's first bytes are those of a picture that can be read, or of HEIC."""
    head = _head(path)
    return (
        head.startswith(_HEADS)
        or head[:4] + head[8:12] == b"RIFFWEBP"
        or _brand(head) in (b"avif", b"avis", *_HEIC)
    )


def readable_heic() -> bool:
    """Teach Pillow to read HEIC, if pillow-heif is installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True


def is_heic(path: Path) -> bool:
    """Return whether a file is HEIC (or HEIF of another coder than AV1)."""
    head = _head(path)
    return _brand(head) in _HEIC and b"avif" not in head


def is_raw(path: Path) -> bool:
    """Return whether a file is a camera's raw picture, in which Pillow would find the preview."""
    return path.name.lower().endswith(_RAW)


def what_it_is(path: Path, readable: str = READABLE) -> str:
    """Why a file is not read: what it is and what to do, or that it is no picture."""
    if is_heic(path):
        return "HEIC, which Pillow does not read alone: pip install pillow-heif, or convert it"
    if is_raw(path):
        return "a camera's raw file: develop it to TIFF or JPEG (rawpy reads it)"
    head = _head(path)
    for start, text in _OTHERS.items():
        if head.startswith(start):
            return text
    if _brand(head) in (b"isom", b"mp41", b"mp42", b"qt  ", b"M4V "):
        return "a film: save its frames as pictures"
    return f"not a {readable} image"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(32)
    except OSError:
        return b""


def _brand(head: bytes) -> bytes:
    """Major brand of a file of the ISO base media format (ISO/IEC 14496-12); empty for others."""
    return head[8:12] if head[4:8] == b"ftyp" else b""
