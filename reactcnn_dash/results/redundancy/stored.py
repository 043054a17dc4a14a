"""Redundancy reports as the store keeps them: found there, or worked out and put there."""

from __future__ import annotations

import json
import zlib
from typing import Final

from threadpoolctl import threadpool_limits

from reactcnn_dash.db import StoreReader, inflated
from reactcnn_dash.jobs.worker import report_progress
from reactcnn_dash.results.redundancy.document import as_dict, from_dict
from reactcnn_dash.results.redundancy.maps import computed_maps, map_steps
from reactcnn_dash.results.redundancy.moments import computed_moments, moment_steps
from reactcnn_dash.results.redundancy.report import RedundancyReport, build
from reactcnn_dash.results.stored import StoredKind

_LAYER_STEPS = 16
"""A layer counts as much as this many images with maps in what is told of the progress."""


def report_settings(threshold: float) -> str:
    """Return what names the report at a threshold in the store."""
    return f"{threshold:g}"


def computed_report(url: str, run_id: int, threshold: float) -> RedundancyReport:
    """Return the report of a run, worked out and stored unless the store has a recent one.

    Raises:
        RunNotFound: the run is not there.
        analysis.TooFewImages: fewer usable images than a correlation needs.
        StoreError: the store cannot be read.
    """
    reader = StoreReader(url)
    run = reader.run(run_id)

    def compute() -> RedundancyReport:
        looked = map_steps(reader, run)
        images = looked + moment_steps(reader, run)
        total = images + _LAYER_STEPS * len(reader.layers(run.id))
        # The matrices are small: more threads of BLAS would only wait for each other.
        with threadpool_limits(1, "blas"):
            maps = computed_maps(url, reader, run, lambda done: report_progress(done, total))
            moments = computed_moments(
                url, reader, run, lambda done: report_progress(looked + done, total)
            )
            return build(
                url,
                run,
                threshold,
                (maps, moments),
                lambda done: report_progress(images + _LAYER_STEPS * done, total),
            )

    return REPORT.found_or_computed(url, reader, run, report_settings(threshold), compute)


def _unpack(value: bytes, _images: int) -> RedundancyReport:
    return from_dict(json.loads(inflated(value)))


def _pack(report: RedundancyReport) -> bytes:
    return zlib.compress(json.dumps(as_dict(report)).encode(), 3)


REPORT: Final = StoredKind("redundancy", lambda report: report.images, _pack, _unpack)
