"""A few thousand small colour pictures for a machine that has none and no network.

They are cut with a fixed seed from the photographs that are files inside the scikit-image wheel
(all free: CC0 or public domain). scikit-image itself is not imported: its loaders bring pooch and
may try to download, and the files are all that is needed.
"""

from __future__ import annotations

import importlib.util
import math
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from collector.images.arrays import ArrayImages
from collector.images.base import ImageSourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAMPLE_SIZE = 3000
SIDE = 32
_SEED = 98
_SHARES = {
    "astronaut.png": 6,
    "chelsea.png": 6,
    "coffee.png": 6,
    "motorcycle_left.png": 6,
    "rocket.jpg": 4,
    "ihc.png": 1,
    "retina.jpg": 1,
    "hubble_deep_field.jpg": 1,
}
"""Photographs and how often each is drawn; those without objects of everyday seldom."""

_LONGEST = 600
"""Photographs are shrunk to this many pixels before they are cut."""

_LEAST_CONTRAST = 25.0
"""Standard deviation of a crop's luminance (0–255); below it there is little to see."""


@dataclass(frozen=True, slots=True)
class _Crop:
    photo: str
    left: int
    top: int
    side: int
    flipped: bool

    @property
    def name(self) -> str:
        flipped = ", flipped" if self.flipped else ""
        stem = self.photo.partition(".")[0]
        return f"{stem} {self.side}×{self.side} at {self.left},{self.top}{flipped}"


@cache
def open_sample() -> ArrayImages:
    """Cut the sample: 3,000 different 32×32 RGB crops and flips at many scales, without labels.

    The same photographs give the same pixels in the same order. That takes a second, and a process
    does it once.

    Raises:
        ImageSourceError: scikit-image or one of its photographs is not installed.
    """
    photos = _photos()
    # Only random.random() keeps its sequence from one release of Python to the next.
    draw = random.Random(_SEED).random
    pixels = np.empty((SAMPLE_SIZE, SIDE, SIDE, 3), np.uint8)
    names: list[str] = []
    lots = [name for name, share in _SHARES.items() for _ in range(share)]
    photo = lots[int(draw() * len(lots))]
    while len(names) < SAMPLE_SIZE:
        crop = _draw(photo, photos[photo][0].size, (draw(), draw(), draw(), draw()))
        picture = _cut(photos[photo], crop)
        # The photograph stays until a crop of it is taken, or dark ones would lose their share.
        if _contrast(picture) >= _LEAST_CONTRAST:
            pixels[len(names)] = np.asarray(picture)
            names.append(crop.name)
            photo = lots[int(draw() * len(lots))]
    return ArrayImages(pixels, names=names, spec="sample", description="sample")


def _photos() -> Mapping[str, Sequence[Image.Image]]:
    """Return each photograph whole, at half and at a quarter of its size."""
    found = importlib.util.find_spec("skimage")
    roots = list(found.submodule_search_locations or ()) if found else []
    if not roots:
        raise ImageSourceError(
            "--images sample needs scikit-image's photographs: pip install scikit-image."
        )
    folder = Path(roots[0]) / "data"
    photos = {}
    for name in _SHARES:
        try:
            with Image.open(folder / name) as image:
                # Enough for any crop, and the larger ones would take most of the time.
                image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
                photo = image.convert("RGB")
                photos[name] = (photo, photo.reduce(2), photo.reduce(4))
        except OSError as error:
            raise ImageSourceError(
                f"scikit-image's photograph {folder / name} cannot be read: "
                "pip install --force-reinstall scikit-image."
            ) from error
    return photos


def _draw(photo: str, size: tuple[int, int], chance: tuple[float, float, float, float]) -> _Crop:
    """Return a square crop.

    Its side is drawn evenly on a logarithmic scale, so all scales occur.
    """
    width, height = size
    shorter = min(size)
    smallest = max(SIDE, shorter / 4)
    side = round(smallest * math.pow(shorter / smallest, chance[0]))
    left = int(chance[1] * (width - side + 1))
    top = int(chance[2] * (height - side + 1))
    return _Crop(photo, left, top, side, chance[3] < 0.5)


def _cut(levels: Sequence[Image.Image], crop: _Crop) -> Image.Image:
    # From the smallest copy that still has twice the pixels wanted.
    level = min(max(0, int(math.log2(crop.side / (2 * SIDE)))), len(levels) - 1)
    edges = (crop.left, crop.top, crop.left + crop.side, crop.top + crop.side)
    left, top, right, bottom = (edge / 2**level for edge in edges)
    box = (left, top, right, bottom)
    picture = levels[level].resize((SIDE, SIDE), Image.Resampling.LANCZOS, box)
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if crop.flipped else picture


def _contrast(picture: Image.Image) -> float:
    return float(np.asarray(picture.convert("L")).std())
