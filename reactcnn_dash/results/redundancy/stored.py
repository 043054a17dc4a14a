"""Redundancy reports as the store keeps them: found there, or worked out and put there."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from reactcnn_dash.db import Report, StoreError, StoreReader, save_report
from reactcnn_dash.jobs import process as background
from reactcnn_dash.results.freshness import fresh
from reactcnn_dash.results.redundancy.maps import computed_maps, map_steps
from reactcnn_dash.results.redundancy.report import RedundancyReport, as_dict, build, from_dict

if TYPE_CHECKING:
    from reactcnn_dash.db import Run

KIND = "redundancy"

_LAYER_STEPS = 16
"""A layer counts as much as this many images with maps in what is told of the progress."""


def stored_report(reader: StoreReader, run: Run, threshold: float) -> RedundancyReport | None:
    """Return the report that the store holds of a run, if it is recent enough.

    A damaged one is none.

    Raises:
        StoreError: the store cannot be read.
    """
    found = reader.report(run.id, KIND, _key(threshold))
    if found is None or not fresh(run, found.images):
        return None
    try:
        return from_dict(json.loads(zlib.decompress(found.value)))
    except (zlib.error, ValueError, KeyError, TypeError):
        return None


def computed_report(url: str, run_id: int, threshold: float) -> RedundancyReport:
    """Return the report of a run, worked out anew and stored unless the store has a recent one.

    A store that cannot be written to costs the stored copy, not the answer.

    Raises:
        RunNotFound: the run is not there.
        analysis.TooFewImages: fewer usable images than a correlation needs.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)
    known = stored_report(reader, run, threshold)
    if known is not None:
        return known
    images = map_steps(reader, run)
    total = images + _LAYER_STEPS * len(reader.layers(run.id))
    # The matrices are small: more threads of BLAS would only wait for each other.
    with threadpool_limits(1, "blas"):
        maps = computed_maps(url, reader, run, lambda done: background.report(done, total))
        found = build(
            url,
            run,
            threshold,
            maps,
            lambda done: background.report(images + _LAYER_STEPS * done, total),
        )
    value = zlib.compress(json.dumps(as_dict(found, run)).encode(), 3)
    try:
        save_report(url, run_id, KIND, _key(threshold), Report(found.images, value))
    except StoreError:
        # A read-only or busy store: the report is worked out again next time, nothing is lost.
        return found
    return found


def _key(threshold: float) -> str:
    return f"{threshold:g}"
