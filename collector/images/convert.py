"""From any picture that Pillow can open to the bytes that a network is to see.

The rules, in this order:

- The EXIF orientation is applied.
- 16-bit grey is scaled to 8 bits, round(v / 257), so that white stays white; 16-bit colour and
  grey with alpha are cut to their high byte by Pillow, v // 256, at most one step away from that.
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

if TYPE_CHECKING:
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
    """Whether pictures can be brought to a model's number of channels (1 or 3)."""
    return channels in _MODES


def picture_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) of a picture once it stands upright; call it before ``picture_pixels``."""
    width, height = image.size
    turned = _orientation(image) >= 5
    return (width, height) if turned else (height, width)


def picture_pixels(image: Image.Image, shape: Shape) -> NDArray[np.uint8]:
    """Convert a picture by the rules above.

    Args:
        image: An opened picture; it is decoded here, which may raise what Pillow raises.
        shape: (H, W, C) of the result; C is 1 or 3.

    Returns:
        (H, W, C) uint8.
    """
    height, width, channels = shape
    turn = _UPRIGHT.get(_orientation(image))
    # Before upright the two sides may be swapped, so the larger one serves for both.
    least = 2 * max(height, width)
    image.draft(None, (least, least))
    upright = image.transpose(turn) if turn is not None else image
    flat = _eight_bits(upright, _MODES[channels])
    if flat.size != (width, height):
        flat = flat.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(flat, np.uint8).reshape(shape)


def array_pixels(pixels: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Bring (h, w, c) uint8 with c of 1, 3 or 4 (alpha) to (H, W, C) by the same rules."""
    plane = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return picture_pixels(Image.fromarray(np.ascontiguousarray(plane)), shape)


def scale_to_bytes(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Scale uint16 of any shape, 0–65535, to uint8, 0–255: round(v / 257)."""
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except DAMAGE:
        # Broken metadata is no reason to refuse the picture.
        return 1
    return value if value in _UPRIGHT else 1


def _eight_bits(image: Image.Image, mode: str) -> Image.Image:
    """The picture in ``L`` or ``RGB``, on white where it was transparent."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = _grey_of_16_bits(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image if image.mode == mode else image.convert(mode)


def _grey_of_16_bits(image: Image.Image) -> Image.Image:
    values = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
    grey = scale_to_bytes(values)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey)
