"""When something that was worked out from a run is still recent enough to be shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from reactcnn_dash.db import RunState

if TYPE_CHECKING:
    from reactcnn_dash.db import Run

GROWTH: Final = 1.25
"""What is known of a run that is collected is renewed at this many times its images."""
LEAST_GROWTH: Final = 16
"""The fewest images that are worth working it out anew."""


def renewed_at(images: int) -> int:
    """Return how many images a run must hold before what is known of ``images`` is renewed."""
    return max(math.ceil(images * GROWTH), images + LEAST_GROWTH)


def may_stand(run: Run, images: int) -> bool:
    """Return whether what was worked out from ``images`` images of a run is recent enough.

    While the run is collected it may be a little behind; afterwards it must be of all images.
    """
    collecting = run.state is RunState.COLLECTING
    return run.stored == images or (collecting and run.stored < renewed_at(images))
