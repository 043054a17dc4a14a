"""Which images' feature maps are folded, and the maps of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import DamagedBlob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reactcnn_dash.db import FeatureMaps, Run, StoreReader


def spread(kept: Sequence[int], most: int) -> list[int]:
    """Return no more than ``most`` of some ordinals, drawn evenly from first to last."""
    count = min(most, len(kept))
    return [kept[int(place)] for place in np.linspace(0, len(kept) - 1, count)] if count else []


def sound_maps(reader: StoreReader, run: Run, ordinal: int) -> Sequence[FeatureMaps] | None:
    """Return the maps of an image, one a layer; None if they are damaged or not kept."""
    try:
        return reader.image_maps(run.uuid, ordinal)
    except DamagedBlob:
        return None
