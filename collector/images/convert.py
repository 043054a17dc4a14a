"""From any picture that Pillow can open to the bytes that a network is to see.

The rules, in this order:

- The EXIF orientation is applied.
- Of films and of pictures with several pages the first is taken.
- Grey of more than 8 bits is stretched to 0–255 from the range that its values are in (see
  ``meaning``), so that white stays white; 16-bit colour and grey with alpha are cut to their high
  byte by Pillow, v // 256, at most one step away from that.
- Transparent pictures (alpha channel, transparent colour, palette with alpha) are laid on white.
- Grey becomes colour by repetition; colour becomes grey as ITU-R 601-2 luminance,
  0.299 R + 0.587 G + 0.114 B.
- Another size is resized without regard to proportions (Lanczos with its support scaled to the
  reduction, hence antialiased). JPEG files far too large are decoded at a fraction of their size,
  never below twice the size wanted.

Colour profiles are not applied; CMYK is converted without one.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from collector.images.meaning import meaning_of
from collector.images.values import BYTES, DoubtError, ValueRange, to_bytes

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from collector.images.base import Shape

# Pillow promises no common base for what its decoders raise on damaged bytes.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    TypeError,
    struct.error,
    zlib.error,
    MemoryError,
)
"""What opening and decoding a damaged picture may raise."""

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MODES = {1: "L", 3: "RGB"}


def convertible(channels: int) -> bool:
    """Return whether pictures can be brought to a model's number of channels (1 or 3)."""
    return channels in _MODES


def picture_size(image: Image.Image) -> tuple[int, int]:
    """Return (height, width) of a picture once it stands upright.

    Call it before ``picture_pixels``.
    """
    width, height = image.size
    turned = _orientation(image) >= 5
    return (width, height) if turned else (height, width)


def picture_pixels(
    image: Image.Image, shape: Shape, known: ValueRange | None = None
) -> NDArray[np.uint8]:
    """Convert a picture by the rules above.

    Args:
        image: An opened picture; it is decoded here, which may raise what Pillow raises.
        shape: (H, W, C) of the result; C is 1 or 3.
        known: What is black and what is white in grey pictures; ``None`` to judge each deep one
            by its values. Grey of 8 bits is left alone by a range that ends above 255.

    Returns:
        (H, W, C) uint8.

    Raises:
        DoubtError: The values of a deep picture can be read in several ways.
    """
    height, width, channels = shape
    turn = _UPRIGHT.get(_orientation(image))
    # Before upright the two sides may be swapped, so the larger one serves for both.
    least = 2 * max(height, width)
    image.draft(None, (least, least))
    upright = image.transpose(turn) if turn is not None else image
    flat = _eight_bits(upright, _MODES[channels], known)
    if flat.size != (width, height):
        flat = flat.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(flat, np.uint8).reshape(shape)


def array_pixels(pixels: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Bring (h, w, c) uint8 with c of 1, 3 or 4 (alpha) to (H, W, C) by the same rules."""
    plane = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return picture_pixels(Image.fromarray(np.ascontiguousarray(plane)), shape)


def is_deep(image: Image.Image) -> bool:
    """Return whether a picture is grey of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def stored_values(image: Image.Image) -> NDArray[Any]:
    """(h, w) the values of a grey picture as they are in the file; it is decoded here."""
    values = np.asarray(image)
    if image.mode == "I" and values.size and values.min() >= 0 and values.max() <= 65535:
        # Pillow's older name for 16 bits.
        return values.astype(np.uint16)
    return values


def check_high_bytes(image: Image.Image) -> None:
    """Make sure that 16-bit colour, of which Pillow keeps the high bytes, is not black in them.

    Args:
        image: a picture that nothing has been asked of yet; it is decoded if it is 16-bit colour.

    Raises:
        DoubtError: it does not use its highest bits.
    """
    if is_deep(image) or not any(";16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        return
    colours = np.asarray(image)
    if image.mode in ("LA", "RGBA"):
        colours = colours[..., :-1]
    try:
        meaning_of(colours.astype(np.uint16) * np.uint16(257))
    except DoubtError as doubt:
        raise DoubtError(
            "is 16-bit colour that does not use its highest bits, and Pillow keeps 8 of them; "
            "save it with 8 bits"
        ) from doubt


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF":
        # Pillow turns these itself when it decodes them.
        return 1
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except DAMAGE:
        # Broken metadata is no reason to refuse the picture.
        return 1
    return value if value in _UPRIGHT else 1


def _eight_bits(image: Image.Image, mode: str, known: ValueRange | None) -> Image.Image:
    """Return the picture in ``L`` or ``RGB``, on white where it was transparent."""
    if is_deep(image):
        image = _grey_of_many_bits(image, known)
    elif image.mode == "L" and known is not None and known != BYTES and known.high <= 255:
        marked = image.info.get("transparency")
        image = Image.fromarray(to_bytes(_on_white(np.asarray(image), marked, known.high), known))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image if image.mode == mode else image.convert(mode)


def _grey_of_many_bits(image: Image.Image, known: ValueRange | None) -> Image.Image:
    values = stored_values(image)
    if known is None:
        known = meaning_of(values).range
    elif values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DoubtError("has NaN or infinite values")
    return Image.fromarray(
        to_bytes(_on_white(values, image.info.get("transparency"), known.high), known)
    )


def _on_white(values: NDArray[Any], transparent: object, white: float) -> NDArray[Any]:
    """Return the values, white where they are the one that stands for transparent."""
    if not isinstance(transparent, int):
        return values
    return np.where(values == transparent, np.asarray(white, values.dtype), values)
