"""A store whose run has what a first visit is shown: planted, so that the right answer is known."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tests import stores

if TYPE_CHECKING:
    from reactcnn_dash.db import StoreUrl

IMAGES = 400
RED = (0, 4)
"""Layer and filter that rise with how red an image is."""
ODD = 251
"""On this image filter 3 of the second layer answers twice as strongly as it should."""
TOGETHER = 8
"""Filters of the third layer that move together: as many as its other group, less a dead one."""


def colourful(images: int = IMAGES) -> stores.Truth:
    """Return a truth with a filter that answers to red, and with an odd image."""
    made = stores.truth(images)
    rng = np.random.default_rng(1)
    redness = rng.random(images)
    pixels = rng.integers(90, 110, (images, 8, 8, 3), dtype=np.uint8)
    pixels[..., 0] += (100 * redness).astype(np.uint8)[:, None, None]
    gap = made.gap.copy()
    gap[:, RED[1]] = redness + 0.02 * rng.random(images)
    if images > ODD:
        gap[ODD, stores.FILTERS[0] + 3] *= 2
    return dataclasses.replace(made, gap=gap, pixels=pixels)


def write(path: StoreUrl, images: int = IMAGES) -> stores.Truth:
    """Write a finished run of it; nothing is scored."""
    made = colourful(images)
    stores.make_store(path, images, name="colourful", made=made)
    return made
