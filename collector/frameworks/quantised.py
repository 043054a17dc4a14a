"""What the ends and codes of maps mean that a framework computed for all images of a batch.

The framework decides nothing, since each further step there costs as much as a pass over small
maps; here it is decided for all taps at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.db import MapBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST_RANGE = 1e-33
"""Below this a map's range divides to subnormal steps; it is as good as constant."""


def map_batches(
    gap: NDArray[np.float32],
    high: NDArray[np.float32],
    low: NDArray[np.float32],
    codes: Sequence[NDArray[np.uint8]],
) -> tuple[MapBatch, ...]:
    """Return the maps of each tap; see ``protocol.Captured`` for what they mean.

    Args:
        gap: (B, F), all taps side by side.
        high: (B, F) greatest values.
        low: (B, F) least values, at most 0.
        codes: of each tap, (B, its filters, H, W): the values less ``low``, in steps of
            ``max(high, 0) - low``, but at least :data:`LEAST_RANGE`, divided by 255, rounded.
            What they are where that is not finite does not matter.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.maximum(high, 0) - low
    # A sum is finite only if all its terms are, so the GAP tells about the whole map.
    finite = np.isfinite(gap) & np.isfinite(size)
    varies = finite & (size > LEAST_RANGE)
    step = np.where(varies, size / np.float32(255), np.where(finite, 0, np.float32(np.nan)))
    step, low = step.astype(np.float32), np.where(varies, low, np.float32(0))
    blank = ~varies & (size != 0)
    result, start = [], 0
    for code in codes:
        part = slice(start, start + code.shape[1])
        start = part.stop
        clean = np.where(blank[:, part, None, None], 0, code) if blank[:, part].any() else code
        result.append(MapBatch(clean.astype(np.uint8, copy=False), low[:, part], step[:, part]))
    return tuple(result)
