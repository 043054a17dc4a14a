"""The same pictures, never twice the same: flips, shifted crops and cutout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from collector.frameworks.keras.vgg16 import PIXEL_MEAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHIFT = 4
"""Most pixels by which a crop is shifted; reflections fill what is missing."""
CUTOUT = 8
"""Side of the square that is blanked."""


def augment(images: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Flip half of the images, shift each, and blank a square in each (DeVries & Taylor 2017).

    Args:
        images: (B, H, W, C) uint8, sides of more than :data:`SHIFT`; left as they are.
        generator: where chance comes from; equal states give equal images.

    Returns:
        (B, H, W, C) uint8.
    """
    count, height, width, channels = images.shape
    flips = (generator.random((count,)) < 0.5).tolist()
    shifts = generator.integers(0, 2 * SHIFT + 1, (count, 2)).tolist()
    centres = (generator.random((count, 2)) * (height, width)).astype(int).tolist()
    edge = (SHIFT, SHIFT)
    padded = np.pad(images, ((0, 0), edge, edge, (0, 0)), mode="reflect")
    blank = np.array(PIXEL_MEAN if channels == 3 else 128).round().astype(np.uint8)
    result = np.empty_like(images)
    for index, ((top, left), (y, x)) in enumerate(zip(shifts, centres, strict=True)):
        crop = padded[index, top : top + height, left : left + width]
        result[index] = crop[:, ::-1] if flips[index] else crop
        rows = slice(max(0, y - CUTOUT // 2), y + CUTOUT // 2)
        columns = slice(max(0, x - CUTOUT // 2), x + CUTOUT // 2)
        result[index, rows, columns] = blank
    return result
