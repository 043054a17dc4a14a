"""When something that was worked out from a run is still recent enough to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reactcnn_dash.db import RunState
from reactcnn_dash.results.clusters.clustering import renewed_at

if TYPE_CHECKING:
    from reactcnn_dash.db import Run


def fresh(run: Run, images: int) -> bool:
    """Whether what was worked out from ``images`` images of a run may stand.

    While a run is collected it is renewed as its clusters are; afterwards it must be of all images.
    """
    collecting = run.state is RunState.COLLECTING
    return run.stored == images or (collecting and run.stored < renewed_at(images))
