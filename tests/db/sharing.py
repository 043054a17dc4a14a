"""A worker of a shared run, as a process of its own: `python -m tests.db.sharing URL`.

It takes part until the run is finished or it is killed; a line follows every acknowledged batch.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from reactcnn_dash.analysis.correlation import CoMoments
from reactcnn_dash.db import RunState, SharedRun, find_shared
from reactcnn_dash.results.moments import merged, state_of
from tests.db.samples import LAYERS, batch, new_run

if TYPE_CHECKING:
    from typing import Any

    from reactcnn_dash.db import CorrelationState, Lease

KEY = "trial"
TOTAL = 150
RANGE = 16


def enter(url: str, **options: Any) -> SharedRun:
    """Begin the run, or join it."""
    while True:
        found = find_shared(url, KEY)
        if found is not None:
            return SharedRun.join(url, found.id, merged, **options)
        new = new_run(total=TOTAL, feature_maps="last:20")
        shared = SharedRun.begin(url, KEY, new, merged, images=RANGE, **options)
        if shared is not None:
            return shared


def states(lease: Lease) -> tuple[CorrelationState, ...]:
    """The states of a range, from its images alone."""
    gap = batch(lease.start, lease.stop - lease.start, maps=False).gap
    return tuple(
        state_of(
            one.position, lease.stop, CoMoments.of(gap[:, one.offset : one.offset + one.filters])
        )
        for one in LAYERS
    )


def step(shared: SharedRun, lease: Lease, size: int = 4) -> bool:
    """Append the next batch of a range."""
    start = lease.start + lease.done
    count = min(size, lease.stop - start)
    last = start + count == lease.stop
    return shared.append(lease, batch(start, count), states(lease) if last else (), rate=8.0)


def finish(shared: SharedRun, lease: Lease) -> None:
    """Append what is left of a range, in one batch: several are `step`'s."""
    while lease.done < lease.stop - lease.start:
        assert step(shared, lease, RANGE)


def main() -> None:
    with enter(sys.argv[1]) as shared:
        while True:
            lease = shared.take()
            if lease is None:
                if shared.progress().state is RunState.FINISHED:
                    break
                time.sleep(0.02)
                continue
            while lease.done < lease.stop - lease.start and step(shared, lease):
                sys.stdout.write(f"stored {lease.start + lease.done}\n")
                sys.stdout.flush()
        shared.leave()


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
